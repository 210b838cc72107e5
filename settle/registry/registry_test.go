package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/did"
	"joulepay/settle/proof"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	operatorKey = wallet.NewPrivateKey([32]byte{1})
	witnessKey  = wallet.NewPrivateKey([32]byte{2})
	stationKey  = wallet.NewPrivateKey([32]byte{3})
	nextKey     = wallet.NewPrivateKey([32]byte{4})
	operator    = wallet.DIDOf(operatorKey.Public())
	station     = wallet.DIDOf(stationKey.Public())
	noon        = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	noise       = [32]byte{7}
)

// world is a ledger with one witness, whose clock the test sets.
type world struct {
	*testing.T
	network *proof.Network
	state   *dag.State
	votes   *dag.Finality
	nonce   uint64
}

func newWorld(t *testing.T) *world {
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: noon, Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: operator, Cap: 1_000_000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witnessKey.Public()), Key: witnessKey.Public(), Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	final := proof.Final{Checkpoint: state.LastCheckpoint()}
	return &world{T: t, network: state.Network(), state: state, votes: dag.NewFinality(state.Network(), final, nil)}
}

func (w *world) apply(p settle.Payload) {
	w.Helper()
	w.nonce++
	v, err := settle.Sign(settle.Draft{Network: w.network.ID, Issuer: operator, Parents: w.state.Tips(0), Nonce: w.nonce, Payload: p}, operatorKey)
	if err != nil {
		w.Fatal(err)
	}
	if r, err := w.state.Apply(dag.Entry{Vertex: v}); err != nil || r.Verdict != settle.Applied {
		w.Fatalf("%s: %s, %v", p.Kind(), r.Verdict, err)
	}
}

// finalize makes the state of now final, certified at a time.
func (w *world) finalize(at time.Time) proof.Final {
	w.Helper()
	for range 2 {
		r, err := w.state.Apply(dag.Entry{Mark: w.state.LastCheckpoint().Number + 1})
		if err != nil || r.Checkpoint == nil {
			w.Fatal("no checkpoint", err)
		}
		w.votes.Mark(*r.Checkpoint)
		vote, _ := w.votes.NextVote(settle.LedgerTimeOf(at))
		signed, err := w.network.Witnesses.SignVote(vote, w.network.ID, witnessKey)
		if err != nil {
			w.Fatal(err)
		}
		certificate, err := w.votes.Vote(signed)
		if err != nil || certificate == nil {
			w.Fatal("no certificate", err)
		}
		if _, err := w.state.Apply(dag.Entry{Certificate: certificate}); err != nil {
			w.Fatal(err)
		}
	}
	return w.votes.Final()
}

func (w *world) prove(final proof.Final, key settle.SlotKey) proof.Slot {
	w.Helper()
	content, inclusion, err := w.state.ProveSlot(final.Checkpoint.Number, key)
	if err != nil {
		w.Fatal(err)
	}
	return proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}
}

// node answers as a ledger does, or as the test wants.
type node struct {
	answer did.Resolution
	err    error
	asked  int
}

func (n *node) DID(context.Context, wallet.DID, bool) (did.Resolution, error) {
	n.asked++
	return n.answer, n.err
}

// proves lets the node answer with the station's registration as it is now, certified at a time.
func (w *world) proves(n *node, at time.Time) {
	w.Helper()
	slot := w.prove(w.finalize(at), settle.DIDKey(station))
	identity, err := settle.DecodeIdentity(slot.Content)
	if err != nil {
		w.Fatal(err)
	}
	n.answer, n.err = did.Resolve(station, identity), nil
	n.answer.Certified = slot.Encode()
}

func denies(n *node) { n.answer, n.err = did.Inception(station), nil }

var errDown = errors.New("down")

// stage is a registry on a ledger whose node the test plays.
type stage struct {
	*world
	node     node
	now      time.Time
	registry *registry.Registry
}

func newStage(t *testing.T, required bool) *stage {
	s := &stage{world: newWorld(t), now: noon}
	s.registry = registry.New(s.network, &s.node, registry.Options{Required: required, Now: func() time.Time { return s.now }})
	return s
}

func (s *stage) register(version uint64, bound ...settle.KeyBinding) {
	s.Helper()
	s.apply(settle.NewPublish(s.network.ID, station, version, settle.Document{Role: settle.RoleStation, Bindings: bound}, stationKey))
}

