package pricing

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// This file is the second way to compute a cost, which shares nothing with the engine: it walks a session second by second
// with fractions, and reads restrictions from the JSON text with string comparison and formatted local times.

type oracleComponent struct {
	Type  string      `json:"type"`
	Price json.Number `json:"price"`
	VAT   json.Number `json:"vat,omitempty"`
	Step  int64       `json:"step_size"`
}

type oracleRestrictions struct {
	StartTime   string      `json:"start_time,omitempty"`
	EndTime     string      `json:"end_time,omitempty"`
	StartDate   string      `json:"start_date,omitempty"`
	EndDate     string      `json:"end_date,omitempty"`
	MinKWh      json.Number `json:"min_kwh,omitempty"`
	MaxKWh      json.Number `json:"max_kwh,omitempty"`
	MinPower    json.Number `json:"min_power,omitempty"`
	MaxPower    json.Number `json:"max_power,omitempty"`
	MinCurrent  json.Number `json:"min_current,omitempty"`
	MaxCurrent  json.Number `json:"max_current,omitempty"`
	MinDuration *int64      `json:"min_duration,omitempty"`
	MaxDuration *int64      `json:"max_duration,omitempty"`
	Days        []string    `json:"day_of_week,omitempty"`
	Reservation string      `json:"reservation,omitempty"`
}

type oracleElement struct {
	Components   []oracleComponent  `json:"price_components"`
	Restrictions oracleRestrictions `json:"restrictions"`
}

type oracleLimit struct {
	Before json.Number `json:"before_taxes"`
	After  json.Number `json:"after_taxes"`
}

type oracleTariff struct {
	ID       string          `json:"id"`
	Currency string          `json:"currency"`
	Tax      string          `json:"tax_included,omitempty"`
	Min      *oracleLimit    `json:"min_price,omitempty"`
	Max      *oracleLimit    `json:"max_price,omitempty"`
	Elements []oracleElement `json:"elements"`
}

// leg is a stretch of a session at constant power, in milliwatt-hours a second.
type leg struct {
	seconds, rate, milliamperes int64
	state                       State
}

func (l leg) kW() *big.Rat { return big.NewRat(l.rate*3600, 1_000_000) }

func ratOf(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		panic(n)
	}
	return r
}

// within holds a value against a minimum (inclusive) and a maximum (exclusive), "" being none.
func within(v *big.Rat, low, high json.Number) bool {
	return (low == "" || v.Cmp(ratOf(low)) >= 0) && (high == "" || v.Cmp(ratOf(high)) < 0)
}

func (r *oracleRestrictions) match(local time.Time, elapsed int64, kWh, kW, ampere *big.Rat) bool {
	now, day := local.Format("15:04:05"), local.Format("2006-01-02")
	start, end := r.StartTime+":00", r.EndTime+":00"
	if r.StartTime == "" {
		start = "00:00:00"
	}
	if r.EndTime == "" || r.EndTime == "00:00" {
		end = "24:00:00"
	}
	inTime := start <= now && now < end
	if end < start {
		inTime = now >= start || now < end
	}
	return inTime &&
		(r.StartDate == "" || day >= r.StartDate) && (r.EndDate == "" || day < r.EndDate) &&
		within(kWh, r.MinKWh, r.MaxKWh) && within(kW, r.MinPower, r.MaxPower) && within(ampere, r.MinCurrent, r.MaxCurrent) &&
		(r.MinDuration == nil || elapsed >= *r.MinDuration) && (r.MaxDuration == nil || elapsed < *r.MaxDuration) &&
		(len(r.Days) == 0 || slices.Contains(r.Days, strings.ToUpper(local.Weekday().String())))
}

// use is what has been billed under one component.
type use struct {
	component *oracleComponent
	volume    *big.Rat
}

type oracle struct {
	tariff *oracleTariff
	uses   map[*oracleComponent]*use
	order  []*use
	totals map[string]*big.Rat
	last   map[string]*use
	timed  string
}

func (o *oracle) bill(component *oracleComponent, volume *big.Rat) {
	if component == nil || volume.Sign() == 0 {
		return
	}
	u := o.uses[component]
	if u == nil {
		u = &use{component, new(big.Rat)}
		o.uses[component] = u
		o.order = append(o.order, u)
	}
	u.volume.Add(u.volume, volume)
	kind := component.Type
	if o.totals[kind] == nil {
		o.totals[kind] = new(big.Rat)
	}
	o.totals[kind].Add(o.totals[kind], volume)
	o.last[kind] = u
	if kind == "TIME" || kind == "PARKING_TIME" {
		o.timed = kind
	}
}

