package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Times of child processes.
const (
	// restartWait is the pause before a child that ended is started again, so that one that cannot live takes no machine.
	restartWait = time.Second
	// startsMax is how often a child may end before it was ready for the first time: its port, or the lock of one that a
	// killed parent left, may be free a moment later.
	startsMax = 10
	// stopTimeMax is for a child to end politely, on a busy machine.
	stopTimeMax = 30 * time.Second
)

const (
	readyLineMax = 64 << 10 // bytes of the one JSON object that a child prints
	logTailMax   = 4 << 10  // bytes of a child's log in which its last words are
)

// child is a command of this program as a process of its own, started again when it ends. It never outlives this process,
// however that goes: its standard input is a pipe that nobody else holds.
type child struct {
	name    string
	args    []string
	log     string // file with what it says on stderr
	restart bool   // start it again when it ends
	report  func(format string, args ...any)
	started func() // tells that there is another process

	cancel context.CancelFunc // stops it for good
	ready  chan error         // once: ready for the first time, or the reason why it never was
	ended  chan struct{}

	mu      sync.Mutex // guards process
	process *os.Process
}

// begin starts the child, and keeps it running until the context ends.
func (c *child) begin(ctx context.Context) {
	c.ready, c.ended = make(chan error, 1), make(chan struct{})
	go func() {
		defer close(c.ended)
		c.keep(ctx)
	}()
}

func (c *child) keep(ctx context.Context) {
	wasReady := false
	for starts := 1; ctx.Err() == nil; starts++ {
		again, err := c.run(ctx, &wasReady)
		if ctx.Err() != nil {
			break
		}
		if !wasReady && (!again || starts >= startsMax) {
			c.ready <- err
			return
		}
		if !c.restart {
			c.report("%s ended: %v; it is not started again", c.name, err)
			return
		}
		if wasReady {
			c.report("%s ended: %v; it is started again", c.name, err)
		}
		select {
		case <-time.After(restartWait):
		case <-ctx.Done():
		}
	}
	if !wasReady {
		c.ready <- ctx.Err()
	}
}

// run runs one process to its end, and says how it ended, and whether another start may help.
func (c *child) run(ctx context.Context, wasReady *bool) (again bool, err error) {
	command, stdout, alive, err := c.start()
	if err != nil {
		return false, err
	}
	defer func() { _ = alive.Close() }() // the process is gone by then
	c.note(command.Process)
	c.started()
	stopped := context.AfterFunc(ctx, func() { c.stop(command.Process) })
	defer stopped()
	line, _ := bufio.NewReader(io.LimitReader(stdout, readyLineMax)).ReadBytes('\n')
	if json.Valid(line) && !*wasReady {
		*wasReady = true
		c.ready <- nil
	}
	_, _ = io.Copy(io.Discard, stdout) // it says nothing more there
	err = command.Wait()
	c.note(nil)
	if err == nil {
		err = errors.New("without an error")
	}
	if words := lastWords(c.log); words != "" {
		err = fmt.Errorf("%w: %s", err, words)
	}
	return command.ProcessState.ExitCode() != 2, err // 2 is wrong use, which stays wrong
}

// start starts the process. The pipe that it gives keeps the process alive.
func (c *child) start() (command *exec.Cmd, stdout io.Reader, alive io.Closer, err error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	command = &exec.Cmd{
		Path: executable, Args: append([]string{os.Args[0]}, c.args...), Env: childEnvironment(os.Environ()), Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}, // Ctrl-C is for this process, which stops them in order
	}
	alive, errIn := command.StdinPipe()
	stdout, errOut := command.StdoutPipe()
	return command, stdout, alive, errors.Join(errIn, errOut, command.Start())
}

// childEnvironment leaves out what would set flags that this process did not choose.
func childEnvironment(environ []string) (kept []string) {
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "JOULEPAY_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

func (c *child) note(process *os.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = process
}

// pid gives the process id, or 0 while there is none.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Pid
}

// stop asks politely first.
func (c *child) stop(process *os.Process) {
	_ = process.Signal(os.Interrupt) // it may have ended
	time.AfterFunc(stopTimeMax, func() { _ = process.Kill() })
}

// lastWords gives the last error in a log.
func lastWords(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	if info, err := file.Stat(); err == nil && info.Size() > logTailMax {
		_, _ = file.Seek(-logTailMax, io.SeekEnd) // else from the start
	}
	tail, err := io.ReadAll(io.LimitReader(file, logTailMax))
	if err != nil {
		return ""
	}
	_, last, found := strings.Cut(string(tail), "\nerror: ")
	if !found {
		return ""
	}
	if i := strings.LastIndex(last, "\nerror: "); i >= 0 {
		last = last[i+len("\nerror: "):]
	}
	last, _, _ = strings.Cut(last, "\n")
	return last
}
