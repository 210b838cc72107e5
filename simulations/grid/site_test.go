package grid

import (
	"errors"
	"math"
	"math/cmplx"
	"testing"

	"pgregory.net/rapid"
)

func mustSite(t testing.TB, circuits []Circuit, stations []Station, constraints []Constraint) *Site {
	t.Helper()
	site, err := New(circuits, stations, constraints)
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func TestAnglesAreThoseOfThreePhases(t *testing.T) {
	degrees := map[Connection]float64{A: 0, B: -120, C: 120, AB: 30, BC: -90, CA: 150}
	for c, angle := range degrees {
		want := cmplx.Rect(1, angle*math.Pi/180)
		if got := c.angle(); cmplx.Abs(complex(got.re, got.im)-want) > 1e-15 {
			t.Errorf("connection %d: %v, want %v", c, got, want)
		}
	}
	// the voltage from A to B is that of A less that of B
	difference := phasor{A.angle().re - B.angle().re, A.angle().im - B.angle().im}
	if along := AB.angle().times(math.Sqrt(3)); math.Abs(along.re-difference.re)+math.Abs(along.im-difference.im) > 1e-15 {
		t.Errorf("AB is along %v, want %v", along, difference)
	}
}

func TestHeadroomIsTheLeastOfAllCircuitsAbove(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1, LimitMilliwatts: 20_000}, {Above: 0, LimitMilliwatts: 15_000}, {Above: 1, LimitMilliwatts: 12_000}},
		[]Station{{Circuit: 2, MaxMilliwatts: 50_000}, {Circuit: 0, MaxMilliwatts: 50_000}}, nil)
	load := site.NewLoad()
	load.Begin([]int64{1_000, 0, 2_000}, nil)
	expect := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d mW, want %d", what, got, want)
		}
	}
	expect("alone", load.Headroom(0, 1<<40), 10_000)
	expect("at most", load.Headroom(0, 5), 5)
	load.Set(1, 9_000)
	expect("beside another", load.Headroom(0, 1<<40), 8_000)
	load.Set(0, 8_000)
	expect("in its own place", load.Headroom(0, 1<<40), 8_000)
	expect("of the other", load.Headroom(1, 1<<40), 9_000)
	load.Begin(nil, []int64{Unlimited, 7_000, Unlimited})
	expect("under a signal", load.Headroom(0, 1<<40), 7_000)
	load.Begin([]int64{0, 8_000, 0}, []int64{Unlimited, 7_000, Unlimited})
	expect("over the limit already", load.Headroom(0, 1<<40), 0)
}

func TestWhatIsGivenBackStaysWithinWhatMayBeFedIn(t *testing.T) {
	stations := []Station{{MaxMilliwatts: 10_000, ReturnMaxMilliwatts: 9_000}}
	tests := []struct {
		limit, feedIn, own, want int64
	}{
		{5_000, 0, 1_000, 6_000},
		{5_000, 2_000, 1_000, 3_000},
		{0, NoFeedIn, 1_000, 1_000},
		{0, NoFeedIn, -1_000, 0},
		{0, 0, 0, 9_000},
	}
	for _, test := range tests {
		load := mustSite(t, []Circuit{{Above: -1, LimitMilliwatts: test.limit, FeedInMilliwatts: test.feedIn}}, stations, nil).NewLoad()
		load.Begin([]int64{test.own}, nil)
		if got := load.Backroom(0, 1<<40); got != test.want {
			t.Errorf("%+v: %d mW", test, got)
		}
	}
}

func TestPhasesAreLimitedEach(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1, LimitMilliamps: 16_000}},
		[]Station{{Connection: A, MaxMilliamps: 32_000}, {Connection: B, MaxMilliamps: 32_000}, {MaxMilliamps: 32_000}}, nil)
	load := site.NewLoad()
	const sixteen = 16 * 230_000
	if got := load.Headroom(0, 1<<40); got < sixteen || got > sixteen+3 {
		t.Errorf("one phase: %d mW, want %d", got, sixteen)
	}
	load.Set(0, 6*230_000)
	if got := load.Headroom(2, 1<<40); got < 3*10*230_000 || got > 3*10*230_000+9 {
		t.Errorf("three phases beside 6 A on one: %d mW, want 10 A each", got)
	}
	if got := load.Headroom(1, 1<<40); got < sixteen {
		t.Errorf("another phase: %d mW", got)
	}
	load.Set(2, 3*10*230_000)
	if got := load.PhaseMilliamps(0); got != [3]int64{16_000, 10_000, 10_000} {
		t.Errorf("phases carry %v mA", got)
	}
	if !load.Fits() {
		t.Error("16 A of 16 do not fit")
	}
	load.Set(0, 7*230_000)
	if load.Fits() {
		t.Error("17 A of 16 fit")
	}
}

