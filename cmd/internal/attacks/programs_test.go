package attacks_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/didcmd"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/stationcmd"
	"joulepay/cmd/internal/vehiclecmd"
)

// programKey tells this test binary, started again, which program it is.
const programKey = "JOULEPAY_TEST_PROGRAM"

// hangTimeMax fails a test whose process comes no further: far above what any step takes on a busy machine.
const hangTimeMax = 3 * time.Minute

func TestMain(m *testing.M) {
	roots := map[string]func(*cli.App) *cobra.Command{"ledger": operator.Root, "chargepoint": stationcmd.Root, "vehicle": vehiclecmd.Root}
	if root := roots[os.Getenv(programKey)]; root != nil {
		os.Exit(cli.Main(func(app *cli.App) *cobra.Command {
			tree := root(app)
			didcmd.Add(app, tree)
			return tree
		}))
	}
	os.Exit(m.Run())
}

// program is a running program, and all that it wrote.
type program struct {
	t       *testing.T
	command *exec.Cmd
	first   chan []byte // its first line on standard output; closed when there is none

	mu      sync.Mutex // guards written
	written bytes.Buffer
	ended   chan struct{}
}

// start starts a program with what it needs to say everything.
func start(t *testing.T, name string, environ []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, first: make(chan []byte, 1), ended: make(chan struct{})}
	p.command = exec.Command(os.Args[0], slices.Concat(args, []string{"--json", "--log-level", "debug"})...)
	p.command.Env = append(append(os.Environ(), programKey+"="+name), environ...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	p.command.Stderr = p
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		reader := bufio.NewReader(io.TeeReader(stdout, p))
		if line, err := reader.ReadBytes('\n'); err == nil {
			p.first <- line
		}
		close(p.first)
		_, _ = io.Copy(io.Discard, reader) // the copy is what counts
		_ = p.command.Wait()               // the exit code says it
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s %s wrote:\n%.4000s", name, strings.Join(args, " "), p.text())
		}
	})
	return p
}

// Write keeps what the program wrote.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.Write(b)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.String()
}

// said reads the first JSON object of the program.
func (p *program) said(into any) {
	p.t.Helper()
	select {
	case line, ok := <-p.first:
		if !ok {
			p.t.Fatalf("it ended without a word: %s", p.text())
		}
		if err := json.Unmarshal(line, into); err != nil {
			p.t.Fatalf("%v in %q", err, line)
		}
	case <-time.After(hangTimeMax):
		p.t.Fatal("it says nothing")
	}
}

// done waits for the program's end, which must be good, and reads its result.
func (p *program) done(into any) {
	p.t.Helper()
	p.said(into)
	p.wait()
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("exit code %d: %s", code, p.text())
	}
}

// fails waits for the program's end, which must be bad.
func (p *program) fails() {
	p.t.Helper()
	p.wait()
	if p.command.ProcessState.ExitCode() == 0 || !strings.Contains(p.text(), "error") {
		p.t.Errorf("%v did not fail: %s", p.command.Args[1:], p.text())
	}
}

func (p *program) wait() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(hangTimeMax):
		p.t.Fatal("it does not end")
	}
}

// stop ends a service politely.
func (p *program) stop() {
	p.t.Helper()
	_ = p.command.Process.Signal(os.Interrupt) // it may have ended
	p.wait()
}
