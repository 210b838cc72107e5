// Package storetest owns the tests that every store of the ledger must pass, a generator of random ledgers, and the
// naive model that keeps whole copies. It leaves to each store what is its own: files, reopening, crashes.
// It keeps the contract of settle/store in one place, so that the twin and SQLite cannot drift apart.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// parentWindow is the smallest that a network may have, so that few vertices leave it behind.
const parentWindow = 16

// History makes random batches that follow on each other as those of a node do, and remembers with a Model what they
// must lead to. Its content means nothing to the rules of the ledger. The same seed makes the same history.
type History struct {
	Model
	random *rand.Rand
	idle   int // one in so many chances brings a vertex
	key    wallet.PrivateKey
	made   uint64 // counts what was made, so that no two things are equal
	dirty  map[uint32]bool
}

// NewHistory begins one.
func NewHistory(seed uint64) *History {
	h := &History{random: rand.New(rand.NewPCG(seed, 1)), key: wallet.NewPrivateKey([32]byte{1}), dirty: map[uint32]bool{}}
	h.copies = map[uint64]content{}
	h.idle = 1 + int(seed%4)*2
	return h
}

func hash(name string, n uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), n))
}

func (h *History) next() uint64 {
	h.made++
	return h.made
}

// Genesis makes the vertex of a network with small limits.
func Genesis() *settle.Vertex {
	key := wallet.NewPrivateKey([32]byte{1})
	limits := settle.DefaultLimits()
	limits.ParentWindow = parentWindow
	g, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(key.Public()), Cap: money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: 1}},
		Limits:    limits,
	})
	if err != nil {
		panic(err)
	}
	return g
}

// Begin gives the first batch: the genesis and its checkpoint.
func (h *History) Begin() store.Batch {
	h.genesis = Genesis()
	b := store.Batch{Genesis: h.genesis, Entries: []store.Entry{store.GenesisEntry(h.genesis)}, Certified: []uint64{0}}
	h.head = dag.Head{Log: hash("log", 0), Decided: 1, Accepted: 1, Time: 1}
	h.entries = b.Entries
	h.changeSlots(&b)
	h.mark(&b)
	h.replace(0, func(r *store.CheckpointRow) { r.Certified = true })
	h.copies[0] = h.content
	h.final.Checkpoint = h.rows[0].Checkpoint
	h.finish(&b)
	return b
}

// Batch gives the next batch: some entries with what they change, marks and certificates among them.
func (h *History) Batch() store.Batch {
	var b store.Batch
	for range 1 + h.random.IntN(12) {
		if h.random.IntN(h.idle) == 0 {
			h.addEntry(&b, dag.EntryVertex)
			h.changeSlots(&b)
		}
		if h.random.IntN(2) == 0 {
			h.addEntry(&b, dag.EntryMark)
			h.mark(&b)
		}
		if h.random.IntN(2) == 0 {
			h.certify(&b)
		}
	}
	if h.random.IntN(3) == 0 {
		b.Vote = &proof.SignedVote{Vote: proof.Vote{Time: settle.LedgerTime(h.next())}, Witness: 1}
	}
	h.finish(&b)
	return b
}

func (h *History) addEntry(b *store.Batch, kind dag.EntryKind) {
	h.head.Height++
	h.head.Time++
	h.head.Log = hash("log", h.next())
	h.head.Epoch, h.head.Incarnation = h.made/9, [16]byte{1: byte(h.made)}
	e := store.Entry{Height: h.head.Height, Kind: kind, ID: hash("entry", h.made), Time: h.head.Time, Raw: []byte{byte(kind), byte(h.made)}}
	if kind == dag.EntryVertex {
		v := h.vertex()
		e.ID, e.Raw, e.Payload, e.PayloadKind, e.Issuer = v.ID(), v.Encode(), v.PayloadID(), v.Payload().Kind(), v.Issuer()
		e.Parties = []wallet.DID{v.Issuer(), wallet.DID(hash("party", uint64(h.random.IntN(4))))}
		e.Channels = h.effects()
		if h.random.IntN(4) == 0 {
			e.Verdict = settle.Overspend
		}
		h.head.Decided++
		if e.Verdict.Accepted() {
			h.head.Accepted++
		}
	}
	b.Entries = append(b.Entries, e)
	h.entries = append(slices.Clip(h.entries), e)
	h.head.Changed = true
}

func (h *History) effects() []dag.ChannelEffect {
	if h.random.IntN(2) == 0 {
		return nil
	}
	return []dag.ChannelEffect{{Channel: hash("channel", uint64(h.random.IntN(3))), State: channel.Open, Paid: [2]money.Amount{1, 2}}}
}

func (h *History) vertex() *settle.Vertex {
	parents := []settle.VertexID{h.genesis.ID(), settle.VertexID(hash("parent", h.next()))}
	v, err := settle.Sign(settle.Draft{
		Network: h.genesis.NetworkID(), Issuer: wallet.DIDOf(h.key.Public()), Parents: parents, Nonce: h.made,
		Payload: &settle.Transfer{Sequence: h.made, To: wallet.DID(hash("party", 1)), Amount: 1},
	}, h.key)
	if err != nil {
		panic(err)
	}
	return v
}

