package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/cmd/internal/cli"
)

// withConfig runs toy boil in a data directory that holds a configuration file.
func withConfig(t *testing.T, yaml string, environ []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "config.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	got := do(t, environ, append([]string{"--data", data}, args...)...)
	return strings.ReplaceAll(got.Stdout, data, "DATA"), strings.ReplaceAll(got.Stderr, data, "DATA"), got.Code
}

func TestFlagsWinOverEnvironmentAndEnvironmentOverFile(t *testing.T) {
	const file = "degrees: 60\ntea: black\ncup: [ann, bob]\nhttp: 127.0.0.1:1\n"
	tests := []struct {
		environ []string
		args    string
		want    string
	}{
		{nil, "", `{"degrees":60,"tea":"black","cups":["ann","bob"],"data":"DATA"}`},
		{[]string{"JOULEPAY_DEGREES=70", "JOULEPAY_CUP=eve"}, "", `{"degrees":70,"tea":"black","cups":["eve"],"data":"DATA"}`},
		{[]string{"JOULEPAY_DEGREES=70"}, "--degrees 80 --tea green --cup me", `{"degrees":80,"tea":"green","cups":["me"],"data":"DATA"}`},
		{[]string{"JOULEPAY_DEGREES="}, "", `{"degrees":60,"tea":"black","cups":["ann","bob"],"data":"DATA"}`},
	}
	for _, test := range tests {
		stdout, stderr, _ := withConfig(t, file, test.environ, strings.Fields("boil --json "+test.args)...)
		if stdout != test.want+"\n" {
			t.Errorf("%v %s: got %s%s, want %s", test.environ, test.args, stdout, stderr, test.want)
		}
	}
}

func TestConfigurationIsRefusedWithItsLineAndASuggestion(t *testing.T) {
	tests := []struct{ file, error, hint string }{
		{"tea: green\ndegree: 5\n", `DATA/config.yaml:2: unknown key "degree"`, `did you mean "degrees"?`},
		{"coffee: black\n", `DATA/config.yaml:1: unknown key "coffee"`, "`toy boil --print-config` prints every key"},
		{"pay: true\n", `DATA/config.yaml:1: unknown key "pay"`, ""},
		{"help: true\n", `DATA/config.yaml:1: unknown key "help"`, ""},
		{"degrees: hot\n", `DATA/config.yaml:1: degrees "hot": invalid syntax`, "--degrees: how hot"},
		{"degrees: [1]\n", `DATA/config.yaml:1: degrees takes a plain value`, "--degrees"},
		{"degrees:\n", `DATA/config.yaml:1: degrees takes a plain value`, "--degrees"},
		{"cup: [[a]]\n", `DATA/config.yaml:1: cup takes a plain value`, "--cup"},
		{"tea: &x green\n# \ncup: *x\n", `DATA/config.yaml:3: cup takes a plain value`, "--cup"},
		{"tea: green\ntea: black\n", `DATA/config.yaml:2: "tea" is set twice`, "keep one"},
		{"- tea\n", `DATA/config.yaml:1: not a list of settings`, "write lines"},
		{"tea: green\n---\ntea: black\n", `DATA/config.yaml:1: more than one YAML document`, "keep one"},
		{"tea: [\n", `DATA/config.yaml: yaml: line 1`, "check the file"},
		{"data: /elsewhere\n", `DATA/config.yaml:1: the file in a data directory cannot choose another one`, "--config"},
		{"# " + strings.Repeat("x", 1<<20), `read the configuration: DATA/config.yaml is longer than`, ""},
	}
	for _, test := range tests {
		stdout, stderr, code := withConfig(t, test.file, nil, "boil")
		lines := strings.Split(stderr, "\n")
		if code != cli.ExitUsage || stdout != "" || len(lines) != 3 ||
			!strings.HasPrefix(lines[0], "error: "+test.error) || !strings.Contains(lines[1], test.hint) {
			t.Errorf("%.40q: code %d, %q\n%s", test.file, code, stdout, stderr)
		}
	}
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		if _, stderr, code := withConfig(t, empty, nil, "boil"); code != 0 {
			t.Errorf("%q: %s", empty, stderr)
		}
	}
}

func TestEnvironmentIsCheckedAsFlagsAre(t *testing.T) {
	got := do(t, []string{"JOULEPAY_DEGREES=hot"}, "boil")
	if got.Code != cli.ExitUsage || !strings.HasPrefix(got.Stderr, `error: JOULEPAY_DEGREES="hot": invalid syntax`) {
		t.Errorf("%+v", got)
	}
	if got := do(t, []string{"JOULEPAY_PAY=nonsense", "JOULEPAY_HELP=true"}, "boil"); got.Code != 0 || !strings.Contains(got.Stdout, "100 °C") {
		t.Errorf("flags that are only typed: %+v", got)
	}
}

func TestAFileThatIsNamedMayChooseTheData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "any.yaml")
	if err := os.WriteFile(path, []byte("data: /elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{
		do(t, nil, "boil", "--json", "--config", path).Stdout,
		do(t, []string{"JOULEPAY_CONFIG=" + path}, "boil", "--json").Stdout,
	} {
		if !strings.Contains(got, `"data":"/elsewhere"`) {
			t.Errorf("got %s", got)
		}
	}
}

func TestPrintConfigShowsSourcesAndIsAConfiguration(t *testing.T) {
	stdout, stderr, code := withConfig(t, "tea: black\ncup: [ann, 'a: b']\n", []string{"JOULEPAY_DEGREES=70"}, "boil", "--print-config")
	for _, want := range []string{
		"data: DATA # flag\n", "degrees: 70 # JOULEPAY_DEGREES\n", "tea: black # config.yaml:1\n",
		"cup: [ann, 'a: b'] # config.yaml:2\n", "log-level: warn # default\n", "follow: false # default\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s%s", want, stdout, stderr)
		}
	}
	if code != 0 || strings.Contains(stdout, "pay") {
		t.Errorf("code %d\n%s", code, stdout)
	}
	again, stderr, code := withConfig(t, strings.ReplaceAll(stdout, "data: DATA", ""), nil, "boil", "--json")
	if want := `{"degrees":70,"tea":"black","cups":["ann","a: b"],"data":"DATA"}` + "\n"; code != 0 || again != want {
		t.Errorf("read back: %s%s, want %s", again, stderr, want)
	}
	asJSON, _, _ := withConfig(t, "", nil, "boil", "--print-config", "--json")
	if !strings.Contains(asJSON, `"degrees":{"value":"100","source":"default"}`) {
		t.Errorf("JSON: %s", asJSON)
	}
}
