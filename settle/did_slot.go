package settle

import (
	"encoding/binary"

	"joulepay/internal/layout"
	"joulepay/wallet"
)

// Identity is the slot of a DID that is registered: which key is its own, whether it may act, and its document. It stays
// when the DID is deactivated, so that its end can be proven.
type Identity struct {
	Key       wallet.PublicKey // current
	Status    AccountStatus
	Version   uint64 // of changes, from 1
	Rotations uint32
	Created   LedgerTime
	Updated   LedgerTime
	Vertex    VertexID // that made the last change
	Document  Document
}

// Encode gives the canonical bytes.
func (i Identity) Encode() []byte {
	b := make([]byte, 0, SlotSizeMax)
	b = append(b, slotVersion)
	b = append(b, i.Key[:]...)
	b = append(b, byte(i.Status))
	b = binary.BigEndian.AppendUint64(b, i.Version)
	b = binary.BigEndian.AppendUint32(b, i.Rotations)
	b = layout.AppendInt64(b, int64(i.Created))
	b = layout.AppendInt64(b, int64(i.Updated))
	b = append(b, i.Vertex[:]...)
	return i.Document.appendTo(b)
}

// DecodeIdentity reads what Encode gives.
func DecodeIdentity(raw []byte) (Identity, error) {
	var i Identity
	r := layout.NewReader(raw)
	r.Version(slotVersion)
	r.Fixed(i.Key[:])
	i.Status = AccountStatus(r.Uint8())
	i.Version = r.Uint64()
	i.Rotations = r.Uint32()
	i.Created = LedgerTime(r.Int64())
	i.Updated = LedgerTime(r.Int64())
	r.Fixed(i.Vertex[:])
	i.Document.readFrom(r)
	return i, closeSlot(r, "identity")
}
