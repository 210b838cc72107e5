package stationcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"joulepay/cmd/internal/cli"
)

// writeNew writes a file that must not exist: an export never takes another file's place.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return cli.Fail("choose another name", "%s exists", path)
	}
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}
