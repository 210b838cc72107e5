package measure

import (
	"time"

	"joulepay/wallet/money"
)

// Bounds of what is kept for plots and tables, so that no run needs more memory than a hundred megabytes.
const (
	// PointsMax bounds the points of a curve.
	PointsMax = 2000
	// CircuitCurvesMax bounds the circuits that have curves: the first ones. Figures are of all.
	CircuitCurvesMax = 32
	// WatchedMax bounds the vehicles whose state of charge has a curve: the first ones.
	WatchedMax = 32
	// VisitsMax bounds the visits that are kept one by one. Figures are of all.
	VisitsMax = 20_000
)

// Site says what a recorder records. Lists of a Step are in its order.
type Site struct {
	Start    time.Time     // of the first step, at the earliest
	Duration time.Duration // expected: steps may go on after it
	Currency money.Currency

	Circuits []string // names, the grid connection first
	Watched  []string // names of the vehicles of Step.StateOfCharge

	NominalMillivolts int64 // between a phase and neutral; 0: of no interest
	Demand            Demand
}

// Demand is what the site pays for its highest power from the grid, as in tariffs with a demand charge.
type Demand struct {
	PerKilowatt money.Amount   // of the peak; 0: nothing
	Window      time.Duration  // the peak is the highest mean over windows of this length since midnight; 0: of any step
	Months      *time.Location // each calendar month of this zone has its own peak; nil: one peak for the whole run
}
