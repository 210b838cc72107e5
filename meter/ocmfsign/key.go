package ocmfsign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"joulepay/meter/ocmf"
)

// ErrKey is returned for a file that holds no P-256 key, or that others may read.
var ErrKey = errors.New("ocmfsign: want a P-256 key as PKCS #8 in PEM, readable by its owner alone")

// keyFileMax bounds a key file: such a key is 250 bytes of PEM.
const keyFileMax = 4 << 10

const pemType = "PRIVATE KEY"

// LoadKey reads a meter's key, or makes one where the file does not exist. Standard tools read it too.
func LoadKey(path string) (ocmf.PrivateKey, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return ocmf.PrivateKey{}, fmt.Errorf("%w: %s has mode %#o", ErrKey, path, info.Mode().Perm())
	}
	raw, err := io.ReadAll(io.LimitReader(file, keyFileMax))
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return ocmf.PrivateKey{}, fmt.Errorf("%w: %s", ErrKey, path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("%w: %s", ErrKey, path)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return ocmf.PrivateKey{}, fmt.Errorf("%w: %s", ErrKey, path)
	}
	return keyOf(key)
}

func keyOf(key *ecdsa.PrivateKey) (ocmf.PrivateKey, error) {
	scalar, err := key.Bytes()
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return ocmf.ParsePrivateKey(ocmf.P256, scalar)
}

// makeKey writes a fresh key under a temporary name and links it to its own, so that a file is whole or not there, and one
// that another process made meanwhile stays.
func makeKey(path string) (ocmf.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".meter-*.tmp") // of mode 0600
	if err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // linked by then
	_, err = temporary.Write(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		return ocmf.PrivateKey{}, fmt.Errorf("meter key: %w", err)
	}
	return keyOf(key)
}
