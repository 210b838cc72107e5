package control_test

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/wallet/money"

	"pgregory.net/rapid"
)

// world is a random site with what was drawn to make it, so that limits can be checked without it.
type world struct {
	circuits    []grid.Circuit
	stations    []grid.Station
	constraints []grid.Constraint
	site        *grid.Site
}

func drawWorld(t *rapid.T) *world {
	w := &world{}
	for i := range rapid.IntRange(1, 5).Draw(t, "circuits") {
		c := grid.Circuit{Above: i - 1, Loads: drawConnection(t)}
		if i > 1 {
			c.Above = rapid.IntRange(0, i-1).Draw(t, "above")
		}
		if rapid.Bool().Draw(t, "limited") {
			c.LimitMilliwatts = rapid.Int64Range(1, 60_000_000).Draw(t, "limit")
		}
		if rapid.IntRange(0, 3).Draw(t, "limited in amperes") == 0 {
			c.LimitMilliamps = rapid.Int64Range(1, 80_000).Draw(t, "amperes")
		}
		c.FeedInMilliwatts = rapid.SampledFrom([]int64{0, grid.NoFeedIn, 5_000_000}).Draw(t, "feed-in")
		w.circuits = append(w.circuits, c)
	}
	for range rapid.IntRange(1, 10).Draw(t, "stations") {
		w.stations = append(w.stations, grid.Station{Circuit: rapid.IntRange(0, len(w.circuits)-1).Draw(t, "circuit"), Connection: drawConnection(t),
			MaxMilliamps: rapid.SampledFrom([]int64{16_000, 32_000}).Draw(t, "most"), MinMilliwatts: rapid.SampledFrom([]int64{0, 0, 1_380_000}).Draw(t, "least"),
			ReturnMaxMilliwatts: rapid.SampledFrom([]int64{0, 11_000_000}).Draw(t, "back")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "constraints") {
		row := grid.Constraint{LimitAmps: rapid.Float64Range(1, 100).Draw(t, "magnitude")}
		for range w.stations {
			row.Coefficients = append(row.Coefficients, rapid.SampledFrom([]float64{0, 1, -1, 0.25, -0.5}).Draw(t, "coefficient"))
		}
		w.constraints = append(w.constraints, row)
	}
	site, err := grid.New(w.circuits, w.stations, w.constraints)
	if err != nil {
		t.Fatal(err)
	}
	w.site = site
	return w
}

func drawConnection(t *rapid.T) grid.Connection {
	return rapid.SampledFrom([]grid.Connection{grid.Balanced, grid.A, grid.B, grid.C, grid.AB, grid.BC, grid.CA}).Draw(t, "connection")
}

func drawOptions(t *rapid.T) control.Options {
	return control.Options{GuaranteedMilliamps: rapid.SampledFrom([]int64{0, 6_000}).Draw(t, "guaranteed"), LastResort: rapid.Bool().Draw(t, "last resort"),
		Threshold: 250_000_000, HalveToMilliamps: rapid.SampledFrom([]int64{0, 10}).Draw(t, "halve to"), KeepAtSite: rapid.Bool().Draw(t, "keep at site")}
}

func drawView(t *rapid.T, w *world) *control.View {
	view := &control.View{Now: 8 * time.Hour, Step: 15 * time.Minute}
	for i := range w.stations {
		if rapid.IntRange(0, 3).Draw(t, "free") == 0 {
			continue
		}
		capacity := rapid.Int64Range(10, 100).Draw(t, "capacity") * 3_600_000_000
		stored := rapid.Int64Range(0, capacity).Draw(t, "stored")
		target := rapid.Int64Range(0, capacity).Draw(t, "target")
		view.Vehicles = append(view.Vehicles, control.Vehicle{Station: i, Arrival: hours(t, 0, 8), Departure: hours(t, 7, 20),
			WantsMillijoules: max(target-stored, 0), TargetMillijoules: target, StoredMillijoules: stored, CapacityMillijoules: capacity,
			MaxMilliwatts: rapid.Int64Range(0, 22_000_000).Draw(t, "max"), MinMilliwatts: rapid.SampledFrom([]int64{0, 1_380_000}).Draw(t, "min"),
			ReturnMilliwatts: rapid.SampledFrom([]int64{0, 11_000_000}).Draw(t, "return"), FloorMillijoules: capacity / 5,
			ChargePermille: rapid.SampledFrom([]int64{0, 900}).Draw(t, "losses"), Priority: rapid.IntRange(0, 1).Draw(t, "priority"),
			MaxPrice: rapid.SampledFrom([]money.Amount{control.Unknown, 200_000_000}).Draw(t, "price cap")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "storages") {
		view.Storages = append(view.Storages, control.Storage{Circuit: rapid.IntRange(0, len(w.circuits)-1).Draw(t, "storage"),
			MaxMilliwatts: 5_000_000, ReturnMilliwatts: 5_000_000, CapacityMillijoules: 36_000_000_000,
			StoredMillijoules: rapid.Int64Range(0, 36_000_000_000).Draw(t, "holds")})
	}
	for range rapid.IntRange(1, 6).Draw(t, "periods") {
		p := control.Period{Price: money.Amount(rapid.Int64Range(-100_000_000, 500_000_000).Draw(t, "price")), FeedIn: control.Unknown}
		for range w.circuits {
			p.Own = append(p.Own, rapid.Int64Range(-10_000_000, 10_000_000).Draw(t, "own"))
			p.Limits = append(p.Limits, rapid.SampledFrom([]int64{grid.Unlimited, grid.Unlimited, 0, 4_200_000}).Draw(t, "signal"))
		}
		view.Ahead = append(view.Ahead, p)
	}
	return view
}

func hours(t *rapid.T, from, to int64) time.Duration {
	return time.Duration(rapid.Int64Range(from*60, to*60).Draw(t, "minute")) * time.Minute
}

// carried gives what circuits draw, the magnitudes of their phases, and those of the constraints, worked out anew.
func (w *world) carried(view *control.View, plan *control.Plan) (flows []int64, phases [][3]float64, rows []float64) {
	flows = make([]int64, len(w.circuits))
	sums := make([][3]complex128, len(w.circuits))
	add := func(circuit int, connection grid.Connection, milliwatts int64) {
		amps := float64(milliwatts) / 1000 / 230
		if connection >= grid.AB {
			amps = float64(milliwatts) / 398_372
		}
		for c := circuit; c >= 0; c = w.circuits[c].Above {
			flows[c] += milliwatts
			for k, current := range conductors(connection, amps) {
				sums[c][k] += current
			}
		}
	}
	for c, own := range view.Ahead[0].Own {
		add(c, w.circuits[c].Loads, own)
	}
	rowSums := make([]complex128, len(w.constraints))
	if plan != nil {
		for i, power := range plan.Stations {
			st := &w.stations[i]
			add(st.Circuit, st.Connection, power)
			for r, row := range w.constraints {
				rowSums[r] += complex(row.Coefficients[i], 0) * across(st.Connection, power)
			}
		}
		for i, power := range plan.Storages {
			c := view.Storages[i].Circuit
			add(c, w.circuits[c].Loads, power)
		}
	}
	phases = make([][3]float64, len(w.circuits))
	for c := range sums {
		for k := range sums[c] {
			phases[c][k] = cmplx.Abs(sums[c][k])
		}
	}
	for _, sum := range rowSums {
		rows = append(rows, cmplx.Abs(sum))
	}
	return flows, phases, rows
}

func turned(amps, degrees float64) complex128 { return cmplx.Rect(amps, degrees*math.Pi/180) }

// conductors gives the currents of a load in the three conductors.
func conductors(c grid.Connection, amps float64) [3]complex128 {
	switch c {
	case grid.A, grid.B, grid.C:
		var one [3]complex128
		k := int(c - grid.A)
		one[k] = turned(amps, -120*float64(k))
		return one
	case grid.AB, grid.BC, grid.CA:
		var two [3]complex128
		k := int(c - grid.AB)
		current := turned(amps, 30-120*float64(k))
		two[k], two[(k+1)%3] = current, -current
		return two
	default:
		return [3]complex128{turned(amps/3, 0), turned(amps/3, -120), turned(amps/3, 120)}
	}
}

// across gives the current of a station as rows of a matrix have it.
func across(c grid.Connection, milliwatts int64) complex128 {
	amps := float64(milliwatts) / 1000 / 230
	switch {
	case c == grid.Balanced:
		return turned(amps/3, 0)
	case c >= grid.AB:
		return turned(float64(milliwatts)/398_372, 30-120*float64(c-grid.AB))
	default:
		return turned(amps, -120*float64(c-grid.A))
	}
}

func TestNoControllerExceedsAHardLimit(t *testing.T) {
	for _, name := range control.Names() {
		if name == control.Uncontrolled {
			continue
		}
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			w := drawWorld(t)
			view := drawView(t, w)
			controller, err := control.New(name, w.site, drawOptions(t))
			if err != nil {
				t.Fatal(err)
			}
			var plan control.Plan
			controller.Decide(view, &plan)
			w.expectWithinLimits(t, view, &plan)
			w.expectPossible(t, view, &plan)
		}))
	}
}

// expectWithinLimits looks at every limit; what others exceed by themselves may stay, but not grow.
func (w *world) expectWithinLimits(t *rapid.T, view *control.View, plan *control.Plan) {
	const tolerance = 1.00001e-5
	flows, phases, rows := w.carried(view, plan)
	before, beforePhases, _ := w.carried(view, nil)
	for c, flow := range flows {
		limit := w.circuits[c].LimitMilliwatts
		feedIn := limit
		if signalled := view.Ahead[0].Limits[c]; signalled != grid.Unlimited && (limit == 0 || signalled < limit) {
			limit = signalled
		} else if limit == 0 {
			limit = math.MaxInt64
		}
		if flow > limit && flow > before[c] {
			t.Errorf("circuit %d carries %d mW, may %d", c, flow, limit)
		}
		switch w.circuits[c].FeedInMilliwatts {
		case grid.NoFeedIn:
			feedIn = 0
		case 0:
			if feedIn == 0 {
				feedIn = math.MaxInt64
			}
		default:
			feedIn = w.circuits[c].FeedInMilliwatts
		}
		if -flow > feedIn && flow < before[c] {
			t.Errorf("circuit %d feeds back %d mW, may %d", c, -flow, feedIn)
		}
		if amps := float64(w.circuits[c].LimitMilliamps) / 1000; amps > 0 {
			for k, magnitude := range phases[c] {
				if magnitude > amps+tolerance && magnitude > beforePhases[c][k]+tolerance {
					t.Errorf("circuit %d carries %v A in phase %d, may %v", c, magnitude, k, amps)
				}
			}
		}
	}
	for r, magnitude := range rows {
		if magnitude > w.constraints[r].LimitAmps+tolerance {
			t.Errorf("constraint %d carries %v A, may %v", r, magnitude, w.constraints[r].LimitAmps)
		}
	}
}

// expectPossible looks at what vehicles and storages can do.
func (w *world) expectPossible(t *rapid.T, view *control.View, plan *control.Plan) {
	if len(plan.Stations) != len(w.stations) || len(plan.Storages) != len(view.Storages) {
		t.Fatalf("a plan for %d stations and %d storages", len(plan.Stations), len(plan.Storages))
	}
	for i, power := range plan.Stations {
		at := slices.IndexFunc(view.Vehicles, func(v control.Vehicle) bool { return v.Station == i })
		if at < 0 {
			if power != 0 {
				t.Errorf("station %d is free and gives %d mW", i, power)
			}
			continue
		}
		v := &view.Vehicles[at]
		least := max(v.MinMilliwatts, w.stations[i].MinMilliwatts)
		if power > v.MaxMilliwatts || power > 0 && power < least {
			t.Errorf("station %d gives %d mW to a vehicle that takes %d to %d", i, power, least, v.MaxMilliwatts)
		}
		if -power > min(v.ReturnMilliwatts, w.stations[i].ReturnMaxMilliwatts) || power < 0 && v.StoredMillijoules <= v.FloorMillijoules {
			t.Errorf("station %d takes %d mW from a vehicle that gives %d", i, -power, v.ReturnMilliwatts)
		}
	}
	for i, power := range plan.Storages {
		s := &view.Storages[i]
		if power > s.MaxMilliwatts || -power > s.ReturnMilliwatts || power < 0 && control.Energy(-power, view.Step) > s.StoredMillijoules {
			t.Errorf("storage %d does %d mW with %d mJ", i, power, s.StoredMillijoules)
		}
	}
}

func TestAGuaranteeIsGivenWholeOrNotAtAll(t *testing.T) {
	for _, name := range []string{control.EqualShare, control.FCFS, control.EDF, control.LLF, control.RoundRobin} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			w := drawWorld(t)
			view := drawView(t, w)
			const amps = 6_000
			controller, err := control.New(name, w.site, control.Options{GuaranteedMilliamps: amps})
			if err != nil {
				t.Fatal(err)
			}
			var plan control.Plan
			controller.Decide(view, &plan)
			for _, v := range view.Vehicles {
				promised := min(w.site.MilliwattsOf(v.Station, amps), v.MaxMilliwatts, control.Power(v.WantsMillijoules, view.Step))
				if power := plan.Stations[v.Station]; power != 0 && power < promised {
					t.Errorf("station %d gives %d mW, promised are %d", v.Station, power, promised)
				}
			}
		}))
	}
}

