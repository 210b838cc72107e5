package draft_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"joulepay/internal/shared"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/scenario"
)

func TestEveryCurveOfOpenEVDataBecomesABattery(t *testing.T) {
	data := shared.Read(t, "data/curves/open_ev_data.json")
	all, err := dataset.Models(data, "")
	if err != nil {
		t.Fatal(err)
	}
	var apart struct {
		Data []struct {
			Usable float64 `json:"usable_battery_size"`
			Curve  []struct {
				Power float64 `json:"power"`
			} `json:"charging_curve"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &apart); err != nil {
		t.Fatal(err)
	}
	if len(all) != 876 || len(apart.Data) != len(all) {
		t.Fatalf("%d models, apart %d", len(all), len(apart.Data))
	}
	for i, m := range all {
		most := 0.0
		for _, p := range apart.Data[i].Curve {
			most = max(most, p.Power)
		}
		b := draft.NewBattery(m)
		if float64(b.Power)/1e6 != most || float64(m.CapacityMilliwattHours)/1e6 != apart.Data[i].Usable || b.Floor > b.Power {
			t.Errorf("%s: %+v of %d mWh, want %.1f kW and %.1f kWh", m.Name, b, m.CapacityMilliwattHours, most, apart.Data[i].Usable)
		}
		text := "stations:\n  north: {}\nengine: control\nvehicles:\n  anna:\n    visits: [{station: north}]\n    " + b.Block[strings.Index(b.Block, "battery"):]
		s, err := scenario.Parse("battery", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", m.Name, err, text)
		}
		if got := s.Vehicles[0].Battery; got.CapacityMilliwattHours != m.CapacityMilliwattHours || got.MaxPowerMilliwatts != b.Power {
			t.Errorf("%s: battery %+v", m.Name, got)
		}
	}
}

func TestModelsAreFoundByTheirWords(t *testing.T) {
	const file = `{"data": [
		{"id": "1", "brand": "A", "model": "One", "variant": "Long Range", "release_year": 2024, "usable_battery_size": 50.8,
		 "charging_curve": [{"percentage": 0, "power": 100}, {"percentage": 50, "power": 100}, {"percentage": 80, "power": 60}, {"percentage": 100, "power": 30}]},
		{"id": "2", "brand": "A", "model": "Two", "variant": "", "release_year": 2023, "usable_battery_size": 40, "charging_curve": [{"percentage": 100, "power": 11}]}]}`
	for text, want := range map[string]int{"": 2, "a": 2, "one long": 1, "ONE 2024": 1, "2": 1, "three": 0, "on": 0} {
		found, err := dataset.Models([]byte(file), text)
		if err != nil || len(found) != want {
			t.Errorf("%q finds %v, %v", text, found, err)
		}
	}
	found, err := dataset.Models([]byte(file), "one")
	if err != nil {
		t.Fatal(err)
	}
	if b := draft.NewBattery(found[0]); b.KneePermille != 500 || b.Power != 100_000_000 || b.Floor != 30_000_000 || b.DeviatesMilli != 2_000_000 {
		t.Errorf("%+v", b)
	}
	for _, broken := range []string{
		"", "[]", `{"data": []}`, `{"data": [{"usable_battery_size": 0, "charging_curve": [{"percentage": 1, "power": 1}]}]}`,
		`{"data": [{"usable_battery_size": 5, "charging_curve": []}]}`, `{"data": [{"usable_battery_size": 5, "charging_curve": [{"percentage": 101, "power": 1}]}]}`,
		`{"data": [{"usable_battery_size": 5, "charging_curve": [{"percentage": 10, "power": 1}, {"percentage": 10, "power": 2}]}]}`,
	} {
		if found, err := dataset.Models([]byte(broken), ""); !errors.Is(err, dataset.ErrRow) {
			t.Errorf("%q gives %v, %v", broken, found, err)
		}
	}
}
