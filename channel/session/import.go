package session

import (
	"errors"
	"fmt"

	"joulepay/channel"
	"joulepay/wallet"
)

// Errors of channels that are imported.
var (
	ErrForeignChannel = errors.New("session: the channel is not this wallet's, or its claims are not signed")
	ErrOldCopy        = errors.New("session: the store knows the channel better than the copy")
)

// ImportChannel decides what becomes of a channel that comes from an export: the record to store, or false when the store
// knows just that already. known is the stored one, or nil. The record continues as channel.Snapshot.Copy says: nothing is
// signed before the peer showed its best claims. stretch is random.
func ImportChannel(record ChannelRecord, known *ChannelRecord, w *wallet.Wallet, stretch uint32) (ChannelRecord, bool, error) {
	if err := checkOwn(record, w); err != nil {
		return record, false, err
	}
	if known != nil {
		switch {
		case !record.SameTerms(*known):
			return record, false, fmt.Errorf("%w: other terms under the id %s", ErrForeignChannel, record.ID)
		case below(record.Side, known.Side) || known.State == channel.Closed:
			return record, false, fmt.Errorf("%w: channel %s", ErrOldCopy, record.ID)
		case !below(known.Side, record.Side):
			return record, false, nil
		}
	}
	side, err := record.Side.Copy(stretch)
	if err != nil {
		return record, false, err
	}
	record.Side = side
	return record, true, nil
}

// checkOwn sees that the wallet has the channel's key, and that both sides signed what the record says that they did.
func checkOwn(r ChannelRecord, w *wallet.Wallet) error {
	side, err := channel.Restore(r.Side)
	if err != nil {
		return err
	}
	o, me := side.Opening(), side.Me()
	owners := [2]wallet.DID{channel.Opener: o.Opener, channel.Partner: o.Partner}
	if side.ID() != r.ID || owners[me] != w.DID() || owners[me.Other()] != r.Peer || o.Key(me) != w.Channel(r.KeyIndex).Public() {
		return fmt.Errorf("%w: channel %s", ErrForeignChannel, r.ID)
	}
	for party, best := range map[channel.Party]channel.Best{me: side.Out(), me.Other(): side.In()} {
		if best.IsZero() {
			continue
		}
		key, err := wallet.NewVerifier(o.Key(party))
		if err != nil {
			return err
		}
		if c := best.Signed.Claim; c.Channel != r.ID || c.Lane != party.Pays() {
			return fmt.Errorf("%w: a claim of another channel or lane", ErrForeignChannel)
		}
		if err := best.Verify(o.Network, key); err != nil {
			return fmt.Errorf("%w: %w", ErrForeignChannel, err)
		}
	}
	return nil
}

// below tells whether a knows less than b in anything that was signed or accepted.
func below(a, b channel.Snapshot) bool {
	return b.Out.Above(a.Out) || b.In.Above(a.In) || a.Sequence < b.Sequence || a.Withdrawal < b.Withdrawal ||
		b.Frozen && !a.Frozen || a.Funds.Withdrawn[0] < b.Funds.Withdrawn[0] || a.Funds.Withdrawn[1] < b.Funds.Withdrawn[1]
}
