package wallet

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of key files. Those about a file on disk name it.
var (
	ErrKeyFile      = errors.New("wallet: not a key file")
	ErrVersion      = errors.New("wallet: key file of a version that this program does not know")
	ErrPassword     = errors.New("wallet: wrong password, or the key file was changed")
	ErrNoPassword   = errors.New("wallet: a protected key file needs a password")
	ErrNotProtected = errors.New("wallet: key file has no password, but one was given")
	ErrCost         = errors.New("wallet: argon2 cost out of bounds")
)

const (
	keyFileVersion = 1
	// keyFileSizeMax bounds what is read. A version 1 file is below 600 bytes; the rest is room for blanks.
	keyFileSizeMax = 4096
	saltSize       = 16 // RFC 9106, section 3.1: recommended for password hashing

	kdfArgon2id = "argon2id"
	kdfNone     = "none"
	cipherName  = "xchacha20-poly1305"

	// keyFileContext begins the associated data, so that no other use of the cipher can be confused with this one.
	keyFileContext = "joulepay/keyfile\x00"
)

// Bounds of the argon2id cost in a file, so that a hostile file cannot exhaust a small computer.
const (
	costPassesMax             = 16
	costMemoryKiBMax          = 256 * 1024
	costThreadsMax            = 16
	costMemoryKiBPerThreadMin = 8 // RFC 9106, section 3.1
)

// Cost is the work that one try of a password takes with argon2id (RFC 9106).
type Cost struct {
	Passes    uint32 `json:"passes"`
	MemoryKiB uint32 `json:"memory_kib"`
	Threads   uint8  `json:"threads"`
}

// DefaultCost is the second recommendation of RFC 9106, section 4: 64 MiB, a few tenths of a second.
func DefaultCost() Cost { return Cost{Passes: 3, MemoryKiB: 64 * 1024, Threads: 4} }

// DeviceCost is for devices with little memory, 9 MiB and as many passes as OWASP's password storage cheat sheet asks for
// with so little: a stolen file is easier to try passwords on, so its password should be a generated one.
func DeviceCost() Cost { return Cost{Passes: 4, MemoryKiB: 9 * 1024, Threads: 1} }

// TestCost protects nothing. It is for tests that open many files.
func TestCost() Cost { return Cost{Passes: 1, MemoryKiB: 8, Threads: 1} }

func (c Cost) check() error {
	if c.Passes < 1 || c.Passes > costPassesMax || c.Threads < 1 || c.Threads > costThreadsMax ||
		c.MemoryKiB < costMemoryKiBPerThreadMin*uint32(c.Threads) || c.MemoryKiB > costMemoryKiBMax {
		return fmt.Errorf("%w: %d passes, %d KiB, %d threads", ErrCost, c.Passes, c.MemoryKiB, c.Threads)
	}
	return nil
}

// FileInfo is what a key file says without a password. Only Open proves it.
type FileInfo struct {
	DID       DID
	Created   time.Time // zero when not recorded
	Protected bool      // whether a password is needed
	Rotation  uint32    // how often the account key was rotated
	Rotating  bool      // whether the next rotation was begun, and perhaps not ended
}

// sealedFile is the file: a header in the clear, authenticated with the entropy that is sealed under it.
type sealedFile struct {
	Header json.RawMessage `json:"header"`
	Sealed []byte          `json:"sealed"`
}

type fileHeader struct {
	Version int       `json:"version"`
	DID     DID       `json:"did"`
	Created time.Time `json:"created,omitzero"`
	// Rotation says which account key is the current one. It is no secret: the ledger says so too.
	Rotation uint32 `json:"rotation,omitempty"`
	Rotating bool   `json:"rotating,omitempty"`
	KDF      string `json:"kdf"`
	Cost     *Cost  `json:"cost,omitempty"`
	Salt     []byte `json:"salt,omitempty"`
	Cipher   string `json:"cipher"`
	Nonce    []byte `json:"nonce"`
}

// seal gives the bytes of a key file; without cost, one that no password protects.
func seal(w *Wallet, password []byte, cost *Cost, created time.Time) ([]byte, error) {
	return sealRotating(w, password, cost, created, false)
}

