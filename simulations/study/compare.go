package study

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"joulepay/simulations/report"
)

// Comparison is what differs between two reports.
type Comparison struct {
	Before   string          `json:"before"` // scenario and seed
	After    string          `json:"after"`
	Same     bool            `json:"same"` // nothing below differs
	Figures  []Change        `json:"figures"`
	Sessions SessionsChanged `json:"sessions"`
}

// Change is a figure that differs. What a run does not know is "".
type Change struct {
	Key        string `json:"key"`
	Name       string `json:"name"`
	Unit       string `json:"unit,omitempty"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Difference string `json:"difference,omitempty"` // after − before, exact; of numbers
	Percent    string `json:"percent,omitempty"`    // of what was before, to the hundredth; "" where that was nothing
}

// SessionsChanged tells which sessions differ. A session is known by its vehicle, its service and how often that came.
type SessionsChanged struct {
	Before     int              `json:"before"`
	After      int              `json:"after"`
	OnlyBefore []string         `json:"only_before,omitempty"`
	OnlyAfter  []string         `json:"only_after,omitempty"`
	Changed    []SessionChanged `json:"changed,omitempty"`
}

// SessionChanged is a session that is in both reports, and differs.
type SessionChanged struct {
	Session string   `json:"session"` // "anna, visit 2"
	Changes []Change `json:"changes"`
}

// Compare tells what changed from one report to another.
func Compare(before, after *report.Summary) *Comparison {
	c := &Comparison{Before: title(before), After: title(after), Figures: changes(figures(before), figures(after))}
	c.Sessions = compareSessions(before.Sessions, after.Sessions)
	s := &c.Sessions
	c.Same = len(c.Figures)+len(s.OnlyBefore)+len(s.OnlyAfter)+len(s.Changed) == 0
	return c
}

func title(s *report.Summary) string { return fmt.Sprintf("%s, seed %d", s.Scenario, s.Seed) }

// figures gives the key figures and what is counted by kind.
func figures(s *report.Summary) []report.Figure {
	all := s.KeyFigures()
	for _, by := range []struct {
		section string
		counts  map[string]int
	}{{"faults", s.Faults}, {"vertices", s.Ledger.Vertices}} {
		for _, kind := range slices.Sorted(maps.Keys(by.counts)) {
			all = append(all, report.Figure{Section: by.section, Key: by.section + "." + kind, Name: by.section + ": " + kind, Value: strconv.Itoa(by.counts[kind])})
		}
	}
	return all
}

// changes gives the figures that differ, in the order of the first list, then of the second.
func changes(before, after []report.Figure) []Change {
	values := map[string]string{}
	for _, f := range after {
		values[f.Key] = f.Value
	}
	list := []Change{}
	known := map[string]bool{}
	for _, f := range before {
		known[f.Key] = true
		if values[f.Key] != f.Value {
			list = append(list, change(f, f.Value, values[f.Key]))
		}
	}
	for _, f := range after {
		if !known[f.Key] {
			list = append(list, change(f, "", f.Value))
		}
	}
	return list
}

func change(f report.Figure, before, after string) Change {
	c := Change{Key: f.Key, Name: f.Name, Unit: f.Unit, Before: before, After: after}
	a, okA := new(big.Rat).SetString(before)
	b, okB := new(big.Rat).SetString(after)
	if !okA || !okB {
		return c
	}
	difference := new(big.Rat).Sub(b, a)
	c.Difference = signed(difference, max(decimals(before), decimals(after)))
	if a.Sign() != 0 {
		share := new(big.Rat).Quo(difference, new(big.Rat).Abs(a))
		c.Percent = signed(share.Mul(share, big.NewRat(100, 1)), 2)
	}
	return c
}

func decimals(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	return len(fraction)
}

// signed writes a number with its sign and without needless zeros.
func signed(v *big.Rat, decimals int) string {
	text := v.FloatString(decimals)
	if decimals > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	switch {
	case text == "0" || text == "-0":
		return "0"
	case v.Sign() > 0:
		return "+" + text
	}
	return text
}

func compareSessions(before, after []report.Session) SessionsChanged {
	a, namesA := bySession(before)
	b, namesB := bySession(after)
	s := SessionsChanged{Before: len(before), After: len(after)}
	for _, name := range namesA {
		y, both := b[name]
		if !both {
			s.OnlyBefore = append(s.OnlyBefore, name)
			continue
		}
		if list := changes(sessionFigures(a[name]), sessionFigures(y)); len(list) > 0 {
			s.Changed = append(s.Changed, SessionChanged{name, list})
		}
	}
	for _, name := range namesB {
		if _, both := a[name]; !both {
			s.OnlyAfter = append(s.OnlyAfter, name)
		}
	}
	return s
}

// bySession names sessions by their vehicle, service and how often that came, which are the same in both reports.
func bySession(sessions []report.Session) (map[string]*report.Session, []string) {
	by, count := map[string]*report.Session{}, map[string]int{}
	var names []string
	for i := range sessions {
		who := sessions[i].Vehicle
		if sessions[i].Service != "" {
			who += ", " + sessions[i].Service
		}
		count[who]++
		name := fmt.Sprintf("%s, visit %d", who, count[who])
		by[name] = &sessions[i]
		names = append(names, name)
	}
	return by, names
}

func sessionFigures(x *report.Session) []report.Figure {
	f := func(key, value, unit string) report.Figure {
		return report.Figure{Key: key, Name: strings.ReplaceAll(key, "_", " "), Value: value, Unit: unit}
	}
	return []report.Figure{
		f("station", x.Station, ""), f("energy", x.EnergyWh.KWh(), "kWh"), f("returned", x.Returned.KWh(), "kWh"),
		f("quantity", strconv.FormatInt(x.Quantity, 10), ""), f("cost", x.Cost.Amount.String(), x.Cost.Currency.String()),
		f("paid", x.Paid.Amount.String(), x.Paid.Currency.String()), f("began", x.Began.UTC().Format(time.RFC3339), ""),
		f("served", served(x), "s"), f("claims", strconv.FormatUint(x.Claims, 10), ""), f("vertices", strconv.Itoa(x.Vertices), ""),
		f("station_phase", x.StationEnd, ""), f("reason", x.Reason, ""), f("failure", x.Failure, ""),
	}
}

// served gives the seconds from begin to end, "" when one is not known.
func served(x *report.Session) string {
	if x.Started == nil || x.Ended == nil {
		return ""
	}
	return strconv.FormatInt(int64(x.Ended.Sub(*x.Started)/time.Second), 10)
}
