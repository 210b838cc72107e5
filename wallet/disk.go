package wallet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Errors of files on disk. Both name the file.
var (
	ErrExists      = errors.New("wallet: a file of that name exists, and key files are never overwritten")
	ErrPermissions = errors.New("wallet: key file is open to others than its owner; chmod 600 it")
)

const (
	keyFileMode  fs.FileMode = 0o600
	othersAccess fs.FileMode = 0o077
)

// FileOption sets something about a new key file.
type FileOption func(*fileOptions)

type fileOptions struct {
	created time.Time
	cost    Cost
}

// CreatedAt records when the wallet was made, to the second.
func CreatedAt(now time.Time) FileOption { return func(o *fileOptions) { o.created = now } }

// WithCost replaces DefaultCost.
func WithCost(cost Cost) FileOption { return func(o *fileOptions) { o.cost = cost } }

func optionsOf(options []FileOption) fileOptions {
	o := fileOptions{cost: DefaultCost()}
	for _, set := range options {
		set(&o)
	}
	return o
}

// Create makes a fresh wallet and saves it at path, as Save does.
func Create(path string, password []byte, options ...FileOption) (*Wallet, error) {
	w := Generate()
	if err := w.Save(path, password, options...); err != nil {
		return nil, err
	}
	return w, nil
}

// CreateInsecure makes a fresh wallet and saves it at path without a password: whoever reads the file has the keys.
func CreateInsecure(path string, options ...FileOption) (*Wallet, error) {
	w := Generate()
	data, err := seal(w, nil, nil, optionsOf(options).created)
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, data); err != nil {
		return nil, err
	}
	return w, nil
}

// Save writes the wallet to a new file at path, in a directory that exists. It returns ErrExists when there is a file
// already, ErrNoPassword when the password is empty. When it returns nil the file is durable; if we crash before, there
// is the whole file or none, and perhaps a hidden temporary one, as well protected.
func (w *Wallet) Save(path string, password []byte, options ...FileOption) error {
	if len(password) == 0 {
		return ErrNoPassword
	}
	o := optionsOf(options)
	data, err := seal(w, password, &o.cost, o.created)
	if err != nil {
		return err
	}
	return writeNew(path, data)
}

// Open reads a wallet from its key file. Beside the errors of the file system it returns ErrPermissions, ErrKeyFile,
// ErrVersion or ErrCost for a file that it does not take, ErrPassword for a wrong password, ErrNoPassword for an empty
// one, and ErrNotProtected when there is a password but the file has none (CreateInsecure): such a file opens without.
func Open(path string, password []byte) (*Wallet, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	w, err := open(data, password)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return w, nil
}

// Inspect reads what a key file says of itself, without a password. It refuses the files that Open refuses.
func Inspect(path string) (FileInfo, error) {
	data, err := readPrivate(path)
	if err != nil {
		return FileInfo{}, err
	}
	_, header, err := decodeKeyFile(data)
	if err != nil {
		return FileInfo{}, fmt.Errorf("%w: %s", err, path)
	}
	return FileInfo{
		DID: header.DID, Created: header.Created, Protected: header.KDF != kdfNone, Rotation: header.Rotation, Rotating: header.Rotating,
	}, nil
}

// readPrivate reads a regular file that only its owner may read. Mode and bytes come from one open file, so that
// nobody can swap it in between; O_NONBLOCK keeps a pipe from blocking the open.
func readPrivate(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("wallet: open key file: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("wallet: open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrKeyFile, path)
	}
	if info.Mode().Perm()&othersAccess != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o", ErrPermissions, path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, keyFileSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("wallet: read key file: %w", err)
	}
	return data, nil
}

// writeNew writes a file that does not exist yet: a temporary file, made durable, then linked to its name. A link,
// unlike a rename, fails when the name is taken.
func writeNew(path string, data []byte) (err error) {
	directory := filepath.Dir(path)
	temporary, err := os.CreateTemp(directory, ".wallet-*.tmp") // of mode 0600
	if err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover does no harm
	if err := writeDurably(temporary, data); err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, path)
	} else if err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	return syncDirectory(directory)
}

// writeDurably writes, syncs and closes; it fails when any of them does.
func writeDurably(file *os.File, data []byte) error {
	_, err := file.Write(data)
	return errors.Join(err, file.Chmod(keyFileMode), file.Sync(), file.Close())
}

// syncDirectory makes names durable: if we crash before, the file may be there without its name.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("wallet: sync key file's directory: %w", err)
	}
	if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("wallet: sync key file's directory: %w", err)
	}
	return nil
}
