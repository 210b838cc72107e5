package charging

import (
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

// forecast is what the surroundings are now and ahead, one period a step. It takes series and signals for known: a run
// is told what will be.
type forecast struct {
	config  *Config
	periods []control.Period
	filled  time.Duration // the time after the last period
	until   time.Duration // nothing changes before, where only the present is asked for
}

func (f *forecast) begin(config *Config) {
	f.config = config
	f.periods = make([]control.Period, max(config.Horizon, 1))
	for i := range f.periods {
		if len(config.Loads) > 0 {
			f.periods[i].Own = make([]int64, config.Site.Circuits())
		}
		if config.Limits != nil {
			f.periods[i].Limits = make([]int64, config.Site.Circuits())
		}
	}
	f.filled = -1
}

// at makes the periods begin at a time, a whole number of steps after the last one.
func (f *forecast) at(now time.Duration) {
	step := f.config.Step
	if len(f.periods) == 1 {
		if f.filled < 0 || now >= f.until {
			f.fill(&f.periods[0], now)
			f.until = f.next(now)
			f.filled = now
		}
		return
	}
	keep := 0
	if first := f.filled - time.Duration(len(f.periods))*step; f.filled >= 0 && now < f.filled {
		gone := int((now - first) / step)
		keep = len(f.periods) - gone
		f.rotate(gone)
	}
	for i := keep; i < len(f.periods); i++ {
		f.fill(&f.periods[i], now+time.Duration(i)*step)
	}
	f.filled = now + time.Duration(len(f.periods))*step
}

// rotate moves the first periods behind the others, so that their lists are filled again.
func (f *forecast) rotate(n int) {
	for range n {
		first := f.periods[0]
		copy(f.periods, f.periods[1:])
		f.periods[len(f.periods)-1] = first
	}
}

func (f *forecast) fill(p *control.Period, at time.Duration) {
	p.Price = money.Amount(f.config.Price.at(at, measure.Unknown))
	p.FeedIn = money.Amount(f.config.FeedIn.at(at, measure.Unknown))
	clear(p.Own)
	for i := range f.config.Loads {
		l := &f.config.Loads[i]
		if value := l.Series.at(at, 0); l.Kind == Solar {
			p.Own[l.Circuit] -= value
		} else {
			p.Own[l.Circuit] += value
		}
	}
	if f.config.Limits != nil {
		f.config.Limits.At(at, p.Limits)
	}
}

// next gives the time after now at which anything around the stations may change.
func (f *forecast) next(now time.Duration) time.Duration {
	until := min(f.config.Price.next(now), f.config.FeedIn.next(now), f.config.Intensity.next(now))
	for i := range f.config.Loads {
		until = min(until, f.config.Loads[i].Series.next(now))
	}
	if f.config.Limits != nil {
		if change, any := f.config.Limits.Next(now); any {
			until = min(until, change)
		}
	}
	return until
}
