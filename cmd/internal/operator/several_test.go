package operator

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/wallet"
)

// several is a ledger of four witnesses over one broker, which is reached as from other machines.
type several struct {
	t       *testing.T
	genesis *settle.Vertex
	broker  *Broker
	options []Options
}

func newSeveral(t *testing.T, followers ...wallet.DID) *several {
	t.Helper()
	s := &several{t: t}
	for i := range 4 {
		s.options = append(s.options, Options{Dir: filepath.Join(t.TempDir(), string(rune('a'+i))), Wallet: wallet.Generate()})
	}
	g := DevGenesis(s.options[0].Wallet.DID(), time.Now())
	g.Witnesses = nil
	for _, o := range s.options {
		g.Witnesses = append(g.Witnesses, settle.Witness{DID: o.Wallet.DID(), Key: o.Wallet.Account().Public(), Weight: 1})
	}
	settle.SortWitnesses(g.Witnesses)
	var err error
	if s.genesis, err = settle.NewGenesis(g); err != nil {
		t.Fatal(err)
	}
	s.broker, err = StartLedgerBroker(BrokerOptions{Dir: t.TempDir(), Address: "127.0.0.1:0", Genesis: s.genesis, Followers: followers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.broker.Close() })
	return s
}

func (s *several) start(o Options) *Node {
	s.t.Helper()
	o.Genesis, o.NATS = s.genesis, s.broker.ClientURL()
	return startNode(s.t, o)
}

// await waits until a node shows money on the car's account as final.
func (s *several) await(n *Node, want int64) {
	s.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(2 * time.Minute); ; {
		account, _, err := n.runner.Account(s.t.Context(), car)
		status := n.Status()
		if err == nil && int64(account.Balance)/1e9 == want && status.Final+1 >= status.Justified && status.Final > 0 {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			s.t.Fatalf("%s of %d, %v; %+v", account.Balance, want, err, status)
		}
	}
}

func TestI7_SeveralNodesAgreeWhileOneIsAwayAndItCatchesUp(t *testing.T) {
	follower := Options{Dir: t.TempDir(), Wallet: wallet.Generate()}
	s := newSeveral(t, follower.Wallet.DID())
	var nodes []*Node
	for _, o := range s.options {
		nodes = append(nodes, s.start(o))
	}
	issue(t, nodes[0], "a", 50)
	for _, n := range nodes {
		s.await(n, 50)
		if !n.Status().Witness {
			t.Error("a witness says that it is none")
		}
	}
	if err := nodes[3].Close(); err != nil {
		t.Fatal(err)
	}
	following := s.start(follower)
	if following.Status().Witness || !following.Fresh() {
		t.Errorf("a follower says %+v", following.Status())
	}
	issue(t, nodes[0], "b", 7)
	s.await(nodes[1], 57)
	s.await(following, 57)
	s.await(s.start(s.options[3]), 57)
	if peers := nodes[1].peers.list(); len(peers) != 3 {
		t.Errorf("peers: %+v", peers)
	}
}

func TestABrokerRefusesNodesThatItDoesNotKnow(t *testing.T) {
	s := newSeveral(t)
	o := Options{Dir: t.TempDir(), Wallet: wallet.Generate(), Genesis: s.genesis, NATS: s.broker.ClientURL()}
	if _, err := StartNode(t.Context(), o); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("a stranger: %v", err)
	}
	other, err := settle.NewGenesis(DevGenesis(s.options[0].Wallet.DID(), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	o = Options{Dir: t.TempDir(), Wallet: s.options[0].Wallet, Genesis: other, NATS: s.broker.ClientURL()}
	if _, err := StartNode(t.Context(), o); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("a witness of another network: %v", err)
	}
}
