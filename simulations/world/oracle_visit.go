package world

import (
	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// ticket is what the oracle knows of a session that goes on, from outside: from the outlet and from the quote.
type ticket struct {
	station *station
	vehicle *party
	quote   quote.Quote
	owed    money.Amount // delivered and not paid, as the station counts
	claims  uint64       // that the station has stored

	begun     bool
	base      int64 // of the outlet, when the first reading was stored
	delivered int64 // since, by the last reading
	cheated   *worth
}

// worth prices what really flowed in a session in which one side cheats.
type worth struct {
	by        *attacker
	dishonest bool // it is the station: what it reads counts for nothing
	lies      bool // its meter does
	bill      *quote.Bill
	most      *quote.Bill // with all that a vehicle's comparison lets pass (I6)
	value     money.Amount
	valueMost money.Amount
}

// ticketOf gives the ticket of a station's session, made when it is first stored.
func (o *oracle) ticketOf(p *party, r session.SessionRecord) (*ticket, error) {
	if t, known := o.tickets[r.ID]; known {
		return t, nil
	}
	signed, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return nil, err
	}
	t := &ticket{station: o.world.stationAt(p), vehicle: o.party(r.Peer), quote: signed.Quote}
	if by := t.cheat(); by != nil {
		t.cheated = &worth{by: by, dishonest: t.station.cheat != nil, lies: t.station.spec.InflatePPM > 0}
		if t.cheated.bill, err = quote.NewBill(t.quote); err == nil {
			t.cheated.most, err = quote.NewBill(t.quote)
		}
	}
	o.tickets[r.ID] = t
	return t, err
}

// stationAt gives the station that a party is.
func (w *World) stationAt(p *party) *station {
	for _, s := range w.stations {
		if &s.party == p {
			return s
		}
	}
	return nil
}

// cheat gives the one of both who cheats; nil when nobody does, or both do: that is between them.
func (t *ticket) cheat() *attacker {
	switch station, vehicle := t.station.cheat, t.vehicle.cheat; {
	case station == nil:
		return vehicle
	case vehicle == nil:
		return station
	}
	return nil
}

// storedReading compares a reading with the outlet: an honest station's shows no more than has flowed (I6).
func (o *oracle) storedReading(p *party, r session.ReadingRecord) {
	t := o.tickets[r.Session]
	if t == nil || p != &t.station.party {
		return
	}
	signed, err := meter.DecodeSigned(r.Signed)
	if err != nil {
		o.world.fail(err)
		return
	}
	if o.readings[r.Session] == nil {
		o.readings[r.Session] = map[uint64][]byte{}
	}
	o.readings[r.Session][r.Sequence] = r.Signed
	o.read++
	register, _ := t.station.goods.registers(o.world.clock.Now())
	if !t.begun {
		t.begun, t.base = true, register
	}
	t.delivered = register - t.base
	if t.station.cheat == nil {
		ahead := services[t.station.spec.Service].unpaidMax // of pieces, which are counted when they are given free
		o.hold("I6", signed.Reading.Register <= register+ahead, "%s reads %d, delivered are %d", p.name, signed.Reading.Register, register)
	}
	if t.cheated != nil {
		o.world.fail(t.cheated.add(signed.Reading, t.base, t.delivered))
	}
}

// add prices a reading: an honest station's as it is, any other as it should be, and as a vehicle may take it for.
func (x *worth) add(r meter.Reading, base, delivered int64) error {
	comparison, err := meter.DefaultComparison(meter.SideAC)
	if err != nil {
		return err
	}
	tolerated, measured := delivered, measuredMost(delivered)
	for step := int64(1) << 40; step > 0 && x.lies; step /= 2 {
		if comparison.Check(tolerated+step, measured) == nil {
			tolerated += step
		}
	}
	for _, way := range []struct {
		bill  *quote.Bill
		shown int64
		value *money.Amount
	}{{x.bill, delivered, &x.value}, {x.most, tolerated, &x.valueMost}} {
		if x.dishonest && r.Sequence == 0 {
			r.Register = base
		} else if x.dishonest {
			r.Register = base + way.shown
		}
		if *way.value, err = way.bill.Add(r); err != nil {
			return err
		}
		if r.State == meter.Ended {
			if *way.value, err = way.bill.Final(); err != nil {
				return err
			}
		}
	}
	return nil
}

