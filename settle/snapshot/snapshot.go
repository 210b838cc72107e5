// Package snapshot owns the file that holds a ledger at a final checkpoint: what a new node begins with, what an audit
// of a pruned log begins with, and how both are written, read and checked. It leaves storage to settle/store, rules to
// settle/dag and transport to settle/api.
// It keeps the part of invariants I1 and I7 that a file can break: whoever knows the genesis takes nothing from a
// snapshot that the witnesses did not certify, and refuses one of which any byte is wrong.
//
// Write makes one; Open checks its head and gives a store.Base whose parts are checked while they are read, so that a
// snapshot of any size takes little memory. Verify reads one through.
//
// # What authenticates what
//
// The proof of finality is checked against the witnesses of the genesis. Its checkpoint authenticates all slots (state
// root), the checkpoints before it (each names the hash of the one before), ids and verdicts of the window (the log hash
// is computed again) and ledger time. The checksum at the end finds accidents in the rest, which a liar could change:
//
//   - the counters Decided and Accepted of the head: they are displayed;
//   - the kind of what is in the window, marks of the last checkpoints aside, and where in the log the window begins;
//   - which of the last checkpoints are certified, and the counter Certified of the head;
//   - the incarnation of the stream, its epoch, and the position from which the node reads on.
//
// With a wrong one of all but the first the node decides some later entry otherwise than the witnesses. Its next checkpoint then
// is another than theirs: nothing becomes final on this node, no proof of it verifies, and it says that it disagrees.
package snapshot

import (
	"errors"
	"fmt"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// Errors of a snapshot.
var (
	// ErrFormat means that the bytes are not those of a snapshot, or not of a whole one.
	ErrFormat = errors.New("snapshot: not a snapshot, or a damaged one")
	// ErrNetwork means that the snapshot is of another network than the one that was asked for.
	ErrNetwork = errors.New("snapshot: of another network")
	// ErrNotCertified means that the witnesses of the genesis did not certify what the snapshot holds.
	ErrNotCertified = errors.New("snapshot: not what the witnesses certified")
)

// magic begins every snapshot; the last byte is the version of the format.
const magic = "joulepay/snapshot\x00\x01"

// Summary says what a snapshot holds.
type Summary struct {
	Network  wallet.NetworkID
	Name     string
	Final    proof.Final
	Accepted uint64 // vertices up to the checkpoint
	Window   uint64 // entries of the log
	Slots    uint64
	Size     uint64 // bytes
}

// heading is what comes before the long parts.
type heading struct {
	genesis  *settle.Vertex
	final    proof.Final
	by       *proof.Certificate // justifies the final checkpoint; nil for the genesis
	head     dag.Head           // of which the checkpoint has the rest
	position stream.Position
	marks    []dag.StoredMark
	before   proof.Hash
	first    uint64 // height of the first entry of the window
}

func headingOf(b store.Base, first uint64) heading {
	return heading{genesis: b.Genesis, final: b.Final, by: b.Justified, head: b.Head, position: b.Position, marks: b.Marks, before: b.Before, first: first}
}

// check tells whether the parts belong together and to a network, which may be zero for any.
func (h *heading) check(pin wallet.NetworkID) (*proof.Network, error) {
	network, err := proof.NewNetwork(h.genesis)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if pin != (wallet.NetworkID{}) && network.ID != pin {
		return nil, fmt.Errorf("%w: %s, want %s", ErrNetwork, network.ID, pin)
	}
	if err := h.final.Verify(network); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCertified, err)
	}
	if h.by != nil || h.final.Checkpoint.Number > 0 {
		if h.by == nil {
			return nil, fmt.Errorf("%w: nothing justifies checkpoint %d", ErrNotCertified, h.final.Checkpoint.Number)
		}
		if err := dag.VerifyJustified(network, h.final.Checkpoint, *h.by); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotCertified, err)
		}
	}
	if err := h.checkMarks(); err != nil {
		return nil, err
	}
	c, head := h.final.Checkpoint, h.head
	if h.first > c.Height || head.Certified > c.Number || head.Accepted > head.Decided || head.Decided > c.Height+1 {
		return nil, fmt.Errorf("%w: counters that cannot be", ErrFormat)
	}
	return network, nil
}

