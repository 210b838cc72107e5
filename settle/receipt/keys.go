package receipt

import (
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// KeysMax bounds the proofs of keys, of both kinds together: of the vehicle, the station and who else brought a vertex, each
// with a key or two.
const KeysMax = 8

// What can be wrong with keys.
var (
	errManyKeys = fmt.Errorf("more than %d", KeysMax)
	errKeyTwice = errors.New("the same is proven twice")
	errUnproven = errors.New("signed under a key that replaced the DID's first one, and nothing proves that it did")
	errRotation = errors.New("not a rotation that the ledger applied")
)

// provenKey is a key that the ledger, in a certified state, knew as a DID's current one.
type provenKey struct {
	did wallet.DID
	key wallet.PublicKey
}

// shownBy is what shows a key.
type shownBy struct {
	checkpoint uint64 // its number
	version    uint64 // of the DID, in which it had the key: a later one replaced it
}

// checkKeys verifies the proofs of keys: of the DID's slot, which shows its key of then, or of the rotation that made a key the
// DID's, which is good also when the key was replaced again. How old they are does not matter: they show that a key was the DID's.
func (d *dossier) checkKeys() error {
	if len(d.evidence.Keys)+len(d.evidence.Rotations) > KeysMax {
		return errManyKeys
	}
	if err := d.checkSlots(); err != nil {
		return err
	}
	for i, stated := range d.evidence.Rotations {
		proven, by, err := d.readRotation(stated)
		if err == nil {
			err = d.noteKey(proven, by)
		}
		if err != nil {
			return fmt.Errorf("rotation %d: %w", i, err)
		}
	}
	return nil
}

func (d *dossier) checkSlots() error {
	for i, raw := range d.evidence.Keys {
		slot, err := proof.DecodeSlot(raw)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		shown, err := did.Read(d.network, wallet.DID(slot.Key.ID), slot)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		by := shownBy{slot.Final.Checkpoint.Number, shown.Identity.Version}
		if err := d.noteKey(provenKey{shown.DID, shown.Identity.Key}, by); err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
	}
	return nil
}

func (d *dossier) noteKey(proven provenKey, by shownBy) error {
	if _, twice := d.keys[proven]; twice {
		return errKeyTwice
	}
	d.keys[proven] = by
	return nil
}

// readRotation verifies that the ledger applied a rotation, which it does only when the keys before and after signed it. Whoever
// brought the vertex has no part in that.
func (d *dossier) readRotation(stated Vertex) (proven provenKey, by shownBy, err error) {
	vertex, err := settle.DecodeVertex(stated.Vertex)
	if err != nil {
		return proven, by, err
	}
	rotation, ok := vertex.Payload().(*settle.Rotate)
	if !ok {
		return proven, by, fmt.Errorf("%w: %s", errRotation, vertex.Payload().Kind())
	}
	p, err := proof.DecodeVertex(stated.Proof)
	if err != nil {
		return proven, by, err
	}
	switch {
	case vertex.Network() != d.network.ID:
		return proven, by, errOtherNetwork
	case p.ID != vertex.ID():
		return proven, by, errOtherVertex
	case p.Verdict != settle.Applied:
		return proven, by, fmt.Errorf("%w: %s", errRotation, p.Verdict)
	}
	if err := p.Verify(d.network); err != nil {
		return proven, by, err
	}
	return provenKey{rotation.DID, rotation.Key}, shownBy{p.Final.Checkpoint.Number, rotation.Version}, nil
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

// checkIssuer tells whether a key was a DID's, and none that the evidence shows replaced it: whoever signs a receipt signs now,
// and a key that was lost signs nothing.
func (d *dossier) checkIssuer(of wallet.DID, key wallet.PublicKey) error {
	if err := d.checkKey(of, key); err != nil {
		return err
	}
	version := d.keys[provenKey{of, key}].version // none for the first key: any other replaced it
	for proven, by := range d.keys {
		if proven.did == of && proven.key != key && by.version > version {
			return errRetired
		}
	}
	return nil
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
	return fmt.Sprintf(" with the key %s, which witnesses certified as its own in checkpoint %d", key, d.keys[provenKey{of, key}].checkpoint)
}
