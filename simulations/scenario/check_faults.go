package scenario

import (
	"slices"
	"time"
)

func (s *Scenario) checkFaults() error {
	if n := len(s.Faults) + s.Chaos.Count(); n > FaultsMax {
		return s.problem("", "%d faults, at most %d", n, FaultsMax)
	}
	if s.Chaos.Count() > 0 && s.Chaos.Longest < time.Second {
		return s.problem("", "faults of at most %s, want a second or more", s.Chaos.Longest)
	}
	for _, f := range s.Faults {
		if err := s.checkFault(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scenario) checkFault(f Fault) error {
	victims := []string{f.Who}
	switch f.Kind {
	case FaultPartition:
		victims = f.Part
		if len(victims) == 0 {
			return s.problem("write `partition: [north, ledger]`", "a partition of nobody")
		}
	case FaultSlow:
		victims = nil
	}
	names := s.victims(f.Kind)
	for _, who := range victims {
		if !slices.Contains(names, who) && len(s.Fleets) == 0 { // their vehicles have no names yet
			return s.problem(suggest(who, names), "a fault of %q, which is not there", clip(who))
		}
	}
	if f.Kind == FaultCrash && (f.Dies < PointIdle || f.Dies > PointSending) {
		return s.problem("", "a crash of %q at no instant", f.Who)
	}
	return nil
}

// victims gives what a kind of fault can strike.
func (s *Scenario) victims(kind FaultKind) []string {
	names := s.names()
	switch kind {
	case FaultPower:
		return append([]string{SiteName}, names[2:]...) // the ledger and the broker are elsewhere
	case FaultCut, FaultPartition:
		return slices.Delete(names, 1, 2) // without a broker nobody hears anybody: that is a crash of it
	}
	return names
}

func (s *Scenario) checkAttacks() error {
	cheating := map[string]bool{}
	for _, st := range s.Stations {
		cheating[st.Name] = st.Attack != ""
		if st.Attack != "" && (st.Service != ServiceCharging || !slices.Contains(StationAttacks(), st.Attack)) {
			return s.problem("only stations that charge cheat in this way", "station %q cannot %s", st.Name, clip(st.Attack))
		}
	}
	for _, v := range s.Vehicles {
		if v.Attack != "" && !slices.Contains(VehicleAttacks(), v.Attack) {
			return s.problem(suggest(v.Attack, VehicleAttacks()), "vehicle %q has an unknown attack %q", v.Name, clip(v.Attack))
		}
		for i, visit := range v.Visits {
			if visit.Stay == 0 && (v.Attack != "" || cheating[visit.Station]) {
				return s.problem("give it a `stay:`", "visit %d of %q: who cheats, or is cheated, does not leave by itself", i+1, v.Name)
			}
		}
	}
	return nil
}
