package faults_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// hangTimeMax fails a test whose processes come no further: far above what any step takes on a busy machine.
const hangTimeMax = 3 * time.Minute

// politeMax is how long a process may take to end politely before it is killed on the way.
const politeMax = 2 * time.Second

// process is one run of a program.
type process struct {
	name    string
	command *exec.Cmd
	log     string        // file with everything that it wrote
	said    chan []byte   // its first JSON line on stdout; closed without one when it ends
	ended   chan struct{} // closed when it is gone and all its output is stored
	killed  atomic.Bool   // by the test
	stopped atomic.Bool   // by the test, politely

	mu   sync.Mutex // guards last
	last []byte     // its last JSON line on stdout
}

// start runs a program. What it writes goes to a file that a failing test shows the end of.
func start(log, name string, environ []string, argv ...string) (*process, error) {
	p := &process{
		name: name, command: exec.Command(argv[0], argv[1:]...), log: log,
		said: make(chan []byte, 1), ended: make(chan struct{}),
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(filepath.Dir(filepath.Dir(log)), keysFile) // logs lie in a folder of their world
	p.command.Env = append(append(os.Environ(), keysFileKey+"="+keys), environ...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves nothing behind
	p.command.Stderr = file
	stdout, err := p.command.StdoutPipe()
	if err := errors.Join(err, p.command.Start()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	go func() {
		p.listen(io.TeeReader(stdout, file))
		_ = p.command.Wait() // the exit code says it
		_ = file.Close()     // only a log
		close(p.said)
		close(p.ended)
	}()
	return p, nil
}

// listen notes the JSON objects that the process prints.
func (p *process) listen(from io.Reader) {
	reader := bufio.NewReader(from)
	for first := true; ; {
		line, err := reader.ReadBytes('\n')
		if line = bytes.TrimSpace(line); json.Valid(line) && len(line) > 0 && line[0] == '{' {
			p.mu.Lock()
			p.last = line
			p.mu.Unlock()
			if first {
				p.said <- line
				first = false
			}
		}
		if err != nil {
			return
		}
	}
}

// ready waits for the first JSON object and reads it into what. It gives an error when the process ended without one.
func (p *process) ready(what any) error {
	select {
	case line, ok := <-p.said:
		if !ok {
			return fmt.Errorf("%s ended with code %d before it was ready", p.name, p.code())
		}
		return json.Unmarshal(line, what)
	case <-time.After(hangTimeMax):
		return fmt.Errorf("%s does not become ready", p.name)
	}
}

// result reads the last JSON object of a process that ended.
func (p *process) result(what any) error {
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		return fmt.Errorf("%s printed no result", p.name)
	}
	return json.Unmarshal(p.last, what)
}

// kill ends the process at once, wherever it is, and waits until it is gone.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.command.Process.Kill() // it may have ended by itself
	<-p.ended
}

// stop asks the process to end politely, and kills it when that takes long.
func (p *process) stop() {
	p.stopped.Store(true)
	_ = p.command.Process.Signal(os.Interrupt) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(politeMax):
		p.kill()
	}
}

// over tells whether the process ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// code gives the exit code of a process that ended, -1 after a kill.
func (p *process) code() int {
	<-p.ended
	return p.command.ProcessState.ExitCode()
}

// logWith gives the first log of a folder that has a text in it, or nothing.
func logWith(folder, text string) string {
	logs, _ := filepath.Glob(filepath.Join(folder, "*.log"))
	for _, log := range logs {
		if raw, err := os.ReadFile(log); err == nil && bytes.Contains(raw, []byte(text)) {
			return filepath.Base(log)
		}
	}
	return ""
}

// tail gives the end of what all processes of a folder of logs wrote.
func tail(folder string) string {
	const shown = 60
	var out strings.Builder
	logs, _ := filepath.Glob(filepath.Join(folder, "*.log"))
	for _, log := range logs {
		raw, _ := os.ReadFile(log)
		lines := strings.Split(strings.ReplaceAll(string(raw), "\r", "\n"), "\n")
		fmt.Fprintf(&out, "---- %s\n%s\n", filepath.Base(log), strings.Join(lines[max(0, len(lines)-shown):], "\n"))
	}
	return out.String()
}
