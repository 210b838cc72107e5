package receipt

import (
	"encoding/json"
	"fmt"
	"strings"

	"joulepay/channel"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// summary computes every figure from the evidence.
func (d *dossier) summary() (Summary, error) {
	cost, err := json.Marshal(d.cost)
	if err != nil {
		return Summary{}, &Error{PartCost, err}
	}
	unpaid, err := d.payable.Sub(d.paid)
	if err != nil {
		return Summary{}, &Error{PartCost, err}
	}
	q, first, last := d.quote.Quote, d.readings[0], d.readings[len(d.readings)-1]
	of := func(a money.Amount) money.Money { return money.Of(a, d.opening.Terms.Currency) }
	s := Summary{
		Session: q.Session.String(), Vehicle: d.opening.Opener, Station: q.Station, Payout: q.Payout,
		Service: q.Service, EVSE: q.EVSE, Start: first.Time, End: last.Time, Ended: last.State == meter.Ended,
		Unit: last.Unit.String(), Quantity: d.quantity(len(d.readings) - 1), Tariff: strings.Join(d.tariffs, ", "),
		Cost: cost, Payable: of(d.payable), Paid: of(d.paid), Unpaid: of(unpaid),
		Claims: d.evidence.Count, Channel: d.channel.String(), Vertices: len(d.vertices),
	}
	if last.Unit == meter.MilliwattHours {
		s.EnergyWh = WattHours(s.Quantity)
	}
	if s.Returned = d.returned(); s.Returned > 0 {
		s.ReturnedWh = WattHours(s.Returned)
	}
	if d.credit != nil {
		if s.Credit, err = json.Marshal(*d.credit); err != nil {
			return Summary{}, &Error{PartCost, err}
		}
	}
	if settlement, ok := d.settlement(); ok {
		s.Settlement = settlement.String()
	}
	if d.slot != nil {
		c := d.slot.Final.Checkpoint
		s.Final, s.Checkpoint = true, &FinalCheckpoint{Number: c.Number, Hash: c.Hash().String(), Time: c.Time.Time()}
	}
	return s, nil
}

// WattHours gives milliwatt-hours as the shortest exact decimal text in Wh: "9632", "0.5".
func WattHours(milliwattHours int64) string { return decimal(milliwattHours, 3) }

// decimal gives the shortest exact text of a number that counts 10^-places.
func decimal(v int64, places int) string {
	sign, m := "", uint64(v)
	if v < 0 {
		sign, m = "-", -m
	}
	digits := fmt.Sprintf("%0*d", places+1, m)
	whole, fraction := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// lanesInWords is for reports of checks.
func lanesInWords(lanes channel.PerLane, currency money.Currency) string {
	return fmt.Sprintf("%s and %s %s", lanes[0], lanes[1], currency)
}
