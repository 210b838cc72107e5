package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// acnPeriod is the length of a period in the files of ACN-Sim's experiments.
const acnPeriod = 5 * time.Minute

// acnColumns are the columns of "acn-sim", the sessions of ACN-Sim's experiments in periods from a start.
var acnColumns = []string{
	"arrival_period", "departure_period", "estimated_departure_period", "requested_kwh", "battery_capacity_kwh", "battery_init_kwh",
	"max_power_kw", "station_id", "session_id",
}

func readACNSim(data []byte, o Options, g *gathering) error {
	if len(o.Column) > 0 {
		return fmt.Errorf("%w: acn-sim has its own columns", ErrOption)
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	head, err := rows.Read()
	if err != nil || !slices.Equal(head, acnColumns) {
		return fmt.Errorf("%w: line 1: not the columns of acn-sim", ErrRow)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRow, err)
		}
		s, p := acnSession(row, o.Start)
		if err := g.add(lineOf(rows), s, p); err != nil {
			return err
		}
	}
}

// lineOf gives the line of the row that was read last.
func lineOf(rows *csv.Reader) func() string {
	return func() string {
		line, _ := rows.FieldPos(0)
		return fmt.Sprintf("line %d", line)
	}
}

func acnSession(row []string, start time.Time) (Session, *problem) {
	if len(row) != len(acnColumns) {
		return Session{}, bad(ReasonFields, "")
	}
	s := Session{ID: row[8], Station: row[7], FromPermille: Unknown, ToPermille: Unknown}
	for i, into := range []*time.Time{&s.Arrives, &s.Leaves, &s.Says} {
		period, err := strconv.Atoi(row[i])
		if err != nil || period < 0 || period > periodsMax {
			return s, bad(ReasonTime, row[i])
		}
		*into = start.Add(time.Duration(period) * acnPeriod)
	}
	for _, field := range []struct {
		text string
		into *int64
	}{{row[3], &s.EnergyMilliwattHours}, {row[4], &s.CapacityMilliwattHours}, {row[6], &s.PowerMilliwatts}} {
		var err error
		if *field.into, err = kilo(field.text); err != nil {
			return s, bad(ReasonNumber, field.text)
		}
	}
	s.DeliveredMilliwattHours = s.EnergyMilliwattHours
	return s, nil
}

// periodsMax is ten years of five minutes.
const periodsMax = 10 * 366 * 24 * 12
