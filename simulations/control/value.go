package control

// The worth of energy in a battery, as a function of how much it holds, is concave and made of straight pieces. So is
// what a step's energy costs, convex. The best plan of one battery is then found exactly, from the last step back to the
// first: the worth before a step is that after it and the step's cost, merged by their slopes. The method is the
// sup-convolution of concave functions; it needs no solver and no grid of states.

// segment is a piece of such a function: over so many millijoules in the battery, each kWh is worth slope, in 10⁻⁹ currency units.
type segment struct {
	slope  float64
	length float64
}

// worth is a concave function: it begins at low, and its slopes fall.
type worth struct {
	low   float64
	first int // of its segments in the arena
	last  int
}

// arena holds the functions of all steps of one battery.
type arena struct {
	segments []segment
	worths   []worth
}

func (a *arena) reset() { a.segments, a.worths = a.segments[:0], a.worths[:0] }

// begin starts a function that comes before those that are there.
func (a *arena) begin(low float64) {
	a.worths = append(a.worths, worth{low: low, first: len(a.segments), last: len(a.segments)})
}

// add puts a segment at the end of the newest function, as far as it is below high.
func (a *arena) add(slope, length, high float64) {
	w := &a.worths[len(a.worths)-1]
	end := w.low
	for _, s := range a.segments[w.first:w.last] {
		end += s.length
	}
	a.append(w, slope, min(length, high-end))
}

// append joins a segment to one of the same slope.
func (a *arena) append(w *worth, slope, length float64) {
	if length <= 0 {
		return
	}
	if w.last > w.first && a.segments[w.last-1].slope == slope {
		a.segments[w.last-1].length += length
		return
	}
	a.segments = append(a.segments, segment{slope, length})
	w.last++
}

// span is where a battery stays: between low and high, and below keep only for as long as it must.
type span struct{ low, keep, high float64 }

// before adds the worth before a step whose costs are given, from the greatest discharge to the greatest charge with
// slopes that rise. lowest is the sum of the discharges' lengths, negative.
func (a *arena) before(costs []segment, lowest float64, within span) {
	after := a.worths[len(a.worths)-1]
	reach := lowest
	for _, c := range costs {
		reach += c.length
	}
	at := after.low - reach
	a.worths = append(a.worths, worth{low: max(at, within.low), first: len(a.segments), last: len(a.segments)})
	w := &a.worths[len(a.worths)-1]
	i, c := after.first, len(costs)-1
	for i < after.last || c >= 0 {
		var s segment
		if c < 0 || i < after.last && a.segments[i].slope >= costs[c].slope {
			s = a.segments[i]
			i++
		} else {
			s = costs[c]
			c--
		}
		from := max(at, within.low)
		at += s.length
		a.append(w, s.slope+tooLow, min(at, within.keep)-from)
		a.append(w, s.slope, min(at, within.high)-max(from, within.keep))
	}
}

// between gives what it is worth to hold so much rather than less, by a function.
func (a *arena) between(w worth, less, more float64) float64 {
	sum, at := 0.0, w.low
	for _, s := range a.segments[w.first:w.last] {
		part := min(at+s.length, more) - max(at, less)
		at += s.length
		sum += float64(s.slope * max(part, 0))
	}
	return sum
}

// below gives the slope just below a level, and how far down it holds.
func (a *arena) below(w worth, level float64) (slope, length float64) {
	at := w.low
	for _, s := range a.segments[w.first:w.last] {
		if level <= at+s.length {
			return s.slope, max(level-at, 0)
		}
		at += s.length
	}
	return 0, max(level-at, 0)
}

// price gives what the first part of a step's charging costs.
func price(costs []segment, lowest, change float64) float64 {
	sum, at := 0.0, lowest
	for _, c := range costs {
		part := min(at+c.length, change) - max(at, 0)
		at += c.length
		sum += float64(c.slope * max(part, 0))
	}
	return sum
}

// best gives the change of what the battery holds that is worth most in a step: after is the worth after it.
func (a *arena) best(after worth, costs []segment, lowest, stored float64) float64 {
	segments := a.segments[after.first:after.last]
	change, level := lowest, after.low
	skip := max(after.low-(stored+lowest), 0) // it must at least come up to where the function begins
	c, spent := 0, 0.0                        // of the costs
	for c < len(costs) && skip > 0 {
		part := min(costs[c].length, skip)
		change, skip = change+part, skip-part
		if spent = part; part == costs[c].length {
			c, spent = c+1, 0
		}
	}
	s := 0
	for s < len(segments) && level+segments[s].length <= stored+change {
		level += segments[s].length
		s++
	}
	used := max(stored+change-level, 0) // of the segment
	for c < len(costs) && s < len(segments) && pays(segments[s].slope, costs[c].slope, change) {
		part := min(costs[c].length-spent, segments[s].length-used)
		change, spent, used = change+part, spent+part, used+part
		if spent >= costs[c].length {
			c, spent = c+1, 0
		}
		if used >= segments[s].length {
			s, used = s+1, 0
		}
	}
	return change
}

// pays tells whether energy is rather held than not: it is not bought for nothing to do nothing, and charged early where
// steps cost the same.
func pays(worth, cost, change float64) bool {
	return worth > cost || worth == cost && (change < 0 || cost > 0)
}
