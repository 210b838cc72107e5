package receipt

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"

	"joulepay/settle"
)

// ErrAnchor is returned for an anchor that is not of this receipt, or not with this salt.
var ErrAnchor = errors.New("receipt: the anchor is of another receipt, or has another salt")

// Salt keeps an anchor from telling what it is of: a receipt has parties, times and amounts that can be guessed, and a plain
// hash would confirm the guess. Who keeps the receipt keeps the salt with it, and gives it to whoever is to check.
type Salt [32]byte

// NewSalt gives a fresh one.
func NewSalt() Salt {
	var s Salt
	_, _ = rand.Read(s[:]) // never fails since Go 1.24
	return s
}

// Anchor gives the payload that notes on the ledger that a receipt exists: SHA-256 of "joulepay/anchor\0", the salt and the
// receipt's bytes. Without the salt it says nothing of the receipt, and two anchors of one receipt have nothing in common.
func Anchor(receipt []byte, salt Salt) *settle.Anchor {
	return &settle.Anchor{Hash: sha256.Sum256(slices.Concat([]byte("joulepay/anchor\x00"), salt[:], receipt))}
}

// CheckAnchor returns ErrAnchor unless the anchor is of this receipt with this salt.
func CheckAnchor(anchor settle.Anchor, receipt []byte, salt Salt) error {
	if *Anchor(receipt, salt) != anchor {
		return ErrAnchor
	}
	return nil
}
