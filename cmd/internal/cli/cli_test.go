package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
)

func TestToyTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, toy) }

// do runs toy with a home of its own.
func do(t *testing.T, environ []string, args ...string) clitest.Result {
	t.Helper()
	return clitest.Do(toy, append([]string{"XDG_DATA_HOME=" + t.TempDir()}, environ...), args...)
}

func TestEveryErrorIsOneErrorLineAndOneHintLineWithItsExitCode(t *testing.T) {
	tests := []struct {
		args        string
		code        int
		error, hint string
	}{
		{"kettle break", 1, "kettle: toy: broken", "mend it: `toy boil --degrees 90`; this was `toy kettle break`"},
		{"kettle break hard", 1, "kettle: toy: broken", "use less force"},
		{"kettle break hinted", 1, "outer: cold", "wait a little"},
		{"kettle break unpaid", 2, "money: not a decimal", "write an amount and its currency"},
		{"kettle break poor", 1, "pay: client: insufficient funds", "put money on the account: `ledger issue --to did:joule:z6Mkme"},
		{"kettle break oddly", 1, "lid; spout", "`toy kettle break --help` shows how to use it"},
		{"kettle break a b", 2, "accepts at most 1 arg(s)", "`toy kettle break --help`"},
		{"kettle list x", 2, "unknown command \"x\"", "`toy kettle list --help`"},
		{"kettle", 2, "toy kettle needs one of its commands: break, list", "`toy kettle --help`"},
		{"kettle lst", 2, `unknown command "lst" of toy kettle`, "did you mean `toy kettle list`?"},
		{"boli --degrees 5", 2, `unknown command "boli" of toy`, "did you mean `toy boil`?"},
		{"xyzzy", 2, `unknown command "xyzzy" of toy`, "`toy --help` shows the commands"},
		{"help xyzzy", 2, `unknown command "xyzzy" of toy`, "`toy --help` shows the commands"},
		{"boil --degree 5", 2, "unknown flag --degree of toy boil", "did you mean --degrees?"},
		{"boil --degrees", 2, "flag needs an argument: --degrees", "`toy boil --help` shows the flags"},
		{"boil --degrees hot", 2, `--degrees "hot": invalid syntax`, "--degrees: how hot, in °C"},
		{"boil --tea red", 2, `--tea "red": want one of green, black`, "--tea: which leaves: green, black"},
		{"boil --config /nowhere.yaml", 2, "read the configuration: open /nowhere.yaml", "check the name of the file"},
		{"serve --http nonsense", 2, "--http: listen tcp: address nonsense: missing port", "an address is host:port"},
	}
	for _, test := range tests {
		for _, extra := range []string{"", "--json "} {
			got := do(t, nil, strings.Fields(extra+test.args)...)
			lines := strings.Split(got.Stderr, "\n")
			if got.Code != test.code || got.Stdout != "" || len(lines) != 3 ||
				!strings.HasPrefix(lines[0], "error: "+test.error) || !strings.HasPrefix(lines[1], "hint: "+test.hint) {
				t.Errorf("%s%s: code %d, stdout %q, stderr\n%s", extra, test.args, got.Code, got.Stdout, got.Stderr)
			}
		}
	}
}

func TestJSONIsExactlyOneObjectOnStdout(t *testing.T) {
	environ := []string{"JOULEPAY_DATA=/d"}
	tests := map[string]string{
		"boil --json":          `{"degrees":100,"tea":"green","cups":null,"data":"/d"}` + "\n",
		"boil --json --follow": `{"event":"warm","data":50}` + "\n" + `{"degrees":100,"tea":"green","cups":null,"data":"/d"}` + "\n",
		"boil --follow":        "100 °C\ntea       green\ncups·[2J  []\nCUP  FOR\n1    you\n",
		"kettle list --json":   "{}\n",
		"kettle list":          "",
	}
	for args, want := range tests {
		if got := do(t, environ, strings.Fields(args)...); got.Code != 0 || got.Stdout != want {
			t.Errorf("%s: code %d, got %q, want %q\n%s", args, got.Code, got.Stdout, want, got.Stderr)
		}
	}
}

func TestASecondJSONObjectIsRefused(t *testing.T) {
	got := do(t, nil, "kettle", "break", "twice", "--json")
	if got.Code != cli.ExitFailure || got.Stdout != "1\n" || !strings.HasPrefix(got.Stderr, "error: cli: a second JSON object") {
		t.Errorf("%+v", got)
	}
}

func TestHelpAndVersionSucceedWithoutASetting(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(broken, []byte("nonsense: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"":                 "Boil and serve",
		"--help":           "Boil and serve",
		"help kettle":      "Look after kettles",
		"kettle --help":    "Look after kettles",
		"boil --help":      "toy boil --degrees 80",
		"--version":        "toy ",
		"--version --json": `{"program":"toy","version":"`,
	}
	for args, want := range tests {
		got := do(t, []string{"JOULEPAY_CONFIG=" + broken}, strings.Fields(args)...)
		if args == "" {
			got = do(t, nil)
		}
		if got.Code != 0 || !strings.Contains(got.Stdout, want) || got.Stderr != "" {
			t.Errorf("%q: code %d\n%s%s", args, got.Code, got.Stdout, got.Stderr)
		}
	}
}

func TestProgressAndLogsGoToStderrOnly(t *testing.T) {
	got := do(t, nil, "boil", "--json", "--log-level", "info", "--log-format", "json")
	lines := strings.Split(got.Stderr, "\n")
	if len(lines) != 3 || lines[0] != "heating" || !strings.Contains(lines[1], `"msg":"heating","degrees":100`) {
		t.Errorf("stderr %q", got.Stderr)
	}
	if strings.Contains(got.Stdout, "heating") {
		t.Errorf("stdout %q", got.Stdout)
	}
}

func TestDataIsBelowTheXDGDirectoryUnlessItIsRelative(t *testing.T) {
	tests := map[string][]string{
		"/x/joulepay/toy":              {"XDG_DATA_HOME=/x", "HOME=/h"},
		"/h/.local/share/joulepay/toy": {"XDG_DATA_HOME=x", "HOME=/h"},
		"/d":                           {"JOULEPAY_DATA=/d"},
	}
	for want, environ := range tests {
		got := clitest.Do(toy, environ, "boil", "--json")
		if !strings.Contains(got.Stdout, `"data":"`+want+`"`) {
			t.Errorf("%v: got %s%s, want %s", environ, got.Stdout, got.Stderr, want)
		}
	}
	if got := clitest.Do(toy, nil, "boil"); got.Code != cli.ExitUsage {
		t.Errorf("without a home: %+v", got)
	}
}
