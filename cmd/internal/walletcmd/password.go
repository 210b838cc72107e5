package walletcmd

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

const (
	passwordSizeMax             = 1024 // bytes; longer is no password
	othersAccess    fs.FileMode = 0o077
)

// unlockPassword finds the password of a wallet that exists: from --password-file or its variable, else from the file
// beside the wallet, else from the terminal.
func (s *Selection) unlockPassword(protected bool) ([]byte, error) {
	if s.passwordFile != "" {
		return readPassword(s.passwordFile)
	}
	if !protected {
		s.app.Log().Warn("the wallet has no password", "wallet", s.name)
		return nil, nil
	}
	beside, err := s.path(passwordSuffix)
	if err != nil {
		return nil, err
	}
	if password, err := readPassword(beside); !errors.Is(err, fs.ErrNotExist) {
		return password, err
	}
	password, err := s.app.Password("password of wallet " + s.name + ": ")
	if errors.Is(err, cli.ErrNoTerminal) {
		return nil, fmt.Errorf("unlock wallet %s: %w", s.name, wallet.ErrNoPassword)
	}
	return password, err
}

// createPassword gives the password of a new wallet without asking, and whether it was generated.
func (s *Selection) createPassword() (password []byte, generated bool, err error) {
	if s.passwordFile != "" {
		password, err = readPassword(s.passwordFile)
		return password, false, err
	}
	beside, err := s.path(passwordSuffix)
	if err != nil {
		return nil, false, err
	}
	password, err = readPassword(beside)
	if errors.Is(err, fs.ErrNotExist) {
		password = []byte(rand.Text()) // 26 letters and digits, 130 bits
		if err = writePassword(beside, password); errors.Is(err, fs.ErrExist) {
			password, err = readPassword(beside)
		}
	}
	return password, true, err
}

// readPassword reads the one line of a file, or of a pipe, that only its owner may read.
func readPassword(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	if info.Mode().Perm()&othersAccess != 0 {
		return nil, cli.Fail("if nobody else can have read it: `chmod 600 "+path+"`; else choose a new password and wallet",
			"%w: %s has mode %04o, which lets others read it", ErrPasswordFile, path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, passwordSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	password := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(password) == 0 || len(data) > passwordSizeMax || bytes.ContainsAny(password, "\r\n\x00") {
		return nil, cli.Fail(fmt.Sprintf("put the password alone on the first line of the file, at most %d bytes", passwordSizeMax),
			"%w: %s does not hold one line", ErrPasswordFile, path)
	}
	return password, nil
}

// writePassword writes a new file, whole and durable before a wallet depends on it. When another process has written one
// meanwhile, it returns fs.ErrExist.
func writePassword(path string, password []byte) error {
	directory := filepath.Dir(path)
	temporary, err := os.CreateTemp(directory, ".password-*.tmp") // of mode 0600
	if err != nil {
		return fmt.Errorf("keep the generated password: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover opens nothing
	_, err = temporary.Write(append(slices.Clip(password), '\n'))
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("keep the generated password: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil { // unlike a rename, it replaces nothing
		return fmt.Errorf("keep the generated password: %w", err)
	}
	return syncDirectory(directory)
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("keep the generated password: %w", err)
	}
	if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("keep the generated password: %w", err)
	}
	return nil
}
