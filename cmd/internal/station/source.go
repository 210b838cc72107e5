package station

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
	"time"

	"joulepay/channel/wire"
)

// ErrSource is returned for a source of messages that cannot be used.
var ErrSource = errors.New("station: the source of messages cannot be used")

// Source says where a station that sells data has its messages from: the lines of a file, of what a program writes, or, without
// either, of a stream that counts.
type Source struct {
	File    string
	Command []string // the program and its arguments, without a shell
}

// ParseSource reads "file:FILE", "exec:COMMAND ARGUMENT…" or "sim".
func ParseSource(text string) (Source, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch command := strings.Fields(rest); {
	case text == "sim":
		return Source{}, nil
	case kind == "file" && rest != "":
		return Source{File: rest}, nil
	case kind == "exec" && len(command) > 0:
		return Source{Command: command}, nil
	}
	return Source{}, fmt.Errorf("%w: want sim, file:FILE or exec:COMMAND, not %.80q", ErrSource, text)
}

// lines gives one message after the other; io.EOF at their end. Close ends what gives them.
type lines struct {
	next  func() ([]byte, error)
	close func() error
}

// open begins a stream for one session. A program is killed when ctx ends.
func (s Source) open(ctx context.Context) (lines, error) {
	switch {
	case s.File != "":
		file, err := os.Open(s.File)
		if err != nil {
			return lines{}, fmt.Errorf("%w: %w", ErrSource, err)
		}
		return lines{linesOf(file), file.Close}, nil
	case len(s.Command) > 0:
		return s.run(ctx)
	}
	n := 0
	return lines{func() ([]byte, error) {
		n++
		return json.Marshal(map[string]any{"n": n, "at": time.Now().UTC().Format(time.RFC3339Nano)})
	}, func() error { return nil }}, nil
}

// programEndMax is how long a program may go on after it was told to end.
const programEndMax = time.Second

func (s Source) run(ctx context.Context) (lines, error) {
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	command.WaitDelay = programEndMax
	out, err := command.StdoutPipe()
	if err := errors.Join(err, command.Start()); err != nil {
		cancel()
		return lines{}, fmt.Errorf("%w: %w", ErrSource, err)
	}
	return lines{linesOf(out), func() error {
		cancel()
		_ = command.Wait() // it was told to end, and its lines were good
		return nil
	}}, nil
}

// linesOf gives the lines of a stream, without their ends.
func linesOf(r io.Reader) func() ([]byte, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, wire.PieceMax)
	return func() ([]byte, error) {
		if scanner.Scan() {
			return append([]byte{}, scanner.Bytes()...), nil
		}
		if err := scanner.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSource, err) // bufio.ErrTooLong for one that no message carries
		}
		return nil, io.EOF
	}
}
