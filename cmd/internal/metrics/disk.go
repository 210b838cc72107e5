package metrics

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrDisk says that the disk of --data cannot take what a process must store.
var ErrDisk = errors.New("the disk does not take more")

// diskFreeMin is the room below which a process is not ready: hours of a busy charger, and time to make more.
const diskFreeMin = 4 << 20

// DiskWell tells whether a directory's disk has room and takes what is written: a process that cannot store ends at its next
// commit.
func DiskWell(directory string) func(context.Context) error {
	return func(context.Context) error {
		room, err := diskFree(directory)
		if err != nil {
			return err
		}
		if room < diskFreeMin {
			return fmt.Errorf("%w: %d bytes are free, want %d", ErrDisk, room, diskFreeMin)
		}
		return tryWrite(directory)
	}
}

func diskFree(directory string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(directory, &s); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil // of types that differ between systems
}

// tryWrite makes a file durable, and takes it away.
func tryWrite(directory string) error {
	file, err := os.CreateTemp(directory, ".ready-*.tmp")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // a leftover harms nobody
	_, err = file.WriteString("ready\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}
