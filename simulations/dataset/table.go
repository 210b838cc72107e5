package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// table makes a reader of tables of a layout.
func table(l layout) func([]byte, Options, *gathering) error {
	return func(data []byte, o Options, g *gathering) error {
		rows := csv.NewReader(bytes.NewReader(data))
		rows.ReuseRecord, rows.FieldsPerRecord = true, -1
		if err := separate(rows, data, o.Separator, l.separator); err != nil {
			return err
		}
		head, err := rows.Read()
		if err != nil {
			return fmt.Errorf("%w: line 1: %w", ErrRow, err)
		}
		r := tableReader{clock: newClock(o.Zone, o.Dates), width: len(head), separator: rows.Comma}
		if r.places, err = l.with(o.Column).find(trimmed(head), o.Column); err != nil {
			return err
		}
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil { // an open quote swallows what follows it: the file is not the table it seems
				return fmt.Errorf("%w: %w", ErrRow, err)
			}
			s, p := r.session(row)
			if err := g.add(lineOf(rows), s, p); err != nil {
				return err
			}
		}
	}
}

// separate chooses what stands between fields: what was asked for, else that of the format, else what the head has.
func separate(rows *csv.Reader, data []byte, asked, usual rune) error {
	head, _, _ := bytes.Cut(data, []byte("\n"))
	switch {
	case asked != 0:
		rows.Comma = asked
	case usual != 0:
		rows.Comma = usual
	case bytes.ContainsRune(head, ';'):
		rows.Comma = ';'
	case bytes.ContainsRune(head, '\t'):
		rows.Comma = '\t'
	}
	if rows.Comma == '"' || rows.Comma == '\r' || rows.Comma == '\n' || rows.Comma == '.' || rows.Comma == 0xFFFD {
		return fmt.Errorf("%w: fields separated by %q", ErrOption, rows.Comma)
	}
	return nil
}

func trimmed(head []string) []string {
	names := make([]string, len(head))
	for i, name := range head {
		names[i] = strings.TrimSpace(name)
	}
	return names
}

// tableReader reads rows.
type tableReader struct {
	clock     *clock
	places    map[string][]int
	width     int
	separator rune
}

// text gives what a role has, joined by blanks; nothing where the file says so.
func (r *tableReader) text(row []string, role string) string {
	parts := make([]string, 0, 2)
	for _, at := range r.places[role] {
		text := strings.TrimSpace(row[at])
		if text == "" || text == "NA" || text == "NaN" || text == "nan" {
			return ""
		}
		parts = append(parts, text)
	}
	return strings.ToValidUTF8(strings.Join(parts, " "), "�")
}

func (r *tableReader) session(row []string) (Session, *problem) {
	s := Session{FromPermille: Unknown, ToPermille: Unknown}
	if len(row) != r.width {
		return s, bad(ReasonFields, "")
	}
	s.ID, s.Station = clip(r.text(row, roleID)), clip(r.text(row, roleStation))
	for _, part := range []func(*Session, []string) *problem{r.times, r.energies, r.battery} {
		if p := part(&s, row); p != nil {
			return s, p
		}
	}
	return s, nil
}

func (r *tableReader) times(s *Session, row []string) *problem {
	for _, field := range []struct {
		role string
		into *time.Time
	}{{roleArrives, &s.Arrives}, {roleLeaves, &s.Leaves}, {roleSays, &s.Says}} {
		text := r.text(row, field.role)
		switch {
		case text == "" && field.role == roleSays:
			continue
		case text == "":
			return bad(ReasonNoTime, "")
		}
		at, err := r.clock.parse(text)
		if err != nil {
			return bad(ReasonTime, text)
		}
		*field.into = at
	}
	return nil
}

// Units of kilowatts and kilowatt-hours in the numbers of this package.
const (
	milliPerKilo = 1_000_000
	milliPerOne  = 1000
)

func (r *tableReader) energies(s *Session, row []string) *problem {
	wanted, delivered := int64(-1), int64(-1)
	for _, field := range []struct {
		role  string
		scale int64
		into  *int64
	}{
		{roleEnergy, milliPerKilo, &wanted}, {roleEnergyWh, milliPerOne, &wanted},
		{roleDelivered, milliPerKilo, &delivered}, {roleDeliveredWh, milliPerOne, &delivered},
	} {
		if p := r.number(row, field.role, field.scale, field.into); p != nil {
			return p
		}
	}
	if wanted < 0 && delivered < 0 {
		return bad(ReasonNoEnergy, "")
	}
	s.EnergyMilliwattHours, s.DeliveredMilliwattHours = wanted, delivered
	if wanted < 0 {
		s.EnergyMilliwattHours = delivered
	}
	if delivered < 0 {
		s.DeliveredMilliwattHours = wanted
	}
	return nil
}

func (r *tableReader) battery(s *Session, row []string) *problem {
	from, to := int64(Unknown), int64(Unknown)
	for _, field := range []struct {
		role  string
		scale int64
		into  *int64
	}{
		{rolePower, milliPerKilo, &s.PowerMilliwatts}, {rolePowerW, milliPerOne, &s.PowerMilliwatts},
		{roleCapacity, milliPerKilo, &s.CapacityMilliwattHours}, {roleCapacityWh, milliPerOne, &s.CapacityMilliwattHours},
		{roleFrom, permillePerCent, &from}, {roleTo, permillePerCent, &to},
	} {
		if p := r.number(row, field.role, field.scale, field.into); p != nil {
			return p
		}
	}
	const full = 1000
	if from > full || to > full {
		return bad(ReasonCharge, "")
	}
	s.FromPermille, s.ToPermille = int16(from), int16(to)
	return nil
}

const permillePerCent = 10

// number reads a number where there is one.
func (r *tableReader) number(row []string, role string, scale int64, into *int64) *problem {
	text := r.text(row, role)
	if text == "" {
		return nil
	}
	plain := text
	if r.separator != ',' { // the comma is free to be a decimal one
		plain = strings.Replace(text, ",", ".", 1)
	}
	value, err := unsigned(plain, scale)
	if err != nil {
		return bad(ReasonNumber, text)
	}
	*into = value
	return nil
}

// nameMax bounds names of sessions and stations.
const nameMax = 100

func clip(name string) string {
	if len(name) <= nameMax {
		return name
	}
	return strings.ToValidUTF8(name[:nameMax], "")
}
