package control_test

import (
	"slices"
	"testing"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/wallet/money"
)

const (
	kilowatt     = 1_000_000
	kilowattHour = 3600 * kilowatt
	cent         = money.Nano / 100
)

// car is a vehicle of 11 kW at a station, in the order of which it came.
func car(station int, wants int64) control.Vehicle {
	return control.Vehicle{Station: station, Arrival: time.Duration(station) * time.Minute, Departure: 10 * time.Hour, WantsMillijoules: wants * kilowattHour,
		MaxMilliwatts: 11 * kilowatt, CapacityMillijoules: 60 * kilowattHour, StoredMillijoules: 20 * kilowattHour,
		TargetMillijoules: (20 + wants) * kilowattHour, MaxPrice: control.Unknown}
}

// share asks a controller under one limit, an hour a step, and gives what each car gets, in kilowatts.
func share(t *testing.T, name string, options control.Options, limit int64, ahead []control.Period, cars ...control.Vehicle) []float64 {
	t.Helper()
	site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: limit * kilowatt}},
		slices.Repeat([]grid.Station{{MaxMilliwatts: 11 * kilowatt, ReturnMaxMilliwatts: 11 * kilowatt}}, len(cars)), nil)
	if err != nil {
		t.Fatal(err)
	}
	controller, err := control.New(name, site, options)
	if err != nil {
		t.Fatal(err)
	}
	if ahead == nil {
		ahead = []control.Period{{Price: control.Unknown, FeedIn: control.Unknown}}
	}
	var plan control.Plan
	controller.Decide(&control.View{Now: time.Hour, Step: time.Hour, Vehicles: cars, Ahead: ahead}, &plan)
	var powers []float64
	for _, power := range plan.Stations {
		powers = append(powers, float64(power)/kilowatt)
	}
	return powers
}

func prices(cents ...money.Amount) []control.Period {
	var periods []control.Period
	for _, price := range cents {
		periods = append(periods, control.Period{Price: price * cent, FeedIn: control.Unknown})
	}
	return periods
}

func expect(t *testing.T, what string, got []float64, want ...float64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v kW, want %v", what, got, want)
	}
}

func TestWhoGoesFirst(t *testing.T) {
	first, hurried, hungry := car(0, 20), car(1, 20), car(2, 60)
	hurried.Departure, hungry.Departure = 4*time.Hour, 7*time.Hour
	cars := []control.Vehicle{first, hurried, hungry}
	expect(t, "first come", share(t, control.FCFS, control.Options{}, 15, nil, cars...), 11, 4, 0)
	expect(t, "earliest deadline", share(t, control.EDF, control.Options{}, 15, nil, cars...), 0, 11, 4)
	expect(t, "least laxity", share(t, control.LLF, control.Options{}, 15, nil, cars...), 0, 4, 11)
	expect(t, "no control", share(t, control.Uncontrolled, control.Options{}, 15, nil, cars...), 11, 11, 11)
	cars[2].Priority = 1
	expect(t, "priority", share(t, control.FCFS, control.Options{}, 15, nil, cars...), 4, 0, 11)
}

func TestEqualSharesLeaveNothingOver(t *testing.T) {
	expect(t, "equal", share(t, control.EqualShare, control.Options{}, 12, nil, car(0, 20), car(1, 20), car(2, 20)), 4, 4, 4)
	expect(t, "one needs little", share(t, control.EqualShare, control.Options{}, 12, nil, car(0, 20), car(1, 2), car(2, 20)), 5, 2, 5)
	first := car(0, 20)
	first.Priority = 1
	expect(t, "priority", share(t, control.EqualShare, control.Options{}, 12, nil, first, car(1, 20), car(2, 20)), 11, 0.5, 0.5)
}

func TestRoundsGoOnUntilNobodyFits(t *testing.T) {
	// the increment is 0.1 A on three phases, 69 W: 57 of them fit into 4 kW, 19 for each
	expect(t, "round robin", share(t, control.RoundRobin, control.Options{}, 4, nil, car(0, 20), car(1, 20), car(2, 20)), 1.311, 1.311, 1.311)
	expect(t, "an increment of 1 A", share(t, control.RoundRobin, control.Options{RoundMilliamps: 1000}, 4, nil, car(0, 20), car(1, 20), car(2, 20)), 1.38, 1.38, 0.69)
}

func TestAGuaranteeComesBeforeTheRest(t *testing.T) {
	options := control.Options{GuaranteedMilliwatts: 1_400_000}
	expect(t, "all", share(t, control.FCFS, options, 10, nil, car(0, 20), car(1, 20), car(2, 20)), 7.2, 1.4, 1.4)
	expect(t, "not all", share(t, control.FCFS, options, 3, nil, car(0, 20), car(1, 20), car(2, 20)), 1.6, 1.4, 0)
}

func TestWhoCannotTakeSoLittleTakesNothing(t *testing.T) {
	second := car(1, 20)
	second.MinMilliwatts = 1_400_000
	expect(t, "too little is left", share(t, control.FCFS, control.Options{}, 12, nil, car(0, 20), second), 11, 0)
	expect(t, "enough is left", share(t, control.FCFS, control.Options{}, 13, nil, car(0, 20), second), 11, 2)
}

