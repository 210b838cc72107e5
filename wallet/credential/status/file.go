package status

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"joulepay/internal/filelock"
	"joulepay/wallet/credential"
)

// Errors of the file of a list.
var (
	ErrBusy   = errors.New("status: another process works with the list")
	ErrNoList = errors.New("status: no such list")
	ErrFile   = errors.New("status: not a file of a status list")
	ErrExists = errors.New("status: a list of that name exists")
	ErrFull   = errors.New("status: every index of the list is taken")
	ErrOwner  = errors.New("status: the list is of another issuer")
	ErrUnused = errors.New("status: no credential has this index of this list")
)

const (
	fileVersion = 1
	fileSizeMax = credential.StatusListSizeMax + encodedSizeMax + 1<<10
)

// record is the file: the signed list as it is published, and which indexes have been given to credentials, which is not.
type record struct {
	Version    int    `json:"version"`
	Allocated  string `json:"allocated"`  // as Bitstring.Encode
	Credential string `json:"credential"` // vc+jwt
}

// File is an issuer's list, opened by one process at a time. Each change is durable before it returns: if we crash before,
// the file is as it was. It is not safe for concurrent use.
type File struct {
	path      string
	lock      *filelock.Lock
	list      list
	allocated Bitstring
}

// Settings of a new list.
type Settings struct {
	URL        string // under which it is hosted, https://…/v1/status-lists/{id}; it stands in every credential
	Purpose    credential.Purpose
	Size       int // bits; 0: SizeMin
	ValidFrom  time.Time
	ValidUntil time.Time // who verifies asks for a new one after this
}

// Create makes a list in a new file, and opens it.
func Create(path string, by credential.Signer, s Settings) (*File, error) {
	if s.Size == 0 {
		s.Size = SizeMin
	}
	bits, err := NewBitstring(s.Size)
	if err != nil {
		return nil, err
	}
	allocated, _ := NewBitstring(s.Size) // the same size
	entry := credential.StatusEntry{Purpose: s.Purpose, List: s.URL}
	if err := entry.Check(); err != nil {
		return nil, err
	}
	f := &File{path: path, allocated: allocated, list: list{
		url: s.URL, issuer: by.DID, purpose: s.Purpose, bits: bits, validFrom: s.ValidFrom, validUntil: s.ValidUntil,
	}}
	if f.lock, err = acquire(path); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrExists, path), f.Close())
	}
	if err := f.publish(by); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

const lockSuffix = ".lock"

func acquire(path string) (*filelock.Lock, error) {
	lock, err := filelock.Acquire(path + lockSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		err = fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return lock, err
}

// Open opens the file of a list, or returns ErrNoList.
func Open(path string) (*File, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) { // before a lock is made for it
		return nil, fmt.Errorf("%w: %s", ErrNoList, path)
	}
	lock, err := acquire(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, lock: lock}
	if err := f.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *File) read() error {
	r, err := readRecord(f.path)
	if err != nil {
		return err
	}
	parsed, err := credential.Parse(r.Credential) // our own file; whoever fetches the list verifies it
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.list, err = listOf(credential.Credential(parsed)); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.allocated, err = Decode(r.Allocated); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.allocated.Size() != f.list.bits.Size() {
		return fmt.Errorf("%w: %d indexes for %d bits", ErrFile, f.allocated.Size(), f.list.bits.Size())
	}
	return nil
}

// Close lets other processes open the file.
func (f *File) Close() error { return f.lock.Release() }

// Summary is what a list is.
type Summary struct {
	URL        string             `json:"url"`
	Issuer     string             `json:"issuer"`
	Purpose    credential.Purpose `json:"purpose"`
	Size       int                `json:"size"`
	Allocated  int                `json:"allocated"` // credentials that have an index
	Set        int                `json:"set"`       // of these, revoked or suspended
	ValidFrom  time.Time          `json:"valid_from"`
	ValidUntil time.Time          `json:"valid_until"`
}

// Summary tells what the list is.
func (f *File) Summary() Summary {
	return Summary{
		URL: f.list.url, Issuer: f.list.issuer.String(), Purpose: f.list.purpose, Size: f.list.bits.Size(),
		Allocated: f.allocated.Ones(), Set: f.list.bits.Ones(), ValidFrom: f.list.validFrom, ValidUntil: f.list.validUntil,
	}
}

// Credential gives the signed list.
func (f *File) Credential() string { return f.list.compact }

