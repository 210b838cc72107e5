package receipt

import (
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// KeysMax bounds the proofs of keys: of the vehicle, the station and who else brought a vertex, each with a key or two.
const KeysMax = 8

// What can be wrong with keys.
var (
	errManyKeys = fmt.Errorf("more than %d", KeysMax)
	errKeyTwice = errors.New("the same is proven twice")
	errUnproven = errors.New("signed under a key that replaced the DID's first one, and nothing proves that it did")
)

// provenKey is a key that the ledger, in a certified state, knew as a DID's current one.
type provenKey struct {
	did wallet.DID
	key wallet.PublicKey
}

// checkKeys verifies the proofs of keys. How old they are does not matter: they show that a key was the DID's.
func (d *dossier) checkKeys() error {
	if len(d.evidence.Keys) > KeysMax {
		return errManyKeys
	}
	for i, raw := range d.evidence.Keys {
		slot, err := proof.DecodeSlot(raw)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		shown, err := did.Read(d.network, wallet.DID(slot.Key.ID), slot)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		proven := provenKey{shown.DID, shown.Identity.Key}
		if _, twice := d.keys[proven]; twice {
			return fmt.Errorf("number %d: %w", i, errKeyTwice)
		}
		d.keys[proven] = slot.Final.Checkpoint.Number
	}
	return nil
}

// checkKey tells whether a key was a DID's: its first, or one that a proof shows.
func (d *dossier) checkKey(of wallet.DID, key wallet.PublicKey) error {
	if _, proven := d.keys[provenKey{of, key}]; proven || key == of.InceptionKey() {
		return nil
	}
	return fmt.Errorf("%w: %s of %s", errUnproven, key, of.Short())
}

// keysOf gives the keys that may have signed for a DID.
func (d *dossier) keysOf(of wallet.DID) []wallet.PublicKey {
	keys := []wallet.PublicKey{of.InceptionKey()}
	for proven := range d.keys {
		if proven.did == of && proven.key != keys[0] {
			keys = append(keys, proven.key)
		}
	}
	return keys
}

// checkSigner verifies a vertex's signature under a key that its issuer had.
func (d *dossier) checkSigner(vertex *settle.Vertex) error {
	var err error
	for _, key := range d.keysOf(vertex.Issuer()) {
		if err = SignedBy(vertex, key); err == nil {
			return nil
		}
	}
	return err
}

// SignedBy returns wallet.ErrSignature unless a vertex is signed under a key.
func SignedBy(vertex *settle.Vertex, key wallet.PublicKey) error {
	verifier, err := wallet.NewVerifier(key)
	if err != nil {
		return err
	}
	return vertex.Verify(verifier)
}

// signer says in words how a key is known to be a DID's; empty for its first key.
func (d *dossier) signer(of wallet.DID, key wallet.PublicKey) string {
	if key == of.InceptionKey() {
		return ""
	}
	return fmt.Sprintf(" with the key %s, which witnesses certified as its own in checkpoint %d", key, d.keys[provenKey{of, key}])
}