// oraclePrice prices the session second by second; final adds surplus and minimum.
func oraclePrice(t *oracleTariff, start time.Time, location *time.Location, legs []leg, final bool) (excl, incl *big.Rat) {
	o := &oracle{tariff: t, uses: map[*oracleComponent]*use{}, totals: map[string]*big.Rat{}, last: map[string]*use{}}
	elapsed, energy, fee := int64(0), int64(0), false
	for _, l := range legs {
		for range l.seconds {
			local := start.Add(time.Duration(elapsed) * time.Second).In(location)
			found := map[string]*oracleComponent{}
			for i := range t.Elements {
				e := &t.Elements[i]
				if !e.Restrictions.match(local, elapsed, big.NewRat(energy, 1_000_000), l.kW(), big.NewRat(l.milliamperes, 1000)) {
					continue
				}
				for j := range e.Components {
					if c := &e.Components[j]; found[c.Type] == nil {
						found[c.Type] = c
					}
				}
			}
			o.bill(found["ENERGY"], big.NewRat(l.rate, 1_000_000))
			kind := "TIME"
			if l.state == Idle {
				kind = "PARKING_TIME"
			}
			o.bill(found[kind], big.NewRat(1, 3600))
			if !fee && found["FLAT"] != nil {
				o.bill(found["FLAT"], big.NewRat(1, 1))
				fee = true
			}
			elapsed, energy = elapsed+1, energy+l.rate
		}
	}
	if final {
		o.round("ENERGY", big.NewRat(1, 1000))
		o.round(o.timed, big.NewRat(1, 3600))
	}
	return o.sums(final)
}

// round brings a dimension up to a whole number of its last steps.
func (o *oracle) round(kind string, unit *big.Rat) {
	last := o.last[kind]
	if last == nil || last.component.Step == 0 {
		return
	}
	step := new(big.Rat).Mul(unit, big.NewRat(last.component.Step, 1))
	steps := new(big.Rat).Quo(o.totals[kind], step)
	whole := new(big.Int).Div(new(big.Int).Add(steps.Num(), new(big.Int).Sub(steps.Denom(), big.NewInt(1))), steps.Denom())
	missing := new(big.Rat).Sub(new(big.Rat).Mul(step, new(big.Rat).SetInt(whole)), o.totals[kind])
	last.volume.Add(last.volume, missing)
}

func (o *oracle) sums(final bool) (excl, incl *big.Rat) {
	excl, incl = new(big.Rat), new(big.Rat)
	for _, u := range o.order {
		stated := new(big.Rat).Mul(ratOf(u.component.Price), u.volume)
		before, after := stated, stated
		factor := big.NewRat(1, 1)
		if u.component.VAT != "" {
			factor.Add(factor, new(big.Rat).Quo(ratOf(u.component.VAT), big.NewRat(100, 1)))
		}
		switch {
		case o.tariff.Tax == "N/A":
		case o.tariff.Tax == "YES" && u.component.VAT == "":
			before = nil
		case o.tariff.Tax == "NO" && u.component.VAT == "":
			after = nil
		case o.tariff.Tax == "YES":
			before = new(big.Rat).Quo(stated, factor)
		default:
			after = new(big.Rat).Mul(stated, factor)
		}
		excl, incl = plus(excl, before), plus(incl, after)
	}
	if l := o.tariff.Min; l != nil {
		excl, incl = floorAt(excl, ratOf(l.Before), final), floorAt(incl, ratOf(l.After), final)
	}
	if l := o.tariff.Max; l != nil {
		excl, incl = capAt(excl, ratOf(l.Before)), capAt(incl, ratOf(l.After))
	}
	return excl, incl
}

func plus(a, b *big.Rat) *big.Rat {
	if a == nil || b == nil {
		return nil
	}
	return new(big.Rat).Add(a, b)
}

func floorAt(v, limit *big.Rat, final bool) *big.Rat {
	if !final && limit.Sign() > 0 {
		limit = new(big.Rat)
	}
	if v != nil && v.Cmp(limit) < 0 {
		return limit
	}
	return v
}

func capAt(v, limit *big.Rat) *big.Rat {
	if v != nil && v.Cmp(limit) > 0 {
		return limit
	}
	return v
}

// What follows draws sessions and tariffs whose marks meet: times near the session, energies that it reaches.

