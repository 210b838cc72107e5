package wallet

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
)

// hardened is the bit of a child number that SLIP-0010 demands for Ed25519.
const hardened = 1 << 31

// node is a key and its chain code in the tree of SLIP-0010.
type node struct {
	key   [32]byte
	chain [32]byte
}

// masterNode gives the root of the Ed25519 tree of a seed (SLIP-0010, "Master key generation").
func masterNode(seed []byte) node {
	return newNode([]byte("ed25519 seed"), seed)
}

// child gives a hardened child; the hardened bit is set here (SLIP-0010, "Private parent key → private child key").
func (n node) child(number uint32) node {
	data := make([]byte, 0, 1+len(n.key)+4)
	data = append(data, 0)
	data = append(data, n.key[:]...)
	data = binary.BigEndian.AppendUint32(data, number|hardened)
	return newNode(n.chain[:], data)
}

// descend walks down hardened children.
func (n node) descend(numbers ...uint32) node {
	for _, number := range numbers {
		n = n.child(number)
	}
	return n
}

func newNode(key, data []byte) node {
	mac := hmac.New(sha512.New, key)
	mac.Write(data) // a hash never returns an error
	sum := mac.Sum(nil)
	return node{key: [32]byte(sum[:32]), chain: [32]byte(sum[32:])}
}
