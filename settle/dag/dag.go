// Package dag owns the rules of the ledger that need its state: which vertex is accepted, what it does to accounts
// and channels, ledger time, checkpoints and finality. It leaves the order of entries to settle/stream, durability to
// settle/store, and driving all of it to settle/node; it has no clock and does no I/O.
// It keeps invariants I1 (money is conserved by every vertex), I2 on the ledger (a lane never falls, a stale claim is
// a no-op) and I7 (the same log gives the same state root).
//
// State applies Entries in order; Finality collects votes. Neither is safe for concurrent use.
package dag

import (
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// Errors that stop a node: none is the fault of a vertex.
var (
	// ErrConservation means that a rule is wrong: a vertex would have made or destroyed money.
	ErrConservation = errors.New("dag: money would not be conserved")
	// ErrCorrupt means that stored state is not what was stored.
	ErrCorrupt = errors.New("dag: state does not decode or does not lead to its root")
	// ErrNotRetained means that the state at a checkpoint is no longer, or not yet, at hand.
	ErrNotRetained = errors.New("dag: the state at this checkpoint is not retained")
	// ErrNoSlot means that the state had no such slot.
	ErrNoSlot = errors.New("dag: no such slot")
)

// Head is where a State stands in the log.
type Head struct {
	Height    uint64 // of the last entry; the genesis has 0
	Log       proof.Hash
	Decided   uint64 // vertices with a verdict, the genesis among them
	Accepted  uint64 // vertices of the DAG, the genesis among them
	Time      settle.LedgerTime
	Paused    int64  // milliseconds
	Certified uint64 // number of the last checkpoint whose certificate is in the log
	Epoch     uint64 // of the last incarnation whose Start is in the log
	// Incarnation is the one whose Start was applied last.
	Incarnation [16]byte
	Changed     bool // slots differ from those of the last checkpoint, or may
}

// State is the ledger after a prefix of its log.
type State struct {
	network   *proof.Network
	head      Head
	slots     slotTable
	tree      proof.Tree
	recent    window
	expiries  expiryQueue
	live      int // channels not yet paid out
	marks     []mark
	first     proof.Ref // the genesis checkpoint
	last      proof.Checkpoint
	receipts  []proof.Leaf // of the vertices since the last checkpoint
	history   history
	undoable  bool                // what is not final may have to be undone
	undo      []SlotUndo          // since TakeUndo
	unsaved   map[uint32]struct{} // slots changed since TakeChanges
	verifiers *verifierCache
	claims    *claimChecks
	authority authority
}

// New gives the state of a network that has only its genesis, whose checkpoint 0 is final by definition.
func New(genesis *settle.Vertex) (*State, error) {
	s, err := empty(genesis, 0)
	if err != nil {
		return nil, err
	}
	id := genesis.ID()
	s.head = Head{
		Log: proof.NextLog(proof.Hash{}, id, settle.Applied), Decided: 1, Accepted: 1,
		Time: settle.LedgerTimeOf(s.network.Genesis.Time),
	}
	s.recent.add(decided{id: id, accepted: true}, nil)
	s.createSlot(settle.TotalsKey(), settle.Totals{}.Encode())
	for _, issuer := range s.network.Genesis.Issuers {
		s.createSlot(settle.IssuerKey(issuer.DID), settle.IssuerSlot{}.Encode())
		s.foundIssuer(issuer)
	}
	if err := s.checkpoint(0); err != nil {
		return nil, err
	}
	s.first = s.last.Ref()
	s.marks = []mark{{ref: s.first, certified: true}}
	return s, nil
}

func empty(genesis *settle.Vertex, firstDecided uint64) (*State, error) {
	network, err := proof.NewNetwork(genesis)
	if err != nil {
		return nil, err
	}
	return &State{
		network: network,
		slots:   newSlotTable(0),
		recent:  newWindow(uint64(network.Genesis.Limits.ParentWindow), firstDecided),
		unsaved: make(map[uint32]struct{}),
		history: history{open: newInterval()},

		undoable: true,

		verifiers: newVerifierCache(),
		claims:    newClaimChecks(),
		authority: newAuthority(&network.Genesis),
	}, nil
}

// Network gives what a light client knows of the network.
func (s *State) Network() *proof.Network { return s.network }

// Head gives where the state stands.
func (s *State) Head() Head { return s.head }

// WindowTime gives the clock of challenge windows.
func (s *State) WindowTime() settle.WindowTime {
	return settle.WindowTime(int64(s.head.Time) - s.head.Paused)
}

// LiveChannels gives the number of channels that are not yet paid out: while there are any, time must go on.
func (s *State) LiveChannels() int { return s.live }

// First names the genesis checkpoint.
func (s *State) First() proof.Ref { return s.first }

// LastCheckpoint gives the newest checkpoint.
func (s *State) LastCheckpoint() proof.Checkpoint { return s.last }

// Slot gives the content of a slot now. It must not be changed.
func (s *State) Slot(key settle.SlotKey) ([]byte, bool) { return s.slots.get(key) }

// AccountKey gives the key under which an account signs now.
func (s *State) AccountKey(d wallet.DID) wallet.PublicKey {
	if raw, ok := s.slots.get(settle.AccountKey(d)); ok {
		if a, err := settle.DecodeAccount(raw); err == nil {
			return a.Key
		}
	}
	return d.InceptionKey()
}

// Tips gives parents for a new vertex: unreferenced vertices, more of them when there are many, so that their number
// stays bounded. Callers pass a different turn each time, so that they do not all take the same.
func (s *State) Tips(turn uint64) []settle.VertexID { return s.recent.parents(turn) }

// Knows tells whether a vertex was decided lately, so that it will not be decided again.
func (s *State) Knows(id settle.VertexID) bool { return s.recent.known(id) }

// TipCount gives the number of unreferenced vertices.
func (s *State) TipCount() int { return len(s.recent.tips) }

// SlotChange is the new content of a slot, for storage.
type SlotChange struct {
	Index   uint32
	Key     settle.SlotKey
	Content []byte
}

// TakeChanges gives the slots that changed since the last call, in no particular order.
func (s *State) TakeChanges() []SlotChange {
	changes := make([]SlotChange, 0, len(s.unsaved))
	for i := range s.unsaved {
		changes = append(changes, SlotChange{i, s.slots.keys[i], s.slots.content[i]})
	}
	clear(s.unsaved)
	return changes
}

// SlotUndo is what a slot held at a checkpoint after which it changed, for storage.
type SlotUndo struct {
	Checkpoint uint64
	Index      uint32
	Before     []byte // nil when there was no such slot
}

// NeverUndoes says that this node alone decides what is final, so that no undo need be kept.
func (s *State) NeverUndoes() { s.undoable, s.undo = false, nil }

// TakeUndo gives what slots that changed since the last call held at the checkpoint before.
func (s *State) TakeUndo() []SlotUndo {
	undo := s.undo
	s.undo = nil
	return undo
}

// log appends an entry to the log hash.
func (s *State) log(id [32]byte, v settle.Verdict) uint64 {
	s.head.Height++
	s.head.Log = proof.NextLog(s.head.Log, id, v)
	return s.head.Height
}

func corrupt(key settle.SlotKey, err error) error {
	return fmt.Errorf("%w: slot %s: %w", ErrCorrupt, key, err)
}
