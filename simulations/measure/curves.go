package measure

import (
	"slices"
	"time"
)

// Quantity says what a series shows, and its unit.
type Quantity string

// Quantities.
const (
	PowerSeries  Quantity = "power"           // mW drawn by a circuit
	LimitSeries  Quantity = "limit"           // mW, of the circuit of the same name; Unknown where there is none
	ChargeSeries Quantity = "charge"          // mW into vehicles
	ReturnSeries Quantity = "return"          // mW out of vehicles
	BaseSeries   Quantity = "base"            // mW of other consumers
	SolarSeries  Quantity = "solar"           // mW of local generation
	StoreSeries  Quantity = "storage"         // mW into the stationary battery
	PriceSeries  Quantity = "price"           // 10⁻⁹ of the currency a kWh
	CarbonSeries Quantity = "intensity"       // mg of CO₂ a kWh
	ChargeState  Quantity = "state_of_charge" // permille, of the vehicle of the name
	RiskSeries   Quantity = "at_risk"         // 10⁻⁹ of the currency
	ClaimCount   Quantity = "claims"          // so far
	VertexCount  Quantity = "vertices"        // so far
)

// Curves are series over the same stretches of time, one after the other.
type Curves struct {
	Start  time.Time
	Width  time.Duration // of a point
	Points int
	Series []Series // those that are Unknown or 0 throughout are left out
}

// Series is one quantity over time. Its lists are as long as Curves.Points; Unknown where nothing was recorded.
type Series struct {
	Quantity       Quantity
	Name           string // of the circuit or vehicle; may be empty
	Min, Mean, Max []int64
}

// widths are lengths of a point that people read easily. Longer ones are doubles of the last.
var widths = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// point is what a series was in a stretch of time.
type point struct {
	min, max int64
	sum      wide  // value × ns
	known    int64 // ns in which the value was known
}

func (p *point) add(v, length int64) {
	if v == Unknown {
		return
	}
	if p.known == 0 {
		p.min, p.max = v, v
	} else {
		p.min, p.max = min(p.min, v), max(p.max, v)
	}
	p.sum.add(v, length)
	p.known += length
}

func (p *point) join(o point) {
	if o.known == 0 {
		return
	}
	if p.known == 0 {
		*p = o
		return
	}
	p.min, p.max = min(p.min, o.min), max(p.max, o.max)
	p.sum.join(o.sum)
	p.known += o.known
}

// curves keeps series at no more than PointsMax points: when time goes on beyond them, neighbours merge.
type curves struct {
	site     Site
	width    time.Duration
	circuits int // how many have curves
	watched  int
	heads    []Series // without points, in the order of values
	values   []int64  // of the step that is being added
	points   [][]point
	length   int // points in use

	claims, vertices []int64 // events by point
}

func newCurves(site Site) curves {
	c := curves{site: site, circuits: min(len(site.Circuits), CircuitCurvesMax), watched: min(len(site.Watched), WatchedMax)}
	c.width = widths[len(widths)-1]
	for _, w := range slices.Backward(widths) {
		if w*PointsMax >= site.Duration {
			c.width = w
		}
	}
	for c.width*PointsMax < site.Duration {
		c.width *= 2
	}
	for _, name := range site.Circuits[:c.circuits] {
		c.heads = append(c.heads, Series{Quantity: PowerSeries, Name: name}, Series{Quantity: LimitSeries, Name: name})
	}
	for _, q := range []Quantity{ChargeSeries, ReturnSeries, BaseSeries, SolarSeries, StoreSeries, PriceSeries, CarbonSeries, RiskSeries} {
		c.heads = append(c.heads, Series{Quantity: q})
	}
	for _, name := range site.Watched[:c.watched] {
		c.heads = append(c.heads, Series{Quantity: ChargeState, Name: name})
	}
	c.values = make([]int64, len(c.heads))
	return c
}

