package gossip_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"joulepay/settle/gossip"
	"joulepay/settle/gossip/gossiptest"
	"joulepay/settle/proof"
)

func TestTwinKeepsTheContract(t *testing.T) {
	gossiptest.Run(t, func(_ *testing.T, count int) []gossip.Bus {
		m := gossip.NewMemory()
		var buses []gossip.Bus
		for i := range count {
			buses = append(buses, m.Join(uint8(i)))
		}
		return buses
	})
}

// serve answers at a place until the test ends.
func serve(t *testing.T, m *gossip.Memory, self uint8, from gossip.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Join(self).Serve(ctx, self, from) }()
	t.Cleanup(func() { cancel(); <-ended })
	for {
		_, err := m.Join(100).Standing(t.Context(), self)
		if err == nil {
			return
		}
		if !errors.Is(err, gossip.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

func TestTwinCutsAndLoses(t *testing.T) {
	m := gossip.NewMemory()
	for i := range uint8(4) {
		serve(t, m, i, &gossiptest.Source{})
	}
	reaches := func(from, to uint8) bool {
		_, err := m.Join(from).Standing(t.Context(), to)
		return err == nil
	}
	m.Partition([]uint8{0, 1}, []uint8{2, 3})
	if !reaches(0, 1) || !reaches(3, 2) || reaches(1, 2) || reaches(2, 1) {
		t.Error("a partition has two sides")
	}
	m.Heal()
	m.Cut(2, 1, true)
	if reaches(1, 2) || reaches(2, 1) {
		t.Error("a request and its answer need both ways")
	}
	m.Heal()
	m.SetLoss(func(from, to uint8) bool { return from == 0 })
	if reaches(0, 1) || reaches(1, 0) || !reaches(1, 2) {
		t.Error("loss takes what it is told to take")
	}
	m.SetLoss(nil)
	if !reaches(0, 1) {
		t.Error("loss does not end")
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add(gossip.Request{Kind: gossip.AskStanding}.Encode())
	f.Add(gossip.Request{Kind: gossip.AskEntries, After: 3, UpTo: 9}.Encode())
	f.Add([]byte{1, 2, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := gossip.DecodeRequest(raw)
		if err != nil {
			if !errors.Is(err, gossip.ErrRequest) {
				t.Errorf("untyped: %v", err)
			}
			return
		}
		if again := q.Encode(); !bytes.Equal(again, raw) || len(raw) > gossip.RequestSizeMax {
			t.Errorf("%x reads as %+v, which is %x", raw, q, again)
		}
	})
}

// echo is a Source that gives what was read.
type echo struct {
	standing gossip.Standing
	entries  [][]byte
}

func (e echo) Standing() gossip.Standing { return e.standing }

func (e echo) Entries(context.Context, uint64, uint64) ([][]byte, error) { return e.entries, nil }

func isTyped(err error) bool {
	for _, known := range []error{gossip.ErrAnswer, gossip.ErrNothing, gossip.ErrRequest, gossip.ErrUnavailable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func FuzzReadStanding(f *testing.F) {
	ask := gossip.Request{Kind: gossip.AskStanding}.Encode()
	f.Add(gossip.Answer(context.Background(), ask, echo{standing: gossiptest.Standing()}))
	f.Add(gossip.Answer(context.Background(), ask, echo{standing: gossip.Standing{Checkpoint: proof.Checkpoint{Height: 1}}}))
	f.Add(gossip.Answer(context.Background(), []byte("?"), echo{}))
	f.Add(gossip.Busy())
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := gossip.ReadStanding(raw)
		if err != nil {
			if !isTyped(err) {
				t.Errorf("untyped: %v", err)
			}
			return
		}
		if again := gossip.Answer(t.Context(), ask, echo{standing: s}); !bytes.Equal(again, raw) {
			t.Errorf("%x reads as %+v, which is %x", raw, s, again)
		}
	})
}

func FuzzReadEntries(f *testing.F) {
	ask := gossip.Request{Kind: gossip.AskEntries, UpTo: 9}.Encode()
	f.Add(gossip.Answer(context.Background(), ask, echo{entries: [][]byte{{1}, {2, 3}}}))
	f.Add(gossip.Answer(context.Background(), ask, echo{}))
	f.Add([]byte{1, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := gossip.ReadEntries(raw)
		if err != nil {
			if !isTyped(err) {
				t.Errorf("untyped: %v", err)
			}
			return
		}
		if again := gossip.Answer(t.Context(), ask, echo{entries: entries}); !bytes.Equal(again, raw) {
			t.Errorf("%x reads as %d entries, which is %x", raw, len(entries), again)
		}
	})
}

func TestTheLargestAnswersFit(t *testing.T) {
	small := make([][]byte, gossip.PageEntriesMax)
	for i := range small {
		small[i] = bytes.Repeat([]byte{1}, gossip.PageSizeMax/gossip.PageEntriesMax)
	}
	const brokerTakes = 1 << 20
	for name, entries := range map[string][][]byte{"one": {make([]byte, gossip.PageSizeMax)}, "many": small} {
		raw := gossip.Answer(t.Context(), gossip.Request{Kind: gossip.AskEntries, UpTo: 9}.Encode(), echo{entries: entries})
		got, err := gossip.ReadEntries(raw)
		if err != nil || !reflect.DeepEqual(got, entries) || len(raw) >= brokerTakes {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
	}
}
