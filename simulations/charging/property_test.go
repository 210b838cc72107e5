package charging_test

import (
	"reflect"
	"testing"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"

	"pgregory.net/rapid"
)

const kilowattHour = 1_000_000 * control.MillijoulesPerMilliwattHour

// balance adds up what steps and visits say.
type balance struct {
	t                  *rapid.T
	charged, returned  int64 // millijoules
	delivered, gave    int64 // milliwatt-hours
	visits             int
	stored             int64 // millijoules that the storage took, less what it gave; it begins empty
	last               time.Time
	steps              []measure.Step
	uncontrolled, keep bool
	generous           bool // vehicles may get more than they ask for
}

func (b *balance) Add(s measure.Step) {
	if drawn := s.Charge - s.Return + s.Base - s.Solar + s.Storage; drawn != s.Circuits[0].PowerMilliwatts {
		b.t.Errorf("at %v the grid connection carries %d mW, the site draws %d", s.At, s.Circuits[0].PowerMilliwatts, drawn)
	}
	if !s.At.Equal(b.last) {
		b.t.Errorf("a step begins at %v, the one before ended at %v", s.At, b.last)
	}
	b.last = s.At.Add(s.Length)
	if limit := s.Circuits[0].LimitMilliwatts; !b.uncontrolled && limit > 0 && s.Circuits[0].PowerMilliwatts > max(limit, s.Base-s.Solar) {
		b.t.Errorf("at %v the grid connection carries %d mW, may %d", s.At, s.Circuits[0].PowerMilliwatts, limit)
	}
	if b.stored += control.Energy(s.Storage, s.Length); b.stored < 0 {
		b.t.Errorf("at %v the storage has given %d mJ more than it took", s.At, -b.stored)
	}
	b.charged += control.Energy(s.Charge, s.Length)
	b.returned += control.Energy(s.Return, s.Length)
	if b.keep {
		s.Circuits, s.StateOfCharge = append([]measure.Flow(nil), s.Circuits...), append([]int64(nil), s.StateOfCharge...)
		b.steps = append(b.steps, s)
	}
}

func (b *balance) AddVisit(v measure.Visit) {
	b.visits++
	b.delivered += v.Delivered
	b.gave += v.Returned
	if !b.generous && v.Delivered > v.Requested {
		b.t.Errorf("%s asked for %d mWh and got %d", v.Vehicle, v.Requested, v.Delivered)
	}
	if v.Left.Before(v.Arrived) || !v.Began.IsZero() && (v.Began.Before(v.Arrived) || v.Began.After(v.Left)) {
		b.t.Errorf("arrived %v, began %v, left %v", v.Arrived, v.Began, v.Left)
	}
}

func drawConfig(t *rapid.T, name string) charging.Config {
	const stations = 4
	list := make([]grid.Station, stations)
	for i := range list {
		list[i] = grid.Station{MaxMilliwatts: 11_000_000, ReturnMaxMilliwatts: 11_000_000}
	}
	site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: rapid.Int64Range(1_000_000, 50_000_000).Draw(t, "limit")}}, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	controller, err := control.New(name, site, control.Options{LastResort: true})
	if err != nil {
		t.Fatal(err)
	}
	config := charging.Config{Site: site, Controller: controller, Horizon: rapid.IntRange(1, 12).Draw(t, "horizon"), Step: 15 * time.Minute,
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Duration: rapid.SampledFrom([]time.Duration{0, 24 * time.Hour}).Draw(t, "duration")}
	for i := range rapid.IntRange(0, 8).Draw(t, "sessions") {
		arrival := time.Duration(rapid.Int64Range(0, 20*60).Draw(t, "arrival")) * time.Minute
		capacity := rapid.Int64Range(20, 80).Draw(t, "capacity") * kilowattHour
		config.Sessions = append(config.Sessions, charging.Session{Vehicle: string(rune('a' + i%5)), Station: rapid.IntRange(0, stations-1).Draw(t, "station"),
			Arrival: arrival, Departure: arrival + time.Duration(rapid.Int64Range(1, 600).Draw(t, "stay"))*time.Minute,
			RequestedMillijoules: rapid.Int64Range(0, 30*kilowattHour).Draw(t, "wants"), Continues: rapid.Bool().Draw(t, "continues"),
			TripMillijoules: rapid.Int64Range(0, 10*kilowattHour).Draw(t, "trip"), MaxPrice: control.Unknown,
			Battery: charging.Battery{CapacityMillijoules: capacity, StoredMillijoules: rapid.Int64Range(0, capacity).Draw(t, "stored"),
				ReturnMilliwatts: rapid.SampledFrom([]int64{0, 7_000_000}).Draw(t, "return"), ChargePermille: rapid.SampledFrom([]int64{0, 900}).Draw(t, "losses"),
				TaperFromPermille: rapid.SampledFrom([]int64{0, 800}).Draw(t, "taper")}})
	}
	if rapid.Bool().Draw(t, "surroundings") {
		hourly := rapid.SliceOfN(rapid.Int64Range(0, 20_000_000), 24, 24)
		config.Loads = []charging.Load{{Kind: charging.Base, Series: charging.Series{Step: time.Hour, Values: hourly.Draw(t, "base")}},
			{Kind: charging.Solar, Series: charging.Series{Step: time.Hour, Values: hourly.Draw(t, "sun")}}}
		config.Price = charging.Series{Step: time.Hour, Values: rapid.SliceOfN(rapid.Int64Range(-100_000_000, 500_000_000), 24, 24).Draw(t, "price")}
		config.Storages = []charging.Storage{{CapacityMillijoules: 10 * kilowattHour, MaxMilliwatts: 5_000_000, ReturnMilliwatts: 5_000_000, ChargePermille: 950}}
	}
	return config
}

func TestEnergyIsConserved(t *testing.T) {
	for _, name := range control.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			config := drawConfig(t, name)
			b := &balance{t: t, last: config.Start, uncontrolled: name == control.Uncontrolled,
				generous: name == control.Greedy || name == control.BalancedPower || name == control.Arbitrage}
			totals, err := charging.Run(config, b)
			if err != nil {
				t.Fatal(err)
			}
			if b.charged != totals.Delivered || b.returned != totals.Returned {
				t.Errorf("steps carried %d and %d mJ, vehicles had %d and gave %d", b.charged, b.returned, totals.Delivered, totals.Returned)
			}
			if lost := totals.Delivered/3600 - b.delivered; lost < 0 || lost > int64(b.visits) {
				t.Errorf("visits had %d mWh of %d mJ", b.delivered, totals.Delivered)
			}
			if b.visits > totals.Sessions {
				t.Errorf("%d visits of %d sessions", b.visits, totals.Sessions)
			}
		}))
	}
}

func TestARunRepeatsItself(t *testing.T) {
	for _, name := range control.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			config := drawConfig(t, name)
			var runs [2]balance
			for i := range runs {
				runs[i] = balance{t: t, last: config.Start, keep: true, uncontrolled: true, generous: true}
				if _, err := charging.Run(config, &runs[i]); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(runs[0].steps, runs[1].steps) {
				t.Error("two runs of one config differ")
			}
		}))
	}
}
