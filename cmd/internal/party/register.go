package party

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrRegister is returned for the file of a count that cannot be used.
var ErrRegister = errors.New("party: the count cannot be kept")

// Register keeps counts in a file, eight bytes each, big-endian. A write reaches the system before it returns, so a process that
// is killed loses nothing (I4); what must also outlive a loss of power is synced.
type Register struct{ file *os.File }

const countSize = 8

// OpenRegister opens the file, or makes it, and gives its counts; 0 each for a new one.
func OpenRegister(path string, counts int) (*Register, []int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRegister, err)
	}
	kept := make([]int64, counts)
	raw, err := io.ReadAll(io.LimitReader(file, int64(counts)*countSize+1))
	switch {
	case err == nil && len(raw) == 0:
		return &Register{file}, kept, nil
	case err == nil && len(raw) == counts*countSize:
		for i := range kept {
			kept[i] = int64(binary.BigEndian.Uint64(raw[i*countSize:]))
		}
		return &Register{file}, kept, nil
	case err == nil:
		err = fmt.Errorf("%s has %d bytes", path, len(raw))
	}
	return nil, nil, errors.Join(fmt.Errorf("%w: %w", ErrRegister, err), file.Close())
}

// Keep writes all counts, at once.
func (r *Register) Keep(counts ...int64) error {
	raw := make([]byte, 0, len(counts)*countSize)
	for _, n := range counts {
		raw = binary.BigEndian.AppendUint64(raw, uint64(n))
	}
	if _, err := r.file.WriteAt(raw, 0); err != nil {
		return fmt.Errorf("%w: %w", ErrRegister, err)
	}
	return nil
}

// Sync brings what was kept to the disk.
func (r *Register) Sync() error { return r.file.Sync() }

// Close implements io.Closer.
func (r *Register) Close() error { return r.file.Close() }
