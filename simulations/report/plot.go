package report

import (
	"strconv"
	"time"

	"joulepay/simulations/measure"
)

// numbersMax bounds the numbers of all plots of a page: about a megabyte of text.
const numbersMax = 140_000

// pageData is what the script of a page draws.
type pageData struct {
	Start     int64        `json:"start"` // ms since 1970
	Width     int64        `json:"width"` // of a point, ms
	Points    int          `json:"points"`
	Plots     []plot       `json:"plots"`
	Incidents []mark       `json:"incidents,omitempty"`
	Sessions  sessionsData `json:"sessions"`
}

// plot is one picture. Its values divided by Scale are in Unit.
type plot struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Unit  string `json:"unit"`
	Scale int64  `json:"scale"`
	Wide  bool   `json:"wide,omitempty"`
	Zero  bool   `json:"zero,omitempty"` // the axis reaches 0
	Top   *int64 `json:"top,omitempty"`  // the axis goes from 0 to this, at least
	Sets  []set  `json:"sets"`           // of which one is shown
}

// set is what a plot shows at a time.
type set struct {
	Name   string  `json:"name"`
	Series []drawn `json:"series"`
}

// drawn is one series, Unknown as null.
type drawn struct {
	Name  string  `json:"name"`
	Color string  `json:"color"`
	Style string  `json:"style"` // "line", "limit" or "area"
	Min   []value `json:"min,omitempty"`
	Mean  []value `json:"mean"`
	Max   []value `json:"max,omitempty"`
}

// mark is an incident, in ms.
type mark struct {
	At   int64  `json:"at"`
	For  int64  `json:"for"`
	Kind string `json:"kind"`
	Who  string `json:"who"`
}

type value int64

// MarshalJSON writes a number, null for Unknown.
func (v value) MarshalJSON() ([]byte, error) {
	if v == measure.Unknown {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(v), 10), nil
}

// marksMax bounds the incidents of a page.
const marksMax = 500

// pageData gathers what the page draws.
func (s *Summary) pageData() pageData {
	c := shrink(s.Curves)
	d := pageData{
		Start: s.Start.UnixMilli(), Width: max(1, c.Width.Milliseconds()), Points: c.Points, Plots: s.plots(c), Sessions: s.sessionsData(),
	}
	if c.Points > 0 {
		d.Start = c.Start.UnixMilli()
	}
	for _, e := range s.Incidents[:min(len(s.Incidents), marksMax)] {
		d.Incidents = append(d.Incidents, mark{e.At.UnixMilli(), time.Duration(e.For).Milliseconds(), e.Kind, e.Who})
	}
	return d
}

// shrink merges neighbouring points until the page is small enough.
func shrink(c measure.Curves) measure.Curves {
	const lists = 3
	factor := max(1, (c.Points*len(c.Series)*lists+numbersMax-1)/numbersMax)
	return c.Merge(factor)
}

// plots says what is drawn, in the order of the page. What the run does not know is left out.
func (s *Summary) plots(c measure.Curves) []plot {
	var all []plot
	add := func(p plot) {
		if len(p.Sets) > 0 && len(p.Sets[0].Series) > 0 {
			p.ID = "p" + strconv.Itoa(len(all))
			all = append(all, p)
		}
	}
	unit := s.currency()
	full := int64(1000)
	add(plot{Title: "Power and limit", Unit: "kW", Scale: 1000, Wide: true, Zero: true, Sets: circuitSets(c)})
	add(plot{Title: "What it is made of", Unit: "kW", Scale: 1000, Wide: true, Zero: true, Sets: balance(c)})
	add(plot{Title: "Price", Unit: unit + "/kWh", Scale: 100_000, Sets: single(c, measure.PriceSeries, "price", "c4", 10_000)})
	add(plot{Title: "CO₂ of the grid", Unit: "g/kWh", Scale: 1, Zero: true, Sets: single(c, measure.CarbonSeries, "intensity", "c7", 1000)})
	add(plot{Title: "State of charge", Unit: "%", Scale: 10, Top: &full, Sets: together(c, measure.ChargeState)})
	add(plot{Title: "At risk", Unit: unit, Scale: 10_000, Zero: true, Sets: single(c, measure.RiskSeries, "at risk", "c5", 100_000)})
	add(plot{Title: "Claims so far", Unit: "claims", Scale: 1, Zero: true, Sets: counted(c, measure.ClaimCount, "claims", "c3")})
	add(plot{Title: "Vertices so far", Unit: "vertices", Scale: 1, Zero: true, Sets: counted(c, measure.VertexCount, "vertices", "c2")})
	return all
}