func TestAPriceIsTooHigh(t *testing.T) {
	options := control.Options{Threshold: 20 * cent}
	expect(t, "cheap", share(t, control.PriceThreshold, options, 22, prices(20), car(0, 20)), 11)
	expect(t, "dear", share(t, control.PriceThreshold, options, 22, prices(21), car(0, 20)), 0)
	hurried := car(0, 20)
	hurried.Departure = 3 * time.Hour
	expect(t, "dear, in a hurry", share(t, control.PriceThreshold, options, 22, prices(21), hurried), 0)
	options.LastResort = true
	expect(t, "dear, in a hurry, at the last", share(t, control.PriceThreshold, options, 22, prices(21), hurried), 11)
	thrifty := car(0, 20)
	thrifty.MaxPrice = 10 * cent
	for _, name := range []string{control.FCFS, control.EqualShare, control.PriceThreshold, control.CheapestSlots, control.Arbitrage, control.Greedy} {
		expect(t, name+" and a thrifty vehicle", share(t, name, options, 22, prices(15), thrifty), 0)
	}
}

func TestSunIsShared(t *testing.T) {
	sun := func(kilowatts int64) []control.Period {
		return []control.Period{{Own: []int64{-kilowatts * kilowatt}, Price: control.Unknown, FeedIn: control.Unknown}}
	}
	expect(t, "some", share(t, control.Surplus, control.Options{}, 22, sun(5), car(0, 20), car(1, 3)), 5, 0)
	expect(t, "more", share(t, control.Surplus, control.Options{}, 22, sun(13), car(0, 20), car(1, 3)), 11, 2)
	expect(t, "none", share(t, control.Surplus, control.Options{}, 22, sun(0), car(0, 20)), 0)
}

func TestTwoVehiclesShareOneCheapHour(t *testing.T) {
	one, two := car(0, 11), car(1, 11)
	one.Departure, two.Departure = 4*time.Hour, 4*time.Hour
	expect(t, "room for both", share(t, control.CheapestSlots, control.Options{}, 22, prices(30, 10, 20), one, two), 0, 0)
	expect(t, "room for one", share(t, control.CheapestSlots, control.Options{}, 11, prices(30, 10, 20), one, two), 0, 0)
	expect(t, "room for one, the first hour is second best", share(t, control.CheapestSlots, control.Options{}, 11, prices(20, 10, 30), one, two), 0, 11)
	one.Departure, two.Departure = 3*time.Hour, 3*time.Hour
	expect(t, "no time to wait", share(t, control.CheapestSlots, control.Options{}, 11, prices(30, 10, 20), one, two), 0, 11)
	one.Departure, two.Departure = 2*time.Hour, 2*time.Hour
	expect(t, "not enough for both", share(t, control.CheapestSlots, control.Options{}, 11, prices(30, 10, 20), one, two), 11, 0)
}

func TestEnergyIsSoldDearAndBoughtCheap(t *testing.T) {
	holder := car(0, 10)
	holder.ReturnMilliwatts, holder.FloorMillijoules, holder.Departure = 11*kilowatt, 12*kilowattHour, 6*time.Hour
	expect(t, "dear now", share(t, control.Arbitrage, control.Options{}, 22, prices(50, 10, 10, 10, 10), holder), -8)
	expect(t, "cheap now, dear later", share(t, control.Arbitrage, control.Options{}, 22, prices(10, 50, 10, 10, 10), holder), 11)
	expect(t, "not worth the wear", share(t, control.Arbitrage, control.Options{WearPerKilowattHour: 45 * cent}, 22, prices(50, 10, 10, 10, 10), holder), 0)
	expect(t, "no time to buy back", share(t, control.Arbitrage, control.Options{}, 22, prices(50), func() control.Vehicle { v := holder; v.Departure = 2 * time.Hour; return v }()), 10)
	expect(t, "kept at the site, where nobody draws", share(t, control.Arbitrage, control.Options{KeepAtSite: true}, 22, prices(50, 10, 10, 10, 10), holder), 0)
	lossy := holder
	lossy.ChargePermille, lossy.ReturnPermille = 900, 900
	expect(t, "not worth the losses", share(t, control.Arbitrage, control.Options{}, 22, prices(12, 10, 10, 10, 10), lossy), 0)
}

// A storage helps under a limit in kilowatts; under one in amperes nobody counts on its phases being the right ones.
func TestAStorageHelpsVehicles(t *testing.T) {
	for _, test := range []struct {
		circuit grid.Circuit
		want    int64
	}{
		{grid.Circuit{Above: -1, LimitMilliwatts: 5 * kilowatt}, 9 * kilowatt},
		{grid.Circuit{Above: -1, LimitMilliamps: 10_000}, 6_900_006}, // 10 A on three phases, and the tolerance
	} {
		site, err := grid.New([]grid.Circuit{test.circuit}, []grid.Station{{MaxMilliwatts: 11 * kilowatt}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		controller, err := control.New(control.Greedy, site, control.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var plan control.Plan
		controller.Decide(&control.View{Step: time.Hour, Vehicles: []control.Vehicle{car(0, 20)}, Storages: []control.Storage{{ReturnMilliwatts: 4 * kilowatt,
			CapacityMillijoules: 20 * kilowattHour, StoredMillijoules: 20 * kilowattHour}}, Ahead: []control.Period{{Price: control.Unknown, FeedIn: control.Unknown}}}, &plan)
		if plan.Stations[0] != test.want || plan.Storages[0] != -4*kilowatt {
			t.Errorf("the vehicle draws %d mW, want %d; the storage %d", plan.Stations[0], test.want, plan.Storages[0])
		}
	}
}

func TestUnknownControllersAreRefused(t *testing.T) {
	site, err := grid.New([]grid.Circuit{{Above: -1}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.New("magic", site, control.Options{}); err == nil {
		t.Error("magic was made")
	}
	if _, err := control.New(control.FCFS, site, control.Options{RoundMilliamps: -1}); err == nil {
		t.Error("a negative increment was taken")
	}
}
