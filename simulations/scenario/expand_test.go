package scenario_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"joulepay/simulations/scenario"
)

// garage is a scenario with a fleet that is drawn.
const garage = `
duration: 48h
site:
  circuits: {grid: {limit: 40kW}, roof: {under: grid, fuse: 63A}}
  base: [{circuit: grid, every: 1h, values: [1.5, -0.25], scale: 50%}]
prices: {every: 1h, values: [0.30, -0.01], feed_in: 0.08}
tariffs:
  day: {elements: [{price_components: [{type: ENERGY, price: 0.30, step_size: 1}]}]}
stations: {bay: {count: 3, tariff: day, circuit: roof}}
fleets:
  staff:
    count: 6
    daily: true
    arrive: {mean: 8h, deviation: 40m, least: 6h, most: 10h}
    stay: {mean: 3h, deviation: 30m}
    energy: {mean: 12kWh, deviation: 5kWh, least: 2kWh, most: 20kWh}
    from: {mean: 40%, deviation: 20%, least: 10%, most: 60%}
`

func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("garage", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFleetIsDrawnBySeedWithinItsBoundsAndGoesToStationsThatAreFree(t *testing.T) {
	s := parse(t, garage)
	first, err := s.Expand(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Expand(1, nil)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("one seed, two worlds (%v)", err)
	}
	other, err := s.Expand(2, nil)
	if err != nil || reflect.DeepEqual(first.Vehicles, other.Vehicles) {
		t.Errorf("two seeds, one world (%v)", err)
	}
	if len(first.Vehicles) != 6 || len(s.Vehicles) != 0 || len(first.Fleets) != 0 {
		t.Fatalf("%d vehicles", len(first.Vehicles))
	}
	taken := map[string]int{}
	visits := 0
	for _, v := range first.Vehicles {
		for _, visit := range v.Visits {
			visits++
			day := visit.At / (24 * time.Hour) * (24 * time.Hour)
			if at := visit.At - day; at < 6*time.Hour || at > 10*time.Hour {
				t.Errorf("%s arrives at %s", v.Name, visit.At)
			}
			if e := visit.EnergyMilliwattHours; e < 2_000_000 || e > 20_000_000 || e%1000 != 0 {
				t.Errorf("%s wants %d mWh", v.Name, e)
			}
			if visit.FromPermille < 100 || visit.FromPermille > 600 {
				t.Errorf("%s comes with %d permille", v.Name, visit.FromPermille)
			}
			taken[visit.Station]++
		}
	}
	if visits != 12 || len(taken) != 3 {
		t.Errorf("%d visits of %v", visits, taken)
	}
}

func TestSeriesOfASiteAreScaledAndKeptAsTheyAreWritten(t *testing.T) {
	s := parse(t, garage)
	whole, err := s.Expand(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	base, price := whole.Site.Base[0], whole.Prices
	if base.At(0) != 750_000 || base.At(90*time.Minute) != -125_000 || base.At(99*time.Hour) != -125_000 || s.Site.Base[0].At(0) != 1_500_000 {
		t.Errorf("%v", base.Values)
	}
	if price.At(0) != 300_000_000 || price.At(time.Hour) != -10_000_000 || price.FeedIn != 80_000_000 {
		t.Errorf("%+v", price)
	}
}

func TestFilesOfAScenarioAreReadAndWhatIsMissingIsNamed(t *testing.T) {
	text := strings.Replace(garage, "values: [1.5, -0.25]", "file: load.csv", 1)
	files := fstest.MapFS{"load.csv": {Data: []byte("time,kW\n0,2.5\n1,3\n")}}
	whole, err := parse(t, text).Expand(1, files)
	if err != nil || whole.Site.Base[0].At(time.Hour) != 1_500_000 {
		t.Errorf("%v", err)
	}
	var problem *scenario.Problem
	if _, err := parse(t, text).Expand(1, nil); !errors.As(err, &problem) || !strings.Contains(err.Error(), "load.csv") || !strings.Contains(problem.Hint, "--data") {
		t.Errorf("%v", err)
	}
	if _, err := parse(t, strings.Replace(text, "load.csv", "../load.csv", 1)).Expand(1, files); !errors.As(err, &problem) || !strings.Contains(problem.Hint, "without ..") {
		t.Errorf("%v", err)
	}
}

func TestI9_WhatDoesNotFitTogetherIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown circuit":          {"circuit: roof", "circuit: rof"},
		"circuit above none":       {"under: grid", "under: grit"},
		"unknown group":            {"count: 6", "count: 6\n    stations: [bays]"},
		"nothing in a profile":     {"values: [1.5, -0.25], ", ""},
		"prices of nothing":        {"values: [0.30, -0.01], ", ""},
		"returns and pays nothing": {"count: 3", "count: 3, return: 10kW"},
	} {
		text := strings.Replace(garage, change[0], change[1], 1)
		s, err := scenario.Parse("garage", []byte(text))
		if err == nil {
			_, err = s.Expand(1, nil)
		}
		var problem *scenario.Problem
		if !errors.As(err, &problem) || problem.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleScenario_Expand() {
	s, err := scenario.Parse("garage", []byte(garage))
	if err != nil {
		fmt.Println(err)
		return
	}
	whole, err := s.Expand(7, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	v := whole.Vehicles[0]
	fmt.Println(v.Name, len(v.Visits), v.Visits[0].Station)
	// Output: staff-1 2 bay-1
}
