// Package plant owns how the electricity that a scenario describes becomes what engines run: a site with its limits, a
// controller, the surroundings of the stations, and the sessions of the engine that knows no money. It leaves what a
// scenario may say to simulations/scenario, and what then happens to simulations/charging and simulations/world.
// It keeps the two engines comparable: both are made of the same site, controller and series.
package plant

import (
	"fmt"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
	"joulepay/simulations/scenario"
	"joulepay/wallet/money"
)

// Plant is the electricity of a scenario. Its config has everything but sessions.
type Plant struct {
	Config   charging.Config
	Circuits []string       // names, the connection to the grid first
	Stations map[string]int // places of stations in the site, by name; those that sell no energy are not there
}

// New makes the plant of an expanded scenario, or says what is wrong with it: errors wrap scenario.ErrScenario.
func New(s *scenario.Scenario) (*Plant, error) {
	p := &Plant{Stations: map[string]int{}}
	p.Config = charging.Config{
		Start: s.Start, Step: s.Control.Every, Horizon: 1, Loads: nil,
		FeedIn: charging.Series{}, Watched: watched(s),
	}
	for _, build := range []func(*scenario.Scenario) error{p.site, p.limits, p.controller, p.loads, p.storage, p.markets} {
		if err := build(s); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", scenario.ErrScenario, s.Name, err)
		}
	}
	return p, nil
}

// watchedMax is how many vehicles have their state of charge recorded: more curves nobody can tell apart.
const watchedMax = 8

// watched are the first vehicles that charge.
func watched(s *scenario.Scenario) []string {
	var names []string
	for _, v := range s.Vehicles {
		if len(names) < watchedMax {
			names = append(names, v.Name)
		}
	}
	return names
}

// site builds circuits and stations.
func (p *Plant) site(s *scenario.Scenario) error {
	var circuits []grid.Circuit
	for _, c := range s.Site.Circuits {
		above := -1
		if c.Under != "" {
			above = p.circuit(c.Under)
		}
		circuits = append(circuits, grid.Circuit{
			Name: c.Name, Above: above, LimitMilliwatts: c.LimitMilliwatts, LimitMilliamps: c.LimitMilliamps, Loads: grid.Balanced,
			VoltageMillivolts: s.Site.VoltageMillivolts,
		})
		p.Circuits = append(p.Circuits, c.Name)
	}
	if len(circuits) == 0 {
		circuits = []grid.Circuit{{Name: "grid", Above: -1, Loads: grid.Balanced, VoltageMillivolts: s.Site.VoltageMillivolts}}
		p.Circuits = []string{"grid"}
	}
	var stations []grid.Station
	for _, st := range s.Stations {
		if st.Service != scenario.ServiceCharging {
			continue
		}
		p.Stations[st.Name] = len(stations)
		station := grid.Station{
			Name: st.Name, Circuit: p.circuit(st.Circuit), Connection: scenario.Phases[st.Phase], VoltageMillivolts: st.VoltageMillivolts,
			MaxMilliwatts: st.PowerMilliwatts, MaxMilliamps: st.MaxMilliamps, ReturnMaxMilliwatts: st.ReturnMilliwatts,
		}
		if station.VoltageMillivolts == 0 && len(st.Phase) != 2 {
			station.VoltageMillivolts = s.Site.VoltageMillivolts
		}
		stations = append(stations, station)
	}
	site, err := grid.New(circuits, stations, p.constraints(s))
	p.Config.Site = site
	return err
}

// circuit gives the place of a circuit; an empty name is the connection to the grid.
func (p *Plant) circuit(name string) int {
	for i, c := range p.Circuits {
		if c == name {
			return i
		}
	}
	return 0 // Check has looked every name up
}

