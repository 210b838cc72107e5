package grid

import "math"

// Load is what flows in a site at a moment: loads that nobody controls, and what stations were given so far. It is
// made once and used again; nothing in it allocates. It is not safe for concurrent use.
type Load struct {
	site   *Site
	limits []int64   // of circuits
	flows  []int64   // of circuits
	powers []int64   // of stations
	sums   []phasor  // of rows
	each   []int64   // of circuits, while Rounds runs
	rates  []float64 // of rows, while Rounds runs
}

// NewLoad makes a load with nothing in it, under the circuits' own limits.
func (s *Site) NewLoad() *Load {
	l := &Load{site: s, limits: make([]int64, len(s.circuits)), flows: make([]int64, len(s.circuits)),
		powers: make([]int64, len(s.stations)), sums: make([]phasor, len(s.rows)),
		each: make([]int64, len(s.circuits)), rates: make([]float64, len(s.rows))}
	l.Begin(nil, nil)
	return l
}

// Begin empties all stations and takes what is given: own[c] is the power of circuit c's own loads, generation negative;
// limits[c] is what it may draw, Unlimited where nobody sets a limit. Nil stands for no loads, and for no such limits. A
// circuit's own limit counts in any case.
func (l *Load) Begin(own, limits []int64) {
	clear(l.powers)
	clear(l.sums)
	clear(l.flows)
	for c := range l.limits {
		l.limits[c] = l.site.ownLimit(c)
		if c < len(limits) {
			l.limits[c] = lesser(l.limits[c], limits[c])
		}
	}
	for c := len(l.flows) - 1; c >= 0; c-- {
		if c < len(own) && own[c] != 0 {
			l.flows[c] += own[c]
			l.carry(l.site.owns[c], own[c])
		}
		if above := l.site.circuits[c].Above; above >= 0 {
			l.flows[above] += l.flows[c]
		}
	}
}

// lesser gives the stricter of two limits.
func lesser(a, b int64) int64 {
	if a == Unlimited || b != Unlimited && b < a {
		return b
	}
	return a
}

// Add changes a circuit's own load, as its storage does.
func (l *Load) Add(circuit int, milliwatts int64) {
	for _, c := range l.site.paths[circuit] {
		l.flows[c] += milliwatts
	}
	l.carry(l.site.owns[circuit], milliwatts)
}

// Lend counts on a power that a circuit's own loads could do without, for limits in kilowatts alone.
func (l *Load) Lend(circuit int, milliwatts int64) {
	for _, c := range l.site.paths[circuit] {
		l.flows[c] -= milliwatts
	}
}

// Set gives a station a power in milliwatts, negative: it gives back.
func (l *Load) Set(station int, milliwatts int64) {
	change := milliwatts - l.powers[station]
	if change == 0 {
		return
	}
	l.powers[station] = milliwatts
	for _, c := range l.site.paths[l.site.stations[station].Circuit] {
		l.flows[c] += change
	}
	l.carry(l.site.adds[station], change)
}

func (l *Load) carry(shares []share, milliwatts int64) {
	power := float64(milliwatts)
	for i := range shares {
		s := &shares[i]
		l.sums[s.row] = l.sums[s.row].plus(s.per.times(power))
	}
}

// Power gives what a station was given.
func (l *Load) Power(station int) int64 { return l.powers[station] }

// Headroom gives the greatest power between 0 and most that a station may draw beside what all others were given, in
// place of what it was given itself. Its own greatest power counts; its least does not. Where a limit is exceeded
// without it, it gets nothing.
func (l *Load) Headroom(station int, most int64) int64 {
	st := &l.site.stations[station]
	return l.room(st.Circuit, l.site.adds[station], min(most, st.MaxMilliwatts), l.powers[station])
}

// Backroom gives the greatest power between 0 and most that a station may give back beside what all others were given.
func (l *Load) Backroom(station int, most int64) int64 {
	st := &l.site.stations[station]
	return l.backroom(st.Circuit, l.site.adds[station], min(most, st.ReturnMaxMilliwatts), l.powers[station])
}

// OwnHeadroom gives how much more a circuit's own loads may draw, up to most: for its storage.
func (l *Load) OwnHeadroom(circuit int, most int64) int64 {
	return l.room(circuit, l.site.owns[circuit], most, 0)
}

// OwnBackroom gives how much less they may draw, or feed back.
func (l *Load) OwnBackroom(circuit int, most int64) int64 {
	return l.backroom(circuit, l.site.owns[circuit], most, 0)
}

