package ledgerfaults_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/operator"
)

// ledgerKey makes this test binary, started again, the program ledger. Children of ledger devnet inherit it.
const ledgerKey = "LEDGERFAULTS_PLAYS_LEDGER"

// hangTimeMax fails a test that comes no further: far above what an election or a start takes on a busy machine.
const hangTimeMax = 4 * time.Minute

// askAgainEvery is how often a test looks whether something is so; no test depends on it.
const askAgainEvery = 50 * time.Millisecond

// parallel is how many ledgers run at once: most of the time they wait for elections, not for processors.
const parallel = "5"

func TestMain(m *testing.M) {
	if os.Getenv(ledgerKey) != "" {
		os.Exit(cli.Main(operator.Root))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// process is one run of ledger that a test started.
type process struct {
	name    string
	command *exec.Cmd
	alive   io.Closer     // its standard input: it ends when nobody holds it
	said    chan []byte   // its first JSON object on stdout; closed without one when it ends
	ended   chan struct{} // closed when it is gone and all its output is read

	mu     sync.Mutex // guards stderr
	stderr bytes.Buffer
}

// start runs ledger. What it says goes to a log of that name, too.
func start(dir, name string, args ...string) (*process, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, command: exec.Command(executable, args...), said: make(chan []byte, 1), ended: make(chan struct{})}
	p.command.Args[0] = "ledger"
	p.command.Env = append(os.Environ(), ledgerKey+"=1", "HOME="+dir)
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.command.Stderr = io.MultiWriter(log, writer(p.hear))
	stdout, errOut := p.command.StdoutPipe()
	alive, errIn := p.command.StdinPipe()
	if err := errors.Join(errOut, errIn, p.command.Start()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), log.Close())
	}
	p.alive = alive
	go func() {
		line, _ := bufio.NewReader(stdout).ReadBytes('\n')
		if json.Valid(line) {
			p.said <- line
		}
		_, _ = io.Copy(io.Discard, stdout) // it says nothing more there
		_ = p.command.Wait()               // the exit code says it
		_ = log.Close()                    // only a log
		close(p.said)
		close(p.ended)
	}()
	return p, nil
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func (p *process) hear(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

// words gives what it said on stderr.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// ready waits for the first JSON object and reads it into what.
func (p *process) ready(what any) error {
	select {
	case line, ok := <-p.said:
		if !ok {
			return fmt.Errorf("%s ended with code %d before it was ready: %s", p.name, p.code(), p.words())
		}
		return json.Unmarshal(line, what)
	case <-time.After(hangTimeMax):
		return fmt.Errorf("%s does not become ready", p.name)
	}
}

// end waits until the process is gone, and kills one that does not go.
func (p *process) end() error {
	defer func() { _ = p.alive.Close() }() // nobody reads it any longer
	select {
	case <-p.ended:
		return nil
	case <-time.After(hangTimeMax):
		_ = p.command.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s does not end", p.name)
	}
}

// stop asks politely.
func (p *process) stop() error {
	_ = p.command.Process.Signal(os.Interrupt) // it may have ended by itself
	return p.end()
}

// code gives the exit code of a process that ended, -1 after a kill.
func (p *process) code() int {
	<-p.ended
	return p.command.ProcessState.ExitCode()
}

// tail gives the end of what all processes of a folder wrote.
func tail(dir string) string {
	const shown = 25
	var out strings.Builder
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, log := range logs {
		raw, _ := os.ReadFile(log)
		lines := strings.Split(strings.ReplaceAll(string(raw), "\r", "\n"), "\n")
		fmt.Fprintf(&out, "---- %s\n%s\n", filepath.Base(log), strings.Join(lines[max(0, len(lines)-shown):], "\n"))
	}
	return out.String()
}
