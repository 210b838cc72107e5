package grid

// Load is what flows in a site at a moment: loads that nobody controls, and what stations were given so far. It is
// made once and used again; nothing in it allocates. It is not safe for concurrent use.
type Load struct {
	site   *Site
	limits []int64
	powers []int64 // of stations
	flows  []int64 // of circuits
}

// NewLoad makes a load with nothing in it, under the circuits' own limits.
func (s *Site) NewLoad() *Load { panic("to follow") }

// Begin empties all stations and takes what is given: own[c] is the power of circuit c's own loads, generation negative;
// limits[c] is what it may draw, Unlimited where there is no limit. Nil stands for no loads, and for the circuits' own limits.
func (l *Load) Begin(own, limits []int64) { panic("to follow") }

// Add changes a circuit's own load, as its battery does.
func (l *Load) Add(circuit int, milliwatts int64) { panic("to follow") }

// Set gives a station a power in milliwatts, negative: it gives back.
func (l *Load) Set(station int, milliwatts int64) { panic("to follow") }

// Power gives what a station was given.
func (l *Load) Power(station int) int64 { panic("to follow") }

// Headroom gives the greatest power between 0 and most that a station may draw beside what all others were given, in
// place of what it was given itself.
func (l *Load) Headroom(station int, most int64) int64 { panic("to follow") }

// Backroom gives the greatest power between 0 and most that a station may give back beside what all others were given.
func (l *Load) Backroom(station int, most int64) int64 { panic("to follow") }

// OwnHeadroom and OwnBackroom say the same of a circuit's own load, on top of what it is: for its battery.
func (l *Load) OwnHeadroom(circuit int, most int64) int64 { panic("to follow") }

// OwnBackroom gives how much less a circuit's own load may be.
func (l *Load) OwnBackroom(circuit int, most int64) int64 { panic("to follow") }

// Fits tells whether everything is within every limit.
func (l *Load) Fits() bool { panic("to follow") }

// Flow gives what a circuit draws from above, in milliwatts, negative: feeds back.
func (l *Load) Flow(circuit int) int64 { panic("to follow") }

// Limit gives what a circuit may draw.
func (l *Load) Limit(circuit int) int64 { panic("to follow") }

// PhaseMilliamps gives the magnitudes of a circuit's phase currents.
func (l *Load) PhaseMilliamps(circuit int) [3]int64 { panic("to follow") }
