package pricing

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"joulepay/wallet/money"
)

// Cost is what a session costs, exactly.
type Cost struct {
	Currency money.Currency
	// ExclVAT and InclVAT are the sums before and after tax, limits applied. One is not stated where the tariff does not
	// say the tax.
	ExclVAT, InclVAT Exact
	// Components gives one line per price used, in the order of first use. Limits are not in them.
	Components []ComponentCost
	// LimitedBy is "min_price" or "max_price" where a limit changed a sum, else "".
	LimitedBy string

	asked   Exact // what payable is rounded from
	final   bool
	payable money.Amount
	parts   []part
}

// part is what a final cost remembers of one tariff's share, to show it period by period when asked.
type part struct {
	tariff  *Tariff
	periods []period
	extra   []surplus
}

// ComponentCost is one line: a volume at a price.
type ComponentCost struct {
	Type        ComponentType
	Reservation Reservation // the kind of reservation that the price is for
	TariffID    string
	Element     int   // index of the tariff element
	Volume      Exact // kWh, hours or fees, as billed
	Price       Exact // per kWh, hour or fee, as the tariff states it
	VAT         Exact // per cent; not stated where the component has none
	ExclVAT     Exact
	InclVAT     Exact
}

// PeriodCost is one period in the sense of an OCPI CDR: what was measured, and what it costs.
type PeriodCost struct {
	Start, End time.Time
	TariffID   string
	Volumes    []Volume
	Components []ComponentCost
}

// Volume is a dimension of a period, named as CdrDimensionType: ENERGY in kWh, TIME, PARKING_TIME and RESERVATION_TIME in
// hours, MIN_POWER and MAX_POWER in kW, MIN_CURRENT and MAX_CURRENT in A.
type Volume struct {
	Type  string
	Value Exact
}

// Payable is the sum to pay, after tax where it is stated. A running cost is rounded down to 10⁻⁹ of the currency, a final
// one half-even: the one place where money is rounded (I10).
func (c Cost) Payable() money.Amount { return c.payable }

// A sum of money has the denominator price × volume, and one step more once a tax factor is in it.
var (
	costScale  = new(big.Int).Mul(bigFixed, bigQuantity)
	taxedScale = new(big.Int).Mul(costScale, bigRate)
	bigRate    = big.NewInt(rateScale)
)

// sums are a cost before tax, after tax, and as payable where one of them is not stated.
type sums struct{ excl, incl, asked Exact }

func (s sums) add(o sums) sums {
	return sums{s.excl.add(o.excl), s.incl.add(o.incl), s.asked.add(o.asked)}
}

// plainCost is price × volume over costScale, as the tariff states the price.
func (c *component) plainCost(volume quantity) *big.Int {
	plain := big.NewInt(int64(c.price))
	return plain.Mul(plain, big.NewInt(int64(volume)))
}

// taxed gives the sums that a plain cost at one VAT rate stands for.
func (t *Tariff) taxed(plain *big.Int, r rate) sums {
	stated := Exact{plain, costScale}
	switch {
	case t.tax == taxIncluded && !r.stated:
		return sums{Exact{}, stated, stated}
	case t.tax == taxIncluded:
		scale := new(big.Int).Mul(costScale, big.NewInt(r.factor))
		return sums{Exact{new(big.Int).Mul(plain, bigRate), scale}, stated, stated}
	}
	factor := r.factor
	if t.tax == taxNone || !r.stated {
		factor = rateScale
	}
	after := Exact{new(big.Int).Mul(plain, big.NewInt(factor)), taxedScale}
	if t.tax == taxExcluded && !r.stated {
		return sums{stated, Exact{}, after}
	}
	return sums{stated, after, after}
}

// sums adds up volumes per component, rate by rate, so that at most ratesMax fractions meet.
func (y *tally) sums(volumes []quantity) sums {
	var plain [ratesMax]*big.Int
	for _, index := range y.used {
		c := &y.tariff.components[index]
		cost := c.plainCost(volumes[index])
		if plain[c.rate] != nil {
			cost.Add(cost, plain[c.rate])
		}
		plain[c.rate] = cost
	}
	total := sums{zeroExact, zeroExact, zeroExact}
	for i, r := range y.tariff.rates {
		if plain[i] != nil {
			total = total.add(y.tariff.taxed(plain[i], r))
		}
	}
	return total
}

func (t *Tariff) line(index int16, volume quantity) ComponentCost {
	c := &t.components[index]
	r := t.rates[c.rate]
	s := t.taxed(c.plainCost(volume), r)
	line := ComponentCost{
		Type: c.kind, TariffID: t.id, Reservation: t.elements[c.element].when.reservation, Element: c.element,
		Volume: volume.exact(), Price: c.price.exact(), ExclVAT: s.excl, InclVAT: s.incl,
	}
	if r.stated {
		line.VAT = Exact{big.NewInt(r.factor - rateScale), bigRatePercent}
	}
	return line
}

