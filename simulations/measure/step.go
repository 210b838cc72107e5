package measure

import (
	"time"

	"joulepay/wallet/money"
)

// Unknown stands for a state of charge, a price or an intensity that nobody knows.
const Unknown = -1 << 62

// Flow is what a circuit carried in a step.
type Flow struct {
	PowerMilliwatts int64    // drawn from above; negative: fed back
	LimitMilliwatts int64    // in force in this step; 0: none
	PhaseMilliamps  [3]int64 // magnitudes per phase; zero where the site has one phase
}

// Step is a stretch of time in which every power was constant. What a recorder was made with fixes the order of its lists.
type Step struct {
	At     time.Time
	Length time.Duration

	Circuits []Flow // the grid connection first
	Charge   int64  // milliwatts into vehicles, 0 or more
	Return   int64  // milliwatts out of vehicles, 0 or more
	Base     int64  // milliwatts of other consumers, 0 or more
	Solar    int64  // milliwatts of local generation, 0 or more
	Storage  int64  // milliwatts into the stationary battery; negative: out of it

	Price     money.Amount // of one kWh drawn from the grid; Unknown where there is none
	FeedIn    money.Amount // for one kWh fed into it
	Intensity int64        // milligrams of CO₂ a kWh drawn; Unknown where there is none

	StateOfCharge []int64 // permille, of the watched vehicles; Unknown where it is away
	AtRisk        money.Amount
}

// Visit is what a vehicle asked for and got at a station.
type Visit struct {
	Vehicle, Station string
	Service          string    // "charging", "parking", "toll", "data"
	Arrived          time.Time // at the station
	Began            time.Time // to receive; zero: never
	Left             time.Time

	Requested int64 // milliwatt-hours; of other services their unit: seconds or pieces
	Delivered int64
	Returned  int64 // milliwatt-hours given back

	Cost   money.Amount // by tariff
	Paid   money.Amount // by claims that the station holds
	Earned money.Amount // by the vehicle, for what it gave back
}
