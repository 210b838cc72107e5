package measure

import (
	"math/big"

	"joulepay/wallet/money"
)

// payments gathers what paying took.
type payments struct {
	channels, claims, vertices int64
	atRisk                     distribution // of amounts over time
	final                      durations
}

// risk records what was at risk in a step.
func (p *payments) risk(s *Step) {
	if s.AtRisk != Unknown {
		p.atRisk.add(int64(s.AtRisk), int64(s.Length))
	}
}

func (p *payments) figures(currency money.Currency, delivered Energy) Payments {
	f := Payments{
		Channels: p.channels, Claims: p.claims, Vertices: p.vertices, ClaimsPerVertex: ratioOf(p.claims, p.vertices), Final: p.final.figures(),
	}
	if p.vertices > 0 && delivered > 0 {
		var w wide
		w.add(p.vertices, micro)
		f.VerticesPerKWh = ratio(w.big(), big.NewInt(int64(delivered)))
	}
	if p.atRisk.max > 0 {
		amount := func(v int64) *money.Money {
			m := money.Of(money.Amount(v), currency)
			return &m
		}
		f.AtRiskMax, f.AtRiskP99 = amount(p.atRisk.max), amount(p.atRisk.quantile(99, 100))
		f.AtRiskHours = amount(p.atRisk.sum.per(nanosecondsPerHour))
	}
	return f
}
