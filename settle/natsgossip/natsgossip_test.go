package natsgossip_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/gossip"
	"joulepay/settle/gossip/gossiptest"
	"joulepay/settle/natsgossip"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// patience ends a test that would hang; no test waits for it to pass.
const patience = 2 * time.Minute

// ledger is a network with its witnesses' wallets, in the order of their places.
type ledger struct {
	network   *proof.Network
	witnesses []*wallet.Wallet
}

func newLedger(t testing.TB, count int) ledger {
	t.Helper()
	var l ledger
	g := settle.Genesis{Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.UnixMilli(1), Limits: settle.DefaultLimits()}
	for range count {
		w := wallet.Generate()
		l.witnesses = append(l.witnesses, w)
		g.Witnesses = append(g.Witnesses, settle.Witness{DID: w.DID(), Key: w.Account().Public(), Weight: 1})
	}
	g.Issuers = []settle.Issuer{{DID: l.witnesses[0].DID(), Cap: money.Nano}}
	settle.SortWitnesses(g.Witnesses)
	slices.SortFunc(l.witnesses, func(a, b *wallet.Wallet) int {
		x, y := a.DID(), b.DID()
		return bytes.Compare(x[:], y[:])
	})
	genesis, err := settle.NewGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	if l.network, err = proof.NewNetwork(genesis); err != nil {
		t.Fatal(err)
	}
	for i, w := range l.witnesses {
		if l.network.Genesis.Witnesses[i].DID != w.DID() {
			t.Fatal("wallets are not in the order of their places")
		}
	}
	return l
}

// connectKey signs as a node does; what exactly is signed is not this package's business.
func connectKey(w *wallet.Wallet) natsd.Key {
	key := w.NATS()
	return natsd.Key{Public: key.Public(), Sign: func(nonce []byte) []byte {
		s := key.Sign(wallet.DomainConnect, wallet.NetworkID{}, nonce)
		return s[:]
	}}
}

func verify(key [natsd.KeySize]byte, nonce, signature []byte) error {
	public, err := wallet.ParsePublicKey(key[:])
	if err != nil || len(signature) != wallet.SignatureSize {
		return wallet.ErrSignature
	}
	return wallet.Verify(public, wallet.DomainConnect, wallet.NetworkID{}, nonce, wallet.Signature(signature))
}

var errStranger = errors.New("stranger")

func (l ledger) startBroker(t testing.TB, followers ...wallet.DID) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Verify: verify, Authorize: natsgossip.Policy(l.network, followers, []string{"log"},
		func(natsd.Client) (natsd.Permissions, error) { return natsd.Permissions{}, errStranger })})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// dial connects a wallet as a node of the ledger. What the server forbids comes to onError.
func (l ledger) dial(t testing.TB, s *natsd.Server, w *wallet.Wallet, onError func(error)) *nats.Conn {
	t.Helper()
	key := natsgossip.NodeKey(w, l.network.ID, connectKey(w))
	conn, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: key, InboxPrefix: natsgossip.Inbox(l.network.ID, key.Public), OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func (l ledger) bus(t testing.TB, s *natsd.Server, place int) *natsgossip.Bus {
	t.Helper()
	conn := l.dial(t, s, l.witnesses[place], func(err error) { t.Error(err) })
	return natsgossip.New(conn, natsgossip.Options{Network: l.network.ID, Place: place, OnError: func(err error) { t.Error(err) }})
}

func TestBusKeepsTheContract(t *testing.T) {
	gossiptest.Run(t, func(t *testing.T, count int) (buses []gossip.Bus) {
		l := newLedger(t, count)
		s := l.startBroker(t)
		for i := range count {
			buses = append(buses, l.bus(t, s, i))
		}
		return buses
	})
}

// serve answers at a place until the test ends.
func serve(t *testing.T, b *natsgossip.Bus, asker gossip.Bus, self uint8, from gossip.Source) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Serve(ctx, self, from) }()
	t.Cleanup(func() { cancel(); <-ended })
	for limit := time.After(patience); ; {
		_, err := asker.Standing(t.Context(), self)
		if err == nil {
			return
		}
		select {
		case <-limit:
			t.Fatal(err)
		default:
		}
	}
}