// changeSlots makes and changes some slots, and records what they held before, more than once at times.
func (h *History) changeSlots(b *store.Batch) {
	for range h.random.IntN(4) {
		index := uint32(h.random.IntN(len(h.slots) + 1))
		if h.random.IntN(2) == 0 {
			index = uint32(len(h.slots))
		}
		var before []byte
		if int(index) < len(h.slots) {
			before = h.slots[index].Content
		}
		if last := len(h.rows); last > 0 && (!h.dirty[index] || h.random.IntN(4) == 0) {
			h.dirty[index] = true
			b.Undo = append(b.Undo, dag.SlotUndo{Checkpoint: h.rows[last-1].Checkpoint.Number, Index: index, Before: before})
		}
		h.putSlot(b, h.slot(index))
	}
}

func (h *History) slot(index uint32) dag.SlotChange {
	n := h.next()
	if int(index) < len(h.slots) {
		slot := h.slots[index]
		slot.Content = slotContent(slot.Key, n)
		return slot
	}
	key := settle.SlotKey{Kind: settle.SlotAccount, ID: hash("slot", n)}
	if n%3 == 0 {
		key.Kind = settle.SlotChannel
	}
	return dag.SlotChange{Index: index, Key: key, Content: slotContent(key, n)}
}

func slotContent(key settle.SlotKey, n uint64) []byte {
	if key.Kind != settle.SlotChannel {
		return binary.BigEndian.AppendUint64(nil, n)
	}
	c := settle.Channel{State: []channel.State{channel.Open, channel.Closing, channel.Closed}[n%3], Withdrawal: uint32(n)}
	c.Opening.Opener, c.Opening.Partner = wallet.DID(hash("party", uint64(key.ID[0])%4)), wallet.DID(hash("party", 9))
	return c.Encode()
}

func (h *History) putSlot(b *store.Batch, slot dag.SlotChange) {
	if i := slices.IndexFunc(b.Slots, func(s dag.SlotChange) bool { return s.Index == slot.Index }); i >= 0 {
		b.Slots[i] = slot
	} else {
		b.Slots = append(b.Slots, slot)
	}
	if int(slot.Index) == len(h.slots) {
		h.slots = append(h.slots, slot)
		return
	}
	h.slots = slices.Clone(h.slots) // copies keep the old one
	h.slots[slot.Index] = slot
}

// mark makes a checkpoint at the head.
func (h *History) mark(b *store.Batch) {
	h.head.Changed = false
	c := proof.Checkpoint{Height: h.head.Height, Log: h.head.Log, State: hash("state", h.next()), Time: h.head.Time, Paused: h.head.Paused}
	if len(h.rows) > 0 {
		c.Number, c.Previous = h.last()+1, h.row(h.last()).Checkpoint.Hash()
	}
	m := store.Marked{Checkpoint: c, Head: h.head, Position: stream.Position{Incarnation: stream.Incarnation{byte(h.made)}, Sequence: h.made}}
	b.Checkpoints = append(b.Checkpoints, m)
	h.rows = append(slices.Clip(h.rows), store.CheckpointRow{Checkpoint: c, Head: m.Head, Position: m.Position})
	h.copies[c.Number] = h.content
	clear(h.dirty)
}

// certify justifies a checkpoint, which may make its parent final, and certifies it in the log at times.
func (h *History) certify(b *store.Batch) {
	final, last := h.final.Checkpoint.Number, h.last()
	source, target := final, final+1
	switch {
	case last >= final+2 && h.random.IntN(3) > 0:
		source, target = final+1, final+2
	case last >= final+2 && h.random.IntN(2) > 0:
		target = final + 2
	case last <= final:
		return
	}
	parent := h.row(source).Checkpoint
	c := proof.Certificate{Source: parent.Ref(), Target: h.row(target).Checkpoint.Ref(), Votes: []proof.CertificateVote{{Witness: byte(h.next())}}}
	b.Certificates = append(b.Certificates, c)
	h.replace(target, func(r *store.CheckpointRow) { r.Certificate = &c })
	if target == source+1 && (source > final || h.final.Certificate.Votes == nil) {
		h.final = proof.Final{Checkpoint: parent, Certificate: c}
	}
	if target > h.head.Certified && h.random.IntN(2) == 0 {
		h.addEntry(b, dag.EntryCertificate)
		h.head.Certified = target
		b.Certified = append(b.Certified, target)
		h.replace(target, func(r *store.CheckpointRow) { r.Certified = true })
	}
}

func (h *History) finish(b *store.Batch) {
	h.position = stream.Position{Incarnation: stream.Incarnation{7}, Sequence: h.next()}
	b.Head, b.Position, b.Final = h.head, h.position, h.final.Checkpoint.Number
	if b.Vote != nil {
		h.vote = b.Vote
	}
}

// Rollback goes back in the model, and gives the place and the vertices that a store must give.
func (h *History) Rollback() (checkpoint uint64, to stream.Position, undone []settle.VertexID) {
	final := h.final.Checkpoint.Number
	checkpoint = final + uint64(h.random.IntN(int(h.last()-final)+1))
	to = stream.Position{Incarnation: stream.Incarnation{9}, Sequence: h.next()}
	clear(h.dirty)
	return checkpoint, to, h.Model.Rollback(checkpoint, to)
}

// bare is the context of all calls: none is given up.
var bare = context.Background()

// String says where the history stands.
func (h *History) String() string {
	return fmt.Sprintf("height %d, checkpoint %d, final %d, pruned %d, %d slots", h.head.Height, h.last(), h.final.Checkpoint.Number, h.pruned, len(h.slots))
}
