// Package registry owns what a machine believes of the keys of others: whether a DID is registered, which key it has now,
// and how lately that was proven. It leaves proofs to settle/did, fetching to the Ledger that it is given, and what follows
// from an answer to who asks.
// It keeps its part of invariant I9: of a registration it believes what witnesses certified lately, never the node that it
// asked; and what was proven once, no node takes back.
//
// Who asks whether a key may sign calls Check; who verifies credentials takes Keys.
package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Errors. Those of a proof are of package did: ErrStale, ErrDeactivated, ErrKey, ErrProof.
var (
	// ErrUnregistered says that a registration is required, and there is none.
	ErrUnregistered = errors.New("registry: the DID is not registered")
	// ErrUnknown says that nobody could tell.
	ErrUnknown = errors.New("registry: what the ledger knows of the DID could not be learned")
	// ErrBinding says that a DID's document names its Noise key, and this is another.
	ErrBinding = errors.New("registry: not the Noise key that the DID's document names")
)

const (
	// AgeMax is how old a proof may be unless somebody says otherwise: the time within which a rotation is noticed by
	// everybody, even by who asks a node that hides it.
	AgeMax = time.Hour
	// againAfter is when a ledger is asked again: a rotation that an honest node knows is noticed within it.
	againAfter = time.Minute
	// knownMax bounds what is remembered: the stations of a long journey, or the vehicles of a day.
	knownMax = 1024
)

// Ledger answers for a DID; client.Client does.
type Ledger interface {
	DID(ctx context.Context, d wallet.DID, proof bool) (did.Resolution, error)
}

// Options say what is insisted on.
type Options struct {
	AgeMax   time.Duration    // of a proof; zero: AgeMax
	Required bool             // refuse who is not registered
	Now      func() time.Time // wall clock; required
}

// Registry asks a ledger, and remembers. It is safe for concurrent use.
type Registry struct {
	network *proof.Network
	ledger  Ledger
	options Options

	mu    sync.Mutex // guards known
	known map[wallet.DID]Standing
}

// New makes a registry on the ledger of a pinned network.
func New(network *proof.Network, ledger Ledger, o Options) *Registry {
	if o.AgeMax <= 0 {
		o.AgeMax = AgeMax
	}
	return &Registry{network: network, ledger: ledger, options: o, known: map[wallet.DID]Standing{}}
}

// Standing is what is known of a DID.
type Standing struct {
	DID          wallet.DID
	Registered   bool
	Registration did.Registration // proven, where Registered
	asked        time.Time
}

// Current gives the keys that may sign for the DID now: none when it was deactivated. Before it is registered that is the key
// that it names.
func (s Standing) Current() []wallet.PublicKey {
	switch {
	case !s.Registered:
		return []wallet.PublicKey{s.DID.InceptionKey()}
	case s.Registration.Identity.Status == settle.AccountDeactivated:
		return nil
	}
	return []wallet.PublicKey{s.Registration.Identity.Key}
}

// CheckKey returns did.ErrDeactivated or did.ErrKey unless a key may sign for the DID now.
func (s Standing) CheckKey(key wallet.PublicKey) error {
	switch {
	case s.Registered && s.Registration.Identity.Status == settle.AccountDeactivated:
		return fmt.Errorf("%w: %s", did.ErrDeactivated, s.DID.Short())
	case s.Registered:
		return s.Registration.CheckKey(key)
	case key != s.DID.InceptionKey():
		return fmt.Errorf("%w: %s is not registered, and this is not the key that it names", did.ErrKey, s.DID.Short())
	}
	return nil
}

// Look gives what is known of a DID, and asks the ledger when that is not of this minute. A ledger that does not answer, or
// whose answer proves nothing, leaves what was proven before, until it is too old.
func (r *Registry) Look(ctx context.Context, d wallet.DID) (Standing, error) {
	now := r.options.Now()
	before, known := r.recall(d)
	if known && now.Sub(before.asked) < againAfter && r.fresh(before, now) {
		return before, nil
	}
	return r.lookAgain(ctx, d)
}

// lookAgain asks the ledger, however lately it was asked.
func (r *Registry) lookAgain(ctx context.Context, d wallet.DID) (Standing, error) {
	now := r.options.Now()
	before, _ := r.recall(d)
	found, err := r.ask(ctx, d, before, now)
	if err == nil {
		r.remember(found)
		return found, nil
	}
	if before.Registered && r.fresh(before, now) {
		return before, nil
	}
	return Standing{}, err
}

// Known gives what is known of a DID without asking anybody, if it is fresh enough.
func (r *Registry) Known(d wallet.DID) (Standing, bool) {
	s, known := r.recall(d)
	return s, known && r.fresh(s, r.options.Now())
}

