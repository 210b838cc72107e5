package charging

import (
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/simulations/measure"
)

// stepBuffer is the memory of what the recorder is told at every step.
type stepBuffer struct {
	step    measure.Step
	watched map[string]int // places of watched vehicles in the step
}

func (b *stepBuffer) begin(e *engine) {
	b.step.Circuits = make([]measure.Flow, e.config.Site.Circuits())
	b.step.StateOfCharge = make([]int64, len(e.config.Watched))
	b.watched = make(map[string]int, len(e.config.Watched))
	for i, vehicle := range e.config.Watched {
		b.watched[vehicle] = i
	}
}

// record tells the recorder what flowed in the present step.
func (e *engine) record() {
	if e.recorder == nil {
		return
	}
	s := e.beginStep()
	for i := range e.seats {
		e.draw(s, e.seats[i].session.Station, e.seats[i].power)
	}
	e.flows(s)
	e.states(s.StateOfCharge)
	e.recorder.Add(*s)
}

// beginStep gives the present step with what surrounds the stations, and nothing that flows through them.
func (e *engine) beginStep() *measure.Step {
	s, period := &e.step.step, &e.ahead.periods[0]
	s.At, s.Length = e.config.Start.Add(e.view.Now), e.view.Step
	s.Charge, s.Return, s.Storage = 0, 0, 0
	s.Price, s.FeedIn = period.Price, period.FeedIn
	s.Intensity = e.config.Intensity.at(e.view.Now, measure.Unknown)
	e.surroundings(s)
	e.actual.Begin(period.Own, period.Limits)
	return s
}

// draw adds what flows through a station.
func (e *engine) draw(s *measure.Step, station int, power int64) {
	e.actual.Set(station, power)
	s.Charge += max(power, 0)
	s.Return += max(-power, 0)
}

// flows adds storages, and writes what circuits carry.
func (e *engine) flows(s *measure.Step) {
	for i := range e.storages {
		e.actual.Add(e.storages[i].Circuit, e.storages[i].power)
		s.Storage += e.storages[i].power
	}
	for c := range s.Circuits {
		s.Circuits[c] = measure.Flow{PowerMilliwatts: e.actual.Flow(c), LimitMilliwatts: shownLimit(e.actual.Limit(c)), PhaseMilliamps: e.actual.PhaseMilliamps(c)}
	}
}

// shownLimit gives a limit as figures have it, where 0 stands for none: a limit of nothing is one of a milliwatt there.
func shownLimit(limit int64) int64 {
	if limit == grid.Unlimited {
		return 0
	}
	return max(limit, 1)
}

// surroundings sums what others draw and generate.
func (e *engine) surroundings(s *measure.Step) {
	s.Base, s.Solar = 0, 0
	for i := range e.config.Loads {
		l := &e.config.Loads[i]
		if value := l.Series.at(e.view.Now, 0); l.Kind == Solar {
			s.Solar += value
		} else {
			s.Base += value
		}
	}
}

// states writes the states of charge of the watched vehicles.
func (e *engine) states(permille []int64) {
	for i := range permille {
		permille[i] = measure.Unknown
	}
	if len(permille) == 0 {
		return
	}
	for i := range e.seats {
		s := &e.seats[i]
		if place, watched := e.step.watched[s.session.Vehicle]; watched && s.capacity > 0 {
			permille[place] = scale(1000, s.stored, s.capacity)
		}
	}
}

// visit tells the recorder of a visit that ended, and counts it.
func (e *engine) visit(s *seat, left time.Duration) {
	e.totals.Requested += s.requested
	e.totals.Delivered += s.delivered
	e.totals.Returned += s.returned
	if e.recorder == nil {
		return
	}
	v := measure.Visit{Vehicle: s.session.Vehicle, Station: e.config.Site.StationAt(s.session.Station).Name, Service: "charging",
		Arrived: e.config.Start.Add(s.session.Arrival), Left: e.config.Start.Add(left),
		Requested: s.requested / control.MillijoulesPerMilliwattHour,
		Delivered: s.delivered / control.MillijoulesPerMilliwattHour, Returned: s.returned / control.MillijoulesPerMilliwattHour,
		Cost: s.cost.amount, Earned: s.earned.amount}
	if s.began >= 0 {
		v.Began = e.config.Start.Add(s.began)
	}
	e.recorder.AddVisit(v)
}