// Currents that are subtracted may both be greater than the limit of their difference.
func TestDifferencesAreLimited(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1}}, []Station{{Connection: A, MaxMilliamps: 32_000}, {Connection: A, MaxMilliamps: 32_000}},
		[]Constraint{{Coefficients: []float64{1, -1}, LimitAmps: 1}})
	load := site.NewLoad()
	const amp, rounding = 230_000, 10
	for i, amps := range []int64{1, 2, 3, 4} {
		station := i % 2
		if got := load.Headroom(station, 1<<40); got < amps*amp || got > amps*amp+rounding {
			t.Fatalf("turn %d: station %d may draw %d mW, want %d A", i, station, got, amps)
		}
		load.Set(station, amps*amp)
		if !load.Fits() {
			t.Fatalf("turn %d: it does not fit", i)
		}
	}
}

func TestHeadroomIsTheGreatestThatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stations := []Station{{Connection: AB, MaxMilliamps: 80_000}, {Connection: BC, MaxMilliamps: 80_000}, {Connection: CA, MaxMilliamps: 80_000}, {MaxMilliamps: 80_000}}
		var rows []Constraint
		for range rapid.IntRange(1, 3).Draw(t, "rows") {
			row := Constraint{LimitAmps: rapid.Float64Range(1, 60).Draw(t, "limit")}
			for range stations {
				row.Coefficients = append(row.Coefficients, rapid.Float64Range(-1, 1).Draw(t, "coefficient"))
			}
			rows = append(rows, row)
		}
		site, err := New([]Circuit{{Above: -1, LimitMilliamps: 40_000}}, stations, rows)
		if err != nil {
			t.Fatal(err)
		}
		load := site.NewLoad()
		for i := range stations {
			power := load.Headroom(i, rapid.Int64Range(0, 20_000_000).Draw(t, "most"))
			load.Set(i, power)
			if !load.Fits() {
				t.Fatalf("%d mW at station %d do not fit", power, i)
			}
			if most := site.Station(i).MaxMilliwatts; load.Headroom(i, most) < most {
				limit := load.Headroom(i, most)
				load.Set(i, limit+1_000)
				if limit+1_000 < most && !load.atAnEdge() {
					t.Fatalf("a watt more than the headroom of %d mW fits at station %d", limit, i)
				}
				load.Set(i, power)
			}
		}
	})
}

// atAnEdge tells whether a limit in amperes is reached, or as near as makes no difference.
func (l *Load) atAnEdge() bool {
	for i, r := range l.site.rows {
		if r.limit != 0 && math.Sqrt(l.sums[i].square()) > r.limit-1e-6 {
			return true
		}
	}
	return false
}

// Rounds may be raised in any order and any number up to what is found.
func TestRoundsFitInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stations := []Station{{Connection: AB, MaxMilliamps: 80_000}, {Connection: BC, MaxMilliamps: 80_000}, {Connection: CA, MaxMilliamps: 80_000}}
		site, err := New([]Circuit{{Above: -1, LimitMilliamps: 40_000, LimitMilliwatts: 9_000_000}}, stations, []Constraint{{Coefficients: []float64{1, -1, 0.5}, LimitAmps: 20}})
		if err != nil {
			t.Fatal(err)
		}
		load := site.NewLoad()
		list, increments := []int{0, 1, 2}, []int64{20_000, 30_000, 10_000}
		n := load.Rounds(list, increments, 1_000)
		for i := range list {
			load.Set(i, increments[i]*rapid.Int64Range(0, n).Draw(t, "rounds"))
		}
		if !load.Fits() {
			t.Errorf("some of %d rounds do not fit", n)
		}
	})
}

func TestWhatIsNoSiteIsRefused(t *testing.T) {
	root := []Circuit{{Above: -1}}
	station := Station{MaxMilliwatts: 1}
	tests := map[string]struct {
		circuits    []Circuit
		stations    []Station
		constraints []Constraint
	}{
		"nothing":            {},
		"no root":            {circuits: []Circuit{{Above: 0}}},
		"two roots":          {circuits: []Circuit{{Above: -1}, {Above: -1}}},
		"a circle":           {circuits: []Circuit{{Above: -1}, {Above: 1}}},
		"negative limit":     {circuits: []Circuit{{Above: -1, LimitMilliwatts: -1}}},
		"no such circuit":    {circuits: root, stations: []Station{{Circuit: 1, MaxMilliwatts: 1}}},
		"no power":           {circuits: root, stations: []Station{{}}},
		"no such connection": {circuits: root, stations: []Station{{Connection: 9, MaxMilliwatts: 1}}},
		"short row":          {circuits: root, stations: []Station{station}, constraints: []Constraint{{LimitAmps: 1}}},
		"no limit":           {circuits: root, stations: []Station{station}, constraints: []Constraint{{Coefficients: []float64{1}}}},
		"not a number":       {circuits: root, stations: []Station{station}, constraints: []Constraint{{Coefficients: []float64{math.NaN()}, LimitAmps: 1}}},
	}
	for name, test := range tests {
		if _, err := New(test.circuits, test.stations, test.constraints); !errors.Is(err, ErrSite) {
			t.Errorf("%s: %v, want ErrSite", name, err)
		}
	}
}
