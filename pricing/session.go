package pricing

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // prices depend on the zone database, so a program must not depend on the machine for it
)

const (
	// SessionBytesMax bounds the JSON of a finished session: a CDR with its tariffs and a month of minutes.
	SessionBytesMax = 8 << 20
	// cdrTariffsMax bounds the tariffs embedded in a CDR.
	cdrTariffsMax = 64
	// dimensionsMax is more than the kinds of CdrDimensionType.
	dimensionsMax = 16
)

// Kind says whether a session began with a reservation.
type Kind uint8

// The kinds of session.
const (
	ChargingOnly        Kind = iota
	ReservationCharging      // a reservation, then charging
	ReservationLapsed        // a reservation that expired; nobody charged
)

var kindNames = []string{"charging", "reservation+charging", "reservation-expired"}

// String gives the name as session files spell it.
func (k Kind) String() string { return kindNames[k] }

// Session is a finished session as an OCPI CDR describes it: periods and the volumes measured in each.
type Session struct {
	Start, End time.Time
	Location   *time.Location
	Kind       Kind
	// Tariffs are those that the CDR carries in itself.
	Tariffs []*Tariff

	currency string
	periods  []cdrPeriod
}

// cdrPeriod is a ChargingPeriod: volumes per slot, and what is known of power and current.
type cdrPeriod struct {
	start    time.Time
	tariffID string
	volume   [slots]quantity
	power    bounds
	current  bounds
}

// bounds are MIN_, MAX_ and mean of a power or current, each where it is stated.
type bounds struct{ min, max, mean *fixed }

func (b *bounds) measured() measured {
	low, high := first(b.min, b.mean, b.max), first(b.max, b.mean, b.min)
	if low == nil {
		return measured{}
	}
	return measured{*low, *high, true}
}

func first(values ...*fixed) *fixed {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

// ParseSession reads an OCPI CDR (2.2.1 or 2.3.0), or a session file
//
//	{"start_date_time", "end_date_time", "time_zone", "kind", "charging_periods"}
//
// of the same shape. A CDR does not state the zone of its station: fallback is taken then, and without one (nil) the offset
// in which start_date_time is written, so that UTC is UTC. Errors wrap ErrSession, and ErrNumber or ErrLimit where those apply.
func ParseSession(data []byte, fallback *time.Location) (*Session, error) {
	if len(data) > SessionBytesMax {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrSession, ErrLimit, len(data), SessionBytesMax)
	}
	document, err := parseObject(data, ErrSession)
	if err != nil {
		return nil, err
	}
	s := &Session{Location: fallback}
	if s.currency, err = document.text("currency", false); err != nil {
		return nil, err
	}
	for _, read := range []func(object) error{s.readTimes, s.readTariffs, s.readPeriods, s.readKind} {
		if err := read(document); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Session) readTimes(document object) error {
	var err error
	if s.Start, err = document.instant("start_date_time", true); err != nil {
		return err
	}
	if s.End, err = document.instant("end_date_time", true); err != nil {
		return err
	}
	if s.End.Before(s.Start) {
		return document.errorf("end_date_time", "before the start")
	}
	if s.End.Sub(s.Start) > elapsedMax*time.Second {
		return document.errorf("end_date_time", "%w: %s long", ErrLimit, s.End.Sub(s.Start))
	}
	name, err := document.text("time_zone", false)
	switch {
	case err != nil:
		return err
	case name != "":
		if s.Location, err = LoadLocation(name); err != nil {
			return document.errorf("time_zone", "%w", err)
		}
	case s.Location == nil:
		_, offset := s.Start.Zone()
		s.Location = time.FixedZone(s.Start.Format("-07:00"), offset)
	}
	return nil
}

// LoadLocation gives a zone of the IANA database by name, never the machine's own.
func LoadLocation(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%w: %q is no time zone", ErrSession, name)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %.40q is no time zone", ErrSession, name)
	}
	return location, nil
}

func (s *Session) readTariffs(document object) error {
	tariffs, err := document.children("tariffs", cdrTariffsMax)
	if err != nil {
		return err
	}
	for _, o := range tariffs {
		o.fail = ErrTariff
		t, err := tariffOf(o)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSession, err)
		}
		s.Tariffs = append(s.Tariffs, t)
	}
	return nil
}

func (s *Session) readPeriods(document object) error {
	periods, err := document.children("charging_periods", periodsMax)
	if err != nil {
		return err
	}
	if len(periods) == 0 {
		return document.errorf("charging_periods", "at least one wanted")
	}
	s.periods = make([]cdrPeriod, len(periods))
	for i, o := range periods {
		p := &s.periods[i]
		if p.start, err = o.instant("start_date_time", true); err != nil {
			return err
		}
		if i > 0 && p.start.Before(s.periods[i-1].start) || p.start.After(s.End) {
			return o.errorf("start_date_time", "out of order")
		}
		if p.tariffID, err = o.text("tariff_id", false); err != nil {
			return err
		}
		if err := p.readDimensions(o); err != nil {
			return err
		}
	}
	return nil
}

func (p *cdrPeriod) readDimensions(o object) error {
	dimensions, err := o.children("dimensions", dimensionsMax)
	if err != nil {
		return err
	}
	seen := make([]string, 0, dimensionsMax)
	for _, o := range dimensions {
		name, err := o.text("type", true)
		if err != nil {
			return err
		}
		if slices.Contains(seen, name) {
			return o.errorf("type", "%.40q repeated", name)
		}
		seen = append(seen, name)
		volume, err := o.volume("volume")
		if err != nil {
			return err
		}
		if err := p.set(name, volume); err != nil {
			return o.errorf("volume", "%w", err)
		}
	}
	return nil
}

// set takes one dimension; those that no tariff prices, such as STATE_OF_CHARGE, are passed over.
func (p *cdrPeriod) set(name string, volume fixed) error {
	var err error
	switch name {
	case "ENERGY":
		p.volume[slotEnergy], err = volume.quantity()
	case "TIME":
		p.volume[slotTime], err = snapHours(volume)
	case "PARKING_TIME":
		p.volume[slotParking], err = snapHours(volume)
	case "RESERVATION_TIME":
		p.volume[slotReservationTime], err = snapHours(volume)
	case "MIN_POWER":
		p.power.min = &volume
	case "MAX_POWER":
		p.power.max = &volume
	case "POWER":
		p.power.mean = &volume
	case "MIN_CURRENT":
		p.current.min = &volume
	case "MAX_CURRENT":
		p.current.max = &volume
	case "CURRENT":
		p.current.mean = &volume
	}
	return err
}

// readKind takes the kind that is stated, or tells it from the volumes: a reservation without a session has expired.
func (s *Session) readKind(document object) error {
	name, err := document.text("kind", false)
	if err != nil {
		return err
	}
	if name != "" {
		at := slices.Index(kindNames, name)
		if at < 0 {
			return document.errorf("kind", "%.40q, want %q", name, kindNames)
		}
		s.Kind = Kind(at)
		return nil
	}
	reserved, charged := false, false
	for i := range s.periods {
		isReservation := s.periods[i].isReservation()
		reserved, charged = reserved || isReservation, charged || !isReservation
	}
	switch {
	case reserved && charged:
		s.Kind = ReservationCharging
	case reserved:
		s.Kind = ReservationLapsed
	}
	return nil
}

func (p *cdrPeriod) isReservation() bool { return p.volume[slotReservationTime] > 0 }