func (s *stage) want(what string, key wallet.PrivateKey, static *[32]byte, want error) {
	s.Helper()
	if err := s.registry.Check(context.Background(), station, key.Public(), static); !errors.Is(err, want) || (err == nil) != (want == nil) {
		s.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestWhoIsNotRegisteredHasTheKeyOfItsNameUnlessARegistrationIsRequired(t *testing.T) {
	s := newStage(t, false)
	denies(&s.node)
	s.want("its own key", stationKey, &noise, nil)
	s.want("another key", nextKey, &noise, did.ErrKey)
	strict := newStage(t, true)
	denies(&strict.node)
	strict.want("its own key", stationKey, &noise, registry.ErrUnregistered)
	strict.register(1)
	strict.proves(&strict.node, noon)
	strict.now = noon.Add(2 * time.Minute)
	strict.want("once registered", stationKey, &noise, nil)
}

func TestAKeyThatWasRotatedAwayIsRefusedAndTheNewOneIsNot(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(&s.node, noon)
	s.want("before", stationKey, nil, nil)
	s.apply(settle.NewRotate(s.network.ID, station, 2, stationKey, nextKey))
	s.now = noon.Add(2 * time.Minute)
	s.proves(&s.node, s.now)
	s.want("the old key", stationKey, nil, did.ErrKey)
	s.want("the new key", nextKey, nil, nil)
	if keys, err := s.registry.Keys(context.Background())(station); err != nil || len(keys) != 1 || keys[0] != nextKey.Public() {
		t.Errorf("%v %v", keys, err)
	}
}

func TestADeactivatedDIDIsRefusedForEver(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.apply(settle.NewDeactivate(s.network.ID, station, 2, stationKey))
	s.proves(&s.node, noon)
	s.now = noon.Add(48 * time.Hour)
	s.want("by an old proof", stationKey, nil, did.ErrDeactivated)
	s.now = s.now.Add(48 * time.Hour)
	denies(&s.node)
	s.want("though a node denies it", stationKey, nil, did.ErrDeactivated)
	if keys, err := s.registry.Keys(context.Background())(station); err != nil || len(keys) != 0 {
		t.Errorf("%v %v", keys, err)
	}
}

func TestAProofThatIsTooOldIsRefused(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(&s.node, noon)
	s.now = noon.Add(registry.AgeMax)
	s.want("of an hour", stationKey, nil, nil)
	s.now = s.now.Add(time.Second)
	s.want("of more", stationKey, nil, did.ErrStale)
	s.proves(&s.node, s.now)
	s.want("anew", stationKey, nil, nil)
	s.now = s.now.Add(time.Hour + did.AheadMax)
	s.proves(&s.node, s.now.Add(2*did.AheadMax))
	s.want("from the future", stationKey, nil, did.ErrStale)
}

func TestANodeTakesNothingBackThatWasProven(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(&s.node, noon)
	first := s.node.answer
	s.apply(settle.NewRotate(s.network.ID, station, 2, stationKey, nextKey))
	s.proves(&s.node, noon.Add(time.Minute))
	s.now = noon.Add(time.Minute)
	s.want("rotated", nextKey, nil, nil)

	s.now = noon.Add(5 * time.Minute)
	for name, play := range map[string]func(){
		"an earlier state": func() { s.node.answer = first },
		"no registration":  func() { denies(&s.node) },
		"not reachable":    func() { s.node.err = errDown },
		"a forged proof":   func() { s.node.answer.Certified = []byte("proof"); s.node.err = nil },
	} {
		play()
		s.want(name+", the new key", nextKey, nil, nil)
		s.want(name+", the old key", stationKey, nil, did.ErrKey)
	}
	s.now = noon.Add(2 * time.Hour)
	denies(&s.node)
	s.want("when the proof is too old", stationKey, nil, did.ErrProof)
}

func TestWhatNobodyTellsIsNotKnown(t *testing.T) {
	s := newStage(t, false)
	s.node.err = errDown
	s.want("no answer", stationKey, nil, registry.ErrUnknown)
	s.node.err = nil
	s.node.answer = did.Resolve(station, settle.Identity{Key: stationKey.Public(), Status: settle.AccountActive, Version: 1})
	s.want("said, not proven", stationKey, nil, registry.ErrUnknown)
	s.node.answer.Certified = []byte("proof")
	s.want("a forged proof", stationKey, nil, did.ErrProof)
}

func TestAnAnswerServesForAMinute(t *testing.T) {
	s := newStage(t, false)
	denies(&s.node)
	if _, known := s.registry.Known(station); known || s.node.asked != 0 {
		t.Error("known before anybody was asked")
	}
	for range 3 {
		s.want("asked once", stationKey, nil, nil)
	}
	if standing, known := s.registry.Known(station); !known || standing.Registered || s.node.asked != 1 {
		t.Errorf("%+v %t, asked %d times", standing, known, s.node.asked)
	}
	s.now = noon.Add(time.Minute)
	s.node.err = errDown
	s.want("no longer", stationKey, nil, registry.ErrUnknown)
}

func TestWhoAsksAnewHearsOfARotationWithinTheMinute(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(&s.node, noon)
	s.want("before", stationKey, nil, nil)
	s.apply(settle.NewRotate(s.network.ID, station, 2, stationKey, nextKey))
	s.proves(&s.node, noon)
	s.want("as it was known", stationKey, nil, nil)
	anew := func() error { return s.registry.CheckAnew(t.Context(), station, stationKey.Public(), nil) }
	if err := anew(); !errors.Is(err, did.ErrKey) {
		t.Errorf("asked anew: %v", err)
	}
	s.want("from then on", stationKey, nil, did.ErrKey)
	s.node.err = errDown
	if err := anew(); !errors.Is(err, did.ErrKey) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestANoiseKeyThatTheDocumentDoesNotNameIsRefused(t *testing.T) {
	s := newStage(t, false)
	bound := settle.KeyBinding{Purpose: wallet.PurposeNoiseStatic, Hash: settle.BindingHash(s.network.ID, station, wallet.PurposeNoiseStatic, noise)}
	s.register(1, bound)
	s.proves(&s.node, noon)
	other := [32]byte{8}
	s.want("its own", stationKey, &noise, nil)
	s.want("another", stationKey, &other, registry.ErrBinding)
	s.want("none was shown", stationKey, nil, nil)
}

func TestI9_WhatIsRememberedIsBounded(t *testing.T) {
	s := newStage(t, false)
	for i := range 1100 {
		key := wallet.NewPrivateKey([32]byte{9, byte(i), byte(i >> 8)}).Public()
		s.now = s.now.Add(time.Millisecond)
		if err := s.registry.Check(context.Background(), wallet.DIDOf(key), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	first := wallet.DIDOf(wallet.NewPrivateKey([32]byte{9}).Public())
	if _, known := s.registry.Known(first); known {
		t.Error("the first of 1,100 is still known")
	}
}

func TestAKeyThatReplacedTheKnownOneIsAskedForAtOnce(t *testing.T) {
	s := newStage(t, false)
	denies(&s.node)
	if err := s.registry.Check(t.Context(), station, stationKey.Public(), nil); err != nil {
		t.Fatal(err)
	}
	s.apply(settle.NewRotate(s.network.ID, station, 1, stationKey, nextKey))
	s.proves(&s.node, noon)
	if err := s.registry.Check(t.Context(), station, nextKey.Public(), nil); err != nil {
		t.Errorf("the new key, within the minute: %v", err)
	}
	if err := s.registry.Check(t.Context(), station, stationKey.Public(), nil); !errors.Is(err, did.ErrKey) {
		t.Errorf("the old key: %v", err)
	}
}

func TestWhoEndedOrIsNotRegisteredIsNotTurnedTo(t *testing.T) {
	s := newStage(t, true)
	denies(&s.node)
	if err := s.registry.CheckActive(t.Context(), station); !errors.Is(err, registry.ErrUnregistered) {
		t.Errorf("not registered: %v", err)
	}
	s = newStage(t, true)
	s.apply(settle.NewRotate(s.network.ID, station, 1, stationKey, nextKey))
	s.proves(&s.node, noon)
	if err := s.registry.CheckActive(t.Context(), station); err != nil {
		t.Errorf("rotated: %v", err)
	}
	s = newStage(t, false)
	s.apply(settle.NewDeactivate(s.network.ID, station, 1, stationKey))
	s.proves(&s.node, noon)
	if err := s.registry.CheckActive(t.Context(), station); !errors.Is(err, did.ErrDeactivated) {
		t.Errorf("deactivated: %v", err)
	}
}
