package study_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/simulations/study"
	"joulepay/wallet/money"
)

func TestSettingsAreSplitAtCommasOutsideOfValues(t *testing.T) {
	tests := map[string][]string{
		"a.b=1":                        {"1"},
		"a=22kW, 50kW":                 {"22kW", "50kW"},
		`a={x: 1, y: 2},[3, 4]`:        {"{x: 1, y: 2}", "[3, 4]"},
		`a="one, two",'three, four',5`: {`"one, two"`, `'three, four'`, "5"},
		"a=b=c":                        {"b=c"},
	}
	for text, want := range tests {
		if s, err := study.ParseSetting(text); err != nil || !reflect.DeepEqual(s.Values, want) {
			t.Errorf("%s: %q, %v", text, s.Values, err)
		}
	}
	for _, bad := range []string{"", "a", "=1", "a=", "a=1,", "a=,1"} {
		if s, err := study.ParseSetting(bad); !errors.Is(err, study.ErrSetting) {
			t.Errorf("%q: %+v, %v", bad, s, err)
		}
	}
}

func TestSeedsAreRangesAndLists(t *testing.T) {
	for text, want := range map[string][]uint64{"7": {7}, "1..3": {1, 2, 3}, "1,5..6, 9": {1, 5, 6, 9}} {
		if got, err := study.ParseSeeds(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "a", "3..1", "-1", "1..", "1..200000", "18446744073709551615", "1..100000,1..100000"} {
		if got, err := study.ParseSeeds(bad); !errors.Is(err, study.ErrSetting) {
			t.Errorf("%q: %d seeds, %v", bad, len(got), err)
		}
	}
}

func TestRunsAreEveryCombinationInOrder(t *testing.T) {
	runs, err := study.Runs([]study.Setting{{Path: "a", Values: []string{"1", "2"}}, {Path: "b", Values: []string{"x", "y"}}}, []uint64{7, 8})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range runs {
		if r.Number != i {
			t.Errorf("run %d has number %d", i, r.Number)
		}
		got = append(got, r.String())
	}
	want := "a=1 b=x seed 7|a=1 b=x seed 8|a=1 b=y seed 7|a=1 b=y seed 8|a=2 b=x seed 7|a=2 b=x seed 8|a=2 b=y seed 7|a=2 b=y seed 8"
	if strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	many := make([]string, 400)
	for name, settings := range map[string][]study.Setting{
		"twice":    {{Path: "a", Values: []string{"1"}}, {Path: "a", Values: []string{"2"}}},
		"too many": {{Path: "a", Values: many}, {Path: "b", Values: many}},
	} {
		if _, err := study.Runs(settings, []uint64{1}); !errors.Is(err, study.ErrSetting) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func twoCars(t *testing.T) []byte {
	t.Helper()
	source, err := scenarios.Source("two-cars")
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func set(t *testing.T, choices ...study.Choice) *scenario.Scenario {
	t.Helper()
	file, err := study.Apply(twoCars(t), choices)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse("two-cars", file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsNotSetStaysAsItIs(t *testing.T) {
	want, err := scenario.Parse("two-cars", twoCars(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := set(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestAPathSetsWhatItNames(t *testing.T) {
	s := set(t, study.Choice{Path: "stations.north.power", Value: "22kW"}, study.Choice{Path: "stations.*.claim_every", Value: "45s"},
		study.Choice{Path: "vehicles.ben.visits.1.from", Value: "50%"}, study.Choice{Path: "chaos.crashes", Value: "3"}, // not in the file
		study.Choice{Path: "network", Value: "{loss: 5%}"}, study.Choice{Path: "stations.south.gone_after", Value: "90s"})
	if s.Stations[0].PowerMilliwatts != 22_000_000 || s.Stations[1].PowerMilliwatts != 11_000_000 {
		t.Errorf("powers %d and %d", s.Stations[0].PowerMilliwatts, s.Stations[1].PowerMilliwatts)
	}
	if s.Stations[0].ClaimEvery != s.Stations[1].ClaimEvery || s.Stations[0].ClaimEvery.Seconds() != 45 || s.Stations[1].GoneAfter.Seconds() != 90 {
		t.Errorf("%+v", s.Stations)
	}
	if s.Vehicles[1].Visits[1].FromPermille != 500 || s.Chaos.Crashes != 3 || s.Network.Faults.Loss != 0.05 {
		t.Errorf("%+v %+v %+v", s.Vehicles[1].Visits, s.Chaos, s.Network)
	}
}

func TestAPathThatLeadsNowhereIsRefusedWithWhatWasMeant(t *testing.T) {
	for path, want := range map[string]string{
		"stations.nroth.power":     `did you mean "north"?`,
		"stations.north.pwoer":     `did you mean "power"?`,
		"statoins.north.power":     `did you mean "stations"?`,
		"vehicles.ben.visits.7.at": "items are 0 to 1",
		"seed.x":                   "",
		"chaos.crashes.x":          "",
		"":                         "known here",
	} {
		_, err := study.Apply(twoCars(t), []study.Choice{{Path: path, Value: "1"}})
		var problem *study.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Hint, want) {
			t.Errorf("%q: %v, %+v", path, err, problem)
		}
	}
	if _, err := study.Apply(twoCars(t), []study.Choice{{Path: "seed", Value: "{"}}); !errors.Is(err, study.ErrSetting) {
		t.Error("a value that is not YAML", err)
	}
	if _, err := study.Apply([]byte("\t"), nil); !errors.Is(err, study.ErrSetting) {
		t.Error("a file that is not YAML", err)
	}
}

func runs(t *testing.T, values int) []study.Run {
	t.Helper()
	s := study.Setting{Path: "a"}
	for i := range values {
		s.Values = append(s.Values, fmt.Sprint(i))
	}
	all, err := study.Runs([]study.Setting{s}, []uint64{1})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRowsComeInOrderWhateverEndsFirst(t *testing.T) {
	all := runs(t, 9)
	var others sync.WaitGroup
	others.Add(len(all) - 1)
	do := func(_ context.Context, r study.Run) ([]report.Figure, error) {
		if r.Number == 0 {
			others.Wait() // the first ends last
		} else {
			defer others.Done()
		}
		if r.Number == 4 {
			return nil, errors.New("broken")
		}
		return nil, nil
	}
	var order, over []int
	err := study.Sweep(t.Context(), all, 3, do, func(x study.Outcome) error {
		if (x.Err != nil) != (x.Run.Number == 4) {
			t.Errorf("run %d: %v", x.Run.Number, x.Err)
		}
		order = append(order, x.Run.Number)
		return nil
	}, func(n int) { over = append(over, n) })
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}; err != nil || !reflect.DeepEqual(order, want) || len(over) != 9 || over[8] != 9 {
		t.Error(err, order, over)
	}
}

func TestAStopKeepsWhatIsFinished(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	all := runs(t, 100)
	do := func(ctx context.Context, r study.Run) ([]report.Figure, error) {
		if r.Number == 0 { // never ends by itself
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, nil
	}
	var given []int
	err := study.Sweep(ctx, all, 2, do, func(x study.Outcome) error {
		given = append(given, x.Run.Number)
		return nil
	}, func(over int) {
		if over == 5 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || len(given) < 5 || len(given) > 50 || given[0] != 1 {
		t.Error(err, given)
	}
	full := errors.New("disk full")
	if err := study.Sweep(t.Context(), all[1:], 2, do, func(study.Outcome) error { return full }, nil); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func euros(a money.Amount) money.Money { return money.Of(a, money.Currency{'E', 'U', 'R'}) }

func summary(seed uint64, energy report.Energy, sessions ...report.Session) *report.Summary {
	return &report.Summary{
		Scenario: "made-up", Seed: seed, Faults: map[string]int{"crash": int(seed)}, Sessions: sessions,
		Totals: report.Totals{Sessions: len(sessions), EnergyWh: energy, Cost: euros(money.Amount(energy) * 300), Paid: euros(0)},
	}
}

func TestATableHasARowARunAndReadsBack(t *testing.T) {
	var out bytes.Buffer
	settings := []study.Setting{{Path: "stations.north.power", Values: []string{"22kW", "50kW"}}}
	all, err := study.Runs(settings, []uint64{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	table, err := study.NewTable(&out, settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		x := study.Outcome{Run: r, Figures: summary(r.Seed, 1_500_000).KeyFigures()}
		if r.Number == 3 {
			x = study.Outcome{Run: r, Err: errors.New(`broken, "badly"`)}
		}
		if err := table.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatal(len(rows), err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	if rows[2][0] != "22kW" || rows[2][at["seed"]] != "2" || rows[2][at["service.delivered_kwh"]] != "1.5" || rows[2][at["error"]] != "" ||
		rows[4][at["error"]] != `broken, "badly"` || rows[4][at["grid.peak_kw"]] != "" {
		t.Errorf("%q", rows)
	}
}

func TestAComparisonShowsWhatChanged(t *testing.T) {
	anna := report.Session{Vehicle: "anna", Station: "north", EnergyWh: 1_000_000, Cost: euros(300_000_000)}
	more := anna
	more.EnergyWh, more.Station = 1_250_000, "south"
	before := summary(2, 1_000_000, anna, report.Session{Vehicle: "ben"}, anna)
	after := summary(3, 1_250_000, more, anna)
	c := study.Compare(before, after)
	want := `before: made-up, seed 2
after:  made-up, seed 3

figure                 before   after      difference  %
service.visits         3        2          -1          -33.33
service.delivered_kwh  1 kWh    1.25 kWh   +0.25       +25
money.cost             0.3 EUR  0.375 EUR  +0.075      +25
faults.fired           2        3          +1          +50
faults.crash           2        3          +1          +50

sessions: 3 before, 2 after; 1 differ, 1 only before, 0 only after
  anna, visit 1: station north → south, energy 1 kWh → 1.25 kWh
  only before: ben, visit 1
`
	if got := c.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if same := study.Compare(before, before); !same.Same || !strings.Contains(same.Text(), "no figure and no session differs") {
		t.Errorf("%+v", same)
	}
	many := summary(1, 1)
	for i := range 30 {
		many.Sessions = append(many.Sessions, report.Session{Vehicle: fmt.Sprint(i)})
	}
	if text := study.Compare(many, summary(1, 1)).Text(); !strings.Contains(text, "and 10 more") || strings.Contains(text, "25, visit") {
		t.Error(text)
	}
}

func TestAPlotOfSeedsAloneIsOverSeeds(t *testing.T) {
	settings := []study.Setting{{Path: "engine", Values: []string{"control"}}}
	p := study.NewPlot("made-up", settings)
	all, err := study.Runs(settings, []uint64{4, 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		p.Add(study.Outcome{Run: r, Figures: summary(r.Seed, 1).KeyFigures()})
	}
	page, err := p.HTML()
	if err != nil || !bytes.Contains(page, []byte(`"settings":["seed"],"values":[["4","5"]]`)) {
		t.Errorf("%v\n%s", err, page)
	}
}

func TestAPlotHasMeansOverSeedsAndStandsAlone(t *testing.T) {
	settings := []study.Setting{{Path: "stations.north.power", Values: []string{"22kW", "50kW"}}}
	make := func() []byte {
		p := study.NewPlot("made-up</script>", settings)
		all, err := study.Runs(settings, []uint64{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			x := study.Outcome{Run: r, Figures: summary(r.Seed, report.Energy(r.Seed)*1_000_000).KeyFigures()}
			if r.Number == 5 {
				x.Err = errors.New("broken")
			}
			p.Add(x)
		}
		page, err := p.HTML()
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	page := make()
	if !bytes.Equal(page, make()) {
		t.Error("the same sweep gives other bytes")
	}
	for _, want := range []string{"[2,1,3]", "[1.5,1,2]", "1 failed", "default-src 'none'"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	if bytes.Contains(page, []byte("up</script>")) {
		t.Error("a name ends an element")
	}
}
