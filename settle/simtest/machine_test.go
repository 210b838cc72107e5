package simtest

import (
	"context"
	"errors"
	"time"

	"joulepay/settle"
	"joulepay/settle/gossip"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
)

// errPowerCut ends a machine in the middle of what it does.
var errPowerCut = errors.New("power cut")

// machine is one honest node: the core, and what the runner of settle/node does around it.
type machine struct {
	world *world
	place int
	disk  *disk

	core     *node.Core // nil while the power is off
	life     int        // counts boots, so that what was meant for an earlier one is dropped
	wake     time.Time  // of the next Tick; zero for none
	at       stream.Position
	lost     bool                // the stream is known to have forgotten bundles
	renewal  *stream.Incarnation // which the core wants to leave
	polling  bool                // a look at the stream is planned
	outbound [][]byte            // bundles on their way to the stream, in order
	sending  bool
	effects  []node.Effect // of steps that are ahead of the disk
	carrying bool

	changed   bool // since the oracle looked
	booted    bool
	seenFinal uint64 // number of the last checkpoint that the oracle took for final here
}

func newMachine(w *world, place int) *machine {
	return &machine{world: w, place: place, disk: &disk{Store: store.NewMemory()}}
}

// soon plans something for as long as the machine does not lose its power.
func (m *machine) soon(d time.Duration, do func()) {
	life := m.life
	m.world.after(d, func() {
		if m.core != nil && m.life == life {
			do()
		}
	})
}

// boot starts the process: nothing but the store is left.
func (m *machine) boot() {
	if m.core != nil || m.world.failed != nil {
		return
	}
	w := m.world
	options := node.CoreOptions{Witness: w.keys[m.place], CheckpointInterval: 400 * time.Millisecond}
	stored, err := m.disk.Load(context.Background())
	if errors.Is(err, store.ErrEmpty) {
		core, first, err := node.NewCore(w.genesis, w.now, options)
		if err != nil {
			w.fail("node %d: %v", m.place, err)
			return
		}
		if err := m.disk.Commit(context.Background(), first); err != nil {
			m.world.after(w.upTo(time.Second), m.boot)
			return
		}
		m.core = core
	} else if err != nil {
		w.fail("node %d: load: %v", m.place, err)
		return
	} else if m.core, err = node.LoadCore(stored, w.now, options); err != nil {
		w.fail("node %d: %v", m.place, err)
		return
	}
	w.note("node %d boots at height %d", m.place, m.core.State().Head().Height)
	m.life++
	m.at, m.lost, m.renewal, m.polling = m.core.Position(), false, nil, false
	m.outbound, m.sending, m.effects, m.carrying, m.wake = nil, false, nil, false, time.Time{}
	m.seenFinal, m.changed, m.booted = stored.Final.Checkpoint.Number, true, true
	m.step(node.Tick{})
	m.poll(time.Millisecond)
}

// cutPower stops the machine, and starts it again later.
func (m *machine) cutPower() {
	if m.core == nil {
		return
	}
	m.world.note("node %d loses power", m.place)
	m.core = nil
	m.life++
	m.world.after(m.world.upTo(6*time.Second), m.boot)
}

// step gives the core an event. What it wants is carried out a little later, as by the runner, unless it is to move.
func (m *machine) step(e node.Event) {
	if m.core == nil {
		return
	}
	m.changed = true
	effects, err := m.core.Step(m.world.now, e)
	switch {
	case errors.Is(err, stream.ErrGap):
		m.world.note("node %d: %v", m.place, err)
		m.lost = true
		m.poll(time.Millisecond)
		return
	case errors.Is(err, node.ErrForked) && m.world.oracle.expects:
		m.core = nil // it stops, and names the witnesses
		m.life++
		return
	case err != nil:
		m.world.fail("node %d: %T: %v", m.place, e, err)
		return
	}
	for _, effect := range effects {
		switch effect := effect.(type) {
		case node.WakeAfter:
			m.wakeAfter(effect.Wait)
		case node.Rebase:
			m.rebase(effect)
			return
		default:
			m.effects = append(m.effects, effect)
		}
	}
	if len(m.effects) > 0 && !m.carrying {
		m.carrying = true
		m.soon(m.world.upTo(3*time.Millisecond), func() {
			m.carrying = false
			m.carryOut()
		})
	}
}

func (m *machine) wakeAfter(d time.Duration) {
	at := m.world.now.Add(d)
	m.wake = at
	m.soon(d, func() {
		if m.wake.Equal(at) {
			m.wake = time.Time{}
			m.step(node.Tick{})
		}
	})
}

// carryOut does what the core wanted, in order, or loses power in between.
func (m *machine) carryOut() {
	for m.core != nil && len(m.effects) > 0 {
		next := m.effects[0]
		m.effects = m.effects[1:]
		if err := m.execute(next); errors.Is(err, errPowerCut) {
			m.cutPower()
			return
		} else if err != nil {
			m.world.fail("node %d: %T: %v", m.place, next, err)
			return
		}
	}
}