func TestEqualViewsGiveEqualPlansWhateverCameBefore(t *testing.T) {
	for _, name := range control.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			w := drawWorld(t)
			options := drawOptions(t)
			other, view := drawView(t, w), drawView(t, w)
			var fresh, used control.Plan
			for _, plan := range []*control.Plan{&fresh, &used} {
				controller, err := control.New(name, w.site, options)
				if err != nil {
					t.Fatal(err)
				}
				if plan == &used {
					controller.Decide(other, plan)
				}
				controller.Decide(view, plan)
			}
			if !slices.Equal(fresh.Stations, used.Stations) || !slices.Equal(fresh.Storages, used.Storages) {
				t.Errorf("%v and %v alone, %v and %v after another view", fresh.Stations, fresh.Storages, used.Stations, used.Storages)
			}
		}))
	}
}

// Who stands where does not matter under one limit, as long as no two vehicles are alike in what orders them.
func TestPlacesDoNotMatterToShares(t *testing.T) {
	for _, name := range []string{control.EqualShare, control.FCFS, control.EDF, control.LLF, control.RoundRobin, control.Surplus} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			n := rapid.IntRange(2, 8).Draw(t, "vehicles")
			limit := rapid.Int64Range(1, int64(n)*11_000_000).Draw(t, "limit")
			stations := slices.Repeat([]grid.Station{{MaxMilliwatts: 11_000_000}}, n)
			site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: limit}}, stations, nil)
			if err != nil {
				t.Fatal(err)
			}
			controller, err := control.New(name, site, control.Options{})
			if err != nil {
				t.Fatal(err)
			}
			vehicles := make([]control.Vehicle, n)
			for i := range vehicles {
				vehicles[i] = control.Vehicle{Arrival: time.Duration(i) * time.Minute, Departure: 9*time.Hour + time.Duration(n-i)*time.Minute,
					WantsMillijoules: rapid.Int64Range(1, 30).Draw(t, "wants") * 3_600_000_000, MaxMilliwatts: 11_000_000, MaxPrice: control.Unknown}
			}
			places := rapid.Permutation(sequence(n)).Draw(t, "places")
			straight := decide(controller, vehicles, sequence(n))
			mixed := decide(controller, vehicles, places)
			if !slices.Equal(straight, mixed) {
				t.Errorf("%v at their own places, %v at %v", straight, mixed, places)
			}
		}))
	}
}

