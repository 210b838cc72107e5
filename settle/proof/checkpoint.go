package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/settle"
)

// String gives the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler, in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("%w: not a hash: %.70q", settle.ErrEncoding, text)
	}
	*h = Hash(raw)
	return nil
}

const checkpointVersion = 1

// Checkpoint says what the ledger is after a prefix of its log. Nodes that applied the same prefix compute the same.
type Checkpoint struct {
	Number    uint64 // of the checkpoint: 0 for the genesis, one higher each time
	Previous  Hash   // the checkpoint before; zero for the genesis
	Height    uint64 // log entries applied, the genesis being the first
	Log       Hash   // L_i = H(L_{i−1}, id_i, verdict_i) of the last of them
	State     Hash   // root of the slots
	Receipts  Hash   // root of (id, verdict) of the vertices since the checkpoint before
	Time      settle.LedgerTime
	Paused    int64 // milliseconds; ledger time less this is the clock of challenge windows
	Witnesses Hash  // of the set that certifies the next checkpoint
}

// CheckpointSize is the length in bytes of the canonical layout.
const CheckpointSize = 1 + 8 + 32 + 8 + 32 + 32 + 32 + 8 + 8 + 32

// Encode gives the canonical bytes.
func (c Checkpoint) Encode() []byte {
	b := make([]byte, 0, CheckpointSize)
	b = append(b, checkpointVersion)
	b = binary.BigEndian.AppendUint64(b, c.Number)
	b = append(b, c.Previous[:]...)
	b = binary.BigEndian.AppendUint64(b, c.Height)
	b = append(b, c.Log[:]...)
	b = append(b, c.State[:]...)
	b = append(b, c.Receipts[:]...)
	b = layout.AppendInt64(b, int64(c.Time))
	b = layout.AppendInt64(b, c.Paused)
	return append(b, c.Witnesses[:]...)
}

// DecodeCheckpoint reads what Encode gives.
func DecodeCheckpoint(raw []byte) (Checkpoint, error) {
	r := layout.NewReader(raw)
	c := readCheckpoint(r)
	if err := r.Close(); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint: %w", settle.ErrEncoding, err)
	}
	return c, nil
}

func readCheckpoint(r *layout.Reader) Checkpoint {
	var c Checkpoint
	r.Version(checkpointVersion)
	c.Number = r.Uint64()
	r.Fixed(c.Previous[:])
	c.Height = r.Uint64()
	r.Fixed(c.Log[:])
	r.Fixed(c.State[:])
	r.Fixed(c.Receipts[:])
	c.Time = settle.LedgerTime(r.Int64())
	c.Paused = r.Int64()
	r.Fixed(c.Witnesses[:])
	return c
}

// Hash names the checkpoint.
func (c Checkpoint) Hash() Hash {
	return sha256.Sum256(append([]byte("joulepay/checkpoint\x00"), c.Encode()...))
}

// Ref gives what votes say of the checkpoint.
func (c Checkpoint) Ref() Ref { return Ref{Number: c.Number, Hash: c.Hash()} }

// WindowTime gives the clock of challenge windows.
func (c Checkpoint) WindowTime() settle.WindowTime {
	return settle.WindowTime(int64(c.Time) - c.Paused)
}

// Ref names a checkpoint by number and hash.
type Ref struct {
	Number uint64
	Hash   Hash
}

func (r Ref) appendTo(b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, r.Number), r.Hash[:]...)
}

func readRef(r *layout.Reader) Ref {
	ref := Ref{Number: r.Uint64()}
	r.Fixed(ref.Hash[:])
	return ref
}

// NextLog gives L_i = H(L_{i−1}, id_i, verdict_i).
func NextLog(previous Hash, id [32]byte, v settle.Verdict) Hash {
	var b [16 + 65]byte
	copy(b[:], "joulepay/log\x00")
	copy(b[16:], previous[:])
	copy(b[48:], id[:])
	b[80] = byte(v)
	return sha256.Sum256(b[:])
}

// SlotLeaf hashes a slot as the state root commits to it.
func SlotLeaf(key settle.SlotKey, content []byte) Hash {
	return LeafHash([]byte{byte(key.Kind)}, key.ID[:], content)
}

// ReceiptLeaf hashes what happened to a vertex as the receipts root commits to it.
func ReceiptLeaf(id settle.VertexID, v settle.Verdict) Hash { return LeafHash(id[:], []byte{byte(v)}) }
