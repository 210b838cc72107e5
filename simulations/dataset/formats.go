package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Format describes one form of files of sessions.
type Format struct {
	Name  string
	About string
	Zone  string // of its local times and of the place; empty: the file tells, or does not say
	read  func([]byte, Options, *gathering) error
}

// formats are what Read knows.
var formats = []Format{
	{"acn-csv", "ACN-Data, sessions of Caltech and JPL as CSV", "America/Los_Angeles", table(acnLayout)},
	{"acn-json", "ACN-Data, the JSON of its API and of its web page", "", readACNJSON},
	{"acn-sim", "ACN-Sim's experiments, in periods of five minutes from the start of the scenario", "America/Los_Angeles", readACNSim},
	{"csv", "any table with a head; name its columns with --column", "", table(plainLayout)},
	{"epfl", "fast charging at EPFL, with states of charge and peak powers", "Europe/Zurich", table(epflLayout)},
	{"norway", "residential charging in Norway", "Europe/Oslo", table(norwayLayout)},
	{"ocpi", "OCPI 2.2.1 and 2.3.0 charge detail records: one, a list, or a page", "", readCDRs},
	{"perth", "public charging in Perth and Kinross", "Europe/London", table(perthLayout)},
}

// All gives the formats of sessions in the order of their names.
func All() []Format { return slices.Clone(formats) }

// Formats gives the names of the formats of sessions.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// Read reads a file of recorded sessions, which may be packed with gzip. Errors wrap ErrFormat, ErrRow, ErrLimit or
// ErrOption; a file with rows that cannot be meant gives a *BadRows unless they are to be skipped.
func Read(format string, data []byte, o Options) (*Reading, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == format })
	if i < 0 {
		return nil, fmt.Errorf("%w %.40q: known are %s", ErrFormat, format, strings.Join(Formats(), ", "))
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	data, err := Unpack(data)
	if err != nil {
		return nil, err
	}
	if o.Zone == nil && formats[i].Zone != "" {
		if o.Zone, err = Zone(formats[i].Zone); err != nil {
			return nil, err
		}
	}
	g := &gathering{reading: Reading{Reasons: map[Reason]int{}}, delivered: o.Delivered}
	if err := formats[i].read(data, o, g); err != nil {
		return nil, err
	}
	return g.end(o.SkipBad)
}

// Sessions reads a file of recorded sessions of which every row must be readable, in the order of their arrival.
func Sessions(format string, data []byte, o Options) ([]Session, error) {
	reading, err := Read(format, data, o)
	if err != nil {
		return nil, err
	}
	return reading.Sessions, nil
}

func (o *Options) check() error {
	if o.Dates != "" && o.Dates != DatesDayFirst && o.Dates != DatesMonthFirst {
		return fmt.Errorf("%w: dates %.20q, want %s or %s", ErrOption, o.Dates, DatesDayFirst, DatesMonthFirst)
	}
	for _, role := range slices.Sorted(maps.Keys(o.Column)) {
		if !slices.Contains(Roles(), role) {
			return fmt.Errorf("%w: no column is named for %.40q; known are %s", ErrOption, role, strings.Join(Roles(), ", "))
		}
	}
	for _, twin := range twins {
		if o.Column[twin[0]] != "" && o.Column[twin[1]] != "" {
			return fmt.Errorf("%w: columns for both %s and %s", ErrOption, twin[0], twin[1])
		}
	}
	return nil
}
