package node

import (
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/wallet"
)

// oneOf gives the nth vertex of an issuer.
func oneOf(t *testing.T, key wallet.PrivateKey, n int) *settle.Vertex {
	t.Helper()
	v, err := settle.Sign(settle.Draft{
		Network: wallet.NetworkID{1}, Issuer: wallet.DIDOf(key.Public()), Parents: []settle.VertexID{{1}, {2}}, Nonce: uint64(n),
		Payload: &settle.Anchor{Hash: [32]byte{1}},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAnAccountsShareIsWhatWaitsAndIsGivenBack(t *testing.T) {
	s, now := newShares(), time.Unix(1, 0)
	busy, other := wallet.NewPrivateKey([32]byte{1}), wallet.NewPrivateKey([32]byte{2})
	d := wallet.DIDOf(busy.Public())
	first := oneOf(t, busy, 0)
	s.take(first)
	s.take(first) // submitted twice, and waits once
	if got := s.waits(d); got != 1 {
		t.Fatalf("%d wait", got)
	}
	s.waiting[d] = shareMax - 1
	if s.exhausted(d, now) {
		t.Error("exhausted below the share")
	}
	s.take(oneOf(t, busy, 1))
	if !s.exhausted(d, now) || s.exhausted(wallet.DIDOf(other.Public()), now) {
		t.Error("the share does not bind, or binds somebody else")
	}
	s.tell(Notice{Stage: StageReceived, Vertex: first.ID()})
	if !s.exhausted(d, now) {
		t.Error("a vertex that was only received gives its place back")
	}
	s.tell(Notice{Stage: StageDecided, Vertex: first.ID()})
	s.tell(Notice{Stage: StageRepeated, Vertex: first.ID()}) // counted once
	if s.exhausted(d, now) || s.waits(d) != shareMax-1 {
		t.Errorf("%d wait", s.waits(d))
	}
}

func TestWhatChangesNothingIsBoundedASecond(t *testing.T) {
	s, now := newShares(), time.Unix(1, 0)
	key := wallet.NewPrivateKey([32]byte{1})
	d := wallet.DIDOf(key.Public())
	s.exhausted(d, now)
	decide := func(n int, v settle.Verdict) {
		vertex := oneOf(t, key, n)
		s.take(vertex)
		s.tell(Notice{Stage: StageDecided, Vertex: vertex.ID(), Verdict: v})
	}
	for n := range idleMax {
		if s.exhausted(d, now) {
			t.Fatalf("exhausted after %d", n)
		}
		decide(n, []settle.Verdict{settle.NoOp, settle.WrongSequence}[n%2])
		decide(idleMax+n, settle.Applied)         // which is paid for
		decide(2*idleMax+n, settle.TooFewParents) // nobody's fault
	}
	if !s.exhausted(d, now) {
		t.Error("not exhausted")
	}
	if s.exhausted(d, now.Add(time.Second)) {
		t.Error("still exhausted in the next second")
	}
	if len(s.issuer)+len(s.waiting) != 0 {
		t.Error("vertices that are decided are remembered")
	}
}
