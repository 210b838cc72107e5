package grid

// Bounds of a site.
const (
	CircuitsMax    = 1_000  // a distribution board for each of a large car park's floors, many times over
	StationsMax    = 10_000 // as many as a scenario may have
	ConstraintsMax = 1_000  // rows of a matrix that somebody measured or drew by hand
	// PowerMaxMilliwatts bounds every power: a large power station, so that sums and products with a year stay in 64 bits.
	PowerMaxMilliwatts = 1_000_000_000_000
	// CurrentMaxMilliamps bounds every current: what a large transformer carries, a hundred times over.
	CurrentMaxMilliamps = 1_000_000_000
	// VoltageMaxMillivolts bounds every voltage: the highest that is transmitted.
	VoltageMaxMillivolts = 1_000_000_000
)

// Unlimited stands for the limit of a circuit that has none.
const Unlimited = int64(-1)

// NoFeedIn forbids a circuit to feed back anything at all.
const NoFeedIn = int64(-1)

// VoltageDefaultMillivolts is the phase voltage of a circuit or a station that names none (EN 50160).
const VoltageDefaultMillivolts = 230_000

// pairDefaultMillivolts is the same between two phases.
const pairDefaultMillivolts = 398_372

// Circuit is a part of a site that has one feeder.
type Circuit struct {
	Name  string
	Above int // index of the circuit that feeds it, less than its own; -1 for the grid connection, which is circuit 0

	LimitMilliwatts  int64 // of what it draws; 0: none
	FeedInMilliwatts int64 // of what it feeds back; 0: as LimitMilliwatts; NoFeedIn: nothing
	LimitMilliamps   int64 // of each phase, as a magnitude; 0: none

	// How its own loads (other consumers, generation, storage; not its stations) are connected, for limits in amperes.
	Loads             Connection
	VoltageMillivolts int64 // of that connection; 0: 230 V to neutral, √3 of it between phases
}

// Station is an outlet.
type Station struct {
	Name       string
	Circuit    int // index of the circuit that feeds it
	Connection Connection
	// VoltageMillivolts is between the two ends of its load; 0: 230 V to neutral, √3 of it between phases.
	VoltageMillivolts int64

	MaxMilliwatts       int64 // drawn; 0: what MaxMilliamps says
	MaxMilliamps        int64 // of each of its phases; 0: what MaxMilliwatts says
	MinMilliwatts       int64 // it delivers either nothing or so much
	ReturnMaxMilliwatts int64 // given back; 0: it cannot
}

// Constraint is a row of a network's matrix: the magnitude of the weighted complex sum of the stations' currents stays at
// or below a limit, give or take max(1e-5 A, 1e-7 of the limit) as ACN-Sim has it. Own loads of circuits are not in it.
type Constraint struct {
	Name         string
	Coefficients []float64 // one a station, in their order
	LimitAmps    float64
}

// Site is a tree of circuits with its stations. It does not change, and may be shared.
type Site struct {
	circuits []Circuit
	stations []Station
	paths    [][]int32 // of a circuit: itself, and what it hangs from up to the grid connection
	rows     []row     // limits in amperes
	adds     [][]share // of a station: what it adds to rows
	owns     [][]share // of a circuit: what its own loads add to rows
	phases   []int32   // of a circuit: its first of three rows; -1: it has none
}

// row is a complex sum of currents with its limit.
type row struct {
	limit float64 // amperes, tolerance included; 0: it is only watched
}

// share is what one milliwatt of a load adds to a row, in amperes.
type share struct {
	row int32
	per phasor
}

// Tolerances of limits in amperes, those of ACN-Sim.
const (
	toleranceAmps     = 1e-5
	toleranceRelative = 1e-7
)

// New makes a site, or says what is wrong with it.
func New(circuits []Circuit, stations []Station, constraints []Constraint) (*Site, error) {
	if err := check(circuits, stations, constraints); err != nil {
		return nil, err
	}
	s := &Site{circuits: append([]Circuit(nil), circuits...), stations: append([]Station(nil), stations...)}
	s.complete()
	s.climb()
	s.watchPhases()
	for _, constraint := range constraints {
		s.constrain(constraint)
	}
	return s, nil
}

// complete fills in what may be left out.
func (s *Site) complete() {
	for i := range s.circuits {
		c := &s.circuits[i]
		c.VoltageMillivolts = voltage(c.VoltageMillivolts, c.Loads)
	}
	for i := range s.stations {
		st := &s.stations[i]
		st.VoltageMillivolts = voltage(st.VoltageMillivolts, st.Connection)
		if st.MaxMilliamps == 0 {
			continue
		}
		if most := s.MilliwattsOf(i, st.MaxMilliamps); st.MaxMilliwatts == 0 || most < st.MaxMilliwatts {
			st.MaxMilliwatts = most
		}
	}
}

func voltage(millivolts int64, c Connection) int64 {
	switch {
	case millivolts != 0:
		return millivolts
	case c.pair():
		return pairDefaultMillivolts
	default:
		return VoltageDefaultMillivolts
	}
}

// climb finds the way of every circuit to the grid connection.
func (s *Site) climb() {
	s.paths = make([][]int32, len(s.circuits))
	for i := range s.circuits {
		for c := i; c >= 0; c = s.circuits[c].Above {
			s.paths[i] = append(s.paths[i], int32(c))
		}
	}
}

