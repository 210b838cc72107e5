package draft_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/measure"
	"joulepay/simulations/plant"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/spiceev"
)

const table = "drivers.sessions.csv"

// expanded gives the scenario of a draft.
func expanded(t *testing.T, d *draft.Draft) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("draft", d.Scenario)
	if err != nil {
		t.Fatalf("%v\n%s", err, d.Scenario)
	}
	whole, err := s.Expand(s.Seed, fstest.MapFS{table: &fstest.MapFile{Data: d.Table}})
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// run runs a draft in control mode, as `simulate run` does.
func run(t *testing.T, d *draft.Draft) *report.Summary {
	t.Helper()
	summary, err := plant.Run(expanded(t, d), 1)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func jpl(t *testing.T) []dataset.Session {
	t.Helper()
	all, err := dataset.Sessions("acn-csv", shared.Read(t, "data/sessions/jpl_2019-05-01_2019-08-31.csv.gz"), dataset.Options{Delivered: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSessionsRunTheSameAsVehiclesAndAsATable(t *testing.T) {
	all := jpl(t)
	o := draft.Options{Source: "JPL", Limit: 200, Seed: 3, Table: table, Zone: "America/Los_Angeles", PowerMilliwatts: 22_000_000}
	for _, stations := range []int{0, 25} {
		o.Stations, o.Form = stations, draft.FormVehicles
		written, err := draft.Sessions(all, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Form = draft.FormTable
		beside, err := draft.Sessions(all, o)
		if err != nil {
			t.Fatal(err)
		}
		one, two := run(t, written), run(t, beside)
		if one.Totals.Sessions != 200 || two.Totals.Sessions != 200 || one.Totals.Delivered != two.Totals.Delivered {
			t.Errorf("%d stations: %d sessions with %s Wh as vehicles, %d with %s Wh as a table", stations, one.Totals.Sessions, one.Totals.Delivered, two.Totals.Sessions, two.Totals.Delivered)
		}
		asVehicles, asTable := expanded(t, written).Vehicles, expanded(t, beside).Vehicles
		for i, v := range asVehicles {
			other := asTable[i]
			if !reflect.DeepEqual(v.Visits, other.Visits) || v.Policy != other.Policy || v.Name != other.Name || v.Battery.CapacityMilliwattHours != other.Battery.CapacityMilliwattHours {
				t.Fatalf("vehicle %+v is %+v as a table", v, other)
			}
			if says := all[i].Says.Truncate(time.Second); v.Visits[0].Departs != says.Sub(written.Start) {
				t.Fatalf("%s says that it leaves at %s, want %s", v.Name, v.Visits[0].Departs, says)
			}
		}
		sum := int64(0) // apart: the first two hundred by their arrival
		for _, s := range all[:200] {
			sum += s.EnergyMilliwattHours
		}
		if written.Taken.Requested != sum || written.Taken.Sessions != 200 || written.LeftOut[0].Number != len(all)-200 {
			t.Errorf("taken %+v, left out %v, want 200 with %d mWh", written.Taken, written.LeftOut, sum)
		}
		if short := sum - int64(one.Totals.Delivered); stations == 0 && (short < 0 || float64(short) > 0.01*float64(sum)) {
			t.Errorf("%d of %d mWh are missing at powers that are enough", short, sum)
		}
	}
}

func TestEveryPublishedFileBecomesAScenarioThatRuns(t *testing.T) {
	for _, test := range []struct {
		format, file string
		least        float64 // of what is wanted, delivered
	}{
		{"acn-sim", "acn_caltech_2019_03.csv", 0.99},
		{"acn-csv", "caltech_2019-05-01_2019-08-31.csv.gz", 0.8},
		{"epfl", "epfl_dc_fast.csv", 0.99},
		{"norway", "norway_residential.csv", 0.99},
		{"perth", "perth_kinross.csv", 0.95},
	} {
		t.Run(test.file, func(t *testing.T) {
			r, err := dataset.Read(test.format, shared.Read(t, "data/sessions/"+test.file), dataset.Options{SkipBad: true, Start: time.Date(2019, 3, 1, 8, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			d, err := draft.Sessions(r.Sessions, draft.Options{Source: test.file, Seed: 1, Table: table})
			if err != nil {
				t.Fatal(err)
			}
			left := 0
			for _, c := range d.LeftOut {
				left += c.Number
			}
			if d.Taken.Sessions+left != len(r.Sessions) {
				t.Errorf("%d taken and %d left out of %d", d.Taken.Sessions, left, len(r.Sessions))
			}
			summary := run(t, d)
			if share := float64(summary.Totals.Delivered) / float64(d.Taken.Requested); summary.Totals.Sessions != d.Taken.Sessions || share < test.least || share > 1 {
				t.Errorf("%d of %d sessions, %.4f of the energy", summary.Totals.Sessions, d.Taken.Sessions, share)
			}
		})
	}
}

func TestWhatAScenarioCannotHaveIsLeftOutAndCounted(t *testing.T) {
	start := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	session := func(after, stay time.Duration, energy int64) dataset.Session {
		return dataset.Session{Station: "A", Arrives: start.Add(after), Leaves: start.Add(after + stay), EnergyMilliwattHours: energy, DeliveredMilliwattHours: energy, FromPermille: -1, ToPermille: -1}
	}
	all := []dataset.Session{
		session(-time.Hour, time.Hour, 1), session(0, time.Hour, 5_000_000), session(time.Minute, 59*time.Second, 1), session(2*time.Minute, time.Hour, 0),
		session(3*time.Minute, time.Hour, 20_000_000_000), session(4*time.Minute, time.Hour, 1_000_000), session(5*time.Minute, time.Hour, 1_000_000),
		session(365*24*time.Hour, 48*time.Hour, 1_000_000), session(400*24*time.Hour, time.Hour, 1),
	}
	d, err := draft.Sessions(all, draft.Options{Source: "a\nb: c", From: start, To: start.Add(380 * 24 * time.Hour), Limit: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(d.LeftOut)
	want := "[{they begin outside of the time asked for 2} {nothing is wanted 1} {they stay for less than a minute 1} {they want more energy than a vehicle takes 1} {the limit asked for 2}]"
	if got != want || d.Taken.Sessions != 2 || d.Waiting != 1 {
		t.Errorf("left out %s, taken %+v, %d wait", got, d.Taken, d.Waiting)
	}
	d, err = draft.Sessions(all, draft.Options{From: start, Seed: 1})
	if err != nil || d.LeftOut[len(d.LeftOut)-1].Number != 2 || d.Duration > scenario.DurationMax {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := draft.Sessions(all, draft.Options{From: start.Add(2000 * 24 * time.Hour)}); !errors.Is(err, draft.ErrEmpty) {
		t.Errorf("nothing to run: %v", err)
	}
	if _, err := draft.Sessions(nil, draft.Options{}); !errors.Is(err, draft.ErrEmpty) {
		t.Errorf("no sessions: %v", err)
	}
	if _, err := draft.Sessions(all, draft.Options{Stations: -1}); !errors.Is(err, draft.ErrOption) {
		t.Errorf("less than no stations: %v", err)
	}
}

func TestVehiclesTakeTheStationThatIsFreeForLongest(t *testing.T) {
	start := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	var all []dataset.Session
	for i, minutes := range []int{0, 10, 65, 75, 76} { // an hour each: two at a time, but the last
		arrives := start.Add(time.Duration(minutes) * time.Minute)
		all = append(all, dataset.Session{Station: fmt.Sprint(i), Arrives: arrives, Leaves: arrives.Add(time.Hour), EnergyMilliwattHours: 1_000_000, DeliveredMilliwattHours: 1_000_000, FromPermille: -1, ToPermille: -1})
	}
	d, err := draft.Sessions(all, draft.Options{Stations: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, v := range expanded(t, d).Vehicles {
		places = append(places, v.Visits[0].Station)
	}
	if got := strings.Join(places, " "); got != "outlet-1 outlet-2 outlet-1 outlet-2 outlet-1" || d.Waiting != 1 {
		t.Errorf("they go to %s, %d wait", got, d.Waiting)
	}
}

func TestMoreVehiclesThanAScenarioTakesAreLeftOut(t *testing.T) {
	start := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	one := dataset.Session{Station: "a", Arrives: start, Leaves: start.Add(time.Hour), EnergyMilliwattHours: 1_000_000, DeliveredMilliwattHours: 1_000_000, FromPermille: -1, ToPermille: -1}
	d, err := draft.Sessions(slices.Repeat([]dataset.Session{one}, scenario.PartiesMax+1), draft.Options{Stations: 3, Table: table})
	if err != nil || d.Taken.Sessions != scenario.PartiesMax || len(d.LeftOut) != 1 || d.LeftOut[0].Number != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestStationsOfAnyNameBecomeStations(t *testing.T) {
	start := time.Date(2025, 3, 1, 8, 0, 0, 0, time.UTC)
	var all []dataset.Session
	names := []string{"CA-1", "ca 1", "", "ledger", "driver-1", "Säule Nord", strings.Repeat("x", 90), "!!", "true", "outlet-1", "0x10", "\u2028"}
	for i, name := range names {
		arrives := start.Add(time.Duration(i) * time.Minute)
		all = append(all, dataset.Session{ID: "# " + name + "\n", Station: name, Arrives: arrives, Leaves: arrives.Add(time.Hour), EnergyMilliwattHours: 1_000_000, DeliveredMilliwattHours: 1_000_000, FromPermille: -1, ToPermille: -1})
	}
	for _, form := range []string{draft.FormVehicles, draft.FormTable} {
		d, err := draft.Sessions(all, draft.Options{Source: "names", Seed: 1, Form: form, Table: table})
		if err != nil {
			t.Fatal(err)
		}
		if summary := run(t, d); d.Stations != len(names) || summary.Totals.Sessions != len(names) {
			t.Errorf("%d stations and %d sessions of %d", d.Stations, summary.Totals.Sessions, len(names))
		}
	}
}

func TestTariffs(t *testing.T) {
	sessions := jpl(t)[:3]
	for _, text := range []string{"0.5", ` {"currency": "USD", "id": "x", "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3, "step_size": 1}]}]}`} {
		tariff, err := draft.ParseTariff([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d, err := draft.Sessions(sessions, draft.Options{Seed: 1, Tariff: tariff, Engine: scenario.EngineFull})
		if err != nil || !bytes.Contains(d.Scenario, []byte("currency: "+tariff.Currency)) {
			t.Errorf("%s: %v\n%s", text, err, d.Scenario)
		}
	}
	for _, text := range []string{"", "cheap", "-1", "{", `{"currency": "Euro"}`} {
		if _, err := draft.ParseTariff([]byte(text)); !errors.Is(err, draft.ErrOption) {
			t.Errorf("%q is a tariff: %v", text, err)
		}
	}
}

// A scenario of spice_ev's wants the energy here that it wants in its own form.
func TestSpiceEVsExamplesBecomeScenariosThatRun(t *testing.T) {
	for _, name := range []string{"scenario_PV_Bat.json", "scenario_2vehicles_building_pv_bat.json", "scenario_generate.json", "s100_generated.json.gz"} {
		t.Run(name, func(t *testing.T) {
			path := shared.Path(t, "data/spice_ev/"+name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			open := func(name string) ([]byte, error) { return fs.ReadFile(os.DirFS(filepath.Dir(path)), name) }
			d, err := draft.SpiceEV(data, open, draft.Options{Source: name, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			summary := run(t, d)
			plain, err := dataset.Unpack(data)
			if err != nil {
				t.Fatal(err)
			}
			config, err := spiceev.Read(plain, open)
			if err != nil {
				t.Fatal(err)
			}
			if config.Controller, err = control.New(control.Uncontrolled, config.Site, control.Options{}); err != nil {
				t.Fatal(err)
			}
			var original figures
			if _, err := charging.Run(*config, &original); err != nil {
				t.Fatal(err)
			}
			// its batteries lose 5 % on the way in, and those here nothing
			const loss, rounding = 0.06, 0.02
			got := float64(summary.Totals.Delivered)
			if want := float64(original.delivered); got > want*(1+rounding) || got < want*(1-loss-rounding) {
				t.Errorf("%.1f kWh are delivered, %.1f in its own form", got/1e6, want/1e6)
			}
			figures := summary.Figures
			if math.Abs(float64(figures.Grid.Base-original.base)) > 0.02*float64(original.base)+1e6 || math.Abs(float64(figures.Grid.Solar-original.solar)) > 0.02*float64(original.solar)+1e6 {
				t.Errorf("base %s and solar %s, want %d and %d mWh", figures.Grid.Base, figures.Grid.Solar, original.base, original.solar)
			}
		})
	}
}

// figures sum a run of spice_ev's own form up, in mWh.
type figures struct{ delivered, base, solar measure.Energy }

func (f *figures) Add(s measure.Step) {
	const perHour = float64(time.Hour)
	f.base += measure.Energy(float64(s.Base) * float64(s.Length) / perHour)
	f.solar += measure.Energy(float64(s.Solar) * float64(s.Length) / perHour)
}

func (f *figures) AddVisit(v measure.Visit) { f.delivered += measure.Energy(v.Delivered) }
