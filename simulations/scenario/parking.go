package scenario

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// parking remembers until when each station is taken, so that vehicles of fleets find one that is free.
type parking struct {
	scenario *Scenario
	until    []time.Duration
}

func newParking(s *Scenario) *parking {
	p := &parking{s, make([]time.Duration, len(s.Stations))}
	for _, v := range s.Vehicles {
		for _, visit := range v.Visits {
			for i, st := range s.Stations {
				if st.Name == visit.Station {
					p.until[i] = max(p.until[i], visit.At+visit.Stay)
				}
			}
		}
	}
	return p
}

// group gives the stations with some names, or of some groups; with no name all that charge.
func (p *parking) group(names []string) ([]int, error) {
	var found []int
	for i, st := range p.scenario.Stations {
		if slices.Contains(names, st.Name) || slices.Contains(names, st.Group) || len(names) == 0 && st.Service == ServiceCharging {
			found = append(found, i)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(p.scenario.Stations, func(st Station) bool { return st.Name == name || st.Group == name }) {
			return nil, p.scenario.problem(suggest(name, p.scenario.stationNames()), "a fleet goes to an unknown station %q", clip(name))
		}
	}
	if len(found) == 0 {
		return nil, p.scenario.problem("add `stations:` with at least one", "a fleet has nowhere to go")
	}
	return found, nil
}

// place gives each visit the station of the group that has been free for longest, in the order of arrival; when all are
// taken, the one that is free first.
func (p *parking) place(vehicles []Vehicle, group []int) {
	var all []*Visit
	for i := range vehicles {
		for j := range vehicles[i].Visits {
			if visit := &vehicles[i].Visits[j]; visit.Station == "" {
				all = append(all, visit)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *Visit) int { return cmp.Compare(a.At, b.At) })
	for _, visit := range all {
		best := slices.MinFunc(group, func(a, b int) int { return cmp.Compare(p.until[a], p.until[b]) })
		visit.Station = p.scenario.Stations[best].Name
		p.until[best] = max(p.until[best], visit.At) + visit.Stay
	}
}

// lowerName makes a name of a data set one of a scenario.
func lowerName(name string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + ('a' - 'A')
		}
		return '-'
	}, name), "-")
}
