package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reading is what came of a file.
type Reading struct {
	Sessions []Session // in the order of their arrival
	Rows     int       // that the file has, without its head
	Bad      []BadRow  // the first BadMax of those that cannot be meant
	Reasons  map[Reason]int
}

// BadMax bounds the rows that are named; all are counted.
const BadMax = 1000

// BadCount gives how many rows cannot be meant.
func (r *Reading) BadCount() int { return r.Rows - len(r.Sessions) }

// BadRow is a row that cannot be meant.
type BadRow struct {
	Place  string // "line 12" of a table, "item 3" of a list
	Reason Reason
	Detail string // may be empty
}

func (b BadRow) String() string {
	if b.Detail == "" {
		return b.Place + ": " + string(b.Reason)
	}
	return b.Place + ": " + string(b.Reason) + ", " + b.Detail
}

// Reason says why a row cannot be meant.
type Reason string

// Reasons.
const (
	ReasonFields   Reason = "another number of fields than the head"
	ReasonNoTime   Reason = "no time of arrival or departure"
	ReasonTime     Reason = "a time that cannot be read"
	ReasonYear     Reason = "a year before 1971 or after 2500"
	ReasonBackward Reason = "leaves before it arrives"
	ReasonNoStay   Reason = "leaves as it arrives"
	ReasonLong     Reason = "stays for more than 30 days"
	ReasonNoEnergy Reason = "no energy"
	ReasonNumber   Reason = "a number that cannot be read"
	ReasonPower    Reason = "a mean power above 1 MW"
	ReasonCharge   Reason = "a state of charge below 0 or above 100 %"
	ReasonObject   Reason = "not an object of the format"
)

// Bounds of what can be meant.
const (
	// stayMax tells a long stay from swapped day and month, which are at least four weeks apart.
	stayMax = 30 * 24 * time.Hour
	// meanPowerMax is above what public chargers for cars give.
	meanPowerMax = 1_000_000_000
)

// BadRows is the refusal of a file with rows that cannot be meant.
type BadRows struct {
	Rows    int
	Bad     int
	First   []BadRow
	Reasons map[Reason]int
}

// Error names the first rows.
func (e *BadRows) Error() string {
	places := make([]string, len(e.First))
	for i, b := range e.First {
		places[i] = b.String()
	}
	return fmt.Sprintf("%v: %d of %d: %s", ErrRow, e.Bad, e.Rows, strings.Join(places, "; "))
}

// Unwrap makes errors.Is(err, ErrRow) true.
func (e *BadRows) Unwrap() error { return ErrRow }

// namedMax is how many rows an error names.
const namedMax = 3

// problem is why a row is bad.
type problem struct {
	reason Reason
	detail string
}

func bad(reason Reason, text string) *problem {
	if text == "" {
		return &problem{reason, ""}
	}
	return &problem{reason, fmt.Sprintf("%.40q", text)}
}

// gathering takes rows one after the other.
type gathering struct {
	reading   Reading
	delivered bool
}

// add takes a row, or what is wrong with it.
func (g *gathering) add(place func() string, s Session, p *problem) error {
	g.reading.Rows++
	if g.reading.Rows > SessionsMax {
		return fmt.Errorf("%w: more than %d rows", ErrLimit, SessionsMax)
	}
	if p == nil {
		p = s.problem()
	}
	if p == nil {
		if g.delivered {
			s.EnergyMilliwattHours = s.DeliveredMilliwattHours
		}
		g.reading.Sessions = append(g.reading.Sessions, s)
		return nil
	}
	g.reading.Reasons[p.reason]++
	if len(g.reading.Bad) < BadMax {
		g.reading.Bad = append(g.reading.Bad, BadRow{place(), p.reason, p.detail})
	}
	return nil
}

// problem says why a session cannot be meant; nil: it can.
func (s *Session) problem() *problem {
	stay := s.Leaves.Sub(s.Arrives)
	switch {
	case s.Arrives.Year() < 1971 || s.Leaves.Year() > 2500:
		return bad(ReasonYear, s.Arrives.Format(time.DateOnly))
	case stay < 0:
		return bad(ReasonBackward, span(s))
	case stay == 0:
		return bad(ReasonNoStay, "")
	case stay > stayMax:
		return bad(ReasonLong, span(s))
	case s.DeliveredMilliwattHours > meanPowerMax/int64(time.Hour/time.Second)*int64((stay+time.Second-1)/time.Second):
		return bad(ReasonPower, "")
	case s.FromPermille != Unknown && s.ToPermille != Unknown && s.FromPermille > s.ToPermille:
		return bad(ReasonCharge, "")
	}
	return nil
}

func span(s *Session) string {
	const minutes = "2006-01-02 15:04"
	return s.Arrives.Format(minutes) + " to " + s.Leaves.Format(minutes)
}

// end gives what was read, or refuses the file.
func (g *gathering) end(skip bool) (*Reading, error) {
	r := &g.reading
	if count := r.BadCount(); count > 0 && !skip {
		return nil, &BadRows{r.Rows, count, slices.Clone(r.Bad[:min(namedMax, len(r.Bad))]), maps.Clone(r.Reasons)}
	}
	slices.SortStableFunc(r.Sessions, func(a, b Session) int { return a.Arrives.Compare(b.Arrives) })
	return r, nil
}
