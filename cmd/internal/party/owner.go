package party

import (
	"context"
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/channel/store"
	"joulepay/wallet"
)

// ErrOtherWallet is returned for a store whose open channels are of another wallet than the one that is to sign in them: a
// wallet of the same name was made or restored from other words.
var ErrOtherWallet = errors.New("party: the store has open channels of another wallet")

// checkOwner sees that a wallet is the one that the store's open channels belong to.
func checkOwner(ctx context.Context, s store.Store, w *wallet.Wallet) error {
	open, err := s.Unclosed(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		owner := r.Side.Opening.Opener
		if r.Side.Me == channel.Partner {
			owner = r.Side.Opening.Partner
		}
		if owner != w.DID() {
			return fmt.Errorf("%w: channel %s is of %s, the wallet is %s", ErrOtherWallet, r.ID, owner, w.DID())
		}
	}
	return nil
}
