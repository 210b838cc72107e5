package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/did/didtest"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

var (
	stationKey = wallet.NewPrivateKey([32]byte{3})
	nextKey    = wallet.NewPrivateKey([32]byte{4})
	station    = wallet.DIDOf(stationKey.Public())
	noon       = didtest.Noon
	noise      = [32]byte{7}
)

var errDown = errors.New("down")

// stage is a registry on a ledger whose node the test plays.
type stage struct {
	*testing.T
	*didtest.Ledger
	node     didtest.Node
	now      time.Time
	registry *registry.Registry
}

func newStage(t *testing.T, required bool) *stage {
	s := &stage{T: t, Ledger: didtest.NewLedger(t), now: noon}
	s.registry = registry.New(s.Network(), &s.node, registry.Options{Required: required, Now: func() time.Time { return s.now }})
	return s
}

// proves lets the node answer with the station's registration as it is now, certified at a time.
func (s *stage) proves(at time.Time) {
	s.Helper()
	s.node.Says(station, s.Resolve(station, at))
}

func (s *stage) register(version uint64, bound ...settle.KeyBinding) {
	s.Helper()
	s.Apply(settle.NewPublish(s.ID(), station, version, settle.Document{Role: settle.RoleStation, Bindings: bound}, stationKey))
}

