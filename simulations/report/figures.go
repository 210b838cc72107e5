package report

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// Figure is one key figure of a run, in a form that tables of many runs share.
type Figure struct {
	Section string `json:"section"` // "grid", "service", "money", "payments" or "faults"
	Key     string `json:"key"`     // "grid.peak_kw"
	Name    string `json:"name"`    // "peak"
	Value   string `json:"value"`   // exact decimal text; "" when the run does not know it
	Unit    string `json:"unit"`
}

// Shown gives the value as people read it: to four figures or so, with its unit. It gives "" when it is not known.
func (f Figure) Shown() string {
	if f.Value == "" || f.Unit == "" {
		return short(f.Value)
	}
	if f.Unit == "%" {
		return short(f.Value) + " %"
	}
	return short(f.Value) + " " + f.Unit
}

// short rounds decimal text for reading. Other text it leaves alone.
func short(value string) string {
	exact, ok := new(big.Rat).SetString(value)
	if !ok || !strings.Contains(value, ".") {
		return value
	}
	decimals := 4
	for _, bound := range []int64{1, 10, 1000} {
		if new(big.Rat).Abs(exact).Cmp(new(big.Rat).SetInt64(bound)) >= 0 {
			decimals--
		}
	}
	text := strings.TrimRight(strings.TrimRight(exact.FloatString(decimals), "0"), ".")
	if text == "-0" || text == "" {
		return "0"
	}
	return text
}

// KeyFigures gives the key figures of a run: always the same keys in the same order, whatever the run knows.
func (s *Summary) KeyFigures() []Figure {
	var f measure.Figures
	if s.Figures != nil {
		f = *s.Figures
	} else {
		f.Service = measure.Service{Visits: int64(s.Totals.Sessions), Delivered: s.Totals.EnergyWh}
		f.Money = measure.Money{Cost: s.Totals.Cost, Paid: s.Totals.Paid}
		f.Payments = measure.Payments{Channels: int64(s.Totals.Channels), Claims: int64(s.Totals.Claims), Vertices: int64(s.Totals.Vertices)}
	}
	var all []Figure
	all = append(all, gridFigures(f.Grid)...)
	all = append(all, serviceFigures(f.Service)...)
	paying := append(s.moneyFigures(f.Money), s.paymentFigures(f.Payments)...)
	if !s.pays() {
		for i := range paying {
			if !strings.HasPrefix(paying[i].Key, "money.site_") {
				paying[i].Value = "" // nobody paid: that is not nothing paid
			}
		}
	}
	return append(append(all, paying...), s.faultFigures()...)
}

// section gives a maker of the figures of a section.
func section(name string) func(key, label, value, unit string) Figure {
	return func(key, label, value, unit string) Figure {
		return Figure{Section: name, Key: name + "." + key, Name: label, Value: value, Unit: unit}
	}
}

func gridFigures(g measure.Grid) []Figure {
	f := section("grid")
	unbalance, overTime, overEnergy := "", "", ""
	if slices.ContainsFunc(g.Circuits, func(c measure.Circuit) bool { return c.LimitLeast != nil }) {
		overTime, overEnergy = g.OverTime.Minutes(), g.OverEnergy.KWh()
	}
	if g.Unbalance != nil {
		unbalance = g.Unbalance.Mean.Percent()
	}
	return []Figure{
		f("peak_kw", "peak", g.Peak.KW(), "kW"),
		f("quarter_hour_peak_kw", "quarter-hour peak", g.QuarterHourPeak.KW(), "kW"),
		f("feed_in_peak_kw", "feed-in peak", g.FeedInPeak.KW(), "kW"),
		f("load_factor_pct", "load factor", percent(g.LoadFactor), "%"),
		f("over_limit_min", "over the limit", overTime, "min"),
		f("over_limit_kwh", "energy over the limit", overEnergy, "kWh"),
		f("unbalance_pct", "phase unbalance", unbalance, "%"),
		f("import_kwh", "drawn from the grid", g.Import.KWh(), "kWh"),
		f("export_kwh", "fed into the grid", g.Export.KWh(), "kWh"),
		f("self_consumption_pct", "self-consumption", percent(g.SelfConsumption), "%"),
		f("self_sufficiency_pct", "self-sufficiency", percent(g.SelfSufficiency), "%"),
		f("co2_kg", "CO₂", text(g.Carbon), "kg"),
	}
}

