// Package scenario owns what a simulated world is made of, and the YAML file that says it. It leaves what happens then
// to simulations/world, and the files that come with the program to simulations/scenarios.
// It keeps invariant I9 for scenario files: what it does not know it refuses, with the line and the nearest word that it
// does know; what it accepts is bounded, and every name in it leads somewhere.
package scenario

import (
	"errors"
	"time"

	"joulepay/channel/link"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

// ErrScenario is wrapped by every error of this package.
var ErrScenario = errors.New("scenario: not a scenario that can be run")

// Bounds of a scenario.
const (
	// SizeMax bounds a file in bytes: ten thousand vehicles with a line each.
	SizeMax = 4 << 20
	// PartiesMax bounds stations and vehicles each.
	PartiesMax = 10_000
	// VisitsMax bounds the visits of one vehicle: four a day for a year.
	VisitsMax = 4 * 366
	// DurationMax bounds the simulated time.
	DurationMax = 366 * 24 * time.Hour
	// FaultsMax bounds the faults of a scenario, drawn ones included.
	FaultsMax = 10_000
)

// Scenario is a world before it begins. Parse makes one of a file; one that was put together otherwise must pass Check.
type Scenario struct {
	Name     string
	About    string // what to look at, in a line or two
	Seed     uint64 // unless the run chooses another
	Start    time.Time
	Duration time.Duration // visits may begin before its end
	Step     time.Duration // how often meters are sampled and timers looked at
	Ledger   Ledger
	Tariffs  []Tariff
	Stations []Station
	Vehicles []Vehicle
	Network  Network
	Faults   []Fault
	Chaos    Chaos
}

// Ledger is the network that settles.
type Ledger struct {
	Currency  money.Currency
	Window    time.Duration // challenge window that stations ask of new channels
	Heartbeat time.Duration // of checkpoints while a channel is open
}

// Tariff is a tariff with the name that stations use.
type Tariff struct {
	Name   string
	Tariff *pricing.Tariff
}

// Station is a charger with one outlet.
type Station struct {
	Name            string
	PowerMilliwatts int64
	Tariff          string // a name of Tariffs
	TimeZone        string // IANA name; the tariff's local times are in it
	ClaimEvery      time.Duration
	SettleAt        money.Amount  // ask for a withdrawal when so much is unsettled; 0 never
	SettleEvery     time.Duration // or after this time; 0 never
	GoneAfter       time.Duration // an unpaid vehicle that is silent for so long has left
	InflatePPM      int64         // by how much its meter lies, parts per million
}

// Vehicle is a vehicle with what it means to do.
type Vehicle struct {
	Name     string
	Battery  sim.Battery // state of charge and target are those of the visits
	Funds    money.Amount
	Deposit  money.Amount  // locked when a channel opens, unless the quote asks for more
	TopUp    money.Amount  // added when the deposit runs short; 0 never
	GainPPM  int64         // error of its own measurement, parts per million
	Lifetime time.Duration // of a new channel
	Closes   bool          // it closes its channels when all visits are over
	Visits   []Visit       // in the order of their times
}

// Visit is one stop at a station.
type Visit struct {
	At                   time.Duration // from the start
	Station              string
	FromPermille         int16         // state of charge on arrival
	ToPermille           int16         // where the vehicle stops asking
	EnergyMilliwattHours int64         // or when it has so much; 0: no such limit
	Stay                 time.Duration // or when so much time has passed; 0: no such limit
	CostMax              money.Amount  // or when it would cost more; 0: no such limit
}

// Network is how messages travel, between vehicles and stations and to the ledger.
type Network struct {
	Latency time.Duration
	Jitter  time.Duration // up to so much is added
	Faults  link.Faults   // of datagrams between vehicles and stations
	// LedgerLoss is the probability that a question to the ledger, or its answer, is lost.
	LedgerLoss float64
}

// FaultKind says what breaks.
type FaultKind uint8

// Kinds of faults.
const (
	FaultCrash FaultKind = 1 // a process dies and comes back with what it had stored
	FaultCut   FaultKind = 2 // a process is unreachable
)

// Point says at which instant a process dies.
type Point uint8

// Points. All but PointIdle wait for the next step that stores something.
const (
	PointIdle         Point = 1 // between two steps
	PointBeforeCommit Point = 2 // nothing of the step is stored, nothing sent
	PointAfterCommit  Point = 3 // the step is stored, nothing of it is sent
	PointSending      Point = 4 // the step is stored, some of it is sent
)

// Fault is one fault of one process.
type Fault struct {
	At   time.Duration // from the start
	Kind FaultKind
	Who  string // a station, a vehicle, or Ledger
	For  time.Duration
	Dies Point // of a crash
}

// LedgerName is how faults name the ledger node.
const LedgerName = "ledger"

// Chaos asks for faults that the seed draws: at random times of the duration, of random processes.
type Chaos struct {
	Crashes int
	Cuts    int
	Longest time.Duration // of one fault
}
