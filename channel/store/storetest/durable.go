package storetest

import (
	"testing"

	"joulepay/channel/session"
	"joulepay/channel/store"
)

// RunDurable tests what holds beyond the life of a process. open opens the store in a folder: an empty one the first
// time, and later what was left there. The test closes what it opened.
func RunDurable(t *testing.T, open func(t *testing.T, folder string) store.Store) {
	reopen := func(t *testing.T, s store.Store, folder string) store.Store {
		t.Helper()
		if s != nil {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return open(t, folder)
	}
	t.Run("everything is there after reopening", func(t *testing.T) { testEverythingReopened(t, reopen) })
	t.Run("the rules hold across reopening", func(t *testing.T) { testRulesReopened(t, reopen) })
	t.Run("no key index comes twice across reopening", func(t *testing.T) { testKeyIndexReopened(t, reopen) })
}

type reopener func(t *testing.T, s store.Store, folder string) store.Store

func testEverythingReopened(t *testing.T, reopen reopener) {
	folder := t.TempDir()
	s := reopen(t, nil, folder)
	for round := range uint64(3) {
		for n := range uint64(4) {
			batch := Claim(n, round+1)
			batch.Ops = []session.OpRecord{Operation(n, session.OpPending), Operation(n+10*round, session.OpRefused)}
			batch.Ops[0].Payload = []byte("payload")
			commit(t, s, batch)
		}
		commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(round, 3, session.PhaseEnded)}})
		if err := s.PutReceipt(t.Context(), sessionID(round), []byte("receipt")); err != nil {
			t.Fatal(err)
		}
		before := content(t, s)
		s = reopen(t, s, folder)
		expect(t, "content", content(t, s), before)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func testRulesReopened(t *testing.T, reopen reopener) {
	folder := t.TempDir()
	s := reopen(t, nil, folder)
	final := Operation(1, session.OpFinal)
	final.Payload = []byte("payload")
	batch := Claim(1, 1)
	batch.Ops = []session.OpRecord{final, Operation(2, session.OpPending)}
	batch.Ops[1].Payload = []byte("payload")
	commit(t, s, batch)

	s = reopen(t, s, folder)
	changed := Reading(1, 0)
	changed.Signed[0] ^= 1
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{changed}})
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 2)}})
	commit(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 0), Reading(1, 1)}})
	commit(t, s, session.Batch{Ops: []session.OpRecord{
		Operation(1, session.OpPending), Operation(2, session.OpPending), Operation(3, session.OpPending),
	}})
	pending := must(s.PendingOps(t.Context()))(t)
	if len(pending) != 2 || string(pending[0].Payload) != "payload" || pending[0].Sequence != 2 || pending[1].Sequence != 3 {
		t.Errorf("pending: %+v", pending)
	}
	expect(t, "readings", must(s.Readings(t.Context(), sessionID(1)))(t), []session.ReadingRecord{Reading(1, 0), Reading(1, 1)})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func testKeyIndexReopened(t *testing.T, reopen reopener) {
	folder := t.TempDir()
	var s store.Store
	for want := uint32(1); want < 10; want++ {
		if want%3 == 1 {
			s = reopen(t, s, folder)
		}
		if got := must(s.NextKeyIndex(t.Context()))(t); got != want {
			t.Fatalf("index %d, want %d", got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