var bigRatePercent = big.NewInt(rateScale / 100)

// price adds up the tallies of a session, one for each tariff that it went through.
func price(tallies []*tally, final bool) (Cost, error) {
	cost := Cost{Currency: tallies[0].tariff.currency, final: final}
	before := sums{zeroExact, zeroExact, zeroExact}
	for i, y := range tallies {
		last := i == len(tallies)-1
		var extra []surplus
		if final && last {
			extra = y.surpluses()
		}
		volumes := y.totalVolumes(extra)
		for _, index := range y.used {
			cost.Components = append(cost.Components, y.tariff.line(index, volumes[index]))
		}
		share := y.sums(volumes)
		if last {
			share = cost.raise(share, before, y.tariff.min, final)
		}
		before = before.add(cost.cap(share, y.tariff.max))
		if final {
			cost.parts = append(cost.parts, part{y.tariff, slices.Clone(y.periods), extra})
		}
	}
	cost.ExclVAT, cost.InclVAT = before.excl, before.incl
	return cost, cost.round(before.asked)
}

// raise holds the minimum price over the whole session. While the session runs the minimum is not demanded yet, but a running
// cost does not fall below what the minimum would take back for certain: below zero, with a minimum above it.
func (c *Cost) raise(share, before sums, min limits, final bool) sums {
	if !min.excl.Known() {
		return share
	}
	if !final {
		min.excl, min.incl = min.excl.atMost(zeroExact), min.incl.atMost(zeroExact)
	}
	raised := sums{
		share.excl.atLeast(min.excl.add(before.excl.neg())),
		share.incl.atLeast(min.incl.add(before.incl.neg())),
		share.asked.atLeast(min.incl.add(before.asked.neg())),
	}
	return c.noteLimit(share, raised, "min_price")
}

func (c *Cost) cap(share sums, max limits) sums {
	if !max.excl.Known() {
		return share
	}
	capped := sums{share.excl.atMost(max.excl), share.incl.atMost(max.incl), share.asked.atMost(max.incl)}
	return c.noteLimit(share, capped, "max_price")
}

func (c *Cost) noteLimit(was, is sums, name string) sums {
	if was.excl.Cmp(is.excl) != 0 || was.incl.Cmp(is.incl) != 0 || was.asked.Cmp(is.asked) != 0 {
		c.LimitedBy = name
	}
	return is
}

// round is the one rounding of money (I10).
func (c *Cost) round(asked Exact) error {
	how := roundDown
	if c.final {
		how = roundHalfEven
	}
	c.asked = asked
	var err error
	if c.payable, err = asked.amount(how); err != nil {
		return fmt.Errorf("payable: %w", err)
	}
	return nil
}

// Periods gives the lines period by period, each surplus in the period that it belongs to. A running cost has none.
func (c Cost) Periods() []PeriodCost {
	var list []PeriodCost
	for i := range c.parts {
		for j := range c.parts[i].periods {
			list = append(list, c.parts[i].period(j))
		}
	}
	return list
}

func (s *part) period(i int) PeriodCost {
	p := &s.periods[i]
	cost := PeriodCost{
		Start: time.Unix(p.start, 0).UTC(), End: time.Unix(p.end, 0).UTC(), TariffID: s.tariff.id, Volumes: p.volumes(),
	}
	billed := p.volume
	for _, e := range s.extra {
		if e.period == i {
			billed[e.slot] += e.volume
		}
	}
	for slot := range slots {
		if billed[slot] != 0 && p.chosen[slot] != none {
			cost.Components = append(cost.Components, s.tariff.line(p.chosen[slot], billed[slot]))
		}
	}
	return cost
}

var slotDimensions = [slots]string{
	slotEnergy: "ENERGY", slotTime: "TIME", slotParking: "PARKING_TIME", slotReservationTime: "RESERVATION_TIME",
}

func (p *period) volumes() []Volume {
	var list []Volume
	for s := range slots {
		if slotDimensions[s] != "" && p.volume[s] != 0 {
			list = append(list, Volume{slotDimensions[s], p.volume[s].exact()})
		}
	}
	for _, m := range []struct {
		of       measured
		min, max string
	}{{p.power, "MIN_POWER", "MAX_POWER"}, {p.current, "MIN_CURRENT", "MAX_CURRENT"}} {
		if m.of.known {
			list = append(list, Volume{m.min, m.of.low.exact()}, Volume{m.max, m.of.high.exact()})
		}
	}
	return list
}
