package node_test

import (
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// driver plays the stream and the clock for a core, without waiting for anything.
type driver struct {
	core *node.Core
	now  time.Time
	next stream.Position
}

// run carries out what the core asks for until it asks for nothing more, or for more than so many things.
func (d *driver) run(t *testing.T, first node.Event, stepsMax int) (steps int) {
	t.Helper()
	events := []node.Event{first}
	for ; len(events) > 0 && steps < stepsMax; steps++ {
		e := events[0]
		effects, err := d.core.Step(d.now, e)
		if err != nil {
			t.Fatal(err)
		}
		events = events[1:]
		for _, effect := range effects {
			switch effect := effect.(type) {
			case node.Publish:
				d.next.Sequence++
				events = append(events, node.Delivered{Deliveries: []stream.Delivery{{Position: d.next, Bundle: effect.Bundle}}},
					node.Published{Position: d.next, Bundle: effect.Bundle})
			case node.WakeAfter:
				if len(events) == 0 && effect.Wait < 10*time.Minute { // else it is the heartbeat of an idle ledger
					d.now = d.now.Add(effect.Wait)
					events = append(events, node.Tick{})
				}
			}
		}
	}
	return steps
}

// TestAnIdleLedgerAsksForNothing: once everything is final, no checkpoint follows that only repeats the last.
func TestAnIdleLedgerAsksForNothing(t *testing.T) {
	net := newNetwork(t, settle.DefaultLimits())
	now := time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)
	core, _, err := node.NewCore(net.genesis, now, node.CoreOptions{Witness: net.witness})
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{core: core, now: now, next: node.Begin(t, core, now)}
	vertex, err := settle.Sign(settle.Draft{
		Network: net.genesis.NetworkID(), Issuer: wallet.DIDOf(net.issuer.Public()), Parents: core.State().Tips(0),
		Payload: net.issue("a", net.issuer, 50*eur),
	}, net.issuer)
	if err != nil {
		t.Fatal(err)
	}
	const enough = 1000
	if steps := d.run(t, node.Submitted{Vertex: vertex, SignedBy: net.issuer.Public()}, enough); steps == enough {
		t.Errorf("after %d steps the core still asks for more", steps)
	}
	final := core.Finality().Final().Checkpoint
	if head := core.State().Head(); head.Accepted != 2 || final.Height == 0 {
		t.Errorf("%d vertices accepted, final up to height %d", head.Accepted, final.Height)
	}
	if steps := d.run(t, node.Tick{}, enough); steps > 2 {
		t.Errorf("an idle core takes %d steps", steps)
	}
}