// index gives the point of a time, merging neighbours until there is one.
func (c *curves) index(at time.Time) int {
	passed := max(at.Sub(c.site.Start), 0)
	for passed/c.width >= PointsMax {
		c.fold()
	}
	i := int(passed / c.width)
	if i >= c.length {
		c.grow(i + 1)
	}
	return i
}

func (c *curves) grow(length int) {
	c.length = length
	for len(c.points) < length {
		c.points = append(c.points, make([]point, len(c.heads)))
		c.claims, c.vertices = append(c.claims, 0), append(c.vertices, 0)
	}
}

// fold makes points twice as wide.
func (c *curves) fold() {
	c.width *= 2
	half := (c.length + 1) / 2
	for i := range half {
		row, claims, vertices := c.points[2*i], c.claims[2*i], c.vertices[2*i]
		if next := 2*i + 1; next < c.length {
			for k := range row {
				row[k].join(c.points[next][k])
			}
			claims, vertices = claims+c.claims[next], vertices+c.vertices[next]
		}
		c.points[i], c.points[2*i] = row, c.points[i]
		c.claims[i], c.vertices[i] = claims, vertices
	}
	for i := half; i < c.length; i++ {
		clear(c.points[i])
		c.claims[i], c.vertices[i] = 0, 0
	}
	c.length = half
}

func (c *curves) add(s *Step) {
	c.read(s)
	at, end := s.At, s.At.Add(s.Length)
	c.index(end.Add(-1)) // no point changes its width below
	for at.Before(end) {
		i := c.index(at)
		until := c.site.Start.Add(time.Duration(i+1) * c.width)
		if end.Before(until) {
			until = end
		}
		length := int64(until.Sub(at))
		for k, v := range c.values {
			c.points[i][k].add(v, length)
		}
		at = until
	}
}

// read puts the values of a step into the order of heads.
func (c *curves) read(s *Step) {
	v := c.values[:0]
	for _, f := range s.Circuits[:c.circuits] {
		limit := f.LimitMilliwatts
		if limit <= 0 {
			limit = Unknown
		}
		v = append(v, f.PowerMilliwatts, limit)
	}
	v = append(v, s.Charge, s.Return, s.Base, s.Solar, s.Storage, int64(s.Price), s.Intensity, int64(s.AtRisk))
	c.values = append(v, s.StateOfCharge[:c.watched]...)
}

func (c *curves) count(into *[]int64, at time.Time, n int64) {
	i := c.index(at)
	(*into)[i] += n
}

func (c *curves) result() Curves {
	out := Curves{Start: c.site.Start, Width: c.width, Points: c.length}
	for k, head := range c.heads {
		s := head
		for _, row := range c.points[:c.length] {
			s.addPoint(row[k])
		}
		if k == 0 || s.says() {
			out.Series = append(out.Series, s)
		}
	}
	for _, counted := range []struct {
		quantity Quantity
		by       []int64
	}{{ClaimCount, c.claims}, {VertexCount, c.vertices}} {
		s, sum := Series{Quantity: counted.quantity}, int64(0)
		for _, n := range counted.by[:c.length] {
			s.add(sum, sum+n, sum+n)
			sum += n
		}
		if sum > 0 {
			out.Series = append(out.Series, s)
		}
	}
	return out
}

func (s *Series) add(least, mean, most int64) {
	s.Min, s.Mean, s.Max = append(s.Min, least), append(s.Mean, mean), append(s.Max, most)
}

func (s *Series) addPoint(p point) {
	if p.known == 0 {
		s.add(Unknown, Unknown, Unknown)
		return
	}
	s.add(p.min, p.sum.per(p.known), p.max)
}

// says tells whether anything is known of the series, and not 0.
func (s *Series) says() bool {
	idle := func(v int64) bool { return v == 0 || v == Unknown }
	return slices.ContainsFunc(s.Min, func(v int64) bool { return !idle(v) }) || slices.ContainsFunc(s.Max, func(v int64) bool { return !idle(v) })
}
