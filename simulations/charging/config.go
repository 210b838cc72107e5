package charging

import (
	"errors"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// ErrConfig is wrapped by every error about what a run is made of.
var ErrConfig = errors.New("charging: not a run that can be made")

// Config is a run before it begins.
type Config struct {
	Site       *grid.Site
	Limits     *grid.Limits // nil: the circuits' own
	Controller control.Controller
	Horizon    int // steps that the controller may see, the present one included; 0: 1

	Start    time.Time
	Duration time.Duration // 0: until the last vehicle has left
	Step     time.Duration // whole seconds

	// SatisfiedMillijoules is what a vehicle may lack and still ask for nothing more.
	SatisfiedMillijoules int64

	Sessions []Session
	Loads    []Load
	Storages []Storage

	Price     Series // of one kWh drawn, money.Amount; values may be measure.Unknown
	FeedIn    Series // for one kWh fed in; empty: as Price
	Intensity Series // milligrams of CO₂ a kWh

	Watched []string // vehicles whose state of charge goes into steps
}

// Session is a visit that is to be made. A station that is taken makes the next vehicle wait until it is free.
type Session struct {
	Vehicle   string
	Station   int
	Arrival   time.Duration // since the start; it begins with the first step at or after
	Departure time.Duration // when it leaves
	Announced time.Duration // what it said on arrival about that; 0: the truth

	RequestedMillijoules int64 // at the station
	TargetMillijoules    int64 // or in its battery; 0: what it holds and what it requested
	// Continues says that the battery holds what was left when the vehicle's last session ended, less TripMillijoules.
	Continues          bool
	TripMillijoules    int64
	DeclaredMilliwatts int64 // what it says about its greatest power; 0: the truth
	Battery            Battery
	Priority           int
	MaxPrice           money.Amount // control.Unknown: any
	FloorMillijoules   int64        // for what it gives back; a battery without ReturnMilliwatts gives nothing back
	Value              money.Amount // of a kWh beyond what it asked for when it leaves, to controllers that plan
}

// Battery is what a vehicle's battery takes and gives. Its zero value takes what the session requests, as fast as the station can.
type Battery struct {
	CapacityMillijoules int64 // 0: the requested energy fills it
	StoredMillijoules   int64
	MaxMilliwatts       int64 // at the station; 0: what the station can
	MinMilliwatts       int64
	ReturnMilliwatts    int64
	TaperFromPermille   int64   // above this state of charge the power falls linearly to 0 at full; 0: it does not
	Curve               []Point // or at each of these, in the order of their states of charge; empty: no curve
	ChargePermille      int64   // efficiency; 0: no losses
	ReturnPermille      int64
}

// Point is a point of a charging curve: at a state of charge the battery takes so much, and between points what lies between.
type Point struct {
	Permille   int64
	Milliwatts int64
}

// Kind tells other consumers from local generation.
type Kind uint8

// Kinds of loads.
const (
	Base Kind = iota
	Solar
)

// Load is what a circuit draws or generates on its own: values in milliwatts, 0 or more.
type Load struct {
	Circuit int
	Kind    Kind
	Series  Series
}

// Storage is a stationary battery.
type Storage struct {
	Circuit             int
	CapacityMillijoules int64
	StoredMillijoules   int64
	MaxMilliwatts       int64
	ReturnMilliwatts    int64
	FloorMillijoules    int64
	ChargePermille      int64
	ReturnPermille      int64
	Value               money.Amount // of a kWh that it holds when the forecast ends, to controllers that plan; 0: the mean price
}

// Recorder takes what happens. A step's slices are used again; who keeps them copies them.
type Recorder interface {
	Add(measure.Step)
	AddVisit(measure.Visit)
}

// Totals are what a run comes to, in plain numbers.
type Totals struct {
	Steps     int
	Sessions  int
	Requested int64 // millijoules
	Delivered int64 // millijoules, at the stations
	Returned  int64
	Peak      int64 // milliwatts of all stations together
}
