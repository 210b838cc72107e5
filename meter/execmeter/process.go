package execmeter

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// graceAfterTerm is how long a program may take to bring its hardware to rest.
	graceAfterTerm = 2 * time.Second
	// graceOfPipes is how long an orphan that holds the error output may keep us, once the program has ended.
	graceOfPipes = time.Second
	// stderrTailSize bounds what is kept of the error output, for people.
	stderrTailSize = 512
)

// want is what the station wants of the program, whole.
type want struct {
	Run             bool  `json:"run"`
	LimitMilliwatts int64 `json:"limit_mw"`
}

// want puts the state wanted in place of one that the writer has not taken yet. The mutex is held.
func (m *Meter) want(w want) {
	select {
	case <-m.wants:
	default:
	}
	m.wants <- w // the only sender holds the mutex, so there is room
}

// spawn starts the program and the goroutines that serve it: one reads, one writes, and the reader outlives
// both the program and the writer.
func (m *Meter) spawn(command []string) error {
	theirIn, stdin, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCommand, err)
	}
	stdout, theirOut, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrCommand, err), theirIn.Close(), stdin.Close())
	}
	stderr := new(tail)
	m.command = exec.Command(command[0], command[1:]...)
	m.command.Stdin, m.command.Stdout, m.command.Stderr = theirIn, theirOut, stderr
	m.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	m.command.WaitDelay = graceOfPipes
	m.stdin, m.stdout = stdin, stdout
	err = m.command.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		stdin.Close()
		stdout.Close()
		return fmt.Errorf("%w: %w", ErrCommand, err)
	}
	written := make(chan struct{})
	quit := make(chan struct{})
	go m.write(quit, written)
	go m.run(stderr, quit, written)
	return nil
}

// run reads until the output ends, waits for the program and the writer, and only then declares the end.
func (m *Meter) run(stderr *tail, quit, written chan struct{}) {
	if err := m.read(); err != nil {
		m.fail(err)
		m.signal(syscall.SIGKILL)
	}
	status := m.command.Wait()
	m.reap()
	m.fail(fmt.Errorf("%w: %s", ErrExited, describe(status, stderr)))
	close(quit)
	m.stdin.Close()
	<-written
	m.stdout.Close()
	close(m.ended)
}

// read accepts lines until the output ends (nil) or says what is no reading.
func (m *Meter) read() error {
	lines := bufio.NewScanner(m.stdout)
	lines.Buffer(make([]byte, 0, lineSizeMax), lineSizeMax)
	n := 0
	for lines.Scan() {
		n++
		r, err := parseLine(lines.Bytes())
		if err == nil {
			err = m.accept(r)
		}
		if err != nil {
			return &LineError{Line: n, Reason: err.Error()}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return &LineError{Line: n + 1, Reason: fmt.Sprintf("longer than %d bytes", lineSizeMax)}
	}
	return nil // other errors are the pipe's end, by Close
}

// write hands the program what is wanted, as fast as it reads.
func (m *Meter) write(quit, written chan struct{}) {
	defer close(written)
	for {
		select {
		case <-quit:
			return
		case w := <-m.wants:
			line, err := json.Marshal(w)
			if err != nil {
				return
			}
			if _, err := m.stdin.Write(append(line, '\n')); err != nil {
				return // the program does not read any more; its output tells the rest
			}
		}
	}
}

// signal reaches the program and all it started, while its process group is surely ours.
func (m *Meter) signal(s syscall.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.reaped {
		_ = syscall.Kill(-m.command.Process.Pid, s) // fails only if all have ended, which is as well
	}
}

// reap ends what the program left running, directly after its own end.
func (m *Meter) reap() {
	m.signal(syscall.SIGKILL)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reaped = true
}

// Close ends the program: its input ends, SIGTERM, and after a short grace SIGKILL, each to its whole process
// group. It returns when all is over, and may be called again.
func (m *Meter) Close() error {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	m.mu.Unlock()
	m.fail(ErrClosed)
	if first {
		m.stdin.Close()
		m.signal(syscall.SIGTERM)
		grace := time.AfterFunc(graceAfterTerm, func() {
			m.signal(syscall.SIGKILL)
			m.stdout.Close() // an orphan in another group may hold the other end
		})
		defer grace.Stop()
	}
	<-m.ended
	return nil
}

// describe gives status and last words.
func describe(status error, stderr *tail) string {
	text := "exit status 0"
	if status != nil {
		text = status.Error()
	}
	if words := stderr.String(); words != "" {
		return fmt.Sprintf("%s: %q", text, words)
	}
	return text
}

// tail keeps the last bytes written. One goroutine of exec.Cmd writes it, and it is read after Wait.
type tail struct{ kept []byte }

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-stderrTailSize):]...)
	if excess := len(t.kept) - stderrTailSize; excess > 0 {
		t.kept = append(t.kept[:0], t.kept[excess:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
