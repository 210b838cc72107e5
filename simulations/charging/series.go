package charging

import (
	"fmt"
	"time"

	"joulepay/simulations/measure"
)

// Series is a quantity over time, constant in each of its steps. An empty one is 0, or Unknown, everywhere.
type Series struct {
	From   time.Duration // of the first value, since the start of the run
	Step   time.Duration
	Values []int64
	Repeat bool // after the last value comes the first again; else the last one stays
}

// ValuesMax bounds the values of a series: a minute each for a year.
const ValuesMax = 60 * 24 * 366

// seriesAgeMax bounds how long before or after the run a series may begin: records of electricity are younger.
const seriesAgeMax = 100 * DurationMax

// at gives the value at a time; before the first it is the first.
func (s *Series) at(now time.Duration, none int64) int64 {
	if len(s.Values) == 0 {
		return none
	}
	i := 0
	if now > s.From {
		i = int((now - s.From) / s.Step)
	}
	if i >= len(s.Values) {
		if !s.Repeat {
			return s.Values[len(s.Values)-1]
		}
		i %= len(s.Values)
	}
	return s.Values[i]
}

// next gives the time after now at which the value may change; never is far away.
func (s *Series) next(now time.Duration) time.Duration {
	switch {
	case len(s.Values) < 2:
		return never
	case now < s.From:
		return s.From + s.Step
	case !s.Repeat && int((now-s.From)/s.Step) >= len(s.Values)-1:
		return never
	default:
		return now + s.Step - (now-s.From)%s.Step
	}
}

// never is later than any run.
const never = time.Duration(1) << 62

func (s *Series) check(least, most int64) error {
	if len(s.Values) == 0 {
		return nil
	}
	if s.Step <= 0 || len(s.Values) > ValuesMax {
		return fmt.Errorf("%d values (up to %d) in steps of %v", len(s.Values), ValuesMax, s.Step)
	}
	if s.From < -seriesAgeMax || s.From > seriesAgeMax {
		return fmt.Errorf("begins %v after the run", s.From)
	}
	for i, value := range s.Values {
		if value != measure.Unknown && (value < least || value > most) {
			return fmt.Errorf("value %d is %d, want %d to %d", i, value, least, most)
		}
	}
	return nil
}