// constraints spreads the coefficients of a network over all stations.
func (p *Plant) constraints(s *scenario.Scenario) []grid.Constraint {
	if s.Site.Network == nil {
		return nil
	}
	var rows []grid.Constraint
	for _, c := range s.Site.Network.Constraints {
		row := grid.Constraint{Name: c.Name, LimitAmps: c.LimitAmps, Coefficients: make([]float64, len(p.Stations))}
		for i, member := range s.Site.Network.Members {
			row.Coefficients[p.Stations[member]] = c.Coefficients[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// limits arranges signals in time.
func (p *Plant) limits(s *scenario.Scenario) error {
	var signals []grid.Signal
	silences := map[string][]grid.Silence{}
	for _, g := range s.Signals {
		end := time.Duration(0)
		if g.For > 0 {
			end = g.At + g.For
		}
		if g.Silent {
			silences[g.Source] = append(silences[g.Source], grid.Silence{Start: g.At, End: max(end, g.At)})
			continue
		}
		signals = append(signals, grid.Signal{
			Source: g.Source, Circuit: p.circuit(g.Circuit), Start: g.At, End: end, LimitMilliwatts: g.LimitMilliwatts,
		})
	}
	var sources []grid.Source
	for _, source := range s.Sources {
		sources = append(sources, grid.Source{
			Name: source.Name, Circuit: p.circuit(source.Circuit), FailsafeMilliwatts: source.FailsafeMilliwatts,
			Patience: source.Patience, Silences: silences[source.Name],
		})
	}
	if len(signals)+len(sources) == 0 {
		return nil
	}
	limits, err := grid.NewLimits(p.Config.Site, signals, sources)
	p.Config.Limits = limits
	return err
}

func (p *Plant) controller(s *scenario.Scenario) error {
	if control.Plans(s.Control.Algorithm) {
		p.Config.Horizon = max(1, int(s.Control.Horizon/s.Control.Every))
	}
	controller, err := control.New(s.Control.Algorithm, p.Config.Site, s.Control.Options)
	p.Config.Controller = controller
	return err
}

func (p *Plant) loads(s *scenario.Scenario) error {
	for _, part := range []struct {
		kind     charging.Kind
		profiles []scenario.Profile
	}{{charging.Base, s.Site.Base}, {charging.Solar, s.Site.Solar}} {
		for _, profile := range part.profiles {
			p.Config.Loads = append(p.Config.Loads, charging.Load{
				Circuit: p.circuit(profile.Circuit), Kind: part.kind, Series: series(profile.Series),
			})
		}
	}
	return nil
}

func series(s scenario.Series) charging.Series {
	return charging.Series{Step: s.Every, Values: s.Values, Repeat: s.Repeats}
}

// storage has half of the losses on the way in and half on the way out.
func (p *Plant) storage(s *scenario.Scenario) error {
	b := s.Site.Storage
	if b == nil {
		return nil
	}
	const permille = 1000
	oneWay := rootPermille(b.EfficiencyPPM)
	p.Config.Storages = []charging.Storage{{
		Circuit: p.circuit(b.Circuit), CapacityMillijoules: b.CapacityMilliwattHours * control.MillijoulesPerMilliwattHour,
		StoredMillijoules: b.CapacityMilliwattHours / permille * int64(b.FromPermille) * control.MillijoulesPerMilliwattHour,
		MaxMilliwatts:     b.PowerMilliwatts, ReturnMilliwatts: b.PowerMilliwatts, ChargePermille: oneWay, ReturnPermille: oneWay,
	}}
	return nil
}

// rootPermille gives the square root of parts per million, in permille.
func rootPermille(ppm int64) int64 {
	root := int64(0)
	for (root+1)*(root+1) <= ppm {
		root++
	}
	return root
}

// markets hand over prices and intensity.
func (p *Plant) markets(s *scenario.Scenario) error {
	if s.Prices != nil {
		p.Config.Price = series(s.Prices.Series)
		p.Config.FeedIn = charging.Series{Step: s.Prices.Every, Values: []int64{int64(s.Prices.FeedIn)}}
	}
	if s.Carbon != nil {
		const milligrams = 1000
		carbon := series(*s.Carbon)
		carbon.Values = make([]int64, len(s.Carbon.Values))
		for i, grams := range s.Carbon.Values {
			carbon.Values[i] = grams * milligrams
		}
		p.Config.Intensity = carbon
	}
	return nil
}

// Recorded says what a recorder of this plant records.
func (p *Plant) Recorded(s *scenario.Scenario) measure.Site {
	site := measure.Site{
		Start: s.Start, Duration: s.Duration, Currency: s.Ledger.Currency, Circuits: p.Circuits, Watched: p.Config.Watched,
		NominalMillivolts: s.Site.VoltageMillivolts,
	}
	if s.Site.DemandCharge > 0 {
		site.Demand = measure.Demand{PerKilowatt: s.Site.DemandCharge, Window: s.Site.DemandWindow}
	}
	return site
}

// Sessions gives the visits of a scenario as the engine of control runs them.
func (p *Plant) Sessions(s *scenario.Scenario) []charging.Session {
	var all []charging.Session
	for _, v := range s.Vehicles {
		for _, visit := range v.Visits {
			if station, charges := p.Stations[visit.Station]; charges {
				all = append(all, session(v, visit, station))
			}
		}
	}
	return all
}

// session makes one visit. Who names no stay leaves after a day.
func session(v scenario.Vehicle, visit scenario.Visit, station int) charging.Session {
	const permille, day = 1000, 24 * time.Hour
	stay := visit.Stay
	if stay == 0 {
		stay = day
	}
	wanted := v.Wanted(visit)
	x := charging.Session{
		Vehicle: v.Name, Station: station, Arrival: visit.At, Departure: visit.At + stay, Announced: visit.Departs,
		RequestedMillijoules: wanted * control.MillijoulesPerMilliwattHour, Priority: v.Policy.Priority, MaxPrice: Price(v.Policy.PriceMax),
		Battery: charging.Battery{
			CapacityMillijoules: v.Battery.CapacityMilliwattHours * control.MillijoulesPerMilliwattHour, MaxMilliwatts: v.Battery.MaxPowerMilliwatts,
			StoredMillijoules: v.Battery.CapacityMilliwattHours / permille * int64(visit.FromPermille) * control.MillijoulesPerMilliwattHour,
			ReturnMilliwatts:  v.Policy.ReturnMilliwatts,
		},
		FloorMillijoules: v.Battery.CapacityMilliwattHours / permille * int64(v.Policy.FloorPermille) * control.MillijoulesPerMilliwattHour,
	}
	if !v.Policy.Ideal {
		x.Battery.TaperFromPermille = int64(v.Battery.KneePermille)
	}
	if v.Policy.Undeclared {
		x.DeclaredMilliwatts = grid.PowerMaxMilliwatts
	}
	return x
}

// Price gives a limit of a price as controllers have it, where 0 is none.
func Price(most money.Amount) money.Amount {
	if most == 0 {
		return control.Unknown
	}
	return most
}
