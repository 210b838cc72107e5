package walletcmd_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/wallet"
)

// TestWordsAreShownOnATerminalOnly runs the backup with a terminal as standard output, and reads what eyes would.
func TestWordsAreShownOnATerminalOnly(t *testing.T) {
	data := "JOULEPAY_DATA=" + t.TempDir()
	made := clitest.Do(depot, []string{data}, "wallet", "create", "--insecure-no-password")
	if made.Code != 0 {
		t.Fatal(made.Stderr)
	}
	for name, args := range map[string][]string{"a pipe": nil, "JSON": {"--json"}} {
		if r := clitest.Do(depot, []string{data}, append([]string{"wallet", "backup"}, args...)...); r.Code == 0 || r.Stdout != "" {
			t.Errorf("%s: code %d, %q", name, r.Code, r.Stdout)
		}
	}
	screen, keyboard := terminal(t)
	var stderr bytes.Buffer
	app := cli.New(cli.Streams{In: strings.NewReader(""), Out: keyboard, Err: &stderr, Environ: []string{data}})
	if code := app.Run(depot, "wallet", "backup"); code != 0 {
		t.Fatal(stderr.String())
	}
	text, part := "", make([]byte, 1<<12)
	for !strings.Contains(text, "pairwise wallet") { // the last line
		n, err := screen.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		text += strings.ReplaceAll(string(part[:n]), "\r\n", "\n")
	}
	var words []string
	for number := range wallet.WordCount {
		_, rest, found := strings.Cut(text, fmt.Sprintf("  %2d ", number+1))
		if !found {
			t.Fatalf("no word %d in %q", number+1, text)
		}
		words = append(words, strings.Fields(rest)[0])
	}
	w, err := wallet.FromWords(strings.Join(words, " "))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{w.DID().String(), "do not restore channels", "m/19024'/1'/high'/low'", "depot channels export FILE"} {
		if !strings.Contains(text, want) {
			t.Errorf("the sheet does not say %q", want)
		}
	}
	if strings.Contains(stderr.String(), words[0]+" ") {
		t.Error("the words are on standard error, too")
	}
}

// terminal gives both ends of a pseudo-terminal.
func terminal(t *testing.T) (screen, keyboard *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if keyboard, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	return screen, keyboard
}
