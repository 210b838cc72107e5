package clitest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hangTimeMax ends a script whose process says nothing more: far above what any step takes on a busy machine.
const hangTimeMax = 2 * time.Minute

type processesKey struct{}

// processes are those that one script started.
type processes struct {
	variables []string // of the script's environment
	byName    map[string]*process
}

// process is one that goes on while the script does.
type process struct {
	command *exec.Cmd
	exited  chan struct{} // closed when all output is read and the process is gone

	mu      sync.Mutex // guards all below
	changed chan struct{}
	stdout  strings.Builder
	stderr  strings.Builder
	lines   []string // whole lines of both, in the order in which they came
}

func processesOf(ts *testscript.TestScript) *processes { return ts.Value(processesKey{}).(*processes) }

func (ps *processes) find(ts *testscript.TestScript, name string) *process {
	p := ps.byName[name]
	if p == nil {
		ts.Fatalf("no process was started as %q", name)
	}
	return p
}

func (ps *processes) killAll() {
	for _, p := range ps.byName {
		_ = p.command.Process.Kill() // it may have ended
		<-p.exited
	}
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME [KEY=VALUE…] PROGRAM ARGS…")
	}
	ps := processesOf(ts)
	if old := ps.byName[args[0]]; old != nil {
		select {
		case <-old.exited:
		default:
			ts.Fatalf("%q still runs", args[0])
		}
	}
	var environ []string
	for _, key := range ps.variables {
		environ = append(environ, key+"="+ts.Getenv(key))
	}
	rest := args[1:]
	for len(rest) > 1 && strings.Contains(rest[0], "=") {
		environ, rest = append(environ, rest[0]), rest[1:]
	}
	command := exec.Command(rest[0], rest[1:]...)
	command.Dir, command.Env = ts.MkAbs("."), environ
	p, err := begin(command)
	ts.Check(err)
	ps.byName[args[0]] = p
}

func begin(command *exec.Cmd) (*process, error) {
	stdout, errOut := command.StdoutPipe()
	stderr, errErr := command.StderrPipe()
	if err := errors.Join(errOut, errErr, command.Start()); err != nil {
		return nil, err
	}
	p := &process{command: command, exited: make(chan struct{}), changed: make(chan struct{})}
	var readers sync.WaitGroup
	readers.Go(func() { p.read(stdout, &p.stdout) })
	readers.Go(func() { p.read(stderr, &p.stderr) })
	go func() {
		readers.Wait()
		_ = command.Wait() // the exit code says it
		close(p.exited)
	}()
	return p, nil
}

func (p *process) read(from io.Reader, into *strings.Builder) {
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadString('\n')
		p.mu.Lock()
		into.WriteString(line)
		p.lines = append(p.lines, strings.TrimSuffix(line, "\n"))
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// waitLine gives the groups of the first line that matches, from the start of the process on.
func (p *process) waitLine(pattern *regexp.Regexp) ([]string, error) {
	hang := time.After(hangTimeMax)
	for seen := 0; ; {
		p.mu.Lock()
		lines, changed := p.lines, p.changed
		p.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if groups := pattern.FindStringSubmatch(lines[seen]); groups != nil {
				return groups, nil
			}
		}
		select {
		case <-changed:
		case <-p.exited:
			if _, all := p.output(); seen == all {
				return nil, errors.New("it ended without such a line")
			}
		case <-hang:
			return nil, errors.New("it says nothing more")
		}
	}
}

func (p *process) output() (text string, lines int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "[stdout]\n" + p.stdout.String() + "[stderr]\n" + p.stderr.String(), len(p.lines)
}

func line(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: line NAME REGEXP [VAR…]")
	}
	p := processesOf(ts).find(ts, args[0])
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	groups, err := p.waitLine(pattern)
	if err != nil {
		text, _ := p.output()
		ts.Fatalf("%s: no line matches %q: %v\n%s", args[0], args[1], err, text)
	}
	if len(groups) <= len(args[2:]) {
		ts.Fatalf("%q has %d groups for %d variables", args[1], len(groups)-1, len(args[2:]))
	}
	for i, name := range args[2:] {
		ts.Setenv(name, groups[i+1])
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) { send(ts, neg, args, os.Interrupt) }

func crash(ts *testscript.TestScript, neg bool, args []string) { send(ts, neg, args, os.Kill) }

func send(ts *testscript.TestScript, neg bool, args []string, signal os.Signal) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: interrupt NAME, or crash NAME")
	}
	ts.Check(processesOf(ts).find(ts, args[0]).command.Process.Signal(signal))
}

func crashPID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: crashpid PID")
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil || pid <= 1 { // 0, 1 and below are not one process of ours
		ts.Fatalf("not a process id: %s", args[0])
	}
	process, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(process.Kill())
}

func ended(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: ended NAME [CODE]")
	}
	p := processesOf(ts).find(ts, args[0])
	select {
	case <-p.exited:
	case <-time.After(hangTimeMax):
		text, _ := p.output()
		ts.Fatalf("%s does not end\n%s", args[0], text)
	}
	_, err := io.WriteString(ts.Stdout(), p.stdout.String())
	ts.Check(err)
	_, err = io.WriteString(ts.Stderr(), p.stderr.String())
	ts.Check(err)
	if code := p.command.ProcessState.ExitCode(); len(args) == 2 && strconv.Itoa(code) != args[1] {
		text, _ := p.output()
		ts.Fatalf("%s: exit code %d, want %s\n%s", args[0], code, args[1], text)
	}
}