// watchPhases makes three rows for every circuit with a limit in amperes, and for the grid connection.
func (s *Site) watchPhases() {
	s.adds, s.owns = make([][]share, len(s.stations)), make([][]share, len(s.circuits))
	s.phases = make([]int32, len(s.circuits))
	for i, c := range s.circuits {
		s.phases[i] = -1
		if c.LimitMilliamps > 0 || i == 0 && s.threePhase() {
			s.phases[i] = int32(len(s.rows))
			for range conductors {
				s.rows = append(s.rows, row{limit: tolerant(float64(c.LimitMilliamps) / 1000)})
			}
		}
	}
	for i, st := range s.stations {
		s.adds[i] = s.sharesOf(st.Circuit, st.Connection, st.VoltageMillivolts)
	}
	for i, c := range s.circuits {
		s.owns[i] = s.sharesOf(i, c.Loads, c.VoltageMillivolts)
	}
}

// threePhase tells whether anything in the site makes phases differ.
func (s *Site) threePhase() bool {
	for _, st := range s.stations {
		if st.Connection != Balanced {
			return true
		}
	}
	for _, c := range s.circuits {
		if c.Loads != Balanced || c.LimitMilliamps > 0 {
			return true
		}
	}
	return false
}

// sharesOf gives what a load under a circuit adds to the phases that are watched above it.
func (s *Site) sharesOf(circuit int, connection Connection, millivolts int64) []share {
	var shares []share
	per := perMilliwatt(connection, millivolts)
	for _, c := range s.paths[circuit] {
		first := s.phases[c]
		if first < 0 {
			continue
		}
		for k, current := range connection.in() {
			if current != (phasor{}) {
				shares = append(shares, share{first + int32(k), current.times(per)})
			}
		}
	}
	return shares
}

// constrain adds a row of the matrix.
func (s *Site) constrain(c Constraint) {
	r := int32(len(s.rows))
	s.rows = append(s.rows, row{limit: tolerant(c.LimitAmps)})
	for i, coefficient := range c.Coefficients {
		if coefficient == 0 {
			continue
		}
		st := s.stations[i]
		per := float64(coefficient * perMilliwatt(st.Connection, st.VoltageMillivolts))
		s.adds[i] = append(s.adds[i], share{r, st.Connection.angle().times(per)})
	}
}

// perMilliwatt gives the amperes of each part of a load of one milliwatt.
func perMilliwatt(c Connection, millivolts int64) float64 {
	return 1 / float64(millivolts*c.Loads())
}

func tolerant(amps float64) float64 {
	if amps == 0 {
		return 0
	}
	return amps + max(toleranceAmps, float64(toleranceRelative*amps))
}

// Circuits gives the number of circuits.
func (s *Site) Circuits() int { return len(s.circuits) }

// Stations gives the number of stations.
func (s *Site) Stations() int { return len(s.stations) }

// Circuit gives a circuit, with its voltage filled in.
func (s *Site) Circuit(i int) Circuit { return s.circuits[i] }

// Station gives a station, with its voltage and greatest power filled in.
func (s *Site) Station(i int) Station { return s.stations[i] }

// StationAt gives the same without a copy; it is to be read only.
func (s *Site) StationAt(i int) *Station { return &s.stations[i] }

// CircuitAt gives a circuit without a copy; it is to be read only.
func (s *Site) CircuitAt(i int) *Circuit { return &s.circuits[i] }

// PlanLimit gives what a circuit may draw at a time for which somebody signals a limit (or Unlimited): its limit in
// amperes counts as the power that it is when all phases are loaded alike.
func (s *Site) PlanLimit(circuit int, signalled int64) int64 {
	limit := lesser(s.ownLimit(circuit), signalled)
	if c := &s.circuits[circuit]; c.LimitMilliamps > 0 {
		most := c.LimitMilliamps * c.VoltageMillivolts / 1000 * conductors
		if c.Loads.pair() {
			most = most / 1732 * 1000 // √3 between phases
		}
		limit = lesser(limit, most)
	}
	return limit
}

// Under tells whether a circuit hangs from another, or is it.
func (s *Site) Under(circuit, above int) bool {
	for _, c := range s.paths[circuit] {
		if int(c) == above {
			return true
		}
	}
	return false
}

// MilliwattsOf converts a current in each of a station's phases into its power, rounded down.
func (s *Site) MilliwattsOf(station int, milliamps int64) int64 {
	st := &s.stations[station]
	return milliamps * st.VoltageMillivolts / 1000 * st.Connection.Loads()
}

// ownLimit gives what a circuit may draw when nobody signals less.
func (s *Site) ownLimit(circuit int) int64 {
	if limit := s.circuits[circuit].LimitMilliwatts; limit > 0 {
		return limit
	}
	return Unlimited
}

// FeedInLimit gives what a circuit may feed back; Unlimited where there is no limit.
func (s *Site) FeedInLimit(circuit int) int64 {
	switch limit := s.circuits[circuit].FeedInMilliwatts; {
	case limit == NoFeedIn:
		return 0
	case limit > 0:
		return limit
	default:
		return s.ownLimit(circuit)
	}
}