// room finds what may be drawn in place of what is.
func (l *Load) room(circuit int, shares []share, most, present int64) int64 {
	for _, c := range l.site.paths[circuit] {
		if limit := l.limits[c]; limit != Unlimited {
			most = min(most, limit-(l.flows[c]-present))
		}
	}
	return l.bearable(shares, max(most, 0), present, 1)
}

// backroom finds what may be given back in place of what is drawn.
func (l *Load) backroom(circuit int, shares []share, most, present int64) int64 {
	for _, c := range l.site.paths[circuit] {
		if limit := l.site.FeedInLimit(int(c)); limit != Unlimited {
			most = min(most, limit+(l.flows[c]-present))
		}
	}
	return l.bearable(shares, max(most, 0), present, -1)
}

// marginAmps keeps what is found off the edge, where the same sum in another order might fall on the other side.
const marginAmps = 1e-9

// bearable lessens a power until no row's limit is exceeded by it. A row that is over its limit without it may not
// carry more than it does.
func (l *Load) bearable(shares []share, most, present int64, sign float64) int64 {
	for i := range shares {
		s := &shares[i]
		limit := l.site.rows[s.row].limit
		if most == 0 {
			return 0
		}
		if limit == 0 {
			continue
		}
		limit -= marginAmps
		rest := l.sums[s.row]
		if present != 0 {
			rest = rest.plus(s.per.times(-float64(present)))
		}
		step := phasor{float64(sign * s.per.re), float64(sign * s.per.im)}
		if rest.plus(step.times(float64(most))).square() <= float64(limit*limit) {
			continue
		}
		most = min(most, reach(rest, step, limit, int64(sign)*present))
	}
	return most
}

// reach gives the greatest whole x with |rest + x·step| ≤ limit. Where there is none, others are over the limit by
// themselves: then the greatest that makes it no worse, or present, so that nobody has to give up what it has.
func reach(rest, step phasor, limit float64, present int64) int64 {
	a, b := step.square(), rest.dot(step)
	within := float64(b*b) - float64(a*(rest.square()-float64(limit*limit)))
	if within < 0 {
		return max(present, whole(-2*b/a))
	}
	return max(whole((math.Sqrt(within)-b)/a), 0)
}

// whole rounds down, and gives 0 for what is negative.
func whole(x float64) int64 {
	if !(x > 0) {
		return 0
	}
	return int64(x)
}

// Rounds gives a number up to most of times that all stations may be raised by their increments, in any order, such that
// nothing on the way exceeds a limit. It adds magnitudes, so there may be more that fit.
func (l *Load) Rounds(stations []int, increments []int64, most int64) int64 {
	clear(l.each)
	clear(l.rates)
	for i, station := range stations {
		for _, c := range l.site.paths[l.site.stations[station].Circuit] {
			l.each[c] += increments[i]
		}
		for _, s := range l.site.adds[station] {
			l.rates[s.row] += float64(math.Sqrt(s.per.square()) * float64(increments[i]))
		}
	}
	for c, each := range l.each {
		if limit := l.limits[c]; limit != Unlimited && each > 0 {
			most = min(most, (limit-l.flows[c])/each)
		}
	}
	for i, r := range l.site.rows {
		if r.limit != 0 && l.rates[i] > 0 {
			room := r.limit - marginAmps - math.Sqrt(l.sums[i].square())
			most = min(most, int64(max(room, 0)/l.rates[i]))
		}
	}
	return max(most, 0)
}

// Fits tells whether everything is within every limit.
func (l *Load) Fits() bool {
	for c, flow := range l.flows {
		if limit := l.limits[c]; limit != Unlimited && flow > limit {
			return false
		}
		if limit := l.site.FeedInLimit(c); limit != Unlimited && -flow > limit {
			return false
		}
	}
	for i, r := range l.site.rows {
		if r.limit != 0 && l.sums[i].square() > float64(r.limit*r.limit) {
			return false
		}
	}
	return true
}

// Flow gives what a circuit draws from above, in milliwatts, negative: feeds back.
func (l *Load) Flow(circuit int) int64 { return l.flows[circuit] }

// Limit gives what a circuit may draw; Unlimited where there is no limit.
func (l *Load) Limit(circuit int) int64 { return l.limits[circuit] }

// PhaseMilliamps gives the magnitudes of a circuit's phase currents; zeros where nothing makes them differ and nothing limits them.
func (l *Load) PhaseMilliamps(circuit int) [conductors]int64 {
	var magnitudes [conductors]int64
	if first := l.site.phases[circuit]; first >= 0 {
		for k := range magnitudes {
			magnitudes[k] = int64(math.Round(float64(1000 * math.Sqrt(l.sums[int(first)+k].square()))))
		}
	}
	return magnitudes
}
