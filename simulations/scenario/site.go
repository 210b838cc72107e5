package scenario

import (
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/wallet/money"
)

// Site is the electricity behind the stations.
type Site struct {
	VoltageMillivolts int64     // phase to neutral
	Circuits          []Circuit // each after the one that feeds it; the first is the connection to the grid
	Base, Solar       []Profile
	Storage           *Storage
	Network           *Electric
	DemandCharge      money.Amount  // of one kW of the highest power
	DemandWindow      time.Duration // the highest power is a mean over so long; 0: of any step
}

// Electric is a three-phase network that somebody has measured, in the form of ACN-Sim: stations between phases, and
// constraints on weighted sums of their currents. Expand reads it.
type Electric struct {
	File               string
	CapacityMilliwatts int64  // of its transformer
	Stations           string // group of the scenario's stations that are those of the network
	Constraints        []grid.Constraint
	Members            []string // names of stations, in the order of the coefficients
}

// Source is somebody whose signals must be heard all the time.
type Source struct {
	Name               string
	Circuit            string
	FailsafeMilliwatts int64 // in force while nothing is heard of it
	Patience           time.Duration
}

// Circuit is a cable with its fuse.
type Circuit struct {
	Name            string
	Under           string // the circuit that feeds it; empty for the connection to the grid
	LimitMilliwatts int64  // 0: none
	LimitMilliamps  int64  // of each phase; 0: none
}

// Profile is a power that changes in time, whatever control does.
type Profile struct {
	Circuit string
	Series
	ScalePPM int64 // of the values
}

// Series is a value in each slot of time. The last value stays; a series that repeats begins again.
type Series struct {
	Every   time.Duration
	Values  []int64 // milliwatts of a Profile, 10⁻⁹ currency units a kWh of Prices, grams of CO₂ a kWh
	Repeats bool
	File    string // where the values are, when they are not written here
	Column  string // of the file
}

// At gives the value some time after the start of the scenario.
func (s Series) At(since time.Duration) int64 {
	if len(s.Values) == 0 {
		return 0
	}
	slot := int(since / s.Every)
	if s.Repeats {
		return s.Values[slot%len(s.Values)]
	}
	return s.Values[min(slot, len(s.Values)-1)]
}

// Prices are what the site pays for energy, and gets for it.
type Prices struct {
	Series
	FactorPPM int64        // of what a file says
	Margin    money.Amount // added to it, a kWh
	FeedIn    money.Amount // for one kWh fed into the grid
}

// Storage is a stationary battery.
type Storage struct {
	Circuit                string
	CapacityMilliwattHours int64
	PowerMilliwatts        int64
	FromPermille           int16
	EfficiencyPPM          int64 // of a round trip
}

// Control says who charges when, and how fast.
type Control struct {
	control.Options
	Algorithm string
	Every     time.Duration
	Horizon   time.Duration // that a controller which plans looks ahead
}

// Signal is a limit that somebody sets for a time.
type Signal struct {
	At              time.Duration
	For             time.Duration // 0: to the end
	Source          string        // who says so
	Circuit         string        // whose limit it is; empty: the connection to the grid
	LimitMilliwatts int64
	Silent          bool // nothing is heard of the source in this time
}

// Fleet stands for vehicles of a kind: drawn by the seed, or from a data set.
type Fleet struct {
	Vehicle            // what all of them have in common; its visits are empty
	Count    int       // that are drawn
	Stations []string  // names, or groups, where they go: each to one that is free
	Arrive   Spread    // milliseconds from the start, or from the start of each day
	Stay     Spread    // milliseconds
	Energy   Spread    // milliwatt-hours
	From     Spread    // permille
	To       int16     // permille
	Daily    bool      // every day of the duration
	Remains  bool      // as of Visit
	Data     string    // file with sessions; empty: they are drawn
	Format   string    // of the file
	Limit    int       // of sessions that are taken from the file; 0: all
	Begins   time.Time // sessions of the file before it are left out; zero: the start of the scenario
}

// Spread is how values of a fleet are drawn: around a mean, within bounds. Its shape is the sum of twelve dice, close to
// the normal distribution and the same on every machine.
type Spread struct{ Mean, Deviation, Least, Most int64 }

// phases are the ways to connect a load, as files write them; Phases what they mean.
var phases = []string{"1", "2", "3", "12", "23", "31", "123"}

// Phases gives the connection of a load between phases, or from one to neutral.
var Phases = map[string]grid.Connection{
	"1": grid.A, "2": grid.B, "3": grid.C, "12": grid.AB, "23": grid.BC, "31": grid.CA, "123": grid.Balanced,
}
