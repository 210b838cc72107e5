package wallet_test

import (
	"errors"
	"testing"

	"joulepay/wallet"
)

func TestAStatedKeyHasOneForm(t *testing.T) {
	first, next := wallet.NewPrivateKey([32]byte{1}).Public(), wallet.NewPrivateKey([32]byte{2}).Public()
	did := wallet.DIDOf(first)
	for _, key := range []wallet.PublicKey{first, next} {
		if got, err := wallet.StatedKey(did, wallet.StateKey(did, key)); err != nil || got != key {
			t.Errorf("%s: %s, %v", key, got, err)
		}
	}
	if len(wallet.StateKey(did, first)) != 0 {
		t.Error("the key that the DID names is stated")
	}
	small := wallet.PublicKey{}
	for name, stated := range map[string][]byte{
		"the key that the DID names": first[:], "half a key": next[:16], "a byte too many": append(next[:], 0), "a key of small order": small[:],
	} {
		if _, err := wallet.StatedKey(did, stated); !errors.Is(err, wallet.ErrStatedKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
