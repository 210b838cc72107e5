package wallet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// RotationMax bounds how often an account key is rotated, and so how long the search for the current one takes.
const RotationMax = 1024

// ErrRotation is returned for a rotation that is not the next one.
var ErrRotation = errors.New("wallet: not a rotation that follows the one before")

// Rotation gives how often the account key was rotated.
func (w *Wallet) Rotation() uint32 { return w.secret().rotation }

// At gives the same wallet with the account key of another rotation: DID, channel keys and the rest stay.
func (w *Wallet) At(rotation uint32) *Wallet {
	if rotation == w.Rotation() {
		return w
	}
	secret := *w.secret()
	secret.rotation = rotation
	secret.account = NewPrivateKey(w.derive(PurposeAccount, rotation))
	return &Wallet{secret: func() *walletSecret { return &secret }}
}

// FindRotation tells which rotation an account key belongs to. A wallet that was restored from its words asks the ledger
// for the current key.
func (w *Wallet) FindRotation(key PublicKey) (uint32, bool) {
	for n := range uint32(RotationMax + 1) {
		if NewPrivateKey(w.derive(PurposeAccount, n)).Public() == key {
			return n, true
		}
	}
	return 0, false
}

// SaveRotation writes into a wallet's key file which rotation is the current one, and whether the next was begun. The
// password is that of the file, empty when it has none. When it returns nil the change is durable; if we crash before,
// the file is the old or the new one, whole. No key is lost by it: all derive from the same secret.
func SaveRotation(path string, password []byte, rotation uint32, rotating bool) error {
	data, err := readPrivate(path)
	if err != nil {
		return err
	}
	w, err := open(data, password)
	if err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	_, header, err := decodeKeyFile(data)
	if err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	if rotation < header.Rotation || rotation > RotationMax {
		return fmt.Errorf("%w: %d after %d", ErrRotation, rotation, header.Rotation)
	}
	fresh, err := sealRotating(w.At(rotation), password, header.Cost, header.Created, rotating)
	if err != nil {
		return err
	}
	return replace(path, fresh)
}

// replace puts other bytes in a file's place: a temporary file, made durable, then renamed.
func replace(path string, data []byte) (err error) {
	directory := filepath.Dir(path)
	temporary, err := os.CreateTemp(directory, ".wallet-*.tmp") // of mode 0600
	if err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // gone already when it was renamed
	if err := writeDurably(temporary, data); err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("wallet: write key file: %w", err)
	}
	return syncDirectory(directory)
}