func TestI9_StrangeRequestsAreAnsweredWithATypedError(t *testing.T) {
	l := newLedger(t, 2)
	s := l.startBroker(t)
	asker := l.bus(t, s, 1)
	serve(t, l.bus(t, s, 0), asker, 0, &gossiptest.Source{Log: [][]byte{{1}}})
	conn := l.dial(t, s, l.witnesses[1], func(err error) { t.Error(err) })
	peer := strings.TrimSuffix(natsgossip.Subjects(l.network.ID, 0).Subscribe[1], "*")
	standing := gossip.Request{Kind: gossip.AskStanding}.Encode()
	for name, c := range map[string]struct {
		subject string
		raw     []byte
	}{
		"empty":         {"standing", nil},
		"noise":         {"entries", []byte("noise")},
		"long":          {"standing", make([]byte, 1<<20)},
		"trailing":      {"standing", append(slices.Clone(standing), 0)},
		"other topic":   {"entries", standing},
		"no such":       {"everything", standing},
		"empty heights": {"entries", gossip.Request{Kind: gossip.AskEntries, After: 3, UpTo: 3}.Encode()},
	} {
		answer, err := conn.Request(peer+c.subject, c.raw, patience)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := gossip.ReadStanding(answer.Data); !errors.Is(err, gossip.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := asker.Standing(t.Context(), 0); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// A peer that works on as much as it may says so at once to the next who asks.
func TestABusyPeerSaysSo(t *testing.T) {
	l := newLedger(t, 2)
	s := l.startBroker(t)
	askers := []*natsgossip.Bus{l.bus(t, s, 1), l.bus(t, s, 1)} // one asks no more than four things at once
	source := &gossiptest.Source{Log: [][]byte{{1}}, Blocked: make(chan struct{}), Entered: make(chan struct{})}
	serve(t, l.bus(t, s, 0), askers[0], 0, source)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := askers[0].Entries(t.Context(), 0, 0, 1)
			for errors.Is(err, gossip.ErrUnavailable) { // it may just be done with what it answered before
				got, err = askers[0].Entries(t.Context(), 0, 0, 1)
			}
			if err != nil || len(got) != 1 {
				t.Errorf("%d entries, %v", len(got), err)
			}
		})
	}
	for range 4 {
		<-source.Entered
	}
	if _, err := askers[1].Entries(t.Context(), 0, 0, 1); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("while four are at work: %v", err)
	}
	close(source.Blocked)
	all.Wait()
}

// A node uses its own subjects; what belongs to others is refused by the broker, and its user sees it.
func TestNodesKeepToTheirSubjects(t *testing.T) {
	l := newLedger(t, 3)
	follower := wallet.Generate()
	s := l.startBroker(t, follower.DID())
	refused := make(chan error, 10)
	place := l.dial(t, s, l.witnesses[2], func(err error) { refused <- err })
	await := func(what string) {
		t.Helper()
		select {
		case err := <-refused:
			if !errors.Is(err, natsd.ErrForbidden) {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(patience):
			t.Errorf("%s: nobody refuses", what)
		}
	}
	// Another witness's vote is refused by the broker when the bus lets it through.
	if err := natsgossip.New(place, natsgossip.Options{Network: l.network.ID, Place: 1}).Broadcast(t.Context(), gossiptest.Vote(1, 5)); err != nil {
		t.Fatal(err)
	}
	await("another's vote")
	serving := natsgossip.New(place, natsgossip.Options{Network: l.network.ID})
	if err := serving.Serve(t.Context(), 0, &gossiptest.Source{}); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("served for another: %v", err)
	}
	await("serving for another")
	for _, w := range []*wallet.Wallet{l.witnesses[0], follower} {
		foreign := natsgossip.Inbox(l.network.ID, w.NATS().Public()) + ".>"
		if sub, err := place.SubscribeSync(foreign); err == nil {
			_, err = sub.NextMsg(patience)
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("another's answers: %v", err)
			}
		}
		await("another's answers")
	}
	// A follower hears and asks, and no more.
	followerConn := l.dial(t, s, follower, func(err error) { refused <- err })
	following := natsgossip.New(followerConn, natsgossip.Options{Network: l.network.ID, Place: natsgossip.Follower})
	serve(t, l.bus(t, s, 1), following, 1, &gossiptest.Source{})
	if err := following.Broadcast(t.Context(), gossiptest.Vote(0, 5)); !errors.Is(err, gossip.ErrRequest) {
		t.Errorf("a follower's vote: %v", err)
	}
	voting := natsgossip.New(followerConn, natsgossip.Options{Network: l.network.ID, Place: 0})
	if err := voting.Broadcast(t.Context(), gossiptest.Vote(0, 5)); err != nil {
		t.Fatal(err)
	}
	await("a follower's vote")
}

