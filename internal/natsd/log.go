package natsd

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// logger gives the server's log to slog. The server's own logger ends the process at a fatal error; this one keeps it.
type logger struct {
	slog *slog.Logger

	mu         sync.Mutex // guards firstFatal
	firstFatal error
}

func newLogger(to *slog.Logger) *logger {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return &logger{slog: to.With("component", "nats")}
}

// fatal gives the first fatal error, or nil.
func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firstFatal
}

func (l *logger) Fatalf(format string, v ...any) {
	message := fmt.Sprintf(format, v...)
	l.slog.Error(message)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.firstFatal == nil {
		l.firstFatal = errors.New(message)
	}
}

// Noticef is for details here: the program that embeds the server says itself that it runs.
func (l *logger) Noticef(format string, v ...any) { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Debugf(format string, v ...any)  { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Tracef(format string, v ...any)  { l.slog.Debug(fmt.Sprintf(format, v...)) }
func (l *logger) Warnf(format string, v ...any)   { l.slog.Warn(fmt.Sprintf(format, v...)) }
func (l *logger) Errorf(format string, v ...any)  { l.slog.Error(fmt.Sprintf(format, v...)) }