// Allocate takes an index for a new credential: a random one, so that the index does not tell when it was issued. When it
// returns, the index is taken for good: if we crash before the credential is issued, it stays unused.
func (f *File) Allocate() (credential.StatusEntry, error) {
	index, err := f.free()
	if err != nil {
		return credential.StatusEntry{}, err
	}
	if err := f.allocated.Set(index, true); err != nil {
		return credential.StatusEntry{}, err
	}
	if err := f.write(); err != nil {
		return credential.StatusEntry{}, err
	}
	return credential.StatusEntry{Purpose: f.list.purpose, List: f.list.url, Index: index}, nil
}

// free finds the first free index from a random one on.
func (f *File) free() (int, error) {
	size := f.allocated.Size()
	drawn, err := rand.Int(rand.Reader, big.NewInt(int64(size)))
	if err != nil {
		return 0, fmt.Errorf("status: draw an index: %w", err)
	}
	for i := range size {
		index := (int(drawn.Int64()) + i) % size
		if taken, err := f.allocated.Get(index); err != nil || !taken {
			return index, err
		}
	}
	return 0, ErrFull
}

// Set sets the bit of a credential, or clears that of a suspended one, and signs the list anew for this time.
func (f *File) Set(by credential.Signer, entry credential.StatusEntry, value bool, from, until time.Time) error {
	if entry.List != f.list.url || entry.Purpose != f.list.purpose {
		return fmt.Errorf("%w: the credential is on %s, for %s", ErrList, entry.List, entry.Purpose)
	}
	if taken, err := f.allocated.Get(entry.Index); err != nil || !taken {
		return errors.Join(fmt.Errorf("%w: %d", ErrUnused, entry.Index), err)
	}
	if err := f.list.bits.Set(entry.Index, value); err != nil {
		return err
	}
	return f.Renew(by, from, until)
}

// Renew signs the list anew for this time.
func (f *File) Renew(by credential.Signer, from, until time.Time) error {
	if by.DID != f.list.issuer {
		return fmt.Errorf("%w: %s", ErrOwner, f.list.issuer)
	}
	if from.Before(f.list.validFrom) {
		from = f.list.validFrom // a clock that was set back must not make an older list of it
	}
	f.list.validFrom, f.list.validUntil = from, until
	return f.publish(by)
}

func (f *File) publish(by credential.Signer) error {
	compact, err := f.list.sign(by)
	if err != nil {
		return err
	}
	f.list.compact = compact
	return f.write()
}

// write replaces the file whole.
func (f *File) write() error {
	data, err := json.Marshal(record{Version: fileVersion, Allocated: f.allocated.Encode(), Credential: f.list.compact})
	if err != nil {
		return fmt.Errorf("status: encode the list: %w", err)
	}
	directory := filepath.Dir(f.path)
	temporary, err := os.CreateTemp(directory, ".status-*.tmp") // of mode 0600
	if err != nil {
		return fmt.Errorf("status: write the list: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover does no harm
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("status: write the list: %w", err)
	}
	if err := os.Rename(temporary.Name(), f.path); err != nil {
		return fmt.Errorf("status: write the list: %w", err)
	}
	return syncDirectory(directory)
}

// syncDirectory makes the new name durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("status: sync the list's directory: %w", err)
	}
	if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("status: sync the list's directory: %w", err)
	}
	return nil
}

func readRecord(path string) (record, error) {
	file, err := os.Open(path)
	if err != nil {
		return record{}, fmt.Errorf("status: open the list: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, fileSizeMax+1))
	if err != nil {
		return record{}, fmt.Errorf("status: read the list: %w", err)
	}
	return decodeRecord(data)
}

func decodeRecord(data []byte) (r record, err error) {
	if len(data) > fileSizeMax {
		return r, fmt.Errorf("%w: over %d bytes", ErrFile, fileSizeMax)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if r.Version != fileVersion {
		return r, fmt.Errorf("%w: version %d", ErrFile, r.Version)
	}
	return r, nil
}

// Directory is where an issuer's lists lie: NAME.json each. It is what a server publishes, and needs no key.
type Directory string

// fileSuffix ends the names of lists in a Directory.
const fileSuffix = ".json"

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Path gives the file of a list. It returns ErrFile for a name that could leave the directory.
func (d Directory) Path(id string) (string, error) {
	if !nameForm.MatchString(id) {
		return "", fmt.Errorf("%w: no name %q", ErrFile, id)
	}
	return filepath.Join(string(d), id+fileSuffix), nil
}

// StatusList gives a list as it is published, or fs.ErrNotExist. It implements Lists.
func (d Directory) StatusList(id string) (string, error) {
	path, err := d.Path(id)
	if err != nil {
		return "", fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	r, err := readRecord(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(r.Credential), nil
}