func (s *stage) want(what string, key wallet.PrivateKey, static *[32]byte, want error) {
	s.Helper()
	if err := s.registry.Check(context.Background(), station, key.Public(), static); !errors.Is(err, want) || (err == nil) != (want == nil) {
		s.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestWhoIsNotRegisteredHasTheKeyOfItsNameUnlessARegistrationIsRequired(t *testing.T) {
	s := newStage(t, false)
	s.node.Denies(station)
	s.want("its own key", stationKey, &noise, nil)
	s.want("another key", nextKey, &noise, did.ErrKey)
	strict := newStage(t, true)
	strict.node.Denies(station)
	strict.want("its own key", stationKey, &noise, registry.ErrUnregistered)
	strict.register(1)
	strict.proves(noon)
	strict.now = noon.Add(2 * time.Minute)
	strict.want("once registered", stationKey, &noise, nil)
}

func TestAKeyThatWasRotatedAwayIsRefusedAndTheNewOneIsNot(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(noon)
	s.want("before", stationKey, nil, nil)
	s.Apply(settle.NewRotate(s.ID(), station, 2, stationKey, nextKey))
	s.now = noon.Add(2 * time.Minute)
	s.proves(s.now)
	s.want("the old key", stationKey, nil, did.ErrKey)
	s.want("the new key", nextKey, nil, nil)
	if keys, err := s.registry.Keys(context.Background())(station); err != nil || len(keys) != 1 || keys[0] != nextKey.Public() {
		t.Errorf("%v %v", keys, err)
	}
}

func TestADeactivatedDIDIsRefusedForEver(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.Apply(settle.NewDeactivate(s.ID(), station, 2, stationKey))
	s.proves(noon)
	s.now = noon.Add(48 * time.Hour)
	s.want("by an old proof", stationKey, nil, did.ErrDeactivated)
	s.now = s.now.Add(48 * time.Hour)
	s.node.Denies(station)
	s.want("though a node denies it", stationKey, nil, did.ErrDeactivated)
	if keys, err := s.registry.Keys(context.Background())(station); err != nil || len(keys) != 0 {
		t.Errorf("%v %v", keys, err)
	}
}

func TestAProofThatIsTooOldIsRefused(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(noon)
	s.now = noon.Add(registry.AgeMax)
	s.want("of an hour", stationKey, nil, nil)
	s.now = s.now.Add(time.Second)
	s.want("of more", stationKey, nil, did.ErrStale)
	s.proves(s.now)
	s.want("anew", stationKey, nil, nil)
	s.now = s.now.Add(time.Hour + did.AheadMax)
	s.proves(s.now.Add(2 * did.AheadMax))
	s.want("from the future", stationKey, nil, did.ErrStale)
}

func TestANodeTakesNothingBackThatWasProven(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(noon)
	first := s.node.Answers[station]
	s.Apply(settle.NewRotate(s.ID(), station, 2, stationKey, nextKey))
	s.proves(noon.Add(time.Minute))
	s.now = noon.Add(time.Minute)
	s.want("rotated", nextKey, nil, nil)

	s.now = noon.Add(5 * time.Minute)
	for name, play := range map[string]func(){
		"an earlier state": func() { s.node.Says(station, first) },
		"no registration":  func() { s.node.Denies(station) },
		"not reachable":    func() { s.node.Err = errDown },
		"a forged proof":   func() { s.node.Says(station, did.Resolution{Certified: []byte("proof")}) },
	} {
		play()
		s.want(name+", the new key", nextKey, nil, nil)
		s.want(name+", the old key", stationKey, nil, did.ErrKey)
	}
	s.now = noon.Add(2 * time.Hour)
	s.node.Denies(station)
	s.want("when the proof is too old", stationKey, nil, did.ErrProof)
}

func TestWhatNobodyTellsIsNotKnown(t *testing.T) {
	s := newStage(t, false)
	s.node.Err = errDown
	s.want("no answer", stationKey, nil, registry.ErrUnknown)
	s.node.Err = nil
	s.node.Says(station, did.Resolve(station, settle.Identity{Key: stationKey.Public(), Status: settle.AccountActive, Version: 1}))
	s.want("said, not proven", stationKey, nil, registry.ErrUnknown)
	s.node.Says(station, did.Resolution{Certified: []byte("proof")})
	s.want("a forged proof", stationKey, nil, did.ErrProof)
}

func TestAnAnswerServesForAMinute(t *testing.T) {
	s := newStage(t, false)
	s.node.Denies(station)
	if _, known := s.registry.Known(station); known || s.node.Asked != 0 {
		t.Error("known before anybody was asked")
	}
	for range 3 {
		s.want("asked once", stationKey, nil, nil)
	}
	if standing, known := s.registry.Known(station); !known || standing.Registered || s.node.Asked != 1 {
		t.Errorf("%+v %t, asked %d times", standing, known, s.node.Asked)
	}
	s.now = noon.Add(time.Minute)
	s.node.Err = errDown
	s.want("no longer", stationKey, nil, registry.ErrUnknown)
}

func TestWhoAsksAnewHearsOfARotationWithinTheMinute(t *testing.T) {
	s := newStage(t, false)
	s.register(1)
	s.proves(noon)
	s.want("before", stationKey, nil, nil)
	s.Apply(settle.NewRotate(s.ID(), station, 2, stationKey, nextKey))
	s.proves(noon)
	s.want("as it was known", stationKey, nil, nil)
	anew := func() error { return s.registry.CheckAnew(t.Context(), station, stationKey.Public(), nil) }
	if err := anew(); !errors.Is(err, did.ErrKey) {
		t.Errorf("asked anew: %v", err)
	}
	s.want("from then on", stationKey, nil, did.ErrKey)
	s.node.Err = errDown
	if err := anew(); !errors.Is(err, did.ErrKey) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestANoiseKeyThatTheDocumentDoesNotNameIsRefused(t *testing.T) {
	s := newStage(t, false)
	bound := settle.KeyBinding{Purpose: wallet.PurposeNoiseStatic, Hash: settle.BindingHash(s.ID(), station, wallet.PurposeNoiseStatic, noise)}
	s.register(1, bound)
	s.proves(noon)
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
	s.node.Denies(station)
	if err := s.registry.Check(t.Context(), station, stationKey.Public(), nil); err != nil {
		t.Fatal(err)
	}
	s.Apply(settle.NewRotate(s.ID(), station, 1, stationKey, nextKey))
	s.proves(noon)
	if err := s.registry.Check(t.Context(), station, nextKey.Public(), nil); err != nil {
		t.Errorf("the new key, within the minute: %v", err)
	}
	if err := s.registry.Check(t.Context(), station, stationKey.Public(), nil); !errors.Is(err, did.ErrKey) {
		t.Errorf("the old key: %v", err)
	}
}

func TestWhoEndedOrIsNotRegisteredIsNotTurnedTo(t *testing.T) {
	s := newStage(t, true)
	s.node.Denies(station)
	if err := s.registry.CheckActive(t.Context(), station); !errors.Is(err, registry.ErrUnregistered) {
		t.Errorf("not registered: %v", err)
	}
	s = newStage(t, true)
	s.Apply(settle.NewRotate(s.ID(), station, 1, stationKey, nextKey))
	s.proves(noon)
	if err := s.registry.CheckActive(t.Context(), station); err != nil {
		t.Errorf("rotated: %v", err)
	}
	s = newStage(t, false)
	s.Apply(settle.NewDeactivate(s.ID(), station, 1, stationKey))
	s.proves(noon)
	if err := s.registry.CheckActive(t.Context(), station); !errors.Is(err, did.ErrDeactivated) {
		t.Errorf("deactivated: %v", err)
	}
}
