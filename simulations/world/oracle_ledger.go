package world

import (
	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	settlestore "joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// books are what the oracle knows of the ledger: what its store was told, slot by slot, and the sums that follow. Nothing
// in them is asked of the ledger itself.
type books struct {
	accounts  map[wallet.DID]money.Amount
	channels  map[channel.ID]settle.Channel
	sequences map[wallet.DID]uint64 // of the last spend
	balances  money.Amount
	locked    money.Amount
	moved     []channel.ID // channels that changed since the last event
	changes   int          // slots so far
	audited   int          // changes at the last audit
}

func newBooks() books {
	return books{accounts: map[wallet.DID]money.Amount{}, channels: map[channel.ID]settle.Channel{}, sequences: map[wallet.DID]uint64{}}
}

// ledgerStored takes what the ledger has made durable.
func (o *oracle) ledgerStored(b settlestore.Batch) {
	o.countVertices(b.Entries)
	changes := b.Slots
	for _, change := range changes {
		switch change.Key.Kind {
		case settle.SlotAccount:
			a, err := settle.DecodeAccount(change.Content)
			o.world.fail(err)
			did := wallet.DID(change.Key.ID)
			o.books.balances += a.Balance - o.books.accounts[did]
			o.books.accounts[did] = a.Balance
		case settle.SlotChannel:
			o.storedChannel(channel.ID(change.Key.ID), change.Content)
		}
	}
	o.books.changes += len(changes)
	o.moved = o.moved || len(changes) > 0
}

// countVertices tells the recorder of vertices that were accepted.
func (o *oracle) countVertices(entries []settlestore.Entry) {
	n := 0
	for _, e := range entries {
		if e.Kind == dag.EntryVertex && e.Verdict.Accepted() {
			n++
			o.spent(e)
		}
	}
	if n > 0 {
		o.world.electric.recorder.AddVertices(o.world.clock.Now(), n)
	}
}

// spent checks that each sequence of an account pays once.
func (o *oracle) spent(e settlestore.Entry) {
	switch e.PayloadKind {
	case settle.KindTransfer, settle.KindOpen, settle.KindTopUp, settle.KindRedeem:
	default:
		return
	}
	v, err := e.Vertex()
	if err != nil {
		o.world.fail(err)
		return
	}
	spend, ok := v.Payload().(interface{ SpendSequence() uint64 })
	if !ok {
		return
	}
	sequence, last := spend.SpendSequence(), o.books.sequences[e.Issuer]
	o.hold("spend", sequence == last+1, "%s spends with sequence %d after %d", e.Issuer, sequence, last)
	o.books.sequences[e.Issuer] = sequence
}

func (o *oracle) storedChannel(id channel.ID, content []byte) {
	now, err := settle.DecodeChannel(content)
	o.world.fail(err)
	held, err := now.Locked()
	o.world.fail(err)
	if before, known := o.books.channels[id]; !known {
		o.world.electric.recorder.AddChannels(1)
	} else {
		was, err := before.Locked()
		o.world.fail(err)
		held -= was
	}
	o.books.locked += held
	o.books.channels[id] = now
	o.books.moved = append(o.books.moved, id)
}

// auditEvery is how many slots change between audits of the whole ledger, which look at every slot there is.
const auditEvery = 1000

// checkMoney is I1: by sums over what the ledger has stored, and now and then by its own audit of all slots.
func (o *oracle) checkMoney(audit bool) {
	b, issued := &o.books, o.world.ledger.issued
	o.hold("I1", b.balances+b.locked == issued, "%s on accounts and %s in channels, issued are %s", b.balances, b.locked, issued)
	if audit || b.changes-b.audited >= auditEvery {
		b.audited = b.changes
		err := o.world.ledger.core.State().Audit()
		o.hold("I1", err == nil, "the ledger's audit fails: %v", err)
	}
}

// checkLanes is I2 on the ledger: no lane falls, and none is above what its payer has signed.
func (o *oracle) checkLanes() {
	for _, id := range o.books.moved {
		c := o.books.channels[id]
		for n, now := range c.Lanes {
			before := o.lanes[id][n]
			fell := now.Maximum < before.Maximum || now.Owed < before.Owed || now.Owed == before.Owed && now.Sequence < before.Sequence
			o.hold("I2", !fell, "lane %d of channel %.8s fell on the ledger from %s to %s", n, id, before.Maximum, now.Maximum)
			if payer := o.side(id, c.Opening, channel.Lane(n).Payer()); payer != nil && !o.cheats(c.Opening, payer.Side.Me) {
				o.hold("I2", now.Maximum <= payer.Side.Out.Owed(), "lane %d of channel %.8s is at %s, signed were %s",
					n, id, now.Maximum, payer.Side.Out.Owed())
			}
		}
		o.lanes[id] = c.Lanes
		if c.State == channel.Closed {
			delete(o.bodies, id)
		}
	}
	o.books.moved = o.books.moved[:0]
}
