package control

import (
	"errors"
	"fmt"

	"joulepay/simulations/grid"
	"joulepay/wallet/money"
)

// ErrControl is wrapped by every error about how a controller is made.
var ErrControl = errors.New("control: not a controller that can be run")

// Controller decides what every station delivers until it is asked again. It is not safe for concurrent use: make one a run.
type Controller interface {
	// Decide overwrites the plan. Stations without a vehicle get 0. It keeps nothing of the view, and depends on nothing
	// but the views it has seen.
	Decide(view *View, plan *Plan)
}

// Options are what controllers are made with. The zero value is fine for all but PriceThreshold.
type Options struct {
	// GuaranteedMilliwatts go to every vehicle that wants energy before anything else is shared, in the controller's order,
	// as long as limits allow; who does not get it gets nothing. 0: no guarantee.
	GuaranteedMilliwatts int64
	// GuaranteedMilliamps are the same in amperes of each phase (6 A is what IEC 61851 lets a vehicle draw at least).
	GuaranteedMilliamps int64

	// Threshold is the price of one kWh up to which PriceThreshold charges.
	Threshold money.Amount
	// LastResort lets the controllers that wait for prices, sun or a better time charge at any price as soon as a vehicle
	// could otherwise not be satisfied before its departure.
	LastResort bool

	// RoundMilliamps is the increment of RoundRobin; 0: 100.
	RoundMilliamps int64
	// HalveToMilliamps makes FCFS, EDF and LLF look for the greatest power by halving, until the bracket is no wider, and take
	// its lower end, as ACN-Sim does with 10. 0: the greatest power itself.
	HalveToMilliamps int64
	// WearPerKilowattHour is what a vehicle's owner asks for one kWh that goes through its battery (V2G).
	WearPerKilowattHour money.Amount
	// KeepAtSite makes what controllers that plan take out of batteries stay at the site: none of it is fed in.
	KeepAtSite bool
}

// Names of controllers.
const (
	Uncontrolled   = "uncontrolled"    // all that a vehicle draws; the only one that ignores limits
	EqualShare     = "equal_share"     // the same power for all, raised together until a limit holds one back
	FCFS           = "fcfs"            // first come, first served
	EDF            = "edf"             // earliest deadline first
	LLF            = "llf"             // least laxity first: time left less time needed
	RoundRobin     = "round_robin"     // an increment each in turn
	PriceThreshold = "price_threshold" // charge while the price is low
	CheapestSlots  = "cheapest_slots"  // all vehicles planned together into the cheapest steps before they leave
	Surplus        = "pv_surplus"      // charge with what would be fed back
	Arbitrage      = "v2g"             // charge cheap, give back dear, above a floor
	Greedy         = "greedy"          // as fast as possible, and the battery covers the rest (spice_ev)
	BalancedPower  = "balanced"        // the least constant power that suffices until departure (spice_ev)
)

// Names lists all controllers in a fixed order.
func Names() []string {
	return []string{Uncontrolled, EqualShare, FCFS, EDF, LLF, RoundRobin, PriceThreshold, CheapestSlots, Surplus, Arbitrage, Greedy, BalancedPower}
}

// Plans tells whether a controller looks further ahead than the present step, so that an engine needs to fill in a forecast.
func Plans(name string) bool { return name == CheapestSlots || name == Arbitrage }

// New makes a controller of a site by its name.
func New(name string, site *grid.Site, options Options) (Controller, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	s := newSharing(site, options)
	switch name {
	case Uncontrolled:
		return &uncontrolled{s}, nil
	case EqualShare:
		return &equalShare{sharing: s}, nil
	case FCFS:
		return &ordered{s, byArrival}, nil
	case EDF:
		return &ordered{s, byDeparture}, nil
	case LLF:
		return &ordered{s, byLaxity}, nil
	case RoundRobin:
		return &roundRobin{sharing: s}, nil
	case PriceThreshold:
		return &priceThreshold{s}, nil
	case Surplus:
		return &surplus{s}, nil
	case CheapestSlots:
		return &planner{sharing: s}, nil
	case Arbitrage:
		return &planner{sharing: s, returns: true}, nil
	case Greedy:
		return &greedy{s, false}, nil
	case BalancedPower:
		return &greedy{s, true}, nil
	default:
		return nil, fmt.Errorf("%w: %q, want one of %v", ErrControl, name, Names())
	}
}

// check bounds what a file may say.
func (o *Options) check() error {
	for _, value := range []int64{o.GuaranteedMilliwatts, o.GuaranteedMilliamps, o.RoundMilliamps, o.HalveToMilliamps, int64(o.WearPerKilowattHour)} {
		if value < 0 || value > grid.PowerMaxMilliwatts {
			return fmt.Errorf("%w: an option of %d", ErrControl, value)
		}
	}
	return nil
}
