package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/gossip"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// council is a ledger of several operators, one witness and node each.
type council struct {
	network
	t       testing.TB
	keys    []wallet.PrivateKey // of witnesses, by place
	stores  []store.Store
	log     *stream.Memory
	peers   *gossip.Memory
	running []*node.Node
	nonce   uint64
}

func newCouncil(t testing.TB, size int) *council {
	t.Helper()
	c := &council{t: t, log: stream.NewMemory(), peers: gossip.NewMemory()}
	c.issuer = wallet.NewPrivateKey([32]byte{1})
	var witnesses []settle.Witness
	byKey := map[wallet.PublicKey]wallet.PrivateKey{}
	for i := range size {
		key := wallet.NewPrivateKey([32]byte{2, byte(i)})
		byKey[key.Public()] = key
		witnesses = append(witnesses, settle.Witness{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: 1})
	}
	settle.SortWitnesses(witnesses)
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "council", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(c.issuer.Public()), Cap: 1_000_000_000 * eur}},
		Witnesses: witnesses, Limits: settle.DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.genesis, c.running = genesis, make([]*node.Node, size)
	for _, w := range witnesses {
		c.keys, c.stores = append(c.keys, byKey[w.Key]), append(c.stores, store.NewMemory())
	}
	t.Cleanup(func() {
		for i := range c.running {
			c.stop(i)
		}
	})
	return c
}

func (c *council) start(places ...int) {
	c.t.Helper()
	for _, i := range places {
		var logger *slog.Logger
		if testing.Verbose() {
			logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", i)
		}
		n, err := node.Start(context.Background(), node.Options{
			CoreOptions: node.CoreOptions{Witness: c.keys[i]}, Genesis: c.genesis, Store: c.stores[i], Stream: c.log.Join(),
			Gossip: c.peers.Join(uint8(i)), Clock: time.Now, Logger: logger,
		})
		if err != nil {
			c.t.Fatal(err)
		}
		c.running[i] = n
	}
}

func (c *council) stop(i int) {
	if c.running[i] == nil {
		return
	}
	if err := c.running[i].Close(); err != nil {
		c.t.Errorf("node %d: %v", i, err)
	}
	c.running[i] = nil
}

// pay issues money through one node, and waits until all that run say it is final.
func (c *council) pay(through int) node.Result {
	c.t.Helper()
	c.nonce += 100
	r := c.post(c.t, c.running[through], c.issuer, c.nonce, c.network.issue(fmt.Sprint(c.nonce), c.issuer, eur))
	for i, n := range c.running {
		if n == nil {
			continue
		}
		for {
			got, err := n.WaitFinal(c.t.Context(), r.ID)
			if err == nil && got.Verdict.Accepted() {
				break
			}
			if n.Err() != nil || c.t.Context().Err() != nil {
				c.t.Fatalf("node %d: %v, %v", i, err, n.Err())
			}
		}
	}
	return r
}

// agree checks that all that run have one log up to a final checkpoint that they share.
func (c *council) agree() {
	c.t.Helper()
	least := ^uint64(0)
	for _, n := range c.running {
		if n != nil {
			least = min(least, n.LatestFinal().Checkpoint.Number)
		}
	}
	var first *store.CheckpointRow
	for i, n := range c.running {
		if n == nil {
			continue
		}
		row, err := c.stores[i].Checkpoint(c.t.Context(), least)
		if err != nil {
			c.t.Fatalf("node %d, checkpoint %d: %v", i, least, err)
		}
		if first == nil {
			first = &row
		}
		if row.Checkpoint != first.Checkpoint {
			c.t.Fatalf("I7: node %d has another checkpoint %d", i, least)
		}
	}
}

func TestPaymentIsFinalOnEveryNodeOfACouncil(t *testing.T) {
	c := newCouncil(t, 4)
	c.start(0, 1, 2, 3)
	for i := range 12 {
		c.pay(i % 4)
	}
	c.agree()
}

func TestCouncilGoesOnWithoutOneOfFour(t *testing.T) {
	c := newCouncil(t, 4)
	c.start(0, 1, 2)
	for i := range 6 {
		c.pay(i % 3)
	}
	c.start(3)
	c.pay(3)
	c.stop(0)
	for range 3 {
		c.pay(2)
	}
	c.agree()
}

func TestI7_CouncilLosesNothingFinalWithItsStream(t *testing.T) {
	for name, lose := range map[string]func(*stream.Memory){
		"all of it": func(s *stream.Memory) { s.Lose(0) },
		"its tail":  func(s *stream.Memory) { s.Lose(3) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCouncil(t, 4)
			c.start(0, 1, 2, 3)
			var all []node.Result
			for i := range 9 {
				all = append(all, c.pay(i%4))
				if i%3 == 2 {
					lose(c.log)
				}
			}
			all = append(all, c.pay(0))
			for _, r := range all {
				for i, n := range c.running {
					got, err := n.WaitFinal(t.Context(), r.ID)
					if err != nil || got.Height != r.Height {
						t.Errorf("node %d has %+v of %+v, %v", i, got, r, err)
					}
				}
			}
			c.agree()
		})
	}
}

func TestNodeThatLagsBehindTheStreamTakesEntriesFromPeers(t *testing.T) {
	c := newCouncil(t, 4)
	c.start(0, 1, 2, 3)
	c.pay(0)
	c.stop(3)
	for range 5 {
		c.pay(1)
	}
	head, err := c.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.log.Discard(head.Sequence)
	c.start(3)
	c.pay(3)
	c.agree()
}

func TestNewNodeTakesEverythingFromPeers(t *testing.T) {
	c := newCouncil(t, 4)
	c.start(0, 1, 2)
	for range 3 {
		c.pay(0)
	}
	c.log.Lose(0)
	c.pay(1)
	c.start(3)
	c.pay(3)
	c.agree()
}
