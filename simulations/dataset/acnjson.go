package dataset

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// acnItem is a session of ACN-Data's API (ev.caltech.edu/dataset), as far as it is used here. Drivers may change what they
// ask for: the last input counts.
type acnItem struct {
	ID         string      `json:"_id"`
	SessionID  string      `json:"sessionID"`
	StationID  string      `json:"stationID"`
	SpaceID    string      `json:"spaceID"`
	Connects   string      `json:"connectionTime"`
	Leaves     string      `json:"disconnectTime"`
	Delivered  json.Number `json:"kWhDelivered"`
	UserInputs []struct {
		Requested json.Number `json:"kWhRequested"`
		Departure string      `json:"requestedDeparture"`
	} `json:"userInputs"`
}

func readACNJSON(data []byte, o Options, g *gathering) error {
	if len(o.Column) > 0 {
		return fmt.Errorf("%w: acn-json has no columns", ErrOption)
	}
	var frame struct {
		Items []json.RawMessage `json:"_items"`
	}
	if err := json.Unmarshal(data, &frame); err != nil {
		return fmt.Errorf("%w: %w", ErrRow, err)
	}
	if frame.Items == nil {
		return fmt.Errorf("%w: no list _items", ErrRow)
	}
	clock := newClock(o.Zone, "")
	for i, raw := range frame.Items {
		s, p := acnJSONSession(raw, clock)
		if err := g.add(item(i), s, p); err != nil {
			return err
		}
	}
	return nil
}

// item gives the place of an element of a list.
func item(i int) func() string { return func() string { return fmt.Sprintf("item %d", i+1) } }

func acnJSONSession(raw []byte, clock *clock) (Session, *problem) {
	s := Session{FromPermille: Unknown, ToPermille: Unknown}
	var x acnItem
	if err := json.Unmarshal(raw, &x); err != nil {
		return s, bad(ReasonObject, "")
	}
	s.ID, s.Station = clip(or(x.SessionID, x.ID)), clip(or(x.StationID, x.SpaceID))
	if p := parseTimes(clock, &s, x.Connects, x.Leaves); p != nil {
		return s, p
	}
	if x.Delivered == "" {
		return s, bad(ReasonNoEnergy, "")
	}
	var err error
	if s.DeliveredMilliwattHours, err = kilo(x.Delivered.String()); err != nil {
		return s, bad(ReasonNumber, x.Delivered.String())
	}
	s.EnergyMilliwattHours = s.DeliveredMilliwattHours
	if len(x.UserInputs) == 0 {
		return s, nil
	}
	last := x.UserInputs[len(x.UserInputs)-1]
	if last.Requested != "" {
		if s.EnergyMilliwattHours, err = kilo(last.Requested.String()); err != nil {
			return s, bad(ReasonNumber, last.Requested.String())
		}
	}
	if last.Departure != "" {
		if s.Says, err = clock.parse(last.Departure); err != nil {
			return s, bad(ReasonTime, last.Departure)
		}
	}
	return s, nil
}

// parseTimes reads arrival and departure.
func parseTimes(clock *clock, s *Session, arrives, leaves string) *problem {
	for _, field := range []struct {
		text string
		into *time.Time
	}{{arrives, &s.Arrives}, {leaves, &s.Leaves}} {
		if strings.TrimSpace(field.text) == "" {
			return bad(ReasonNoTime, "")
		}
		at, err := clock.parse(field.text)
		if err != nil {
			return bad(ReasonTime, field.text)
		}
		*field.into = at
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
