package wallet

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// PurposeExport is for what a wallet seals for itself: m/19024'/6'/0'.
const PurposeExport Purpose = 6

// ErrSealed is returned for bytes that this wallet did not seal, or not for this use.
var ErrSealed = errors.New("wallet: sealed by another wallet, for another use, or changed since")

// SealOverhead is how much longer sealed bytes are.
const SealOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Seal encrypts data so that only this wallet opens it, one restored from its words too: XChaCha20-Poly1305 under
// m/19024'/6'/0', a random nonce in front. use and header are authenticated with it; use keeps one kind of file from being
// taken for another.
func (w *Wallet) Seal(use string, header, data []byte) []byte {
	key := w.derive(PurposeExport, 0)
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("wallet: XChaCha20-Poly1305 refuses 32 bytes: " + err.Error())
	}
	nonce := randomBytes(chacha20poly1305.NonceSizeX)
	return aead.Seal(nonce, nonce, data, sealContext(use, header))
}

// Unseal gives back what Seal was given, or ErrSealed.
func (w *Wallet) Unseal(use string, header, sealed []byte) ([]byte, error) {
	if len(sealed) < SealOverhead {
		return nil, fmt.Errorf("%w: %d bytes", ErrSealed, len(sealed))
	}
	key := w.derive(PurposeExport, 0)
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("wallet: XChaCha20-Poly1305 refuses 32 bytes: " + err.Error())
	}
	nonce, rest := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	data, err := aead.Open(nil, nonce, rest, sealContext(use, header))
	if err != nil {
		return nil, ErrSealed
	}
	return data, nil
}

func sealContext(use string, header []byte) []byte {
	return append([]byte("joulepay/sealed\x00"+use+"\x00"), header...)
}
