package wallet

import (
	"crypto/sha256"
	"encoding/binary"
)

// PurposePairwise is for wallets that only one operator knows: m/19024'/7'/a'/b'/c'/d'.
const PurposePairwise Purpose = 7

// Pairwise gives the wallet that this one shows to one operator only: another DID, other channel, Noise and NATS keys, which
// nobody can connect with this wallet's, or with those for other operators, who does not have its words. The four numbers of
// the path are the first 16 bytes of SHA-256("joulepay/pairwise\0" and the operator's 32-byte DID key), big-endian, without
// their uppermost bits; the key at the path is the entropy of the wallet. So the words restore it.
func (w *Wallet) Pairwise(operator DID) *Wallet {
	h := sha256.New()
	h.Write([]byte("joulepay/pairwise\x00"))
	h.Write(operator[:])
	sum := h.Sum(nil)
	var numbers [4]uint32
	for i := range numbers {
		numbers[i] = binary.BigEndian.Uint32(sum[4*i:]) &^ (1 << 31) // hardened numbers have 31 bits
	}
	return FromEntropy(w.derive(PurposePairwise, numbers[:]...))
}
