package grid

import "errors"

// ErrSite is wrapped by every error about how a site is made.
var ErrSite = errors.New("grid: not a site that can be run")

// Bounds of a site.
const (
	CircuitsMax    = 1_000  // a distribution board for each of a large car park's floors, many times over
	StationsMax    = 10_000 // as many as a scenario may have
	ConstraintsMax = 1_000  // rows of a matrix that somebody measured or drew by hand
	// PowerMaxMilliwatts bounds every power: a large power station, so that sums and products with a year stay in 64 bits.
	PowerMaxMilliwatts = 1_000_000_000_000
)

// Unlimited stands for the limit of a circuit that has none.
const Unlimited = int64(-1)

// VoltageDefaultMillivolts is the phase voltage of a circuit or a station that names none (EN 50160).
const VoltageDefaultMillivolts = 230_000

// Circuit is a part of a site that has one feeder.
type Circuit struct {
	Name  string
	Above int // index of the circuit that feeds it, less than its own; -1 for the grid connection, which is circuit 0

	LimitMilliwatts  int64 // of what it draws; 0: none
	FeedInMilliwatts int64 // of what it feeds back; 0: as much as it may draw; NoFeedIn: nothing
	LimitMilliamps   int64 // of each phase, as a magnitude; 0: none

	// How its own loads (other consumers, generation, storage; not its stations) are connected, for limits in amperes.
	Loads             Connection
	VoltageMillivolts int64 // phase to neutral; 0: VoltageDefaultMillivolts
}

// NoFeedIn forbids a circuit to feed back anything at all.
const NoFeedIn = int64(-1)

// Station is an outlet.
type Station struct {
	Name       string
	Circuit    int // index of the circuit that feeds it
	Connection Connection
	// VoltageMillivolts is between the two ends of its load: phase to neutral, or phase to phase. 0: the default, or √3 of it.
	VoltageMillivolts int64

	MaxMilliwatts       int64 // drawn
	MaxMilliamps        int64 // of each of its phases; 0: what MaxMilliwatts says
	MinMilliwatts       int64 // it delivers either nothing or so much
	ReturnMaxMilliwatts int64 // given back; 0: it cannot
}

// Constraint is a row of a network's matrix: the magnitude of the weighted complex sum of the stations' currents stays at
// or below a limit, give or take max(1e-5 A, 1e-7 of the limit) as ACN-Sim has it.
type Constraint struct {
	Name         string
	Coefficients []float64 // one a station, in their order
	LimitAmps    float64
}

// Site is a tree of circuits with its stations. It does not change, and may be shared.
type Site struct {
	circuits    []Circuit
	stations    []Station
	constraints []Constraint
}

// New makes a site, or says what is wrong with it.
func New(circuits []Circuit, stations []Station, constraints []Constraint) (*Site, error) {
	s := &Site{circuits: circuits, stations: stations, constraints: constraints}
	return s, nil
}

// Circuits gives the number of circuits.
func (s *Site) Circuits() int { return len(s.circuits) }

// Stations gives the number of stations.
func (s *Site) Stations() int { return len(s.stations) }

// Circuit gives a circuit.
func (s *Site) Circuit(i int) Circuit { return s.circuits[i] }

// Station gives a station, with its voltage and greatest power filled in.
func (s *Site) Station(i int) Station { return s.stations[i] }

// Constraints gives the rows of the network's matrix.
func (s *Site) Constraints() int { return len(s.constraints) }

// MilliwattsOf converts a current of each of a station's phases into its power, rounded down.
func (s *Site) MilliwattsOf(station int, milliamps int64) int64 {
	st := &s.stations[station]
	return milliamps * st.VoltageMillivolts / 1000
}