func TestOnlyNodesOfTheLedgerAreLetIn(t *testing.T) {
	l, other := newLedger(t, 2), newLedger(t, 1)
	s := l.startBroker(t)
	w, stranger := l.witnesses[0], wallet.Generate()
	good := natsgossip.NodeKey(w, l.network.ID, connectKey(w))
	for name, key := range map[string]natsd.Key{
		"no proof":          connectKey(w),
		"a stranger":        natsgossip.NodeKey(stranger, l.network.ID, connectKey(stranger)),
		"another network's": natsgossip.NodeKey(w, other.network.ID, connectKey(w)),
		"a copied proof":    {Public: stranger.NATS().Public(), Sign: connectKey(stranger).Sign, Proof: good.Proof},
		"a cut proof":       {Public: good.Public, Sign: good.Sign, Proof: good.Proof[:40]},
		"a changed proof":   {Public: good.Public, Sign: good.Sign, Proof: good.Proof[:60] + "AAAA" + good.Proof[64:]},
	} {
		if conn, err := natsd.Dial(s.ClientURL(), natsd.DialOptions{Key: key}); !errors.Is(err, natsd.ErrRefused) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				conn.Close()
			}
		}
	}
	l.dial(t, s, w, nil)
}

// What the owner of a subscription must know comes out of it.
func TestTheEndOfASubscriptionIsAnError(t *testing.T) {
	l := newLedger(t, 1)
	s := l.startBroker(t)
	conn := l.dial(t, s, l.witnesses[0], nil)
	bus := natsgossip.New(conn, natsgossip.Options{Network: l.network.ID})
	ended := make(chan error, 1)
	go func() { ended <- bus.Votes(t.Context(), func(proof.SignedVote) {}) }()
	conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, gossip.ErrUnavailable) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("goes on over a closed connection")
	}
	if err := bus.Broadcast(t.Context(), gossiptest.Vote(0, 3)); !errors.Is(err, gossip.ErrUnavailable) {
		t.Errorf("broadcast: %v", err)
	}
}

// BenchmarkVote gives how long a vote takes from one node to another over loopback, each alone on its way.
func BenchmarkVote(b *testing.B) {
	l := newLedger(b, 2)
	s := l.startBroker(b)
	from, to := l.bus(b, s, 0), l.bus(b, s, 1)
	ctx, cancel := context.WithCancel(b.Context())
	heard, ended := make(chan uint64, 100), make(chan error)
	go func() { ended <- to.Votes(ctx, func(v proof.SignedVote) { heard <- v.Vote.Target.Number }) }()
	number := uint64(1)
	send := func() {
		number++
		if err := from.Broadcast(ctx, gossiptest.Vote(0, number)); err != nil {
			b.Fatal(err)
		}
	}
	for send(); len(heard) == 0; send() { // until the subscription is there
		time.Sleep(time.Millisecond)
	}
	await := func() {
		for <-heard != number {
		}
	}
	await()
	for b.Loop() {
		send()
		await()
	}
	cancel()
	<-ended
}

// BenchmarkPage gives how long a full page of entries takes.
func BenchmarkPage(b *testing.B) {
	l := newLedger(b, 2)
	s := l.startBroker(b)
	server, asker := l.bus(b, s, 0), l.bus(b, s, 1)
	page := make([][]byte, 1024)
	for i := range page {
		page[i] = make([]byte, gossip.PageSizeMax/len(page))
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, 0, &gossiptest.Source{Log: page}) }()
	for _, err := asker.Standing(ctx, 0); err != nil; _, err = asker.Standing(ctx, 0) {
		time.Sleep(time.Millisecond)
	}
	b.SetBytes(gossip.PageSizeMax)
	for b.Loop() {
		if _, err := asker.Entries(ctx, 0, 0, uint64(len(page))); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	<-ended
}

// FuzzPolicy reads what a connection says of itself, as a broker of a ledger does of anybody.
func FuzzPolicy(f *testing.F) {
	l := newLedger(f, 1)
	honest := natsgossip.NodeKey(l.witnesses[0], l.network.ID, connectKey(l.witnesses[0]))
	policy := natsgossip.Policy(l.network, nil, []string{"log"}, func(natsd.Client) (natsd.Permissions, error) { return natsd.Permissions{}, errStranger })
	for _, seed := range []string{"", "~", honest.Proof, honest.Proof[:len(honest.Proof)/2]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, proof string) {
		_, err := policy(natsd.Client{Key: honest.Public, Proof: proof})
		if err != nil && !errors.Is(err, natsgossip.ErrNodeProof) && !errors.Is(err, errStranger) {
			t.Errorf("%q: %v", proof, err)
		}
		if err == nil && !sameBytes(proof, honest.Proof) {
			t.Errorf("%q is taken for a node", proof)
		}
	})
}

// sameBytes tells whether two texts are base64 of the same bytes: unused bits at the end may differ.
func sameBytes(one, other string) bool {
	a, errA := base64.RawURLEncoding.DecodeString(one)
	b, errB := base64.RawURLEncoding.DecodeString(other)
	return errA == nil && errB == nil && string(a) == string(b)
}
