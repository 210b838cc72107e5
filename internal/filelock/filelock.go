// Package filelock owns the lock that gives a data file or folder to one process at a time.
// It leaves to others what is behind the lock. It keeps this invariant: while a Lock is held, no other
// Acquire of the same path succeeds, in this process or another, and the kernel releases it when its process dies.
package filelock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrHeld is returned while another process, or this one, holds the lock.
var ErrHeld = errors.New("filelock: held by another process")

// holderLengthMax bounds what is read of a lock file: a process id in decimal.
const holderLengthMax = 20

// Lock is a held lock.
type Lock struct {
	file *os.File
}

// Acquire creates the lock file when it is missing and takes the lock, or fails at once with ErrHeld.
// The file stays when the lock is released: removing it would let two processes lock two files of one name.
func Acquire(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("filelock: open: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s%s", ErrHeld, path, holder(file))
		}
		return nil, fmt.Errorf("filelock: lock %s: %w", path, err)
	}
	// The process id is a help for people only; the lock holds without it, on a full disk too.
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	return &Lock{file: file}, nil
}

// Release gives the lock back. A second call does nothing.
func (l *Lock) Release() error {
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("filelock: release: %w", err)
	}
	return nil
}

// holder names the process that wrote its id into the lock file, or gives nothing.
func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, holderLengthMax))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
