// Package did owns what the ledger says of a DID in the words of the W3C: the DID document of an identity slot, the
// result of resolving one, and the check that a machine makes offline: that a DID was registered, under which key, and
// how lately, by a proof against the witnesses of the genesis. It leaves the rules of registration to settle/dag and
// how the proof arrives to whoever carries it (settle/client, a charger's greeting).
// It keeps its part of invariant I9: a node that answers is believed nothing that its proof does not show.
//
// Verify reads a proof; Resolve, Inception and Key write results for people and libraries.
package did

import (
	"errors"
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Errors of a proof.
var (
	ErrProof       = errors.New("did: not a proof of this DID's registration")
	ErrStale       = errors.New("did: the proof is too old, or of a clock ahead of ours")
	ErrDeactivated = errors.New("did: the DID was deactivated")
	ErrKey         = errors.New("did: not the DID's current key")
)

// AheadMax is how far the witnesses' clocks may be ahead of ours in a proof.
const AheadMax = time.Minute

// Registration is what a final checkpoint shows of a DID.
type Registration struct {
	DID      wallet.DID
	Identity settle.Identity
	At       time.Time // by the witnesses' clocks, when it was so
}

// Verify reads an encoded proof.Slot as a proof that a DID is registered and active, not older than an age. It needs
// nothing but the genesis. It returns ErrProof, ErrStale or ErrDeactivated; with the last two the registration too.
func Verify(network *proof.Network, d wallet.DID, raw []byte, now time.Time, age time.Duration) (Registration, error) {
	slot, err := proof.DecodeSlot(raw)
	if err != nil {
		return Registration{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	r, err := Read(network, d, slot)
	if err != nil {
		return Registration{}, err
	}
	if since := now.Sub(r.At); since > age || since < -AheadMax {
		return r, fmt.Errorf("%w: of %s, at most %s before %s", ErrStale, r.At.UTC().Format(time.RFC3339), age, now.UTC().Format(time.RFC3339))
	}
	if r.Identity.Status == settle.AccountDeactivated {
		return r, fmt.Errorf("%w: %s", ErrDeactivated, d)
	}
	return r, nil
}

// Read verifies a proof, whatever its age and the DID's status.
func Read(network *proof.Network, d wallet.DID, slot proof.Slot) (Registration, error) {
	if slot.Key != settle.DIDKey(d) {
		return Registration{}, fmt.Errorf("%w: of slot %s", ErrProof, slot.Key)
	}
	if err := slot.Verify(network); err != nil {
		return Registration{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	identity, err := settle.DecodeIdentity(slot.Content)
	if err != nil {
		return Registration{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return Registration{DID: d, Identity: identity, At: slot.Final.CertifiedAt(network)}, nil
}

// CheckKey returns ErrKey unless a key is the DID's current one: one that was rotated away signs nothing any more.
func (r Registration) CheckKey(key wallet.PublicKey) error {
	if key != r.Identity.Key {
		return fmt.Errorf("%w: %s since %s has %s", ErrKey, r.DID.Short(), r.Identity.Updated.Time().Format(time.RFC3339), r.Identity.Key)
	}
	return nil
}

// Binds tells whether the document names a derived key as the DID's own for a purpose.
func (r Registration) Binds(network wallet.NetworkID, purpose wallet.Purpose, key [32]byte) bool {
	want := settle.KeyBinding{Purpose: purpose, Hash: settle.BindingHash(network, r.DID, purpose, key)}
	for _, b := range r.Identity.Document.Bindings {
		if b == want {
			return true
		}
	}
	return false
}
