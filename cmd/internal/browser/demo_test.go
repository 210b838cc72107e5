package browser_test

import (
	"bufio"
	"bytes"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hangTimeMax fails a test that comes no further: far above what any step takes on a busy machine.
const hangTimeMax = 3 * time.Minute

var announced = regexp.MustCompile(`ledger and API (http://127\.0\.0\.1:\d+)`)

// demo runs `chargepoint demo` until the test ends, and gives the address of its page.
func demo(t *testing.T, args ...string) (url string) {
	t.Helper()
	command := exec.Command(program(t, "chargepoint"), append([]string{"demo", "--http", "127.0.0.1:0"}, args...)...)
	command.Dir = t.TempDir()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	found, reading := make(chan string, 1), sync.WaitGroup{}
	var log bytes.Buffer
	reading.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			if groups := announced.FindStringSubmatch(lines.Text()); groups != nil {
				found <- groups[1]
			}
		}
		close(found)
	})
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		reading.Wait()
		_ = command.Wait() // killed: the exit code says nothing
		if t.Failed() {
			t.Logf("chargepoint demo wrote:\n%s", log.Bytes())
		}
	})
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatal("chargepoint demo ended")
		}
		return url
	case <-time.After(hangTimeMax):
		t.Fatal("chargepoint demo does not become ready")
	}
	return ""
}
