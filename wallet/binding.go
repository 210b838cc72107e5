package wallet

import "encoding/binary"

// Binding says that a derived key belongs to a DID, signed by the account key. Its fields are those of the message
// that carries it; only Verify makes them trusted.
type Binding struct {
	DID       DID
	Purpose   Purpose
	Index     uint32   // of the channel; 0 for the purposes that have one key
	Key       [32]byte // Ed25519 public key, or X25519 for PurposeNoiseStatic
	Signature Signature
}

// Bind signs that a key belongs to the wallet's DID.
func (w *Wallet) Bind(network NetworkID, purpose Purpose, index uint32, key [32]byte) Binding {
	b := Binding{DID: w.DID(), Purpose: purpose, Index: index, Key: key}
	b.Signature = w.Account().Sign(DomainKeyBinding, network, b.body())
	return b
}

// Verify checks the binding under the account's current key, which is the DID's inception key until it rotates.
// It returns ErrSignature, or nil.
func (b Binding) Verify(account PublicKey, network NetworkID) error {
	return Verify(account, DomainKeyBinding, network, b.body(), b.Signature)
}

// body gives the signed fields: DID (32 bytes), purpose (1), index (4, big-endian), key (32).
func (b Binding) body() []byte {
	body := make([]byte, 0, len(b.DID)+1+4+len(b.Key))
	body = append(body, b.DID[:]...)
	body = append(body, byte(b.Purpose))
	body = binary.BigEndian.AppendUint32(body, b.Index)
	return append(body, b.Key[:]...)
}
