package scenario

import (
	"encoding/json"
	"slices"
	"strconv"

	"joulepay/simulations/grid"
)

// networkFile is a network in the form in which ACN-Sim's experiments are published.
type networkFile struct {
	Stations    []string             `json:"station_ids"`
	Angles      []float64            `json:"phase_angle_deg"`
	Voltages    []float64            `json:"voltage_v"`
	MaxAmps     []float64            `json:"max_pilot_a"`
	Constraints []string             `json:"constraint_names"`
	Matrix      [][]float64          `json:"constraint_matrix"`
	Magnitudes  map[string][]float64 `json:"magnitudes_a"` // by the capacity of the transformer in kW
}

// angles are the phases between which a load of such an angle lies.
var angles = map[float64]string{30: "12", -90: "23", 150: "31", 0: "1", -120: "2", 120: "3"}

// network reads the network of a site, and makes a station of each of its own.
func (e *expansion) network() error {
	s := &e.scenario
	if s.Site.Network == nil {
		return nil
	}
	data, err := e.read(s.Site.Network.File)
	if err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return s.problem("see ACN-Sim's ChargingNetwork for the form", "network "+format, args...)
	}
	var file networkFile
	if err := json.Unmarshal(data, &file); err != nil {
		return bad("%q: %v", clip(s.Site.Network.File), err)
	}
	n := len(file.Stations)
	if n == 0 || n > PartiesMax || len(file.Angles) != n || len(file.Voltages) != n || len(file.MaxAmps) != n || len(file.Matrix) != len(file.Constraints) {
		return bad("%q: lists of different lengths", clip(s.Site.Network.File))
	}
	limits, err := file.limits(s.Site.Network.CapacityMilliwatts)
	if err != nil {
		return bad("%q: %v", clip(s.Site.Network.File), err)
	}
	network := *s.Site.Network
	s.Site.Network = &network
	for i, row := range file.Matrix {
		if len(row) != n {
			return bad("%q: a row of %d for %d stations", clip(network.File), len(row), n)
		}
		network.Constraints = append(network.Constraints, grid.Constraint{Name: file.Constraints[i], Coefficients: row, LimitAmps: limits[i]})
	}
	return e.members(&network, &file)
}

// members makes the stations of a network out of the one of the scenario that stands for them.
func (e *expansion) members(network *Electric, file *networkFile) error {
	s := &e.scenario
	pattern := slices.IndexFunc(s.Stations, func(st Station) bool { return st.Group == network.Stations })
	if pattern < 0 {
		return s.problem("name a line of `stations:` with `stations:` of the network", "no station %q for the network", clip(network.Stations))
	}
	var all []Station
	for i, name := range file.Stations {
		st := s.Stations[pattern]
		st.Name = lowerName(name)
		phase, known := angles[file.Angles[i]]
		if !known {
			return s.problem("", "station %q of the network has an angle of %g degrees", clip(name), file.Angles[i])
		}
		const milli = 1000
		st.Phase, st.VoltageMillivolts, st.MaxMilliamps = phase, int64(file.Voltages[i]*milli), int64(file.MaxAmps[i]*milli)
		st.PowerMilliwatts = st.VoltageMillivolts * st.MaxMilliamps / milli
		network.Members = append(network.Members, st.Name)
		all = append(all, st)
	}
	s.Stations = slices.Concat(s.Stations[:pattern], all, s.Stations[pattern+1:])
	s.Site.Network = network
	return nil
}

// limits gives the limit of each constraint at a capacity: as the file says, or on the line between two that it has.
func (f *networkFile) limits(capacityMilliwatts int64) ([]float64, error) {
	var low, high float64
	want := float64(capacityMilliwatts) / milliwattsPerKilowatt
	for text := range f.Magnitudes {
		capacity, err := strconv.ParseFloat(text, 64)
		if err != nil || len(f.Magnitudes[text]) != len(f.Matrix) {
			return nil, strconv.ErrSyntax
		}
		if low == 0 || capacity < low {
			low = capacity
		}
		high = max(high, capacity)
	}
	if exact, known := f.Magnitudes[strconv.FormatFloat(want, 'f', -1, 64)]; known {
		return exact, nil
	}
	if low == high {
		return nil, strconv.ErrRange
	}
	a, b := f.Magnitudes[strconv.FormatFloat(low, 'f', -1, 64)], f.Magnitudes[strconv.FormatFloat(high, 'f', -1, 64)]
	limits := make([]float64, len(a))
	for i := range a {
		slope := (b[i] - a[i]) / (high - low)
		limits[i] = a[i] + float64(slope*(want-low))
	}
	return limits, nil
}
