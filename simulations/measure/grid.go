package measure

import (
	"time"

	"joulepay/wallet/money"
)

// nanosecondsPerHour turns mW·ns into mWh.
const nanosecondsPerHour = int64(time.Hour)

// OverWithin is how far above its limit a circuit may be without being over it: controllers work in whole milliamperes,
// and one at 400 V three-phase is 0.7 W.
const OverWithin Power = 1000

// circuit gathers what one circuit carried.
type circuit struct {
	peak, feedInPeak int64
	drawn, fedIn     wide // mW·ns
	limitLeast       int64
	overTime         time.Duration
	overEnergy       wide
	quarter          windows
}

func (c *circuit) add(f Flow, at, length int64) {
	if f.PowerMilliwatts >= 0 {
		c.peak = max(c.peak, f.PowerMilliwatts)
		c.drawn.add(f.PowerMilliwatts, length)
		c.quarter.add(f.PowerMilliwatts, at, length)
	} else {
		c.feedInPeak = max(c.feedInPeak, -f.PowerMilliwatts)
		c.fedIn.add(-f.PowerMilliwatts, length)
		c.quarter.add(0, at, length)
	}
	if f.LimitMilliwatts <= 0 {
		return
	}
	if c.limitLeast == 0 || f.LimitMilliwatts < c.limitLeast {
		c.limitLeast = f.LimitMilliwatts
	}
	if over := max(f.PowerMilliwatts, -f.PowerMilliwatts) - f.LimitMilliwatts; over > int64(OverWithin) {
		c.overTime += time.Duration(length)
		c.overEnergy.add(over, length)
	}
}

func (c *circuit) figures(name string) Circuit {
	f := Circuit{
		Name: name, Peak: Power(c.peak), QuarterHourPeak: Power(c.quarter.peak()), FeedInPeak: Power(c.feedInPeak),
		Drawn: energy(c.drawn), FedIn: energy(c.fedIn), OverTime: Seconds(c.overTime), OverEnergy: energy(c.overEnergy),
	}
	if c.limitLeast > 0 {
		least := Power(c.limitLeast)
		f.LimitLeast = &least
	}
	return f
}

func energy(w wide) Energy { return Energy(w.per(nanosecondsPerHour)) }

// grid gathers what the site carried.
type grid struct {
	site     Site
	recorded time.Duration
	circuits []circuit

	charged, returned, base, solar, storageIn, storageOut wide
	selfUsed                                              wide // of the generation
	covered                                               wide // of base and charge

	energyCost, feedIn, carbon priced
	demand                     demand
	unbalance                  unbalance
}

func newGrid(site Site) grid {
	g := grid{site: site, circuits: make([]circuit, len(site.Circuits)), demand: newDemand(site.Demand)}
	for i := range g.circuits {
		g.circuits[i].quarter = newWindows(15 * time.Minute)
	}
	return g
}

func (g *grid) add(s *Step) {
	at, length := s.At.UnixNano(), int64(s.Length)
	g.recorded += s.Length
	for i := range g.circuits {
		g.circuits[i].add(s.Circuits[i], at, length)
	}
	net := s.Circuits[0].PowerMilliwatts
	drawn, fedIn := max(net, 0), max(-net, 0)
	g.charged.add(s.Charge, length)
	g.returned.add(s.Return, length)
	g.base.add(s.Base, length)
	g.storageIn.add(max(s.Storage, 0), length)
	g.storageOut.add(max(-s.Storage, 0), length)
	if s.Solar > 0 {
		g.solar.add(s.Solar, length)
		g.selfUsed.add(s.Solar-min(s.Solar, fedIn), length)
	}
	if load := s.Base + s.Charge; load > drawn {
		g.covered.add(load-drawn, length)
	}
	g.energyCost.add(int64(s.Price), drawn, length)
	g.feedIn.add(int64(s.FeedIn), fedIn, length)
	g.carbon.add(s.Intensity, drawn, length)
	g.demand.add(drawn, s.At, length)
	g.unbalance.add(s.Circuits[0].PhaseMilliamps, length)
}

func (g *grid) figures() Grid {
	f := Grid{
		Recorded: Seconds(g.recorded), Circuits: make([]Circuit, len(g.circuits)),
		Charged: energy(g.charged), Returned: energy(g.returned), Base: energy(g.base), Solar: energy(g.solar),
		StorageIn: energy(g.storageIn), StorageOut: energy(g.storageOut), Unbalance: g.unbalance.figures(g.site.NominalMillivolts),
	}
	for i := range g.circuits {
		f.Circuits[i] = g.circuits[i].figures(g.site.Circuits[i])
		f.OverTime += f.Circuits[i].OverTime
		f.OverEnergy += f.Circuits[i].OverEnergy
	}
	top, connection := f.Circuits[0], &g.circuits[0]
	f.Peak, f.QuarterHourPeak, f.FeedInPeak, f.Import, f.Export = top.Peak, top.QuarterHourPeak, top.FeedInPeak, top.Drawn, top.FedIn

	var most, load wide
	most.add(connection.peak, int64(g.recorded))
	f.LoadFactor = share(connection.drawn, most)
	f.SelfConsumption = share(g.selfUsed, g.solar)
	load.join(g.base)
	load.join(g.charged)
	if !g.solar.zero() || !g.storageOut.zero() || !g.returned.zero() {
		f.SelfSufficiency = share(g.covered, load)
	}
	if g.carbon.known {
		mass := Mass(g.carbon.total())
		f.Carbon = &mass
	}
	return f
}

// bill adds what the site pays and gets.
func (g *grid) bill(m *Money, currency money.Currency) {
	of := func(amount int64) *money.Money {
		v := money.Of(money.Amount(amount), currency)
		return &v
	}
	if g.energyCost.known {
		m.EnergyCost = of(g.energyCost.total())
	}
	if !g.circuits[0].fedIn.zero() && g.feedIn.known {
		m.FeedIn = of(g.feedIn.total())
	}
	if g.site.Demand.PerKilowatt > 0 {
		m.DemandCharge = of(g.demand.charge())
	}
	if m.EnergyCost == nil && m.DemandCharge == nil {
		return
	}
	margin := m.Paid.Amount - m.Earned.Amount
	for _, part := range []struct {
		sign  money.Amount
		value *money.Money
	}{{1, m.FeedIn}, {-1, m.EnergyCost}, {-1, m.DemandCharge}} {
		if part.value != nil {
			margin += part.sign * part.value.Amount
		}
	}
	m.Margin = of(int64(margin))
}
