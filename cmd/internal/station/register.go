package station

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrRegister is returned for the file of a register that cannot be used.
var ErrRegister = errors.New("station: the register cannot be kept")

// registerFile keeps a count in eight bytes, big-endian. A write reaches the system before it returns, so a process that is killed
// loses nothing; a machine that loses power goes on from the last reading, which is durable before it is shown to anybody.
type registerFile struct{ file *os.File }

const registerSize = 8

// openRegister opens the file, or makes it, and gives what it says; 0 for a new one.
func openRegister(path string) (*registerFile, int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrRegister, err)
	}
	raw, err := io.ReadAll(io.LimitReader(file, registerSize+1))
	switch {
	case err == nil && len(raw) == 0:
		return &registerFile{file}, 0, nil
	case err == nil && len(raw) == registerSize:
		return &registerFile{file}, int64(binary.BigEndian.Uint64(raw)), nil
	case err == nil:
		err = fmt.Errorf("%s is no register", path)
	}
	return nil, 0, errors.Join(fmt.Errorf("%w: %w", ErrRegister, err), file.Close())
}

// keep implements counter.Keep.
func (r *registerFile) keep(register int64) error {
	_, err := r.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(register)), 0)
	return err
}

// Close implements io.Closer.
func (r *registerFile) Close() error { return r.file.Close() }
