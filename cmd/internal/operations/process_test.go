package operations_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"joulepay/cmd/internal/clitest"
)

// hangTimeMax fails a test that comes no further: far above what any step takes on a busy machine.
const hangTimeMax = 3 * time.Minute

// askEvery is how often a test asks again; no test depends on it.
const askEvery = 50 * time.Millisecond

// programsKey names a folder with the programs to test. Else the tests build them.
const programsKey = "JOULEPAY_TEST_OPERATIONS_PROGRAMS"

func TestMain(m *testing.M) {
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// built are the programs under test.
var built = clitest.Programs{Key: programsKey, Build: []string{"joulepay/cmd/chargepoint", "joulepay/cmd/vehicle", "joulepay/cmd/ledger", "joulepay/cmd/simulate"}}

// program gives the path of a program under test.
func program(t testing.TB, name string) string {
	t.Helper()
	return built.Path(t, name)
}

// process is a program that goes on while its test does.
type process struct {
	t       testing.TB
	command *exec.Cmd
	ready   map[string]any // the one object that it prints when it is
	ended   chan struct{}

	mu   sync.Mutex // guards said
	said bytes.Buffer
}

func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(program(t, args[0]), args[1:]...)
	c.Dir = dir
	c.Env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + filepath.Join(dir, "data"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	return c
}

// begin runs a program until the test ends. With --json it says one object when it is ready, see awaitReady.
func begin(t testing.TB, c *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, command: c, ended: make(chan struct{})}
	output, errOut := c.StdoutPipe()
	trouble, errErr := c.StderrPipe()
	if err := errors.Join(errOut, errErr, c.Start()); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	first := make(chan []byte, 1)
	readers.Go(func() { p.read(output, first) })
	readers.Go(func() { p.read(trouble, nil) })
	go func() {
		readers.Wait()
		_ = c.Wait() // the state of the process says it
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v wrote:\n%s", c.Args, p.text())
		}
	})
	select {
	case line := <-first:
		if err := json.Unmarshal(line, &p.ready); err != nil {
			t.Fatalf("%v says %q: %v", c.Args, line, err)
		}
	case <-p.ended:
		t.Fatalf("%v ended:\n%s", c.Args, p.text())
	case <-time.After(hangTimeMax):
		t.Fatalf("%v does not become ready", c.Args)
	}
	return p
}

// read keeps what a process writes, and gives the first line to who waits for it.
func (p *process) read(from io.Reader, first chan<- []byte) {
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadBytes('\n')
		p.mu.Lock()
		p.said.Write(line)
		p.mu.Unlock()
		if first != nil && len(line) > 0 {
			select {
			case first <- line:
			default: // it was ready before
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended
	<-p.ended
}

// says gives a text of what the process printed when it was ready.
func (p *process) says(name string) string {
	text, _ := p.ready[name].(string)
	if text == "" {
		p.t.Fatalf("%v says no %s: %v", p.command.Args, name, p.ready)
	}
	return text
}

// run runs a command to its end and gives what it wrote on stdout.
func run(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	c := command(t, dir, args...)
	var trouble bytes.Buffer
	c.Stderr = &trouble
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, trouble.Bytes())
	}
	return out
}

// fetch gives the body of an answer and its status.
func fetch(t testing.TB, url string) (string, int) {
	t.Helper()
	c := http.Client{Timeout: hangTimeMax}
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body), answer.StatusCode
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for limit := time.After(hangTimeMax); !so(); {
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