// signedFor is I6 from outside: what a vehicle signs for has flowed, as far as its own measurement can tell.
func (o *oracle) signedFor(p *party, c channel.Claim) {
	t := o.tickets[c.Session]
	if t == nil || p != t.vehicle || c.Lane != channel.Opener.Pays() {
		return
	}
	comparison, err := comparison(t.station.spec.Service)
	if err != nil {
		o.world.fail(err)
		return
	}
	register, _ := t.station.goods.registers(o.world.clock.Now()) // more may have flowed since the reading
	delivered := register - t.base + services[t.station.spec.Service].unpaidMax
	o.hold("I6", t.begun && comparison.Check(c.Quantity, measuredMost(delivered)) == nil, "%s signs for %d, delivered are %d", p.name, c.Quantity, delivered)
}

// measuredMost gives what a vehicle's own measurement may show.
func measuredMost(delivered int64) int64 {
	const million = 1_000_000
	return delivered + delivered/million*gainPPMMax + delivered%million*gainPPMMax/million + 1
}

// gainPPMMax is how much the oracle lets a vehicle's own measurement err.
const gainPPMMax = 20_000

// storedPayee checks I5 for what a station has delivered and priced so far, and closes the ticket when all is over.
func (o *oracle) storedPayee(p *party, r session.SessionRecord) {
	now := o.world.clock.Now()
	if _, known := o.settled[r.ID]; !known && r.Phase == session.PhaseEnded {
		o.settled[r.ID] = now
	}
	t, err := o.ticketOf(p, r)
	if err != nil {
		o.world.fail(err)
		return
	}
	declared := t.declared(r.Phase, r.Paid)
	owed := max(r.Cost-r.Paid, 0)
	o.risk += owed - t.owed
	o.riskMax = max(o.riskMax, o.risk)
	t.owed = owed
	if n := r.Claims - t.claims; n > 0 {
		o.world.electric.recorder.AddClaims(now, int(n))
	}
	t.claims = r.Claims
	if p.cheat == nil {
		o.hold("I5", r.Cost-r.Paid <= declared, "session %.8s owes %s, declared are %s", r.ID, r.Cost-r.Paid, declared)
		if x := t.cheated; x != nil {
			o.hold("I5", x.value-r.Paid <= declared, "session %.8s with %s: %s have flowed, %s are paid, declared are %s",
				r.ID, t.vehicle.name, x.value, r.Paid, declared)
		}
	}
	if r.Phase.Over() {
		if x := t.cheated; x != nil && p.cheat == nil && t.begun {
			o.hold("price", r.Cost == x.value, "session %.8s costs %s, its readings come to %s", r.ID, r.Cost, x.value)
		}
		o.risk -= t.owed
		o.closeTicket(r.ID, t, r.Phase, r.Paid)
	}
}

// storedPayer checks I5 for what a vehicle has signed at a station that cheats.
func (o *oracle) storedPayer(p *party, r session.SessionRecord) {
	t := o.tickets[r.ID]
	if t == nil || t.cheated == nil || p.cheat != nil || !t.begun {
		return
	}
	most := max(t.cheated.valueMost, 0) + t.declared(r.Phase, 0)
	o.hold("I5", r.Paid <= most, "session %.8s at %s: paid %s for what is worth %s", r.ID, t.station.name, r.Paid, t.cheated.value)
}

// declared gives what the quote says may be lost in a phase, when so much is paid: of a start fee that is paid nothing any more.
func (t *ticket) declared(phase session.Phase, paid money.Amount) money.Amount {
	sum := t.quote.Slice + max(0, t.quote.Prepaid-max(0, paid))
	if phase >= session.PhaseFinal {
		sum += t.quote.EndSurcharge
	}
	return sum
}

// closeTicket forgets a session: when this event is over its readings will not be sent again.
func (o *oracle) closeTicket(id channel.SessionID, t *ticket, phase session.Phase, paid money.Amount) {
	if t.station.cheat != nil {
		paid = 0 // it may keep what was paid in advance
	}
	if x := t.cheated; x != nil && t.begun {
		sum := o.taking(x.by)
		value, most := x.value, x.valueMost
		if t.station.cheat != nil {
			value, most = max(value, 0), max(most, 0) // who is not paid for taking energy has lost nothing
		}
		sum.value += value
		if x.by.betrayed == id {
			sum.value -= t.quote.Prepaid // a start fee, and nothing followed
		}
		sum.exposure += t.declared(phase, paid) + most - value
	}
	delete(o.tickets, id)
	o.silent = append(o.silent, id)
}
