package measure

import "joulepay/wallet/money"

// Figures are what a run comes to. What nobody can say of a run, such as the self-consumption of a site without
// generation, is nil.
type Figures struct {
	Grid     Grid     `json:"grid"`
	Service  Service  `json:"service"`
	Money    Money    `json:"money"`
	Payments Payments `json:"payments"`
}

// Grid is what the connection of the site and its circuits carried.
type Grid struct {
	Recorded        Seconds `json:"recorded_s"`
	Peak            Power   `json:"peak_w"`              // highest power drawn in a step
	QuarterHourPeak Power   `json:"quarter_hour_peak_w"` // highest mean drawn in a quarter of an hour of the clock
	FeedInPeak      Power   `json:"feed_in_peak_w"`
	LoadFactor      *Ratio  `json:"load_factor,omitempty"` // mean power drawn over peak

	Import     Energy `json:"import_wh"`
	Export     Energy `json:"export_wh"`
	Charged    Energy `json:"charged_wh"` // into vehicles
	Returned   Energy `json:"returned_wh"`
	Base       Energy `json:"base_wh"`
	Solar      Energy `json:"solar_wh"`
	StorageIn  Energy `json:"storage_in_wh"`
	StorageOut Energy `json:"storage_out_wh"`

	SelfConsumption *Ratio `json:"self_consumption,omitempty"` // of the generation: what was not fed into the grid
	SelfSufficiency *Ratio `json:"self_sufficiency,omitempty"` // of base and charge: what was not drawn from the grid
	Carbon          *Mass  `json:"co2_kg,omitempty"`           // of what was drawn, where its intensity is known

	OverTime   Seconds `json:"over_limit_s"` // of all circuits together
	OverEnergy Energy  `json:"over_limit_wh"`

	Unbalance *Unbalance `json:"unbalance,omitempty"`
	Circuits  []Circuit  `json:"circuits"`
}

// Unbalance is how unequal the phases of the connection are.
type Unbalance struct {
	Mean   Ratio   `json:"mean"`     // largest deviation of a phase from the mean of the three over that mean, as NEMA MG 1 has it for voltages, weighted by current
	Spread Current `json:"spread_a"` // most that one phase carried more than another
	Power  *Power  `json:"spread_w,omitempty"`
}

// Circuit is what one circuit carried.
type Circuit struct {
	Name            string  `json:"name"`
	Peak            Power   `json:"peak_w"`
	QuarterHourPeak Power   `json:"quarter_hour_peak_w"`
	FeedInPeak      Power   `json:"feed_in_peak_w"`
	Drawn           Energy  `json:"drawn_wh"`
	FedIn           Energy  `json:"fed_in_wh"`
	LimitLeast      *Power  `json:"limit_least_w,omitempty"` // lowest that was in force
	OverTime        Seconds `json:"over_limit_s"`
	OverEnergy      Energy  `json:"over_limit_wh"`
}

// Service is what visits asked for and got. Shares are of visits that asked for energy.
type Service struct {
	Visits    int64  `json:"visits"`
	Requested Energy `json:"requested_wh"`
	Delivered Energy `json:"delivered_wh"`
	Returned  Energy `json:"returned_wh"`
	Unmet     Energy `json:"unmet_wh"` // sum of what visits lacked

	DeliveredShare *Ratio `json:"delivered_share,omitempty"` // delivered over requested
	DemandsMet     *Ratio `json:"demands_met,omitempty"`     // visits that lack at most MetWithin
	Fairness       *Ratio `json:"jain_fairness,omitempty"`   // Jain's index of the visits' delivered shares, 1: all equal
	Waited         *Waits `json:"waiting,omitempty"`         // from arrival to the begin, of visits that began
	NeverServed    int64  `json:"never_served"`              // visits that never began
	Others         []Sold `json:"other_services,omitempty"`  // in the order of names
}

// Waits are lengths of time.
type Waits struct {
	Count int64   `json:"count"`
	Mean  Seconds `json:"mean_s"`
	P95   Seconds `json:"p95_s"` // 95 of 100 took at most this, within 0.1 %
	Max   Seconds `json:"max_s"`
}

// Sold is what was sold of another service than energy.
type Sold struct {
	Service  string      `json:"service"`
	Visits   int64       `json:"visits"`
	Quantity int64       `json:"quantity"` // seconds or pieces
	Cost     money.Money `json:"cost"`
	Paid     money.Money `json:"paid"`
}

// Money is what was paid, for energy where it is by the kWh.
type Money struct {
	Cost       money.Money  `json:"cost"`   // of all visits by tariff
	Paid       money.Money  `json:"paid"`   // by claims that stations hold
	Earned     money.Money  `json:"earned"` // by vehicles, for what they gave back
	CostPerKWh *money.Money `json:"cost_per_kwh,omitempty"`
	PaidPerKWh *money.Money `json:"paid_per_kwh,omitempty"`   // the revenue of stations
	EarnedPer  *money.Money `json:"earned_per_kwh,omitempty"` // given back

	EnergyCost   *money.Money `json:"site_energy_cost,omitempty"` // of what the site drew, at its price
	FeedIn       *money.Money `json:"site_feed_in,omitempty"`     // for what it fed in
	DemandCharge *money.Money `json:"site_demand_charge,omitempty"`
	Margin       *money.Money `json:"site_margin,omitempty"` // paid + feed-in − earned − energy cost − demand charge
}

// Payments is what paying took, and what was at risk in the meantime.
type Payments struct {
	Channels        int64        `json:"channels"`
	Claims          int64        `json:"claims"`
	Vertices        int64        `json:"vertices"`
	ClaimsPerVertex *Ratio       `json:"claims_per_vertex,omitempty"`
	VerticesPerKWh  *Ratio       `json:"vertices_per_kwh,omitempty"`
	AtRiskMax       *money.Money `json:"at_risk_max,omitempty"`
	AtRiskP99       *money.Money `json:"at_risk_p99,omitempty"`   // 99 of 100 seconds had at most this, within 0.1 %
	AtRiskHours     *money.Money `json:"at_risk_hours,omitempty"` // its integral over time, money × hours
	Final           *Waits       `json:"time_to_final,omitempty"` // from submission to the certificate
}