// draw makes a series of a curve, in parts of the curve's unit. Where least and most are the mean they are left out.
func draw(s measure.Series, name, color, style string, part int64) drawn {
	d := drawn{Name: name, Color: color, Style: style, Mean: parts(s.Mean, part)}
	if style != "line" {
		return d
	}
	low, high := parts(s.Min, part), parts(s.Max, part)
	for i, mean := range d.Mean {
		if low[i] != mean || high[i] != mean {
			d.Min, d.Max = low, high
			break
		}
	}
	return d
}

// parts counts values in a larger unit, or in its negative, rounded to the nearest.
func parts(values []int64, part int64) []value {
	sign := int64(1)
	if part < 0 {
		sign, part = -1, -part
	}
	out := make([]value, len(values))
	for i, v := range values {
		switch {
		case v == measure.Unknown:
			out[i] = measure.Unknown
		case v < 0:
			out[i] = value(-sign * ((part/2 - v) / part))
		default:
			out[i] = value(sign * ((v + part/2) / part))
		}
	}
	return out
}

// circuitSets gives the power of each circuit with its limit.
func circuitSets(c measure.Curves) []set {
	var sets []set
	for _, s := range c.Series {
		switch {
		case s.Quantity == measure.PowerSeries:
			sets = append(sets, set{s.Name, []drawn{draw(s, "power", "c0", "line", 1000)}})
		case s.Quantity == measure.LimitSeries && len(sets) > 0:
			last := &sets[len(sets)-1]
			last.Series = append(last.Series, draw(s, "limit", "limit", "limit", 1000))
		}
	}
	return sets
}

// balance stacks what is consumed above zero and what is generated below, and draws what the grid carries over it.
func balance(c measure.Curves) []set {
	looks := []struct {
		quantity    measure.Quantity
		name, color string
		sign        int64
	}{
		{measure.BaseSeries, "base", "base", 1}, {measure.ChargeSeries, "charging", "charge", 1}, {measure.StoreSeries, "storage", "storage", 1},
		{measure.SolarSeries, "PV", "solar", -1}, {measure.ReturnSeries, "V2G", "return", -1},
	}
	var all []drawn
	for _, look := range looks {
		for _, s := range c.Series {
			if s.Quantity == look.quantity {
				d := draw(s, look.name, look.color, "area", 1000*look.sign)
				all = append(all, d)
			}
		}
	}
	if len(all) < 2 {
		return nil // the plot of the circuit shows it already
	}
	for _, s := range c.Series {
		if s.Quantity == measure.PowerSeries {
			grid := draw(s, "grid", "ink", "line", 1000)
			grid.Min, grid.Max = nil, nil
			all = append(all, grid)
			break
		}
	}
	return []set{{"balance", all}}
}

func single(c measure.Curves, quantity measure.Quantity, name, color string, part int64) []set {
	for _, s := range c.Series {
		if s.Quantity == quantity {
			return []set{{name, []drawn{draw(s, name, color, "line", part)}}}
		}
	}
	return nil
}

// counted draws a count: what it was at the end of each point.
func counted(c measure.Curves, quantity measure.Quantity, name, color string) []set {
	for _, s := range c.Series {
		if s.Quantity == quantity {
			s.Mean = s.Max
			return []set{{name, []drawn{draw(s, name, color, "count", 1)}}}
		}
	}
	return nil
}

// colorsMax is how many colours lines have before they repeat.
const colorsMax = 8

// together draws all series of a quantity into one plot.
func together(c measure.Curves, quantity measure.Quantity) []set {
	var all []drawn
	for _, s := range c.Series {
		if s.Quantity == quantity {
			d := draw(s, s.Name, "c"+strconv.Itoa(len(all)%colorsMax), "line", 1)
			d.Min, d.Max = nil, nil // many bands hide each other
			all = append(all, d)
		}
	}
	return []set{{string(quantity), all}}
}