func serviceFigures(v measure.Service) []Figure {
	f := section("service")
	mean, p95 := "", ""
	if v.Waited != nil {
		mean, p95 = v.Waited.Mean.Minutes(), v.Waited.P95.Minutes()
	}
	return []Figure{
		f("visits", "visits", strconv.FormatInt(v.Visits, 10), ""),
		f("requested_kwh", "requested", v.Requested.KWh(), "kWh"),
		f("delivered_kwh", "delivered", v.Delivered.KWh(), "kWh"),
		f("returned_kwh", "given back", v.Returned.KWh(), "kWh"),
		f("delivered_pct", "delivered of requested", percent(v.DeliveredShare), "%"),
		f("demands_met_pct", "demands met", percent(v.DemandsMet), "%"),
		f("unmet_kwh", "unmet", v.Unmet.KWh(), "kWh"),
		f("jain_fairness", "Jain fairness", text(v.Fairness), ""),
		f("waiting_mean_min", "mean waiting", mean, "min"),
		f("waiting_p95_min", "95 % waited at most", p95, "min"),
		f("never_served", "never served", strconv.FormatInt(v.NeverServed, 10), ""),
	}
}

func (s *Summary) moneyFigures(m measure.Money) []Figure {
	f, unit := section("money"), s.currency()
	conserved := ""
	if s.Money != (Conservation{}) {
		conserved = strconv.FormatBool(s.Money.Conserved)
	}
	return []Figure{
		f("cost", "cost by tariff", m.Cost.Amount.String(), unit),
		f("paid", "revenue by claims", m.Paid.Amount.String(), unit),
		f("cost_per_kwh", "cost per kWh", amount(m.CostPerKWh), unit),
		f("paid_per_kwh", "revenue per kWh", amount(m.PaidPerKWh), unit),
		f("v2g_payout", "V2G pay-out", m.Earned.Amount.String(), unit),
		f("v2g_payout_per_kwh", "V2G pay-out per kWh", amount(m.EarnedPer), unit),
		f("site_energy_cost", "energy cost of the site", amount(m.EnergyCost), unit),
		f("site_feed_in", "feed-in of the site", amount(m.FeedIn), unit),
		f("site_demand_charge", "demand charge", amount(m.DemandCharge), unit),
		f("margin", "margin of the site", amount(m.Margin), unit),
		f("conserved", "balances conserved", conserved, ""),
	}
}

func (s *Summary) paymentFigures(p measure.Payments) []Figure {
	f, unit := section("payments"), s.currency()
	mean, p95 := "", ""
	if p.Final != nil {
		mean, p95 = p.Final.Mean.String(), p.Final.P95.String()
	}
	return []Figure{
		f("channels", "channels", strconv.FormatInt(p.Channels, 10), ""),
		f("claims", "claims", strconv.FormatInt(p.Claims, 10), ""),
		f("vertices", "vertices", strconv.FormatInt(p.Vertices, 10), ""),
		f("claims_per_vertex", "claims per vertex", text(p.ClaimsPerVertex), ""),
		f("vertices_per_kwh", "vertices per kWh", text(p.VerticesPerKWh), ""),
		f("at_risk_max", "most at risk", amount(p.AtRiskMax), unit),
		f("at_risk_p99", "at risk 99 % of the time at most", amount(p.AtRiskP99), unit),
		f("at_risk_hours", "at risk over time", amount(p.AtRiskHours), unit+"·h"),
		f("final_mean_s", "mean time to final", mean, "s"),
		f("final_p95_s", "95 % final within", p95, "s"),
	}
}

func (s *Summary) faultFigures() []Figure {
	f := section("faults")
	fired := 0
	for _, n := range s.Faults {
		fired += n
	}
	gained := ""
	if len(s.Attackers) > 0 {
		most := s.Attackers[0].Gained.Amount
		for _, a := range s.Attackers {
			most = max(most, a.Gained.Amount)
		}
		gained = most.String()
	}
	return []Figure{
		f("fired", "faults that fired", strconv.Itoa(fired), ""),
		f("gained_max", "most that an attacker gained", gained, s.currency()),
	}
}

// currency gives the code that the amounts of the run are in.
func (s *Summary) currency() string {
	for _, m := range []money.Money{s.Totals.Cost, s.Money.Issued} {
		if m.Currency != (money.Currency{}) {
			return m.Currency.String()
		}
	}
	if s.Figures != nil {
		return s.Figures.Money.Cost.Currency.String()
	}
	return ""
}

func percent(r *measure.Ratio) string {
	if r == nil {
		return ""
	}
	return r.Percent()
}

func text[T interface{ String() string }](v *T) string {
	if v == nil {
		return ""
	}
	return (*v).String()
}

func amount(m *money.Money) string {
	if m == nil {
		return ""
	}
	return m.Amount.String()
}
