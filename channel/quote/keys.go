package quote

import (
	"fmt"

	"joulepay/wallet"
)

// Keys says whether a key may sign for a DID now. It answers from what is at hand, as a machine never waits. The nil value
// takes the key that the DID names and no other: right until a key is rotated, and all that can be known without a ledger.
type Keys func(wallet.DID, wallet.PublicKey) error

// Check asks; without anybody to ask every other key than the DID's first is wallet.ErrSignature.
func (k Keys) Check(did wallet.DID, key wallet.PublicKey) error {
	switch {
	case k != nil:
		return k(did, key)
	case key != did.InceptionKey():
		return fmt.Errorf("%w: not by the key that %s names", wallet.ErrSignature, did.Short())
	}
	return nil
}

// AnyKey takes every key. It is for quotes that were agreed on before, and for who proves their Signer otherwise.
func AnyKey(wallet.DID, wallet.PublicKey) error { return nil }

// verify checks a signature under the key that a body states for a DID, and that this key is the DID's.
func (k Keys) verify(did wallet.DID, stated []byte, domain wallet.Domain, network wallet.NetworkID, e envelope) error {
	key, err := wallet.StatedKey(did, stated)
	if err != nil {
		return err
	}
	if err := wallet.Verify(key, domain, network, e.Body, e.Signature); err != nil {
		return err
	}
	return k.Check(did, key)
}
