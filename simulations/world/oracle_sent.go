package world

import (
	"bytes"
	"context"

	"joulepay/channel"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// sent is I4: what leaves a machine is durable in it, and one sequence has one body for ever.
func (o *oracle) sent(p *party, f wire.Frame) {
	switch m := f.Message.(type) {
	case wire.Claim:
		o.sentBest(p, m.Best)
		if best, err := channel.DecodeBest(m.Best); err == nil {
			o.signedFor(p, best.Signed.Claim)
		}
	case wire.Hello:
		o.sentKnown(p, m.Known)
	case wire.Offer:
		o.sentKnown(p, m.Known)
	case wire.Demand:
		o.sentBest(p, m.Back)
		o.acknowledged(p, f.Session, m.Accepted)
		o.sentReading(p, f.Session, m.Reading)
	case wire.Done:
		o.sentBest(p, m.Back)
		o.acknowledged(p, f.Session, m.Accepted)
	case wire.Withdraw:
		o.sentWithdrawal(p, m.Withdrawal)
	}
}

func (o *oracle) sentKnown(p *party, k wire.Known) {
	for _, raw := range k.Lanes {
		o.sentBest(p, raw)
	}
}

func (o *oracle) sentBest(p *party, raw []byte) {
	if len(raw) == 0 {
		return
	}
	best, err := channel.DecodeBest(raw)
	if err != nil {
		o.world.fail(err)
		return
	}
	c := best.Signed.Claim
	r, err := p.disk.Channel(context.Background(), c.Channel)
	durable := r.Side.Out
	if err == nil && c.Lane != r.Side.Me.Pays() {
		durable = r.Side.In
	}
	o.hold("I4", err == nil && !best.Above(durable), "%s sends a claim of %s, durable is %s", p.name, best.Owed(), durable.Owed())
	key := claimKey{c.Lane, c.Sequence}
	bodies := o.bodies[c.Channel]
	if bodies == nil {
		bodies = map[claimKey]channel.Hash{}
		o.bodies[c.Channel] = bodies
	}
	body, known := bodies[key]
	o.hold("I4", !known || body == c.Hash(), "%s: two bodies for sequence %d of channel %.8s", p.name, c.Sequence, c.Channel)
	bodies[key] = c.Hash()
}

// acknowledged is the promise not to lose a claim.
func (o *oracle) acknowledged(p *party, id channel.SessionID, amount money.Amount) {
	if amount == 0 {
		return
	}
	s, err := p.disk.Session(context.Background(), id)
	if err != nil {
		o.world.fail(err)
		return
	}
	r, err := p.disk.Channel(context.Background(), s.Channel)
	o.hold("I4", err == nil && amount <= r.Side.In.Owed(), "%s acknowledges %s, durable is %s", p.name, amount, r.Side.In.Owed())
}

func (o *oracle) sentReading(p *party, id channel.SessionID, raw []byte) {
	signed, err := meter.DecodeSigned(raw)
	stored := o.readings[id][signed.Reading.Sequence]
	o.hold("I4", err == nil && bytes.Equal(stored, raw), "%s sends a reading that is not durable: %d", p.name, signed.Reading.Sequence)
}

func (o *oracle) sentWithdrawal(p *party, raw []byte) {
	w, err := channel.DecodeSignedWithdrawal(raw)
	if err != nil {
		o.world.fail(err)
		return
	}
	r, err := p.disk.Channel(context.Background(), w.Withdrawal.Channel)
	o.hold("I4", err == nil && w.Withdrawal.Sequence <= r.Side.Withdrawal, "%s signs withdrawal %d, durable is %d",
		p.name, w.Withdrawal.Sequence, r.Side.Withdrawal)
}
