package node

import (
	"fmt"
	"time"

	"joulepay/settle"
	"joulepay/settle/gossip"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// Event is what happens to a Core.
type Event interface{ event() }

// Events of a Core.
type (
	// Submitted brings a vertex of this network whose signature verified under a key.
	Submitted struct {
		Vertex   *settle.Vertex
		SignedBy wallet.PublicKey
	}
	// SubmittedTogether brings several of them, in an order of their own.
	SubmittedTogether struct{ Vertices []Submitted }
	// Delivered brings the next bundles of the stream.
	Delivered struct{ Deliveries []stream.Delivery }
	// Published says where the bundle of a Publish effect came to stand.
	Published struct {
		Position stream.Position
		Bundle   []byte
	}
	// VoteReceived brings a vote of another witness.
	VoteReceived struct{ Vote proof.SignedVote }
	// Renewed says that the stream has another incarnation, which is read from this position on.
	Renewed struct {
		Position stream.Position
		Empty    bool // nobody has published anything in it yet
	}
	// Ahead brings a standing of a peer that is further, or on another branch.
	Ahead struct{ Standing gossip.Standing }
	// Fetched brings encoded entries of the log from a peer, during a Rebase.
	Fetched struct{ Entries [][]byte }
	// Stranded says that no peer led to the base of the incarnation.
	Stranded struct{}
	// Tick says that time has passed.
	Tick struct{}
)

func (Submitted) event()         {}
func (SubmittedTogether) event() {}
func (Delivered) event()         {}
func (Published) event()         {}
func (VoteReceived) event()      {}
func (Renewed) event()           {}
func (Ahead) event()             {}
func (Fetched) event()           {}
func (Stranded) event()          {}
func (Tick) event()              {}

// Effect is what a Core wants done.
type Effect interface{ effect() }

// Effects of a Core. They are carried out in order; if Persist fails, nothing after it may happen.
type (
	// Persist stores a batch. If we crash before it is done, nothing of this step has been told or voted.
	Persist struct{ Batch store.Batch }
	// Publish appends a bundle to the stream; a Published event answers it. At most
	// stream.AppendMax are under way; they must not overtake each other.
	Publish struct{ Bundle []byte }
	// SendVote gives this node's vote to the other witnesses.
	SendVote struct{ Vote proof.SignedVote }
	// Accuse says that a witness contradicted itself.
	Accuse struct{ Evidence proof.Evidence }
	// Renew starts the stream anew, if this is still its incarnation.
	Renew struct{ Incarnation stream.Incarnation }
	// AskPeers asks peers how far they are; Ahead answers for one that is further than this node.
	AskPeers struct{}
	// Rebase brings the core to another checkpoint; nothing else may be given to it until then. See Rebaser.
	Rebase struct {
		Base        proof.Checkpoint
		Certificate proof.Certificate
		Position    stream.Position   // from which the core reads on
		Known       bool              // the base is a checkpoint of this node's log
		Again       []stream.Delivery // what is to be delivered after it
	}
	// Tell says what happened. Final is set at StageFinal only.
	Tell struct {
		Notice Notice
		Final  *proof.Final
	}
	// WakeAfter asks for a Tick, unless something else happens before.
	WakeAfter struct{ Wait time.Duration }
)

func (Persist) effect()   {}
func (Publish) effect()   {}
func (SendVote) effect()  {}
func (Tell) effect()      {}
func (Accuse) effect()    {}
func (Renew) effect()     {}
func (AskPeers) effect()  {}
func (Rebase) effect()    {}
func (WakeAfter) effect() {}

// Stage is how far a vertex or checkpoint has come.
type Stage uint8

// Stages.
const (
	StageReceived  Stage = iota + 1 // a vertex was taken in; nothing is promised
	StageDecided                    // a vertex is in the log and stored, accepted or refused
	StageRepeated                   // a vertex was in the log before
	StageJustified                  // a checkpoint is certified, phase one
	StageFinal                      // a checkpoint is final, and with it every vertex up to its height
	StageUndone                     // a vertex that was in the log, and not final, waits for its place again
)

// Notice says what happened. Vertex and Verdict belong to the stages of vertices, Checkpoint to those of checkpoints.
type Notice struct {
	Stage      Stage
	Vertex     settle.VertexID
	Payload    settle.PayloadID
	Kind       settle.Kind
	Verdict    settle.Verdict
	Height     uint64 // in the log; of a checkpoint the height up to which it covers
	Checkpoint uint64 // number
}

// bundlesRemembered is how many bundles a node can compare with what the stream says of them.
const bundlesRemembered = 1024

// bundleRing remembers which bundles stood where lately, whether the stream delivered them or acknowledged them.
type bundleRing struct {
	hashes map[uint64][32]byte
}

// put records a bundle by its hash. Another one at the same place means that the log forgot some: stream.ErrGap.
func (r *bundleRing) put(sequence uint64, h [32]byte) error {
	if r.hashes == nil {
		r.hashes = make(map[uint64][32]byte)
	}
	if known, ok := r.hashes[sequence]; ok && known != h {
		return fmt.Errorf("%w: bundle %d was another one", stream.ErrGap, sequence)
	}
	r.hashes[sequence] = h
	delete(r.hashes, sequence-bundlesRemembered)
	return nil
}
