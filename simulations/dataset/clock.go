package dataset

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"joulepay/pricing"
)

// Zone gives a time zone by its IANA name, from the data that comes with the program.
func Zone(name string) (*time.Location, error) {
	zone, err := pricing.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: no time zone %.40q", ErrOption, name)
	}
	return zone, nil
}

// clock reads times of a file.
type clock struct {
	zone  *time.Location
	forms []string // the one that was right last is first
}

// timeForms are those that mean one time whoever reads them.
var timeForms = []string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	"02.01.2006 15:04", "02.01.2006 15:04:05", time.RFC1123, time.RFC1123Z,
	"2006-01-02T00:00:00 15:04", // a date column of a database, and a column of the time
}

func newClock(zone *time.Location, dates string) *clock {
	if zone == nil {
		zone = time.UTC
	}
	c := &clock{zone: zone, forms: append([]string(nil), timeForms...)}
	switch dates {
	case DatesDayFirst:
		c.forms = append(c.forms, "02/01/2006 15:04", "02/01/2006 15:04:05")
	case DatesMonthFirst:
		c.forms = append(c.forms, "01/02/2006 15:04", "01/02/2006 15:04:05")
	}
	return c
}

// firstOf gives the first of the two times that an hour has which the end of summer time repeats; package time gives either.
func firstOf(local time.Time) time.Time {
	if earlier := local.Add(-time.Hour); earlier.Hour() == local.Hour() {
		return earlier
	}
	return local
}

// errTime is of a time in no known form.
var errTime = errors.New("not a time")

// timeLengthMax is more than the longest form.
const timeLengthMax = 64

// parse reads a time. One without an offset is local; of an hour that the end of summer time repeats it is the first.
func (c *clock) parse(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if len(text) > timeLengthMax {
		return time.Time{}, errTime
	}
	for i, form := range c.forms {
		at, err := time.ParseInLocation(form, text, c.zone)
		if err != nil {
			continue
		}
		c.forms[0], c.forms[i] = c.forms[i], c.forms[0]
		if !strings.Contains(form, "Z07") && !strings.Contains(form, "MST") && !strings.Contains(form, "-0700") {
			at = firstOf(at)
		}
		return at.UTC(), nil
	}
	return time.Time{}, errTime
}
