package measure

import (
	"maps"
	"math/big"
	"slices"

	"joulepay/wallet/money"
)

// MetWithin is what a visit may lack of its demand and still count as met: 0.1 kWh, as ACN-Sim counts.
const MetWithin Energy = 100_000

// Charging is the service whose quantities are energy.
const Charging = "charging"

// visits gathers what was asked for and given.
type visits struct {
	kept   []Visit
	served total
	others map[string]*total

	requested, given, unmet int64 // of visits that asked for energy
	asked, met              int64 // visits
	delivered, returned     int64
	shares, squares         wide // of delivered shares in millionths
	waited                  durations
	never                   int64
}

// total is a sum over the visits of a service.
type total struct{ visits, quantity, cost, paid, earned int64 }

func newVisits() visits { return visits{others: map[string]*total{}} }

func (v *visits) add(x Visit) {
	if len(v.kept) < VisitsMax {
		v.kept = append(v.kept, x)
	}
	if x.Began.IsZero() {
		v.never++
	} else {
		v.waited.add(x.Began.Sub(x.Arrived))
	}
	t := &v.served
	if x.Service != Charging {
		if t = v.others[x.Service]; t == nil {
			t = &total{}
			v.others[x.Service] = t
		}
	}
	t.visits++
	t.quantity += x.Delivered
	t.cost += int64(x.Cost)
	t.paid += int64(x.Paid)
	t.earned += int64(x.Earned)
	if x.Service == Charging {
		v.charged(x)
	}
}

func (v *visits) charged(x Visit) {
	v.delivered += x.Delivered
	v.returned += x.Returned
	if x.Requested <= 0 {
		return
	}
	kept := max(x.Delivered-x.Returned, 0) // who gave some back asked for what was to stay
	lack := max(x.Requested-kept, 0)
	v.requested += x.Requested
	v.given += kept
	v.unmet += lack
	v.asked++
	if lack <= int64(MetWithin) {
		v.met++
	}
	part := int64(*ratioOf(kept, x.Requested))
	v.shares.add(part, 1)
	v.squares.add(part, part)
}

func (v *visits) figures(currency money.Currency) Service {
	f := Service{
		Visits: v.served.visits, Requested: Energy(v.requested), Delivered: Energy(v.delivered), Returned: Energy(v.returned), Unmet: Energy(v.unmet),
		DeliveredShare: ratioOf(v.given, v.requested), DemandsMet: ratioOf(v.met, v.asked), Fairness: v.fairness(),
		Waited: v.waited.figures(), NeverServed: v.never,
	}
	for _, name := range slices.Sorted(maps.Keys(v.others)) {
		t := v.others[name]
		f.Others = append(f.Others, Sold{
			Service: name, Visits: t.visits, Quantity: t.quantity,
			Cost: money.Of(money.Amount(t.cost), currency), Paid: money.Of(money.Amount(t.paid), currency),
		})
		f.Visits += t.visits
	}
	return f
}

// fairness is Jain's index: the square of the sum of shares over their number times the sum of their squares.
func (v *visits) fairness() *Ratio {
	sum := v.shares.big()
	square := new(big.Int).Mul(sum, sum)
	return ratio(square, new(big.Int).Mul(v.squares.big(), big.NewInt(v.asked)))
}

func (v *visits) money(currency money.Currency) Money {
	all := v.served
	for _, t := range v.others {
		all.cost, all.paid, all.earned = all.cost+t.cost, all.paid+t.paid, all.earned+t.earned
	}
	return Money{
		Cost: money.Of(money.Amount(all.cost), currency), Paid: money.Of(money.Amount(all.paid), currency), Earned: money.Of(money.Amount(all.earned), currency),
		CostPerKWh: perKWh(v.served.cost, v.delivered, currency), PaidPerKWh: perKWh(v.served.paid, v.delivered, currency),
		EarnedPer: perKWh(v.served.earned, v.returned, currency),
	}
}

// perKWh gives an amount over energy in mWh, nil without energy.
func perKWh(amount, energy int64, currency money.Currency) *money.Money {
	if energy <= 0 {
		return nil
	}
	var w wide
	w.add(amount, micro)
	v := money.Of(money.Amount(w.per(energy)), currency)
	return &v
}