func sequence(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// decide gives the power of each vehicle when vehicle i stands at places[i].
func decide(controller control.Controller, vehicles []control.Vehicle, places []int) []int64 {
	view := control.View{Now: 8 * time.Hour, Step: 15 * time.Minute, Vehicles: make([]control.Vehicle, len(vehicles)),
		Ahead: []control.Period{{Own: []int64{-20_000_000}, Price: control.Unknown, FeedIn: control.Unknown}}}
	for i, place := range places {
		view.Vehicles[place] = vehicles[i]
		view.Vehicles[place].Station = place
	}
	var plan control.Plan
	controller.Decide(&view, &plan)
	powers := make([]int64, len(vehicles))
	for i, place := range places {
		powers[i] = plan.Stations[place]
	}
	return powers
}

func TestDecidingAllocatesNothing(t *testing.T) {
	rapidView := rapid.Custom(func(t *rapid.T) *struct {
		w *world
		v *control.View
	} {
		w := drawWorld(t)
		return &struct {
			w *world
			v *control.View
		}{w, drawView(t, w)}
	}).Example(7)
	for _, name := range control.Names() {
		controller, err := control.New(name, rapidView.w.site, control.Options{GuaranteedMilliamps: 6_000})
		if err != nil {
			t.Fatal(err)
		}
		var plan control.Plan
		controller.Decide(rapidView.v, &plan)
		if n := testing.AllocsPerRun(20, func() { controller.Decide(rapidView.v, &plan) }); n != 0 {
			t.Errorf("%s: %v allocations a decision", name, n)
		}
	}
}
