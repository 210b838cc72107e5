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
	// ValuesMax bounds a series that is written into the file: a year of quarter hours.
	ValuesMax = 4 * 24 * 366
)

// Scenario is a world before it begins. Parse makes one of a file; one that was put together otherwise must pass Check.
type Scenario struct {
	Name     string
	About    string // what to look at, in a line or two
	Engine   string // EngineFull or EngineControl
	Seed     uint64 // unless the run chooses another
	Start    time.Time
	Duration time.Duration // visits may begin before its end
	Step     time.Duration // how often meters are sampled and timers looked at
	Site     Site
	Control  Control
	Prices   *Prices // of energy from the grid; nil: nobody says
	Carbon   *Series // grams of CO₂ a kWh from the grid; nil: nobody says
	Signals  []Signal
	Sources  []Source // of signals
	Ledger   Ledger
	Tariffs  []Tariff
	Stations []Station
	Vehicles []Vehicle
	Fleets   []Fleet // more vehicles, which Expand makes
	Network  Network
	Faults   []Fault
	Chaos    Chaos
	Random   *Random // a world that the seed draws, in place of stations and vehicles; nil: none
}

// Engines.
const (
	// EngineFull runs wallets, sessions, channels and the ledger, with every signature.
	EngineFull = "full"
	// EngineControl runs the grid and the control of charging alone: nobody pays.
	EngineControl = "control"
)

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

// Services that stations sell.
const (
	ServiceCharging = "charging"
	ServiceParking  = "parking" // by the second
	ServiceToll     = "toll"    // by the passage
	ServiceData     = "data"    // by the message
)

// Station sells one service to one vehicle at a time.
type Station struct {
	Name              string
	Group             string // the name in the file, where a line makes several
	Service           string
	PowerMilliwatts   int64
	ReturnMilliwatts  int64  // that it takes back from a vehicle; 0: none
	Circuit           string // of the site; empty: none, or the only one
	Phase             string // of the circuit: a key of Phases
	VoltageMillivolts int64  // between the ends of its load; 0: the site's
	MaxMilliamps      int64  // of each phase; 0: what its power says
	Tariff            string // a name of Tariffs
	TimeZone          string // IANA name; the tariff's local times are in it
	ClaimEvery        time.Duration
	SettleAt          money.Amount  // ask for a withdrawal when so much is unsettled; 0 never
	SettleEvery       time.Duration // or after this time; 0 never
	GoneAfter         time.Duration // an unpaid vehicle that is silent for so long has left
	GiveBack          money.Amount  // for a kWh that a vehicle gives back, tax included; 0: it takes none
	Funds             money.Amount  // on its account at the start: who pays for what is given back locks some of it
	InflatePPM        int64         // by how much its meter lies, parts per million
	Attack            string        // how it cheats: one of StationAttacks; empty: it is honest, its meter aside
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
	Attack   string        // how it cheats: one of VehicleAttacks; empty: it is honest
	Policy   Policy
	Visits   []Visit // in the order of their times
}

// Policy is what a driver leaves to the control of charging, and what not.
type Policy struct {
	Priority         int          // larger is served first by what knows priorities
	PriceMax         money.Amount // of a kWh from the grid, above which control by price waits; 0: none
	ReturnMilliwatts int64        // that the vehicle gives back at most; 0: it gives nothing back
	ReturnPriceMin   money.Amount // of a kWh: for less it gives nothing back
	FloorPermille    int16        // state of charge below which it gives nothing back
	Ideal            bool         // the battery takes full power until it is full
	Undeclared       bool         // it says nothing about its greatest power: control counts with the station\'s
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
	Departs              time.Duration // when the driver says that it leaves, from the start; 0: with Stay
	Pieces               int64         // passages or messages that it wants
	Remains              bool          // it stays for all of Stay, though it has what it wants
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
	// FaultPartition parts a group of processes from all others; those of one side still hear one another.
	FaultPartition FaultKind = 3
	// FaultPower cuts the power of a place: its processes die at once, nothing flows, and they come back together.
	FaultPower FaultKind = 4
	// FaultSlow makes every message take longer.
	FaultSlow FaultKind = 5
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
	Who  string // a station, a vehicle, LedgerName or BrokerName; of FaultPower also SiteName
	For  time.Duration
	Dies Point         // of a crash
	Part []string      // of FaultPartition: those who are parted from all others
	Slow time.Duration // of FaultSlow: so much is added
}

// Names that faults use for what is no party.
const (
	LedgerName = "ledger" // the ledger node
	BrokerName = "broker" // carries all messages, and the ledger's stream
	SiteName   = "site"   // of FaultPower: all stations
)

// Chaos asks for faults that the seed draws: at random times of the duration, of random processes.
type Chaos struct {
	Crashes    int
	Cuts       int
	Partitions int
	PowerCuts  int
	Bursts     int           // of delay
	Longest    time.Duration // of one fault
}

// Count gives how many faults are asked for.
func (c Chaos) Count() int { return c.Crashes + c.Cuts + c.Partitions + c.PowerCuts + c.Bursts }
