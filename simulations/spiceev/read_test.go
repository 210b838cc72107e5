package spiceev_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/spiceev"
)

const small = `{
 "scenario": {"start_time": "2026-03-02T00:00:00+01:00", "interval": 15, "n_intervals": 96},
 "components": {
  "vehicle_types": {"car": {"capacity": 50, "charging_curve": [[0, 11], [0.8, 11], [1, 2]], "min_charging_power": 0.2, "v2g": true}},
  "vehicles": {"b": {"vehicle_type": "car", "soc": 0.5, "desired_soc": 0.8, "connected_charging_station": "CS2", "estimated_time_of_departure": "2026-03-02T08:00:00+01:00"},
               "a": {"vehicle_type": "car", "soc": 1}},
  "grid_connectors": {"GC": {"max_power": 30, "cost": {"type": "polynomial", "value": [0.1, 0.2]}}},
  "charging_stations": {"CS1": {"max_power": 11, "min_power": 1, "parent": "GC"}, "CS2": {"max_power": 22, "parent": "GC"}},
  "batteries": {"BAT": {"parent": "GC", "capacity": 10, "soc": 0.5, "charging_curve": [[0, 5], [1, 5]]}}
 },
 "events": {
  "fixed_load": {"house": {"start_time": "2026-03-01T23:00:00+01:00", "step_duration_s": 3600, "csv_file": "load.csv", "column": "kW", "factor": 2}},
  "local_generation": {"sun": {"start_time": "2026-03-02T00:00:00+01:00", "step_duration_s": 3600, "values": [0, 1, 2]}},
  "grid_operator_signals": [{"start_time": "2026-03-02T06:00:00+01:00", "max_power": 20, "cost": {"type": "fixed", "value": 0.5}}],
  "vehicle_events": [
   {"start_time": "2026-03-02T08:05:00+01:00", "vehicle_id": "b", "event_type": "departure", "update": {}},
   {"start_time": "2026-03-02T17:00:00+01:00", "vehicle_id": "b", "event_type": "arrival", "update": {"connected_charging_station": "CS2", "soc_delta": -0.25, "desired_soc": 0.9}},
   {"start_time": "2026-03-02T12:00:00+01:00", "vehicle_id": "a", "event_type": "arrival", "update": {"connected_charging_station": "CS1", "soc_delta": -0.5}}
  ]
 }
}`

func load(name string) ([]byte, error) {
	if name != "load.csv" {
		return nil, errors.New("no such file")
	}
	return []byte("time,kW\n23:00,1\n00:00,1.5\n"), nil
}

func TestAScenarioBecomesARun(t *testing.T) {
	config, err := spiceev.Read([]byte(small), load)
	if err != nil {
		t.Fatal(err)
	}
	const kilowattHour = 3_600_000_000
	if config.Step != 15*time.Minute || config.Duration != 24*time.Hour || config.Site.Stations() != 2 || config.Site.Station(0).Name != "CS1" {
		t.Errorf("%v of %v at %d stations", config.Duration, config.Step, config.Site.Stations())
	}
	if len(config.Sessions) != 3 {
		t.Fatalf("%d sessions", len(config.Sessions))
	}
	// vehicles come by their names
	a, b, back := config.Sessions[0], config.Sessions[1], config.Sessions[2]
	if a.Vehicle != "a" || a.Station != 0 || a.Arrival != 12*time.Hour || a.Continues || a.Battery.StoredMillijoules != 25*kilowattHour {
		t.Errorf("a: %+v", a)
	}
	if b.Vehicle != "b" || b.Station != 1 || b.Arrival != 0 || b.Departure != 8*time.Hour+5*time.Minute || b.Announced != 8*time.Hour ||
		b.TargetMillijoules != 40*kilowattHour || b.Battery.ReturnMilliwatts != 5_500_000 || b.FloorMillijoules != 25*kilowattHour || len(b.Battery.Curve) != 3 {
		t.Errorf("b: %+v", b)
	}
	if !back.Continues || back.TripMillijoules != 12.5*kilowattHour || back.TargetMillijoules != 45*kilowattHour || back.Arrival != 17*time.Hour {
		t.Errorf("b comes back: %+v", back)
	}
	if house := config.Loads[0]; house.Kind != charging.Base || house.Series.Values[1] != 3_000_000 || house.Series.From != -time.Hour {
		t.Errorf("house: %+v", house)
	}
	if config.Loads[1].Kind != charging.Solar || config.Storages[0].StoredMillijoules != 5*kilowattHour || config.Storages[0].ChargePermille != 950 {
		t.Errorf("sun %+v, storage %+v", config.Loads[1], config.Storages[0])
	}
	if p := config.Price.Values; p[0] != 300_000_000 || p[23] != 300_000_000 || p[24] != 500_000_000 {
		t.Errorf("prices %d, %d, %d", p[0], p[23], p[24])
	}
	var limit [1]int64
	if config.Limits.At(6*time.Hour, limit[:]); limit[0] != 20_000_000 {
		t.Errorf("limited to %d mW", limit[0])
	}
	if config.Controller, err = control.New(control.Greedy, config.Site, control.Options{}); err != nil {
		t.Fatal(err)
	}
	if totals, err := charging.Run(*config, nil); err != nil || totals.Delivered == 0 {
		t.Errorf("delivered %d mJ, %v", totals.Delivered, err)
	}
}

func TestWhatIsNoScenarioIsRefused(t *testing.T) {
	changes := map[string][2]string{
		"no JSON":              {`{`, ``},
		"two connectors":       {`"GC": {"max`, `"GC2": {"max_power": 1}, "GC": {"max`},
		"no such type":         {`"vehicle_type": "car", "soc": 1`, `"vehicle_type": "bus", "soc": 1`},
		"no such station":      {`"connected_charging_station": "CS1"`, `"connected_charging_station": "CS9"`},
		"too full":             {`"soc": 0.5, "desired`, `"soc": 1.5, "desired`},
		"no such file":         {`load.csv`, `other.csv`},
		"no such column":       {`"column": "kW"`, `"column": "MW"`},
		"no interval":          {`"interval": 15`, `"interval": 0`},
		"too long":             {`"n_intervals": 96`, `"n_intervals": 1000000`},
		"endless steps":        {`"step_duration_s": 3600, "values"`, `"step_duration_s": 0, "values"`},
		"a price of nothing":   {`"value": 0.5`, `"value": "cheap"`},
		"a curve beyond full":  {`[1, 2]]`, `[1.2, 2]]`},
		"a battery of nothing": {`"capacity": 10`, `"capacity": 0`},
		"prices from CSV":      {`"fixed_load"`, `"energy_price_from_csv": {"csv_file": "p.csv"}, "fixed_load"`},
	}
	for name, change := range changes {
		spoiled := strings.Replace(small, change[0], change[1], 1)
		if spoiled == small {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := spiceev.Read([]byte(spoiled), load); !errors.Is(err, spiceev.ErrFile) {
			t.Errorf("%s: %v, want ErrFile", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := spiceev.Read(data, load)
		if err != nil {
			if !errors.Is(err, spiceev.ErrFile) {
				t.Fatalf("%v is not ErrFile", err)
			}
			return
		}
		if config.Step <= 0 || config.Duration <= 0 || config.Duration > charging.DurationMax {
			t.Fatalf("%v in steps of %v", config.Duration, config.Step)
		}
	})
}
