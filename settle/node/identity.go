package node

import (
	"context"

	"joulepay/settle"
	"joulepay/wallet"
)

// Identity gives what is registered of a DID and the height of the log that it belongs to, or ErrNotFound.
func (n *Node) Identity(ctx context.Context, did wallet.DID) (settle.Identity, uint64, error) {
	raw, height, err := n.options.Store.Slot(ctx, settle.DIDKey(did))
	if err != nil {
		return settle.Identity{}, height, wrapNotFound(err)
	}
	i, err := settle.DecodeIdentity(raw)
	return i, height, err
}
