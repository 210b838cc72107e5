package grid

import (
	"fmt"
	"slices"
	"time"
)

// SignalsMax bounds signals, and silences, of a run: one in every quarter of an hour for a year.
const SignalsMax = 4 * 24 * 366

// Signal is a limit that a source sets on a circuit for a time. Of a source's signals to a circuit the one that began last counts.
type Signal struct {
	Source     string // who says so, for example "grid operator"; a name of a Source, or anything
	Circuit    int
	Start, End time.Duration // since the start of the run; End 0: for good

	LimitMilliwatts int64 // drawn; 0 allows nothing, Unlimited lifts the source's earlier signals
}

// Source is somebody whose signals must be heard all the time: while it is silent for longer than it is patient, its
// failsafe holds on its circuit in place of its signals (as § 14a EnWG and VDE-AR-E 2829-6 ask of controllable consumers).
type Source struct {
	Name               string
	Circuit            int
	FailsafeMilliwatts int64
	Patience           time.Duration
	Silences           []Silence // in the order of their times; a signal that begins in one is heard at its end
}

// Silence is a time in which nothing is heard of a source.
type Silence struct{ Start, End time.Duration }

// Limits is what sources say about a site's circuits, over time. The least of all that holds at a time counts, a
// circuit's own limit included.
type Limits struct {
	site    *Site
	signals []heard
	sources []Source
	changes []time.Duration
	latest  []int64 // of every pair of source and circuit, while At runs
}

// heard is a signal with the place of its source and circuit in latest, and its source; -1: of no Source.
type heard struct {
	Signal
	pair, source int
}

// NewLimits arranges signals and the sources that must be heard, or says what is wrong with them.
func NewLimits(site *Site, signals []Signal, sources []Source) (*Limits, error) {
	if len(signals) > SignalsMax || len(sources) > CircuitsMax {
		return nil, fmt.Errorf("%w: %d signals (up to %d), %d sources (up to %d)", ErrSite, len(signals), SignalsMax, len(sources), CircuitsMax)
	}
	l := &Limits{site: site, sources: sources}
	for i, source := range sources {
		if err := source.check(site); err != nil {
			return nil, fmt.Errorf("%w: source %d %q: %s", ErrSite, i, source.Name, err)
		}
		for _, silence := range source.Silences {
			l.changes = append(l.changes, silence.Start, silence.Start+source.Patience, silence.End)
		}
	}
	type pair struct {
		source  string
		circuit int
	}
	pairs := map[pair]int{}
	for i, signal := range signals {
		if err := signal.check(site); err != nil {
			return nil, fmt.Errorf("%w: signal %d of %q: %s", ErrSite, i, signal.Source, err)
		}
		key := pair{signal.Source, signal.Circuit}
		if _, known := pairs[key]; !known {
			pairs[key] = len(pairs)
		}
		source := slices.IndexFunc(sources, func(s Source) bool { return s.Name == signal.Source })
		l.signals = append(l.signals, heard{signal, pairs[key], source})
		l.changes = append(l.changes, signal.Start)
		if signal.End != 0 {
			l.changes = append(l.changes, signal.End)
		}
	}
	slices.SortStableFunc(l.signals, func(a, b heard) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	slices.Sort(l.changes)
	l.changes = slices.Compact(l.changes)
	l.latest = make([]int64, len(pairs))
	return l, nil
}

func (s Signal) check(site *Site) error {
	switch {
	case s.Circuit < 0 || s.Circuit >= site.Circuits():
		return fmt.Errorf("no circuit %d", s.Circuit)
	case s.LimitMilliwatts != Unlimited && !within(s.LimitMilliwatts, PowerMaxMilliwatts):
		return fmt.Errorf("limit of %d mW", s.LimitMilliwatts)
	case s.Start < 0 || s.End != 0 && s.End <= s.Start:
		return fmt.Errorf("from %v to %v", s.Start, s.End)
	}
	return nil
}

func (s Source) check(site *Site) error {
	switch {
	case s.Circuit < 0 || s.Circuit >= site.Circuits():
		return fmt.Errorf("no circuit %d", s.Circuit)
	case !within(s.FailsafeMilliwatts, PowerMaxMilliwatts):
		return fmt.Errorf("failsafe of %d mW", s.FailsafeMilliwatts)
	case s.Patience < 0 || len(s.Silences) > SignalsMax:
		return fmt.Errorf("patience of %v, %d silences", s.Patience, len(s.Silences))
	}
	last := time.Duration(0)
	for _, silence := range s.Silences {
		if silence.Start < last || silence.End <= silence.Start {
			return fmt.Errorf("silence from %v to %v", silence.Start, silence.End)
		}
		last = silence.End
	}
	return nil
}

// At writes the limit in force on every circuit at a time, in milliwatts; Unlimited where there is none.
func (l *Limits) At(now time.Duration, into []int64) {
	for c := range into {
		into[c] = l.site.ownLimit(c)
	}
	for i := range l.latest {
		l.latest[i] = Unlimited
	}
	for i := range l.signals {
		if s := &l.signals[i]; s.Start <= now && (s.End == 0 || now < s.End) && l.counts(s, now) {
			l.latest[s.pair] = s.LimitMilliwatts
		}
	}
	for i := range l.signals {
		s := &l.signals[i]
		into[s.Circuit] = lesser(into[s.Circuit], l.latest[s.pair])
	}
	for i := range l.sources {
		if s := &l.sources[i]; s.failed(now) {
			into[s.Circuit] = lesser(into[s.Circuit], s.FailsafeMilliwatts)
		}
	}
}

// counts tells whether a signal was heard, and its source not replaced by its failsafe.
func (l *Limits) counts(s *heard, now time.Duration) bool {
	if s.source < 0 {
		return true
	}
	silence, silent := l.sources[s.source].silence(now)
	return !silent || s.Start < silence.Start && now < silence.Start+l.sources[s.source].Patience
}

func (s *Source) failed(now time.Duration) bool {
	silence, silent := s.silence(now)
	return silent && now >= silence.Start+s.Patience
}

func (s *Source) silence(now time.Duration) (Silence, bool) {
	for _, silence := range s.Silences {
		if silence.Start <= now && now < silence.End {
			return silence, true
		}
	}
	return Silence{}, false
}

// Next gives the first time after now at which a limit may change; false when none does.
func (l *Limits) Next(now time.Duration) (time.Duration, bool) {
	i, found := slices.BinarySearch(l.changes, now)
	if found {
		i++
	}
	if i >= len(l.changes) {
		return 0, false
	}
	return l.changes[i], true
}
