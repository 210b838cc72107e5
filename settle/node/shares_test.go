package node_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/node"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

func keyNumber(n int) wallet.PrivateKey {
	seed := [32]byte{77}
	binary.BigEndian.PutUint32(seed[1:], uint32(n))
	return wallet.NewPrivateKey(seed)
}

// startWith runs a node with a clock of its own.
func (n *network) startWith(t testing.TB, clock func() time.Time) *node.Node {
	t.Helper()
	running, err := node.Start(context.Background(), node.Options{
		CoreOptions: node.CoreOptions{Witness: n.witness}, Genesis: n.genesis, Store: n.store, Stream: n.stream,
		Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	return running
}

func postAnchor(t testing.TB, n *node.Node, key wallet.PrivateKey, number int) error {
	p := &settle.Anchor{Hash: [32]byte{1, byte(number), byte(number >> 8)}}
	_, err := n.Post(t.Context(), wallet.DIDOf(key.Public()), key, uint64(number)*10, p)
	return err
}

func TestCreditGrowsWhileTheLedgerSleeps(t *testing.T) {
	limits := settle.DefaultLimits()
	limits.CreditInterval = 24 * time.Hour // nothing to speak of in the time of a test
	limits.CreditCap = 10 * 24 * time.Hour
	net := newNetwork(t, limits)
	var ahead atomic.Int64
	n := net.startWith(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	car := wallet.NewPrivateKey([32]byte{10})
	first := net.post(t, n, net.issuer, 1, net.issue("first", net.issuer, eur))
	if _, err := n.WaitFinal(t.Context(), first.ID); err != nil { // ledger time has come to now
		t.Fatal(err)
	}
	net.post(t, n, net.issuer, 100, net.issue("a", car, 10*eur))
	for i := range int(limits.RegistrationCredit) {
		if err := postAnchor(t, n, car, i); err != nil {
			t.Fatal(err)
		}
	}
	height := n.Status().Head.Decided
	if err := postAnchor(t, n, car, 1000); !errors.Is(err, settle.ErrCreditSpent) {
		t.Fatalf("%v without credit", err)
	}
	if got := n.Status().Head.Decided; got != height {
		t.Errorf("a vertex that nobody pays for was ordered")
	}
	ahead.Store(int64(24 * time.Hour)) // and nothing happens meanwhile
	for i := range 10 {
		if err := postAnchor(t, n, car, 2000+i); err != nil {
			t.Fatalf("after a day: %v", err)
		}
	}
}

func TestNobodyOrdersWhatTheStateRefusesAlready(t *testing.T) {
	limits := settle.DefaultLimits()
	limits.CreditInterval = 24 * time.Hour
	net := newNetwork(t, limits)
	n := net.start(t)
	car, stranger := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	to := wallet.DIDOf(car.Public())
	net.post(t, n, net.issuer, 1, net.issue("a", car, 10*eur))
	net.post(t, n, car, 1, &settle.Transfer{Sequence: 1, To: to, Amount: eur})
	before := n.Status().Head.Decided
	for name, test := range map[string]struct {
		by      wallet.PrivateKey
		payload settle.Payload
		want    error
	}{
		"used sequence":     {car, &settle.Transfer{Sequence: 1, To: to, Amount: 2 * eur}, settle.ErrSequence},
		"far sequence":      {car, &settle.Transfer{Sequence: 1000, To: to, Amount: eur}, settle.ErrSequence},
		"no account":        {stranger, &settle.Transfer{Sequence: 1, To: to, Amount: eur}, settle.ErrOverspend},
		"nobody's anchor":   {stranger, &settle.Anchor{Hash: [32]byte{1}}, settle.ErrCreditSpent},
		"nobody's finalise": {stranger, &settle.Finalise{}, settle.ErrCreditSpent},
	} {
		if _, err := n.Post(t.Context(), wallet.DIDOf(test.by.Public()), test.by, 1, test.payload); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := n.Status().Head.Decided; got != before {
		t.Errorf("%d vertices were ordered", got-before)
	}
	// What was accepted before is still found by its payload, by whoever has the key.
	again, err := settle.Sign(settle.Draft{
		Network: n.Network().ID, Issuer: to, Parents: n.Tips(), Nonce: 2, Payload: &settle.Transfer{Sequence: 1, To: to, Amount: eur},
	}, car)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.SubmitVertex(t.Context(), resign(t, again, spoilt(again.Signature()))); !errors.Is(err, settle.ErrBadSignature) {
		t.Errorf("forged: %v", err)
	}
	if _, err := n.SubmitVertex(t.Context(), again); err != nil {
		t.Error(err)
	}
}

// counting counts the bundles of a stream, and remembers in which of them each vertex stands.
type counting struct {
	stream.Log
	mu      sync.Mutex // guards what follows
	bundles int
	placed  map[settle.VertexID]int
}

func (c *counting) AppendAll(ctx context.Context, bundles [][]byte) ([]stream.Position, error) {
	c.mu.Lock()
	for _, bundle := range bundles {
		c.bundles++
		raws, _ := dag.DecodeBundle(bundle)
		for _, raw := range raws {
			if e, err := dag.DecodeEntry(raw); err == nil && e.Vertex != nil {
				c.placed[e.Vertex.ID()] = c.bundles
			}
		}
	}
	c.mu.Unlock()
	return c.Log.AppendAll(ctx, bundles)
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bundles
}

func (c *counting) place(id settle.VertexID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.placed[id]
}

// junkKinds are vertices of strangers and forgers.
const junkKinds = 4

// junk signs vertices that cost a node something and nobody anything: without credit, with bad signatures, with sequences
// that are used or far away.
func junk(t testing.TB, n *node.Node, poor, victim wallet.PrivateKey, count int) [][]byte {
	out := make([][]byte, count)
	sign := func(i int, by wallet.PrivateKey, did wallet.DID, p settle.Payload) []byte {
		v, err := settle.Sign(settle.Draft{Network: n.Network().ID, Issuer: did, Parents: n.Tips(), Nonce: uint64(i), Payload: p}, by)
		if err != nil {
			t.Fatal(err)
		}
		return v.Encode()
	}
	to := wallet.DIDOf(victim.Public())
	for i := range out {
		switch i % junkKinds {
		case 0:
			stranger := keyNumber(i % 64)
			out[i] = sign(i, stranger, wallet.DIDOf(stranger.Public()), &settle.Anchor{Hash: [32]byte{2, byte(i), byte(i >> 8)}})
		case 1:
			out[i] = sign(i, poor, to, &settle.Anchor{Hash: [32]byte{3, byte(i), byte(i >> 8)}})
		case 2:
			out[i] = sign(i, poor, wallet.DIDOf(poor.Public()), &settle.Transfer{Sequence: 1, To: to, Amount: eur + 1})
		default:
			out[i] = sign(i, poor, wallet.DIDOf(poor.Public()), &settle.Transfer{Sequence: uint64(100 + i), To: to, Amount: eur})
		}
	}
	return out
}

// TestJunkTakesNoPlaceFromHonestVertices: what is junk never reaches a bundle, so an honest vertex waits for as few of
// them as without.
func TestJunkTakesNoPlaceFromHonestVertices(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	log := &counting{Log: net.stream, placed: map[settle.VertexID]int{}}
	net.stream = log
	n := net.start(t)
	honest, poor := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	net.post(t, n, net.issuer, 1, net.issue("a", honest, 1000*eur))
	net.post(t, n, net.issuer, 100, net.issue("b", poor, 10*eur))
	net.post(t, n, poor, 1, &settle.Transfer{Sequence: 1, To: wallet.DIDOf(poor.Public()), Amount: eur})

	const honestCount, junkEach = 20, 9 // nine in ten are junk
	rubbish := junk(t, n, poor, honest, honestCount*junkEach)
	before := n.Status().Head.Decided
	var all sync.WaitGroup
	for i := range honestCount {
		for _, raw := range rubbish[i*junkEach : (i+1)*junkEach] {
			all.Go(func() {
				if _, err := n.Submit(t.Context(), raw); err == nil {
					t.Error("junk was accepted")
				}
			})
		}
		bundles := log.count()
		r := net.post(t, n, honest, uint64(i)*10, &settle.Transfer{Sequence: uint64(i + 1), To: wallet.DIDOf(poor.Public()), Amount: eur})
		// Before its own come at most the two marks and certificates that make the vertex before it final.
		if waited := log.place(r.ID) - bundles; waited < 1 || waited > 5 {
			t.Errorf("vertex %d was placed in the %dth bundle", r.Height, waited)
		}
	}
	all.Wait()
	if ordered := n.Status().Head.Decided - before; ordered != honestCount {
		t.Errorf("%d vertices were ordered, %d are honest", ordered, honestCount)
	}
}

func TestOneAccountHasAShareOfWhatChangesNothing(t *testing.T) {
	limits := settle.DefaultLimits()
	limits.CreditInterval, limits.CreditCap = 0, 0
	net := newNetwork(t, limits)
	second := time.Now()
	n := net.startWith(t, func() time.Time { return second }) // which does not end
	busy, other := wallet.NewPrivateKey([32]byte{10}), wallet.NewPrivateKey([32]byte{11})
	net.post(t, n, net.issuer, 1, net.issue("a", busy, 10*eur))
	net.post(t, n, net.issuer, 100, net.issue("b", other, 10*eur))
	var err error
	for i := 0; i < 1000 && !errors.Is(err, node.ErrBusy); i++ {
		// Sequences that are not the next, but near enough to be worth a place.
		_, err = n.Post(t.Context(), wallet.DIDOf(busy.Public()), busy, uint64(1000+i), &settle.Transfer{Sequence: 5, To: wallet.DIDOf(other.Public()), Amount: eur})
		if err == nil {
			t.Fatal("a wrong sequence was accepted")
		}
	}
	if !errors.Is(err, node.ErrBusy) {
		t.Fatalf("a thousand vertices in vain, and still %v", err)
	}
	if err := postAnchor(t, n, other, 1); err != nil {
		t.Errorf("the other account: %v", err)
	}
}
