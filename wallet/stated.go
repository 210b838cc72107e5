package wallet

import (
	"errors"
	"fmt"
)

// ErrStatedKey is returned for a stated key that is malformed, or that nobody would state: the one that the DID names.
var ErrStatedKey = errors.New("wallet: not a key that replaced the DID's first one")

// StateKey gives what a message says of the key that signs it for a DID: nothing when that is the one which the DID names.
func StateKey(did DID, key PublicKey) []byte {
	if key == did.InceptionKey() {
		return nil
	}
	return key[:]
}

// StatedKey reads what StateKey gives. That a key is stated proves nothing: whether it is the DID's, the ledger says.
func StatedKey(did DID, stated []byte) (PublicKey, error) {
	if len(stated) == 0 {
		return did.InceptionKey(), nil
	}
	key, err := ParsePublicKey(stated)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrStatedKey, err)
	}
	if key == did.InceptionKey() {
		return PublicKey{}, ErrStatedKey
	}
	return key, nil
}
