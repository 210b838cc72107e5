package session

import (
	"time"

	"joulepay/channel"
	"joulepay/wallet"
)

// Keep is what a party does for a channel outside of sessions, given the ledger's certified word: it answers a close that
// names too little, finishes one whose window is over, and brings its claims to the ledger before the channel expires.
// It gives the record as it should be stored, and the operations to enter into the outbox; entering one twice is harmless.
func Keep(record ChannelRecord, view View) (ChannelRecord, []OpRecord, error) {
	if !view.Final {
		return record, nil, nil
	}
	side, err := channel.Restore(record.Side)
	if err != nil {
		return record, nil, err
	}
	side.Deposited(view.Funds.Deposited)
	side.OnLedger(view.Funds.Withdrawn, view.Lanes)
	record.Side, record.State, record.Expiry = side.Snapshot(), view.State, view.Expiry
	for l := range view.Lanes {
		record.Settled[l] = max(record.Settled[l], view.Lanes[l])
	}
	var ops []OpRecord
	if view.State == channel.Closed {
		return record, nil, nil
	}
	if incoming := side.In(); needsLedger(side, view) {
		ops = append(ops, NewOp(OpSettle, record.ID, channel.SessionID{}, EncodeBests(incoming)))
	}
	if over, ok := windowEnd(side, view); ok && !view.Time.Before(over) {
		ops = append(ops, NewOp(OpFinalise, record.ID, channel.SessionID{}, record.ID[:]))
	}
	return record, ops, nil
}

// needsLedger tells whether a claim that this side holds must be brought to the ledger now: the channel is closing, or
// will be within a window, and the ledger knows less.
func needsLedger(side *channel.Side, view View) bool {
	incoming := side.In()
	if incoming.IsZero() || incoming.Owed() <= view.Lanes[side.Me().Other().Pays()] {
		return false
	}
	window := side.Opening().Terms.Window
	return view.State == channel.Closing || !view.Time.Before(view.Expiry.Add(-window))
}

// windowEnd tells when a closing or expired channel may be paid out, ledger time.
func windowEnd(side *channel.Side, view View) (time.Time, bool) {
	if view.State == channel.Closing {
		return view.WindowEnd, true
	}
	if !view.Time.Before(view.Expiry) {
		return view.Expiry.Add(side.Opening().Terms.Window), true
	}
	return time.Time{}, false
}

// Countersign signs a cooperative close that the peer proposes, and freezes the record.
func Countersign(record *ChannelRecord, proposed channel.SignedClose, key wallet.PrivateKey) (channel.SignedClose, error) {
	side, err := channel.Restore(record.Side)
	if err != nil {
		return channel.SignedClose{}, err
	}
	signed, err := side.CountersignClose(proposed, key)
	if err != nil {
		return channel.SignedClose{}, err
	}
	record.Side = side.Snapshot()
	return signed, nil
}
