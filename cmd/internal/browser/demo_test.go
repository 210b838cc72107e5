package browser_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hangTimeMax fails a test that comes no further: far above what any step takes on a busy machine.
const hangTimeMax = 3 * time.Minute

var (
	announced = regexp.MustCompile(`ledger and API (http://127\.0\.0\.1:\d+)`)
	ready     = regexp.MustCompile(`"api":"(http://127\.0\.0\.1:\d+)"`)
)

// demo runs `chargepoint demo` until the test ends, and gives the address of its page.
func demo(t *testing.T, args ...string) (url string) {
	t.Helper()
	return serving(t, announced, append([]string{"chargepoint", "demo", "--http", "127.0.0.1:0"}, args...)...)
}

// serving runs a program until the test ends, and gives the address that it says.
func serving(t *testing.T, says *regexp.Regexp, args ...string) (url string) {
	t.Helper()
	command := exec.Command(program(t, args[0]), args[1:]...)
	command.Dir = t.TempDir()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	output, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = input, input
	if err := errors.Join(command.Start(), input.Close()); err != nil {
		t.Fatal(err)
	}
	found, reading := make(chan string, 1), sync.WaitGroup{}
	var log bytes.Buffer
	reading.Go(func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if groups := says.FindStringSubmatch(lines.Text()); groups != nil {
				select {
				case found <- groups[1]:
				default: // known already
				}
			}
		}
		close(found)
	})
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		reading.Wait()
		_ = command.Wait() // killed: the exit code says nothing
		if t.Failed() {
			t.Logf("%v wrote:\n%s", args, log.Bytes())
		}
	})
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatalf("%v ended", args)
		}
		return url
	case <-time.After(hangTimeMax):
		t.Fatalf("%v does not become ready", args)
	}
	return ""
}

func TestEveryProcessWithAnAPIServesThePage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"ledger", "run", "--nats-listen", "127.0.0.1:0"},
		{"chargepoint", "run", "--nats", "embedded", "--nats-listen", "127.0.0.1:0", "--ledger", "embedded"},
	} {
		address := serving(t, ready, append(args, "--http", "127.0.0.1:0", "--json", "--data", t.TempDir())...)
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusOK || !bytes.Contains(page, []byte(`<div id="app">`)) {
			t.Errorf("%v: %s\n%s", args, answer.Status, page)
		}
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%v: the policy is %q", args, policy)
		}
	}
}
