package control_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/wallet/money"
)

// optimum is a case of a house with sun, prices and batteries whose best plan a solver found (evopt): watts, watt-hours,
// and money for a watt-hour.
type optimum struct {
	Request struct {
		Batteries []optimumBattery `json:"batteries"`
		Charge    float64          `json:"eta_c"`
		Discharge float64          `json:"eta_d"`
		Grid      struct {
			Import float64 `json:"p_max_imp"`
			Export float64 `json:"p_max_exp"`
		} `json:"grid"`
		Series struct {
			Seconds []float64 `json:"dt"`
			Sun     []float64 `json:"ft"`
			Base    []float64 `json:"gt"`
			Export  []float64 `json:"p_E"`
			Import  []float64 `json:"p_N"`
		} `json:"time_series"`
	} `json:"request"`
	Best struct {
		Batteries []struct {
			Stored []float64 `json:"state_of_charge"`
		} `json:"batteries"`
		Import []float64 `json:"grid_import"`
		Export []float64 `json:"grid_export"`
		// ImportOver is what had to be drawn over the limit.
		ImportOver []float64 `json:"grid_import_overshoot"`
	} `json:"expected_response"`
}

type optimumBattery struct {
	ChargeMax    float64   `json:"c_max"`
	ChargeMin    float64   `json:"c_min"`
	DischargeMax float64   `json:"d_max"`
	Value        float64   `json:"p_a"`
	Initial      float64   `json:"s_initial"`
	Max          float64   `json:"s_max"`
	Min          float64   `json:"s_min"`
	Goal         []float64 `json:"s_goal"`
	FromGrid     bool      `json:"charge_from_grid"`
}

// best gives what the solver's plan earns: what is fed in, less what is drawn, and what the batteries gained.
func (o *optimum) best() float64 {
	sum := 0.0
	for t := range o.Best.Import {
		sum += o.Best.Export[t]*o.Request.Series.Export[t] - o.Best.Import[t]*o.Request.Series.Import[t]
		if len(o.Best.ImportOver) > 0 {
			sum -= o.Best.ImportOver[t] * o.Request.Series.Import[t]
		}
	}
	for i, b := range o.Best.Batteries {
		sum += o.Request.Batteries[i].Value * (b.Stored[len(b.Stored)-1] - o.Request.Batteries[i].Initial)
	}
	return sum
}

const (
	millijoulesPerWattHour = 3_600_000
	nanoPerKilowattHour    = 1e9 * 1e3 // of money for a watt-hour
)

// run drives a controller through a case and gives what it earns, by the same sum. What the grid does not take is not paid.
func (o *optimum) run(t *testing.T, name string) float64 {
	t.Helper()
	r := &o.Request
	site, vehicles, storages := o.site(t, name)
	controller, err := control.New(name, site, control.Options{KeepAtSite: true})
	if err != nil {
		t.Fatal(err)
	}
	view := control.View{Vehicles: vehicles, Storages: storages}
	var plan control.Plan
	sum := 0.0
	for slot := range r.Series.Seconds {
		view.Step = seconds(r.Series.Seconds[slot])
		view.Ahead = o.ahead(slot)
		o.wishes(&view, slot)
		controller.Decide(&view, &plan)
		hours := r.Series.Seconds[slot] / 3600
		net := (r.Series.Base[slot] - r.Series.Sun[slot]) / hours
		for i := range view.Vehicles {
			v := &view.Vehicles[i]
			net += o.use(plan.Stations[i], &v.StoredMillijoules, v.CapacityMillijoules, hours)
		}
		for i := range view.Storages {
			s := &view.Storages[i]
			net += o.use(plan.Storages[i], &s.StoredMillijoules, s.CapacityMillijoules, hours)
		}
		imported, exported := max(net, 0), max(-net, 0)
		if r.Grid.Export > 0 {
			exported = min(exported, r.Grid.Export)
		}
		sum += (exported*r.Series.Export[slot] - imported*r.Series.Import[slot]) * hours
		view.Now += view.Step
	}
	return sum + o.gained(&view)
}

// gained gives what the batteries' energy is worth at the end, less at the start.
func (o *optimum) gained(view *control.View) float64 {
	sum := 0.0
	vehicles, storages := view.Vehicles, view.Storages
	for _, b := range o.Request.Batteries {
		stored := int64(0)
		switch {
		case b.Max == 0:
			continue
		case len(storages) > 0 && b.DischargeMax > 0:
			stored, storages = storages[0].StoredMillijoules, storages[1:]
		default:
			stored, vehicles = vehicles[0].StoredMillijoules, vehicles[1:]
		}
		sum += b.Value * (float64(stored)/millijoulesPerWattHour - b.Initial)
	}
	return sum
}

// use changes what a battery holds by a power in milliwatts, and gives it in watts.
func (o *optimum) use(milliwatts int64, stored *int64, capacity int64, hours float64) float64 {
	energy := float64(milliwatts) * hours * 3600
	if energy > 0 {
		*stored = min(*stored+int64(energy*o.Request.Charge), capacity)
	} else {
		*stored += int64(energy / o.Request.Discharge)
	}
	return float64(milliwatts) / 1000
}