// Check tells whether a key may sign for a DID, and where its document names a Noise key, whether this is it. static may be
// nil where no Noise key was shown. A key that is not the known one may have replaced it since: then the ledger is asked again.
func (r *Registry) Check(ctx context.Context, d wallet.DID, key wallet.PublicKey, static *[32]byte) error {
	s, err := r.Look(ctx, d)
	if err != nil {
		return err
	}
	if errors.Is(s.CheckKey(key), did.ErrKey) {
		if s, err = r.lookAgain(ctx, d); err != nil {
			return err
		}
	}
	return r.judge(s, key, static)
}

// CheckAnew is Check with an answer of now: for who has trusted a key for some time, and asks whether it still may.
func (r *Registry) CheckAnew(ctx context.Context, d wallet.DID, key wallet.PublicKey, static *[32]byte) error {
	s, err := r.lookAgain(ctx, d)
	if err != nil {
		return err
	}
	return r.judge(s, key, static)
}

func (r *Registry) judge(s Standing, key wallet.PublicKey, static *[32]byte) error {
	if r.options.Required && !s.Registered {
		return fmt.Errorf("%w: %s", ErrUnregistered, s.DID)
	}
	if err := s.CheckKey(key); err != nil {
		return err
	}
	if static != nil && s.Registered && names(s.Registration, wallet.PurposeNoiseStatic) &&
		!s.Registration.Binds(r.network.ID, wallet.PurposeNoiseStatic, *static) {
		return fmt.Errorf("%w: %s", ErrBinding, s.DID.Short())
	}
	return nil
}

// CheckActive tells whether somebody may be turned to at all, before it has shown a key: it is registered where that is
// required, and not deactivated.
func (r *Registry) CheckActive(ctx context.Context, d wallet.DID) error {
	s, err := r.Look(ctx, d)
	switch {
	case err != nil:
		return err
	case r.options.Required && !s.Registered:
		return fmt.Errorf("%w: %s", ErrUnregistered, d)
	case len(s.Current()) == 0:
		return fmt.Errorf("%w: %s", did.ErrDeactivated, d.Short())
	}
	return nil
}

// Keys gives the keys of issuers to who verifies credentials. Issuers need not be registered.
func (r *Registry) Keys(ctx context.Context) func(wallet.DID) ([]wallet.PublicKey, error) {
	return func(d wallet.DID) ([]wallet.PublicKey, error) {
		s, err := r.Look(ctx, d)
		if err != nil {
			return nil, err
		}
		return s.Current(), nil
	}
}

func names(r did.Registration, purpose wallet.Purpose) bool {
	for _, b := range r.Identity.Document.Bindings {
		if b.Purpose == purpose {
			return true
		}
	}
	return false
}

// fresh tells whether what is known still counts. A deactivation counts for ever: it is never taken back. That somebody is not
// registered has no proof, so it is as old as the answer.
func (r *Registry) fresh(s Standing, now time.Time) bool {
	switch {
	case !s.Registered:
		return now.Sub(s.asked) < againAfter
	case s.Registration.Identity.Status == settle.AccountDeactivated:
		return true
	}
	return now.Sub(s.Registration.At) <= r.options.AgeMax
}

// ask asks the ledger. What it says counts no less than what was proven before.
func (r *Registry) ask(ctx context.Context, d wallet.DID, before Standing, now time.Time) (Standing, error) {
	answer, err := r.ledger.DID(ctx, d, true)
	if err != nil {
		return Standing{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	found := Standing{DID: d, asked: now}
	switch {
	case len(answer.Certified) > 0:
	case before.Registered:
		return Standing{}, fmt.Errorf("%w: the ledger was shown to know %s, and this node proves nothing of it", did.ErrProof, d.Short())
	case answer.Metadata.Registered:
		return Standing{}, fmt.Errorf("%w: the registration of %s is not final yet", ErrUnknown, d.Short())
	default:
		return found, nil
	}
	found.Registered = true
	found.Registration, err = did.Verify(r.network, d, answer.Certified, now, r.options.AgeMax)
	ended := found.Registration.Identity.Status == settle.AccountDeactivated // which is an answer, and a lasting one
	if err != nil && !ended {
		return Standing{}, err
	}
	if before.Registered && found.Registration.Identity.Version < before.Registration.Identity.Version {
		return Standing{}, fmt.Errorf("%w: an earlier state of %s than the one that was shown before", did.ErrStale, d.Short())
	}
	return found, nil
}

func (r *Registry) recall(d wallet.DID) (Standing, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.known[d]
	return s, known
}

// remember keeps an answer in place of the oldest one, where there are too many.
func (r *Registry) remember(s Standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.known[s.DID]; !known && len(r.known) >= knownMax {
		var oldest wallet.DID
		for d, other := range r.known {
			if oldest.IsZero() || other.asked.Before(r.known[oldest].asked) {
				oldest = d
			}
		}
		delete(r.known, oldest)
	}
	r.known[s.DID] = s
}