var oracleZones = []string{"UTC", "Europe/Amsterdam", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"}

// oracleStarts are ordinary days, midnights, a year's end, and the changes of the clock in Europe and Australia.
var oracleStarts = []string{
	"2024-12-02T16:30:00Z", "2024-12-07T22:40:00Z", "2024-12-31T23:30:00Z", "2025-03-30T00:40:00Z", "2025-10-26T00:20:00Z",
	"2025-04-05T14:40:00Z", "2024-12-01T23:00:00Z",
}

type draw struct{ *rapid.T }

func (d draw) int(low, high int64, name string) int64 {
	return rapid.Int64Range(low, high).Draw(d.T, name)
}
func (d draw) maybe(oneIn int64, name string) bool { return d.int(1, oneIn, name) == 1 }

func pick[T any](d draw, from []T, name string) T { return rapid.SampledFrom(from).Draw(d.T, name) }

func (d draw) legs() []leg {
	legs := make([]leg, d.int(1, 5, "legs"))
	for i := range legs {
		legs[i] = leg{seconds: d.int(1, 900, "seconds"), rate: pick(d, []int64{0, 1, 611, 3055, 6110, 13888}, "rate"),
			milliamperes: pick(d, []int64{6000, 16000, 32000, 43000}, "mA")}
		if legs[i].rate == 0 && d.maybe(2, "idle") {
			legs[i].state = Idle
		}
	}
	return legs
}

func (d draw) decimal(low, high, scale int64, name string) json.Number {
	return json.Number(big.NewRat(d.int(low, high, name), scale).FloatString(4))
}

func (d draw) tariff(start time.Time, location *time.Location, legs []leg) *oracleTariff {
	t := &oracleTariff{ID: "drawn", Currency: "EUR", Tax: pick(d, []string{"", "NO", "YES", "N/A"}, "tax")}
	if d.maybe(4, "min") {
		t.Min = &oracleLimit{d.decimal(-200, 300, 100, "min before"), d.decimal(-200, 300, 100, "min after")}
	}
	if d.maybe(4, "max") {
		t.Max = &oracleLimit{d.decimal(0, 300, 100, "max before"), d.decimal(0, 300, 100, "max after")}
	}
	for range d.int(1, 5, "elements") {
		t.Elements = append(t.Elements, d.element(start, location, legs))
	}
	return t
}

func (d draw) element(start time.Time, location *time.Location, legs []leg) oracleElement {
	var e oracleElement
	for _, kind := range []string{"ENERGY", "TIME", "PARKING_TIME", "FLAT"} {
		if !d.maybe(2, kind) {
			continue
		}
		c := oracleComponent{Type: kind, Price: d.decimal(-2000, 9000, 10000, "price"), Step: pick(d, []int64{0, 1, 60, 300, 900, 2000}, "step")}
		c.VAT = pick(d, []json.Number{"", "0", "10", "19", "5.2"}, "vat")
		e.Components = append(e.Components, c)
	}
	if e.Components == nil {
		e.Components = []oracleComponent{{Type: "ENERGY", Price: "0.25", VAT: "10", Step: 1}}
	}
	e.Restrictions = d.restrictions(start, location, legs)
	return e
}

func (d draw) restrictions(start time.Time, location *time.Location, legs []leg) (r oracleRestrictions) {
	near := func(name string) time.Time {
		return start.Add(time.Duration(d.int(-30, 75, name)) * time.Minute).In(location)
	}
	reached := func(name string) json.Number { return d.reachedEnergy(legs, name) }
	if d.maybe(4, "time") {
		r.StartTime, r.EndTime = near("from").Format("15:04"), near("until").Format("15:04")
		switch d.int(1, 6, "half") {
		case 1:
			r.StartTime = ""
		case 2:
			r.EndTime = ""
		case 3:
			r.EndTime = "00:00"
		}
	}
	if d.maybe(8, "dates") {
		r.StartDate, r.EndDate = near("day").Format("2006-01-02"), near("day").AddDate(0, 0, int(d.int(0, 2, "days"))).Format("2006-01-02")
	}
	if d.maybe(8, "weekdays") {
		r.Days = []string{strings.ToUpper(near("weekday").Weekday().String()), "WEDNESDAY"}
	}
	if d.maybe(4, "kWh") {
		r.MinKWh = reached("min kWh")
	}
	if d.maybe(4, "kWh") {
		r.MaxKWh = reached("max kWh")
	}
	if d.maybe(6, "power") {
		r.MinPower = pick(d, []json.Number{"0", "2.1996", "11", "22"}, "kW")
	}
	if d.maybe(6, "power") {
		r.MaxPower = pick(d, []json.Number{"2.1996", "11", "22", "50"}, "kW")
	}
	if d.maybe(8, "current") {
		r.MinCurrent = pick(d, []json.Number{"6", "16", "32.5"}, "A")
	}
	if d.maybe(8, "current") {
		r.MaxCurrent = pick(d, []json.Number{"6", "16", "32", "43.5"}, "A")
	}
	if d.maybe(4, "duration") {
		seconds := d.int(0, 2000, "seconds")
		r.MinDuration = &seconds
	}
	if d.maybe(4, "duration") {
		seconds := d.int(0, 3000, "seconds")
		r.MaxDuration = &seconds
	}
	return r
}

// reachedEnergy gives the energy at some whole second of the session, in kWh.
func (d draw) reachedEnergy(legs []leg, name string) json.Number {
	until, energy := d.int(0, 3000, name), int64(0)
	for _, l := range legs {
		run := min(until, l.seconds)
		energy, until = energy+run*l.rate, until-run
	}
	return json.Number(big.NewRat(energy, 1_000_000).FloatString(6))
}