// site puts every battery at a station of its own; for controllers that plan vehicles only, house batteries are storages.
func (o *optimum) site(t *testing.T, name string) (*grid.Site, []control.Vehicle, []control.Storage) {
	t.Helper()
	r := &o.Request
	circuit := grid.Circuit{Name: "house", Above: -1, LimitMilliwatts: int64(r.Grid.Import * 1000), FeedInMilliwatts: int64(r.Grid.Export * 1000)}
	var stations []grid.Station
	var vehicles []control.Vehicle
	var storages []control.Storage
	for _, b := range r.Batteries {
		if b.Max == 0 {
			continue
		}
		value := money.Amount(max(b.Value, 0) * nanoPerKilowattHour)
		if b.DischargeMax > 0 && name != control.Arbitrage {
			storages = append(storages, control.Storage{MaxMilliwatts: milli(b.ChargeMax), ReturnMilliwatts: milli(b.DischargeMax),
				StoredMillijoules: stored(b.Initial), CapacityMillijoules: stored(b.Max), FloorMillijoules: stored(b.Min), Value: value,
				ChargePermille: int64(r.Charge * 1000), ReturnPermille: int64(r.Discharge * 1000)})
			continue
		}
		vehicles = append(vehicles, control.Vehicle{Station: len(stations), MaxMilliwatts: milli(b.ChargeMax), MinMilliwatts: milli(b.ChargeMin),
			ReturnMilliwatts: milli(b.DischargeMax), StoredMillijoules: stored(b.Initial), CapacityMillijoules: stored(b.Max),
			FloorMillijoules: stored(b.Min), ChargePermille: int64(r.Charge * 1000), ReturnPermille: int64(r.Discharge * 1000),
			MaxPrice: b.priceMax(), Value: value})
		stations = append(stations, grid.Station{MaxMilliwatts: milli(b.ChargeMax), ReturnMaxMilliwatts: milli(b.DischargeMax)})
	}
	site, err := grid.New([]grid.Circuit{circuit}, stations, nil)
	if err != nil {
		t.Fatal(err)
	}
	return site, vehicles, storages
}

// priceMax lets a battery that may not be charged from the grid pay no price at all.
func (b *optimumBattery) priceMax() money.Amount {
	if b.FromGrid {
		return control.Unknown
	}
	return -1e18
}

func milli(watts float64) int64 { return int64(math.Round(watts * 1000)) }

func stored(wattHours float64) int64 { return int64(math.Round(wattHours * millijoulesPerWattHour)) }

func seconds(s float64) time.Duration { return time.Duration(s) * time.Second }

// wishes says until when each vehicle wants what: a goal by its slot, then nothing more but what is worth it.
func (o *optimum) wishes(view *control.View, slot int) {
	index := 0
	for _, b := range o.Request.Batteries {
		if b.Max == 0 || b.DischargeMax > 0 && len(view.Storages) > 0 {
			continue
		}
		v := &view.Vehicles[index]
		index++
		v.Departure, v.WantsMillijoules, v.TargetMillijoules = view.Now, 0, max(stored(b.Min), 1)
		for _, s := range o.Request.Series.Seconds[slot:] {
			v.Departure += seconds(s)
		}
		goal := slices.IndexFunc(b.Goal, func(g float64) bool { return g > 0 })
		if goal < slot {
			continue
		}
		v.Departure = view.Now
		for _, s := range o.Request.Series.Seconds[slot : goal+1] {
			v.Departure += seconds(s)
		}
		v.TargetMillijoules = stored(b.Goal[goal])
		v.WantsMillijoules = int64(float64(max(v.TargetMillijoules-v.StoredMillijoules, 0)) / o.Request.Charge)
	}
}

func (o *optimum) ahead(slot int) []control.Period {
	s := &o.Request.Series
	var periods []control.Period
	for t := slot; t < len(s.Seconds); t++ {
		own := int64((s.Base[t] - s.Sun[t]) * 3600 / s.Seconds[t] * 1000)
		periods = append(periods, control.Period{Length: seconds(s.Seconds[t]), Own: []int64{own},
			Price: money.Amount(s.Import[t] * nanoPerKilowattHour), FeedIn: money.Amount(s.Export[t] * nanoPerKilowattHour)})
	}
	return periods
}

// optimumCases are the cases with the greatest gap that the planned control may have, in percent. The solver prefers early
// charging or discharging to money where its strategy says so, so that a plan may earn more than its own. In the first
// case a vehicle takes 1.38 kW or nothing while the sun gives less: which of the two batteries takes the sun when is a
// choice between whole numbers, and one battery after the other finds a good one, not the best.
var optimumCases = []struct {
	name string
	gap  float64
}{
	{"009-discharge-before-import", 2.5}, {"010-infesible-charge-goal", 0.01}, {"012-early-charging-not-perfect", 0.1}, {"013-grid-export-limit-hit", 0.01},
	{"014-grid-import-limit-violation", 0.01}, {"015-low-soc-initial", 0.01}, {"017-battery-charge-priotization-2", 0.1},
	{"019-unexpected-charge-spikes", 0.01}, {"022-feed-in-cap-recovery", 0.01}, {"024-attenuate-demand-peaks", 0.01},
}

func TestPlansComeNearTheOptimum(t *testing.T) {
	t.Logf("%-36s %12s %12s %9s %12s %9s %12s %9s", "case", "optimum", "v2g", "gap", "cheapest", "gap", "greedy", "gap")
	for _, c := range optimumCases {
		var o optimum
		shared.ReadJSON(t, fmt.Sprintf("data/optimum/%s.json", c.name), &o)
		best := o.best()
		v2g, cheapest, greedy := o.run(t, control.Arbitrage), o.run(t, control.CheapestSlots), o.run(t, control.Greedy)
		t.Logf("%-36s %12.4f %12.4f %8.2f%% %12.4f %8.2f%% %12.4f %8.2f%%", c.name, best, v2g, gap(best, v2g), cheapest, gap(best, cheapest), greedy, gap(best, greedy))
		if gap(best, v2g) > c.gap {
			t.Errorf("%s: v2g is %.2f %% below the optimum, may be %.2f %%", c.name, gap(best, v2g), c.gap)
		}
	}
}

// gap gives by how many percent of itself a result is below the best.
func gap(best, result float64) float64 { return 100 * (best - result) / math.Abs(best) }
