package spiceev

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"joulepay/simulations/charging"
)

// ErrFile is wrapped by every error about what a file says.
var ErrFile = errors.New("spiceev: not a scenario that can be run")

// Bounds of a file.
const (
	SizeMax     = 64 << 20 // a hundred vehicles for a year
	VehiclesMax = 10_000
	EventsMax   = 1_000_000
	// IntervalsMax bounds the steps of a run: a minute each for a year.
	IntervalsMax = charging.ValuesMax
)

// file is the JSON of a scenario, as far as it is used here. Powers are kilowatts, energies kilowatt-hours, states of charge
// from 0 to 1. Older files say "constants", "external_load" and "energy_feed_in".
type file struct {
	Scenario struct {
		Start     time.Time  `json:"start_time"`
		Stop      *time.Time `json:"stop_time"`
		Minutes   float64    `json:"interval"`
		Intervals int        `json:"n_intervals"`
	} `json:"scenario"`
	Components components `json:"components"`
	Constants  components `json:"constants"`
	Events     struct {
		Signals        []gridSignal      `json:"grid_operator_signals"`
		Loads          map[string]series `json:"fixed_load"`
		ExternalLoads  map[string]series `json:"external_load"`
		Generation     map[string]series `json:"local_generation"`
		EnergyFeedIn   map[string]series `json:"energy_feed_in"`
		Vehicles       []vehicleEvent    `json:"vehicle_events"`
		PricesFromCSV  json.RawMessage   `json:"energy_price_from_csv"`
		ScheduleFromCS json.RawMessage   `json:"schedule_from_csv"`
	} `json:"events"`
}

type components struct {
	Types      map[string]vehicleType `json:"vehicle_types"`
	Vehicles   map[string]vehicle     `json:"vehicles"`
	Connectors map[string]connector   `json:"grid_connectors"`
	Stations   map[string]station     `json:"charging_stations"`
	Batteries  map[string]battery     `json:"batteries"`
}

type vehicleType struct {
	Capacity       float64      `json:"capacity"`
	Curve          [][2]float64 `json:"charging_curve"`
	Min            float64      `json:"min_charging_power"`
	Efficiency     *float64     `json:"battery_efficiency"`
	V2G            bool         `json:"v2g"`
	V2GFactor      *float64     `json:"v2g_power_factor"`
	DischargeLimit *float64     `json:"discharge_limit"`
}

type vehicle struct {
	Type      string     `json:"vehicle_type"`
	Station   *string    `json:"connected_charging_station"`
	Departure *time.Time `json:"estimated_time_of_departure"`
	Desired   float64    `json:"desired_soc"`
	Charge    float64    `json:"soc"`
}

type connector struct {
	Max  float64 `json:"max_power"`
	Cost *cost   `json:"cost"`
}

type station struct {
	Max    float64 `json:"max_power"`
	Min    float64 `json:"min_power"`
	Parent string  `json:"parent"`
}

type battery struct {
	Capacity   *float64     `json:"capacity"`
	Charge     float64      `json:"soc"`
	Curve      [][2]float64 `json:"charging_curve"`
	Efficiency *float64     `json:"efficiency"`
	Parent     string       `json:"parent"`
}

type gridSignal struct {
	Start time.Time `json:"start_time"`
	Max   *float64  `json:"max_power"`
	Cost  *cost     `json:"cost"`
}

type series struct {
	Start   time.Time `json:"start_time"`
	Seconds float64   `json:"step_duration_s"`
	Values  []float64 `json:"values"`
	File    string    `json:"csv_file"`
	Column  string    `json:"column"`
	Factor  *float64  `json:"factor"`
}

type vehicleEvent struct {
	Start   time.Time `json:"start_time"`
	Vehicle string    `json:"vehicle_id"`
	Kind    string    `json:"event_type"`
	Update  struct {
		Station   *string    `json:"connected_charging_station"`
		Departure *time.Time `json:"estimated_time_of_departure"`
		Desired   *float64   `json:"desired_soc"`
		Delta     float64    `json:"soc_delta"`
	} `json:"update"`
}

// cost is the price of energy: a number, or the coefficients of a polynomial, of which the price of one kWh is the sum.
type cost struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

func (c *cost) price() (float64, error) {
	var one float64
	if json.Unmarshal(c.Value, &one) == nil {
		return one, nil
	}
	var coefficients []float64
	if err := json.Unmarshal(c.Value, &coefficients); err != nil {
		return 0, fmt.Errorf("%w: cost %.40s", ErrFile, c.Value)
	}
	sum := 0.0
	for _, k := range coefficients {
		sum += k
	}
	return sum, nil
}

// parse reads a file and says what is wrong with its frame.
func parse(data []byte) (*file, error) {
	if len(data) > SizeMax {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFile, SizeMax)
	}
	f := new(file)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(f.Components.Connectors) == 0 {
		f.Components = f.Constants
	}
	if f.Events.Loads == nil {
		f.Events.Loads = f.Events.ExternalLoads
	}
	if f.Events.Generation == nil {
		f.Events.Generation = f.Events.EnergyFeedIn
	}
	return f, f.check()
}

func (f *file) check() error {
	switch {
	case len(f.Components.Connectors) != 1:
		return fmt.Errorf("%w: %d grid connectors, only one can be run", ErrFile, len(f.Components.Connectors))
	case len(f.Components.Vehicles) > VehiclesMax || len(f.Events.Vehicles) > EventsMax || len(f.Events.Signals) > EventsMax:
		return fmt.Errorf("%w: too many vehicles or events", ErrFile)
	case present(f.Events.PricesFromCSV) || present(f.Events.ScheduleFromCS):
		return fmt.Errorf("%w: prices and schedules from CSV are not read", ErrFile)
	case !(f.Scenario.Minutes >= 1.0/60 && f.Scenario.Minutes <= 24*60):
		return fmt.Errorf("%w: an interval of %v minutes", ErrFile, f.Scenario.Minutes)
	}
	if n := f.intervals(); n <= 0 || n > IntervalsMax || n > int(charging.DurationMax/f.step()) {
		return fmt.Errorf("%w: %d intervals of %v", ErrFile, n, f.step())
	}
	return nil
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func (f *file) step() time.Duration {
	return time.Duration(f.Scenario.Minutes * float64(time.Minute)).Round(time.Second)
}

func (f *file) intervals() int {
	if f.Scenario.Stop == nil {
		return f.Scenario.Intervals
	}
	return int(f.Scenario.Stop.Sub(f.Scenario.Start) / f.step())
}
