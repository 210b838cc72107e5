package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"joulepay/pricing"
)

// nameForm keeps names usable as addresses, in tables and in faults.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// Check returns a *Problem when the parts do not fit together.
func (s *Scenario) Check() error {
	for _, check := range []func() error{s.checkWhole, s.checkNames, s.checkSite, s.checkStations, s.checkVehicles, s.checkFaults, s.checkAttacks} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scenario) problem(hint, format string, args ...any) error {
	return &Problem{File: s.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (s *Scenario) checkWhole() error {
	switch {
	case s.Random != nil:
		return s.checkRandom()
	case len(s.Stations) == 0 || len(s.Stations) > PartiesMax:
		return s.problem("add `stations:` with at least one", "%d stations, want 1 to %d", len(s.Stations), PartiesMax)
	case len(s.Vehicles) == 0 && len(s.Fleets) == 0 || len(s.Vehicles) > PartiesMax:
		return s.problem("add `vehicles:` or `fleets:` with at least one", "%d vehicles, want 1 to %d", len(s.Vehicles), PartiesMax)
	case s.Duration <= 0 || s.Duration > DurationMax || s.Step <= 0:
		return s.problem("", "duration %s with steps of %s", s.Duration, s.Step)
	case s.Ledger.Window%time.Second != 0:
		return s.problem("", "a challenge window of %s, want whole seconds", s.Ledger.Window)
	}
	return nil
}

func (s *Scenario) checkNames() error {
	seen := map[string]bool{}
	for _, name := range append(s.names(), SiteName) {
		if !nameForm.MatchString(name) {
			return s.problem("use small letters, digits and hyphens", "%q is not a name", clip(name))
		}
		if seen[name] {
			return s.problem("give each its own", "two parties are named %q", name)
		}
		seen[name] = true
	}
	return nil
}

func (s *Scenario) checkStations() error {
	var tariffs []string
	for _, t := range s.Tariffs {
		if t.Tariff == nil || t.Tariff.Currency() != s.Ledger.Currency {
			return s.problem("write `currency: "+s.Ledger.Currency.String()+"`, or leave it out",
				"tariff %q is not in the ledger's currency", t.Name)
		}
		tariffs = append(tariffs, t.Name)
	}
	circuits := s.circuitNames()
	for _, st := range s.Stations {
		if st.Circuit != "" && !slices.Contains(circuits, st.Circuit) {
			return s.problem(suggest(st.Circuit, circuits), "station %q is on an unknown circuit %q", st.Name, clip(st.Circuit))
		}
		if s.Engine == EngineFull && !slices.Contains(tariffs, st.Tariff) {
			return s.problem(suggest(st.Tariff, tariffs), "station %q has no tariff %q", st.Name, clip(st.Tariff))
		}
		if (st.GiveBack > 0) != (st.ReturnMilliwatts > 0) || st.GiveBack > 0 && st.Funds == 0 {
			return s.problem("write `return: 10kW`, `give_back: 0.25` and `funds: 100` together", "station %q takes energy back, or pays for it, but not both", st.Name)
		}
		if _, err := pricing.LoadLocation(st.TimeZone); err != nil {
			return s.problem("write it as Europe/Berlin", "station %q: no time zone %q", st.Name, clip(st.TimeZone))
		}
		if s.Engine == EngineFull && (st.PowerMilliwatts <= 0 || st.ClaimEvery < 2*s.Step) {
			return s.problem("claim no more often than every other step", "station %q of %d mW claims every %s, with steps of %s",
				st.Name, st.PowerMilliwatts, st.ClaimEvery, s.Step)
		}
	}
	return nil
}

func (s *Scenario) checkVehicles() error {
	stations := s.stationNames()
	for _, v := range s.Vehicles {
		if len(v.Visits) > VisitsMax {
			return s.problem("", "vehicle %q makes %d visits, at most %d", v.Name, len(v.Visits), VisitsMax)
		}
		if v.Deposit <= 0 {
			return s.problem("add `deposit: 20`", "vehicle %q locks nothing when a channel opens", v.Name)
		}
		if v.Lifetime < 2*s.Ledger.Window {
			return s.problem("give channels a longer lifetime, or the ledger a shorter window",
				"channels of %q live for %s, with windows of %s", v.Name, v.Lifetime, s.Ledger.Window)
		}
		var last time.Duration
		for i, visit := range v.Visits {
			if !slices.Contains(stations, visit.Station) {
				return s.problem(suggest(visit.Station, stations), "vehicle %q visits an unknown station %q", v.Name, clip(visit.Station))
			}
			if visit.At < last || visit.At > s.Duration {
				return s.problem("put visits in order of time, within the duration", "visit %d of %q is at %s", i+1, v.Name, visit.At)
			}
			last = visit.At
			if err := s.checkVisit(v, visit); err != nil {
				return s.problem("", "visit %d of %q: %v", i+1, v.Name, err)
			}
		}
	}
	return nil
}

// checkVisit returns an error when a visit cannot be made.
func (s *Scenario) checkVisit(v Vehicle, visit Visit) error {
	i := slices.IndexFunc(s.Stations, func(st Station) bool { return st.Name == visit.Station })
	switch s.Stations[i].Service {
	case ServiceParking:
		if visit.Stay == 0 {
			return errors.New("parking wants `stay:`")
		}
		return nil
	case ServiceToll, ServiceData:
		if visit.Pieces == 0 {
			return fmt.Errorf("%s wants `pieces:`", s.Stations[i].Service)
		}
		return nil
	}
	_, err := v.Load(visit)
	return err
}

func (s *Scenario) circuitNames() []string {
	names := make([]string, len(s.Site.Circuits))
	for i, c := range s.Site.Circuits {
		names[i] = c.Name
	}
	return names
}

// checkSite looks that circuits are a tree, and that everything of the site hangs on one of them.
func (s *Scenario) checkSite() error {
	names := s.circuitNames()
	for i, c := range s.Site.Circuits {
		switch {
		case !nameForm.MatchString(c.Name):
			return s.problem("use small letters, digits and hyphens", "%q is not the name of a circuit", clip(c.Name))
		case i > 0 && !slices.Contains(names[:i], c.Under):
			return s.problem(suggest(c.Under, names[:i])+"; name a circuit after the one that feeds it", "circuit %q is under an unknown %q", c.Name, clip(c.Under))
		case i == 0 && c.Under != "":
			return s.problem("the first circuit is the connection to the grid", "circuit %q is under %q", c.Name, clip(c.Under))
		}
	}
	var used []string
	for _, p := range slices.Concat(s.Site.Base, s.Site.Solar) {
		used = append(used, p.Circuit)
		if len(p.Values) == 0 && p.File == "" {
			return s.problem("write `values:` or `file:`", "a profile of nothing")
		}
	}
	if b := s.Site.Storage; b != nil {
		used = append(used, b.Circuit)
		if b.CapacityMilliwattHours <= 0 || b.PowerMilliwatts <= 0 || b.EfficiencyPPM <= 0 {
			return s.problem("write `capacity:` and `power:`", "a battery of %d mWh and %d mW", b.CapacityMilliwattHours, b.PowerMilliwatts)
		}
	}
	for _, g := range s.Signals {
		used = append(used, g.Circuit)
	}
	for _, source := range s.Sources {
		used = append(used, source.Circuit)
	}
	for _, name := range used {
		if name != "" && !slices.Contains(names, name) {
			return s.problem(suggest(name, names), "unknown circuit %q", clip(name))
		}
	}
	if p := s.Prices; p != nil && len(p.Values) == 0 && p.File == "" {
		return s.problem("write `values:` or `file:`", "prices of nothing")
	}
	if s.Carbon != nil && len(s.Carbon.Values) == 0 && s.Carbon.File == "" {
		return s.problem("write `values:` or `file:`", "carbon of nothing")
	}
	return nil
}
