package charging_test

import (
	"encoding/csv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
)

// The experiment 2.1 of ACN-Sim: a month of a university's garage, at 27 capacities of its transformer, five algorithms,
// and two models of its network.
const (
	acnPeriod       = 5 * time.Minute
	acnThreshold    = 1_000 * control.MillijoulesPerMilliwattHour   // less than 1 Wh is nothing to ask for
	acnMet          = 100_000 * control.MillijoulesPerMilliwattHour // who lacks no more than 0.1 kWh is content
	acnVehiclePower = 6_600_000
	acnHalveTo      = 10
)

type acnReference struct {
	Results []struct {
		Net          string  `json:"net"`
		Algorithm    string  `json:"alg"`
		CapacityKW   int     `json:"cap_kw"`
		DeliveredPct float64 `json:"delivered_pct"`
		MetPct       float64 `json:"demands_met_pct"`
		PeakKW       float64 `json:"peak_kw"`
	} `json:"results"`
}

type acnNetwork struct {
	Stations []string    `json:"station_ids"`
	Angles   []float64   `json:"phase_angle_deg"`
	Voltages []float64   `json:"voltage_v"`
	Names    []string    `json:"constraint_names"`
	Matrix   [][]float64 `json:"constraint_matrix"`
	MaxAmps  []float64   `json:"max_pilot_a"`
}

func readNetwork(t testing.TB) *acnNetwork {
	n := new(acnNetwork)
	shared.ReadJSON(t, "data/reference/acnsim_caltech_network.json", n)
	return n
}

// site makes one of the two networks at a capacity of the transformer.
func (n *acnNetwork) site(t testing.TB, net string, capacityKW int) *grid.Site {
	t.Helper()
	stations := make([]grid.Station, len(n.Stations))
	for i, name := range n.Stations {
		connection := map[float64]grid.Connection{30: grid.AB, -90: grid.BC, 150: grid.CA}[n.Angles[i]]
		if net == "single_phase" {
			connection = grid.A
		}
		stations[i] = grid.Station{Name: name, Connection: connection, VoltageMillivolts: int64(n.Voltages[i] * 1000), MaxMilliamps: int64(n.MaxAmps[i] * 1000)}
	}
	site, err := grid.New([]grid.Circuit{{Name: "garage", Above: -1}}, stations, n.constraints(net, capacityKW))
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// constraints gives 80 A for each pod, and what the transformer lets through on its 120 V and its 277 V side.
func (n *acnNetwork) constraints(net string, capacityKW int) []grid.Constraint {
	watts := float64(capacityKW) * 1000
	if net == "single_phase" {
		return []grid.Constraint{{Name: "transformer", Coefficients: slices.Repeat([]float64{1}, len(n.Stations)), LimitAmps: watts / 208}}
	}
	var rows []grid.Constraint
	for i, name := range n.Names {
		limit := 80.0
		if strings.HasPrefix(name, "Secondary") {
			limit = watts / 3 / 120
		} else if strings.HasPrefix(name, "Primary") {
			limit = watts / 3 / 277
		}
		rows = append(rows, grid.Constraint{Name: name, Coefficients: n.Matrix[i], LimitAmps: limit})
	}
	return rows
}

func readSessions(t testing.TB, n *acnNetwork) []charging.Session {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(shared.Read(t, "data/sessions/acn_caltech_2019_03.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var sessions []charging.Session
	for _, row := range rows[1:] {
		sessions = append(sessions, charging.Session{
			Vehicle: row[8], Station: slices.Index(n.Stations, row[7]),
			Arrival: periods(t, row[0]), Departure: periods(t, row[1]), Announced: periods(t, row[2]),
			RequestedMillijoules: int64(math.Round(decimal(t, row[3])*1e6)) * control.MillijoulesPerMilliwattHour,
			DeclaredMilliwatts:   grid.PowerMaxMilliwatts, // ACN's drivers say nothing about their cars
			Battery:              charging.Battery{MaxMilliwatts: acnVehiclePower},
			MaxPrice:             control.Unknown,
		})
	}
	return sessions
}

func periods(t testing.TB, text string) time.Duration {
	return time.Duration(decimal(t, text)) * acnPeriod
}

func decimal(t testing.TB, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var acnNames = map[string]string{"Unctrl": control.Uncontrolled, "FCFS": control.FCFS, "EDF": control.EDF, "LLF": control.LLF, "RR": control.RoundRobin}

func acnConfig(t testing.TB, site *grid.Site, algorithm string, sessions []charging.Session) charging.Config {
	t.Helper()
	controller, err := control.New(acnNames[algorithm], site, control.Options{HalveToMilliamps: acnHalveTo})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2019, 3, 1, 0, 0, 0, 0, time.FixedZone("PST", -8*3600))
	return charging.Config{Site: site, Controller: controller, Start: start, Step: acnPeriod, Sessions: sessions, SatisfiedMillijoules: acnThreshold}
}

// tally counts the vehicles that got what they asked for.
type tally struct{ met int }

func (c *tally) Add(measure.Step) {}

func (c *tally) AddVisit(v measure.Visit) {
	if (v.Requested-v.Delivered)*control.MillijoulesPerMilliwattHour <= acnMet {
		c.met++
	}
}

func TestACNSimExperiment21IsMatchedAtEveryPoint(t *testing.T) {
	var reference acnReference
	shared.ReadJSON(t, "data/reference/acnsim_2.1_reference.json", &reference)
	network := readNetwork(t)
	sessions := readSessions(t, network)
	worst := map[string][3]float64{}
	for _, want := range reference.Results {
		site := network.site(t, want.Net, want.CapacityKW)
		var count tally
		totals, err := charging.Run(acnConfig(t, site, want.Algorithm, sessions), &count)
		if err != nil {
			t.Fatal(err)
		}
		delivered := 100 * float64(totals.Delivered) / float64(totals.Requested)
		met := 100 * float64(count.met) / float64(totals.Sessions)
		peak := float64(totals.Peak) / 1e6
		off := worst[want.Net+" "+want.Algorithm]
		for i, difference := range []float64{delivered - want.DeliveredPct, met - want.MetPct, peak - want.PeakKW} {
			off[i] = max(off[i], math.Abs(difference))
		}
		worst[want.Net+" "+want.Algorithm] = off
		if far(delivered, want.DeliveredPct) || far(met, want.MetPct) || far(peak, want.PeakKW) {
			t.Errorf("%s %s %d kW: delivered %.4f %% (want %.4f), met %.3f %% (want %.3f), peak %.4f kW (want %.4f)", want.Net, want.Algorithm,
				want.CapacityKW, delivered, want.DeliveredPct, met, want.MetPct, peak, want.PeakKW)
		}
	}
	t.Logf("%-20s %14s %14s %14s", "greatest difference", "delivered, pp", "demands met", "peak, kW")
	for _, name := range slices.Sorted(maps.Keys(worst)) {
		t.Logf("%-20s %14.6f %14.6f %14.6f", name, worst[name][0], worst[name][1], worst[name][2])
	}
}

func far(got, want float64) bool { return math.Abs(got-want) > 0.001 }