// checkMarks follows the chain down from the final checkpoint.
func (h *heading) checkMarks() error {
	want := h.final.Checkpoint.Ref()
	for i := len(h.marks) - 1; i >= 0; i-- {
		c := h.marks[i].Checkpoint
		if c.Ref() != want {
			return fmt.Errorf("%w: checkpoint %d is not the one before checkpoint %d", ErrNotCertified, c.Number, want.Number+1)
		}
		want = proof.Ref{Number: c.Number - 1, Hash: c.Previous}
	}
	if n := len(h.marks); n == 0 || n > dag.MarksKept || n < dag.MarksKept && h.marks[0].Checkpoint.Number != 0 {
		return fmt.Errorf("%w: %d checkpoints", ErrFormat, n)
	}
	return nil
}

// windowChecker computes the log hash again.
type windowChecker struct {
	heading  *heading
	log      proof.Hash
	height   uint64 // of the next entry
	mark     int    // place among the marks of the next one
	vertices uint64
}

func newWindowChecker(h *heading) *windowChecker {
	c := &windowChecker{heading: h, log: h.before, height: h.first}
	for c.mark < len(h.marks) && h.marks[c.mark].Checkpoint.Height < h.first {
		c.mark++
	}
	return c
}

// add takes the next entry. Where a checkpoint stands the log hash must be its own.
func (c *windowChecker) add(item store.Item) error {
	if c.height == 0 && (item.ID != [32]byte(c.heading.genesis.ID()) || c.log != (proof.Hash{})) {
		return fmt.Errorf("%w: the log does not begin with the genesis", ErrNotCertified)
	}
	c.log = proof.NextLog(c.log, item.ID, item.Verdict)
	if item.Kind == dag.EntryVertex {
		c.vertices++
	}
	if c.mark < len(c.heading.marks) && c.height == c.heading.marks[c.mark].Checkpoint.Height {
		made := c.heading.marks[c.mark].Checkpoint
		if c.log != made.Log {
			return fmt.Errorf("%w: log hash at checkpoint %d", ErrNotCertified, made.Number)
		}
		if made.Number > 0 && item.Kind != dag.EntryMark {
			return fmt.Errorf("%w: no mark at checkpoint %d", ErrFormat, made.Number)
		}
		c.mark++
	}
	c.height++
	return nil
}

// end tells whether the window reaches the checkpoint and is long enough.
func (c *windowChecker) end() error {
	if c.height != c.heading.final.Checkpoint.Height+1 {
		return fmt.Errorf("%w: the log ends at height %d", ErrFormat, c.height)
	}
	if c.heading.first > 0 && c.vertices < store.RecentKept(c.heading.genesis) || c.vertices > c.heading.head.Decided {
		return fmt.Errorf("%w: %d vertices in the window", ErrFormat, c.vertices)
	}
	return nil
}

// slotsChecker computes the state root and adds up the money.
type slotsChecker struct {
	root  proof.Fold
	books dag.Books
}

func (c *slotsChecker) add(slot dag.SlotChange) error {
	c.root.Add(proof.SlotLeaf(slot.Key, slot.Content))
	if err := c.books.Add(slot.Key, slot.Content); err != nil {
		return fmt.Errorf("%w: slot %d: %w", ErrFormat, slot.Index, err)
	}
	return nil
}

func (c *slotsChecker) end(want proof.Hash) error {
	if got := c.root.Root(); got != want {
		return fmt.Errorf("%w: state root %s, want %s", ErrNotCertified, got, want)
	}
	if err := c.books.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCertified, err)
	}
	return nil
}
