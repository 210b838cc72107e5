package simtest

import (
	"joulepay/settle/dag"
	"joulepay/settle/proof"
)

// oracle knows what must hold, and looks after every event.
type oracle struct {
	world    *world
	final    map[uint64]proof.Hash     // every checkpoint at or below one that was final somewhere, by number
	roots    map[proof.Hash]proof.Hash // state root by log hash
	signed   map[proof.SignedVote]bool // votes, and whether they verify
	votes    [][]proof.Vote            // that honest witnesses sent, by place
	told     []uint64                  // number of the last checkpoint told to be final, by place
	first    proof.Checkpoint          // of the genesis
	expects  bool                      // conflicting final checkpoints, since too many lie
	conflict bool                      // they came about
	events   int
}

func newOracle(w *world) *oracle {
	state, err := dag.New(w.genesis)
	if err != nil {
		panic(err)
	}
	return &oracle{
		first: state.LastCheckpoint(),
		world: w, signed: map[proof.SignedVote]bool{}, final: map[uint64]proof.Hash{}, roots: map[proof.Hash]proof.Hash{}, told: make([]uint64, len(w.keys)),
		votes: make([][]proof.Vote, len(w.keys)),
	}
}

// look checks every node that changed since the last look.
func (o *oracle) look() {
	o.events++
	for _, m := range o.world.machines {
		if m != nil && m.core != nil && m.changed {
			m.changed = false
			o.node(m)
		}
	}
}

func (o *oracle) node(m *machine) {
	w := o.world
	if err := m.core.State().Audit(); err != nil {
		w.fail("I1: node %d: %v", m.place, err)
	}
	last := m.core.State().LastCheckpoint()
	if root, known := o.roots[last.Log]; known && root != last.State {
		w.fail("I7: node %d: one log hash, two state roots at checkpoint %d", m.place, last.Number)
	}
	o.roots[last.Log] = last.State
	final := m.core.Finality().Final()
	number := final.Checkpoint.Number
	if number < o.told[m.place] {
		w.fail("I7: node %d: final checkpoint fell from %d to %d", m.place, o.told[m.place], number)
	}
	if number > m.seenFinal || m.booted {
		o.finalised(m, number)
		if number > 0 && !o.proven(final) {
			w.fail("node %d: checkpoint %d is final without proof", m.place, number)
		}
	}
	m.booted = false
	if by, ok := m.core.Finality().JustifiedBy(); ok && !o.justified(by) {
		w.fail("node %d: checkpoint %d is justified without proof", m.place, by.Target.Number)
	}
}

// proven tells whether a proof of finality verifies.
func (o *oracle) proven(f proof.Final) bool {
	c := f.Checkpoint
	return f.Certificate.Source == c.Ref() && f.Certificate.Target.Number == c.Number+1 &&
		c.Witnesses == o.world.network.Witnesses.Hash() && o.justified(f.Certificate)
}

// justified tells whether a certificate verifies. Each vote is verified once, in whatever certificates it is.
func (o *oracle) justified(c proof.Certificate) bool {
	for i, v := range c.SignedVotes() {
		good, known := o.signed[v]
		if !known {
			good = v.Verify(o.world.network.Witnesses, o.world.network.ID) == nil
			o.signed[v] = good
		}
		if !good || i > 0 && c.Votes[i-1].Witness >= v.Witness {
			return false
		}
	}
	return c.Enough(o.world.network.Witnesses)
}

// finalised compares all checkpoints that a node takes for final with those of the others.
func (o *oracle) finalised(m *machine, upTo uint64) {
	for n := m.seenFinal + 1; n <= upTo; n++ {
		c, ok := m.checkpoint(n)
		if !ok {
			return // not stored yet: it is compared at a later look
		}
		m.seenFinal = n
		hash := c.Hash()
		if known, ok := o.final[n]; ok && known != hash {
			o.conflict = true
			if !o.expects {
				o.world.fail("I7: conflicting final checkpoints: %d is %s on node %d and %s elsewhere", n, hash, m.place, known)
			}
		}
		o.final[n] = hash
	}
	o.world.note("node %d: checkpoint %d is final", m.place, upTo)
}

// hear takes what a node told: from now on it may not be otherwise.
func (o *oracle) hear(m *machine, number uint64) {
	if number < o.told[m.place] {
		o.world.fail("node %d tells that %d is final after %d", m.place, number, o.told[m.place])
	}
	o.told[m.place] = number
}

// voted takes what an honest witness sends: it or a later one is stored, and it contradicts nothing that it ever sent.
func (o *oracle) voted(m *machine, v proof.SignedVote) {
	if stored := m.disk.vote; stored != v && stored.Vote.Target.Number <= v.Vote.Target.Number {
		o.world.fail("I4: node %d sends a vote that is not stored", m.place)
	}
	for _, w := range o.votes[m.place] {
		if v.Vote.Conflicts(w) {
			o.world.fail("witness %d contradicts itself: %d to %d and %d to %d", m.place, w.Source.Number, w.Target.Number,
				v.Vote.Source.Number, v.Vote.Target.Number)
		}
	}
	o.votes[m.place] = append(o.votes[m.place], v.Vote)
}