func (m *machine) execute(effect node.Effect) error {
	w := m.world
	if w.faulty && m.disk.cut > 0 {
		if m.disk.cut--; m.disk.cut == 0 {
			w.fire("power cut between effects")
			return errPowerCut
		}
	}
	switch e := effect.(type) {
	case node.Persist:
		return m.disk.Commit(context.Background(), e.Batch)
	case node.Publish:
		m.outbound = append(m.outbound, e.Bundle)
		m.send()
	case node.SendVote:
		w.links.broadcast(m.place, e.Vote)
	case node.Tell:
		if n := e.Notice; n.Stage == node.StageDecided {
			w.note("node %d: %s %.8s: %s", m.place, n.Kind, n.Vertex, n.Verdict)
		}
		if e.Final != nil {
			w.oracle.hear(m, e.Final.Checkpoint.Number)
		}
	case node.Accuse:
		w.accused(m, e.Evidence)
	case node.Renew:
		m.renewal = &e.Incarnation
		m.poll(time.Millisecond)
	case node.AskPeers:
		m.askPeers()
	}
	return nil
}

// accused checks that the evidence convinces, and that only liars are named.
func (w *world) accused(m *machine, e proof.Evidence) {
	if err := e.Verify(w.network); err != nil || w.machines[e.Witness()] != nil {
		w.fail("node %d accuses witness %d: %v", m.place, e.Witness(), err)
	}
	w.fire("contradiction noticed")
}

// rebase brings the core to another checkpoint, after all that it wanted before.
func (m *machine) rebase(to node.Rebase) {
	w := m.world
	w.note("node %d goes to checkpoint %d, known %v", m.place, to.Base.Number, to.Known)
	m.carryOut()
	if m.core == nil {
		return
	}
	had, justified := m.holds(), m.core.Finality().Justified().Number
	err := node.Rebaser{
		Core: m.core, Store: m.disk, Peers: w.links.bus(m.place), Now: func() time.Time { return w.now },
		Carry: func(_ context.Context, effects []node.Effect) error {
			for _, e := range effects {
				if err := m.execute(e); err != nil {
					return err
				}
			}
			return nil
		},
	}.Do(context.Background(), to)
	switch {
	case errors.Is(err, errPowerCut):
		m.cutPower()
		return
	case errors.Is(err, node.ErrPeer):
		w.note("node %d: %v", m.place, err)
		w.fire("rebase without a good peer")
	case err != nil:
		w.fail("node %d: rebase: %v", m.place, err)
		return
	default:
		w.fire("rebase")
		if to.Known {
			w.fire("rebase to a known base")
		}
	}
	if now := m.core.Finality().Justified().Number; now < justified {
		w.fail("node %d: justified fell from %d to %d on its way to checkpoint %d", m.place, justified, now, to.Base.Number)
	}
	for id := range had {
		if !m.core.Pending(id) && !m.core.State().Knows(id) {
			w.fail("node %d forgot vertex %s on its way to checkpoint %d", m.place, id, to.Base.Number)
		}
	}
	m.changed = true
	m.at = m.core.Position()
	if err == nil && len(to.Again) > 0 {
		m.step(node.Delivered{Deliveries: to.Again})
	} else {
		m.step(node.Tick{})
	}
	if m.core == nil {
		return
	}
	m.at = m.core.Position()
	if err != nil && len(to.Again) > 0 { // the runner pauses before it reads on
		m.polling = true
		m.soon(retryWait, func() {
			m.polling = false
			m.step(node.Stranded{})
			m.look()
		})
		return
	}
	m.poll(time.Millisecond)
}

// holds gives the clients' vertices that are in the log or wait for their place in it.
func (m *machine) holds() map[settle.VertexID]bool {
	had := map[settle.VertexID]bool{}
	for _, v := range m.world.clients.sent {
		if m.core.Pending(v.ID()) || m.core.State().Knows(v.ID()) {
			had[v.ID()] = true
		}
	}
	return had
}

// askPeers asks all others how far they are.
func (m *machine) askPeers() {
	bus := m.world.links.bus(m.place)
	for peer := range m.world.keys {
		if peer == m.place {
			continue
		}
		m.soon(m.world.upTo(20*time.Millisecond), func() {
			if standing, err := bus.Standing(context.Background(), uint8(peer)); err == nil {
				m.step(node.Ahead{Standing: standing})
			}
		})
	}
}

// checkpoint gives one of this node's log.
func (m *machine) checkpoint(number uint64) (proof.Checkpoint, bool) {
	if c, ok := m.core.Finality().Marked(number); ok {
		return c, true
	}
	row, err := m.disk.Checkpoint(context.Background(), number)
	return row.Checkpoint, err == nil
}

// Standing implements gossip.Source, as the runner does.
func (m *machine) Standing() gossip.Standing {
	justified := m.core.Finality().Justified()
	by, _ := m.core.Finality().JustifiedBy()
	out := gossip.Standing{Checkpoint: justified, Certificate: by}
	if row, err := m.disk.Checkpoint(context.Background(), justified.Number); err == nil && row.Checkpoint == justified {
		out.Position = row.Position
	}
	return out
}

// Entries implements gossip.Source, as the runner does.
func (m *machine) Entries(ctx context.Context, after, upTo uint64) ([][]byte, error) {
	return node.SharedEntries(ctx, m.disk, after, upTo)
}
