package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often progress is written where no terminal shows it, so that log files stay short.
const progressEvery = 10 * time.Second

// screen is stderr: logs, notes and at most one progress line below them, by as many goroutines as like.
type screen struct {
	mu    sync.Mutex // guards all below, and stdout
	out   io.Writer
	width func() int // columns of the terminal, 0 when it is none
	now   func() time.Time

	line    string // progress as last said
	shown   bool   // whether the terminal shows it
	written string // progress as last written where there is no terminal
	next    time.Time
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, now: time.Now, width: func() int { return 0 }}
	if file, ok := out.(*os.File); ok && isTerminal(file) {
		s.width = func() int {
			columns, _, err := term.GetSize(int(file.Fd()))
			if err != nil {
				return 0
			}
			return columns
		}
	}
	return s
}

// Write puts whole lines above the progress line.
func (s *screen) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	n, err := s.out.Write(lines)
	s.redraw()
	return n, err
}

func (s *screen) clear() {
	if s.shown {
		_, _ = io.WriteString(s.out, "\r\x1b[K") // progress that cannot be shown is no failure
		s.shown = false
	}
}

func (s *screen) redraw() {
	columns := s.width()
	if s.line == "" || columns <= 1 {
		return
	}
	runes := []rune(s.line)
	if len(runes) >= columns {
		runes = runes[:columns-1]
	}
	_, _ = io.WriteString(s.out, string(runes))
	s.shown = true
}

// prompt writes text after which the cursor stays.
func (s *screen) prompt(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	_, _ = io.WriteString(s.out, text)
}

func (s *screen) progress(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.line = line
	if s.width() > 0 {
		s.redraw()
		return
	}
	if now := s.now(); !now.Before(s.next) {
		s.next = now.Add(progressEvery)
		s.writeProgress()
	}
}

func (s *screen) writeProgress() {
	if s.line != s.written {
		_, _ = fmt.Fprintln(s.out, s.line)
		s.written = s.line
	}
}

// finish leaves the last progress standing as a line of its own.
func (s *screen) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown {
		_, _ = io.WriteString(s.out, "\n")
	} else if s.line != "" {
		s.writeProgress()
	}
	s.line, s.shown = "", false
}

// Progress shows how far the command is: on a terminal in one line that changes, elsewhere in a line now and then.
func (a *App) Progress(format string, args ...any) {
	a.screen.progress(clean(fmt.Sprintf(format, args...)))
}

// EndProgress leaves the last progress standing. The end of the command does it too.
func (a *App) EndProgress() { a.screen.finish() }

// Note writes a line for people to stderr, whatever the form of the result.
func (a *App) Note(format string, args ...any) {
	_, _ = fmt.Fprintln(a.screen, clean(fmt.Sprintf(format, args...)))
}

// openLog makes the logger that the flags ask for.
func (a *App) openLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.global.logLevel)); err != nil {
		return fmt.Errorf("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if a.global.logFormat == "json" {
		a.log = slog.New(slog.NewJSONHandler(a.screen, options))
	} else {
		a.log = slog.New(slog.NewTextHandler(a.screen, options))
	}
	return nil
}