func sealRotating(w *Wallet, password []byte, cost *Cost, created time.Time, rotating bool) ([]byte, error) {
	header := fileHeader{Version: keyFileVersion, DID: w.DID(), Created: created.UTC().Truncate(time.Second),
		Rotation: w.Rotation(), Rotating: rotating,
		KDF: kdfNone, Cipher: cipherName, Nonce: randomBytes(chacha20poly1305.NonceSizeX)}
	if cost != nil {
		header.KDF, header.Cost, header.Salt = kdfArgon2id, cost, randomBytes(saltSize)
	}
	if err := header.check(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("wallet: encode the key file's header: %w", err)
	}
	sealed := header.aead(password).Seal(nil, header.Nonce, w.secret().entropy[:], associatedData(raw))
	data, err := json.Marshal(sealedFile{Header: raw, Sealed: sealed})
	if err != nil {
		return nil, fmt.Errorf("wallet: encode the key file: %w", err)
	}
	return append(data, '\n'), nil
}

// open reads the bytes of a key file back into the wallet.
func open(data, password []byte) (*Wallet, error) {
	file, header, err := decodeKeyFile(data)
	if err != nil {
		return nil, err
	}
	switch protected := header.KDF != kdfNone; {
	case protected && len(password) == 0:
		return nil, ErrNoPassword
	case !protected && len(password) > 0:
		return nil, ErrNotProtected
	}
	entropy, err := header.aead(password).Open(nil, header.Nonce, file.Sealed, associatedData(file.Header))
	if err != nil {
		return nil, ErrPassword
	}
	w := FromEntropy([EntropySize]byte(entropy))
	if w.DID() != header.DID {
		return nil, fmt.Errorf("%w: its DID is not that of its keys", ErrKeyFile)
	}
	return w.At(header.Rotation), nil
}

// decodeKeyFile checks all that needs no password. The header it returns is compact: blanks are not authenticated.
func decodeKeyFile(data []byte) (sealedFile, fileHeader, error) {
	var file sealedFile
	var header fileHeader
	if len(data) > keyFileSizeMax {
		return file, header, fmt.Errorf("%w: longer than %d bytes", ErrKeyFile, keyFileSizeMax)
	}
	if err := decodeStrict(data, &file); err != nil {
		return file, header, err
	}
	var versioned struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(file.Header, &versioned); err != nil {
		return file, header, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if versioned.Version != keyFileVersion {
		return file, header, fmt.Errorf("%w: %d, want %d", ErrVersion, versioned.Version, keyFileVersion)
	}
	if err := decodeStrict(file.Header, &header); err != nil {
		return file, header, err
	}
	if len(file.Sealed) != EntropySize+chacha20poly1305.Overhead {
		return file, header, fmt.Errorf("%w: %d sealed bytes", ErrKeyFile, len(file.Sealed))
	}
	return file, header, header.check()
}

func decodeStrict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than one value", ErrKeyFile)
	}
	return nil
}

func (h fileHeader) check() error {
	if h.DID.IsZero() || h.Cipher != cipherName || len(h.Nonce) != chacha20poly1305.NonceSizeX || h.Rotation > RotationMax {
		return fmt.Errorf("%w: DID, rotation, cipher or nonce", ErrKeyFile)
	}
	switch h.KDF {
	case kdfArgon2id:
		if h.Cost == nil || len(h.Salt) != saltSize {
			return fmt.Errorf("%w: cost or salt", ErrKeyFile)
		}
		return h.Cost.check()
	case kdfNone:
		if h.Cost != nil || len(h.Salt) != 0 {
			return fmt.Errorf("%w: cost or salt without a password", ErrKeyFile)
		}
		return nil
	default:
		return fmt.Errorf("%w: key derivation %q", ErrKeyFile, h.KDF)
	}
}

// aead gives the cipher of a checked header. Without a password its key is zero: the file is then only checked for
// damage, and whoever reads it has the keys.
func (h fileHeader) aead(password []byte) cipher.AEAD {
	key := make([]byte, chacha20poly1305.KeySize)
	if h.KDF == kdfArgon2id {
		key = argon2.IDKey(password, h.Salt, h.Cost.Passes, h.Cost.MemoryKiB, h.Cost.Threads, chacha20poly1305.KeySize)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic("wallet: XChaCha20-Poly1305 refuses 32 bytes: " + err.Error())
	}
	return aead
}

func associatedData(header json.RawMessage) []byte {
	data := bytes.NewBufferString(keyFileContext)
	// The header is valid JSON, so Compact cannot fail; were it not, Open would.
	_ = json.Compact(data, header)
	return data.Bytes()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}
