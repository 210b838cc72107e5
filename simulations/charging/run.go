package charging

import (
	"cmp"
	"slices"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
)

// engine is a run under way.
type engine struct {
	config   *Config
	recorder Recorder         // nil: nobody listens
	arrivals []int32          // sessions in the order of their arrival
	next     int              // of arrivals
	waiting  []int32          // sessions that found their station taken, in the order of their arrival
	taken    []bool           // stations
	left     map[string]int64 // millijoules in the batteries of vehicles that will continue

	seats    []seat // in the order of stations, as view.Vehicles are
	storages []storage
	view     control.View
	plan     control.Plan
	ahead    forecast
	actual   *grid.Load
	step     stepBuffer
	totals   Totals
}

// Run makes a run and gives what it comes to. A nil recorder hears nothing.
func Run(config Config, recorder Recorder) (Totals, error) {
	if err := config.check(); err != nil {
		return Totals{}, err
	}
	e := newEngine(&config, recorder)
	for now := time.Duration(0); !e.over(now); {
		now = e.advance(now)
	}
	for len(e.seats) > 0 {
		e.leave(len(e.seats)-1, e.view.Now+e.view.Step)
	}
	return e.totals, nil
}

func newEngine(config *Config, recorder Recorder) *engine {
	e := &engine{config: config, recorder: recorder, taken: make([]bool, config.Site.Stations()), actual: config.Site.NewLoad()}
	e.arrivals = make([]int32, len(config.Sessions))
	for i := range e.arrivals {
		e.arrivals[i] = int32(i)
	}
	e.left = map[string]int64{}
	for i := range config.Sessions {
		if config.Sessions[i].Continues {
			e.left[config.Sessions[i].Vehicle] = 0
		}
	}
	slices.SortStableFunc(e.arrivals, func(a, b int32) int {
		return cmp.Compare(config.Sessions[a].Arrival, config.Sessions[b].Arrival)
	})
	e.totals.Sessions = len(config.Sessions)
	for i := range config.Storages {
		e.storages = append(e.storages, storage{Storage: &config.Storages[i], stored: config.Storages[i].StoredMillijoules})
	}
	e.ahead.begin(config)
	e.step.begin(e)
	return e
}

// over tells whether a run has ended at a time.
func (e *engine) over(now time.Duration) bool {
	if e.config.Duration > 0 {
		return now >= e.config.Duration
	}
	staying := func(s seat) bool { return s.session.Departure > now }
	return e.next == len(e.arrivals) && len(e.waiting) == 0 && !slices.ContainsFunc(e.seats, staying)
}

// advance makes one step, or as many as pass without anything that changes, and gives the time after it.
func (e *engine) advance(now time.Duration) time.Duration {
	e.depart(now)
	e.arrive(now)
	e.view.Now, e.view.Step = now, e.config.Step
	e.ahead.at(now)
	if len(e.seats) == 0 && len(e.storages) == 0 {
		e.view.Step = e.idle(now)
		e.record()
		return now + e.view.Step
	}
	e.look()
	e.config.Controller.Decide(&e.view, &e.plan)
	e.totals.Steps++
	e.use()
	e.record()
	return now + e.config.Step
}

// depart lets go whose time is over, then lets in who waited for the place.
func (e *engine) depart(now time.Duration) {
	for i := len(e.seats) - 1; i >= 0; i-- {
		if e.seats[i].session.Departure <= now {
			e.leave(i, now)
		}
	}
}

// arrive lets in whoever has come by now and finds a free station.
func (e *engine) arrive(now time.Duration) {
	kept := e.waiting[:0]
	for _, index := range e.waiting {
		if !e.enter(index, now) {
			kept = append(kept, index)
		}
	}
	e.waiting = kept
	for e.next < len(e.arrivals) && e.config.Sessions[e.arrivals[e.next]].Arrival <= now {
		if index := e.arrivals[e.next]; !e.enter(index, now) {
			e.waiting = append(e.waiting, index)
		}
		e.next++
	}
}

// enter tells whether a session is dealt with: it has its station, or left without.
func (e *engine) enter(index int32, now time.Duration) bool {
	s := &e.config.Sessions[index]
	if s.Departure <= now {
		missed := newSeat(s, e.config.Site.StationAt(s.Station), e.left[s.Vehicle])
		e.remember(&missed)
		e.visit(&missed, s.Departure)
		return true
	}
	if e.taken[s.Station] {
		return false
	}
	e.taken[s.Station] = true
	i, _ := slices.BinarySearchFunc(e.view.Vehicles, s.Station, func(v control.Vehicle, station int) int { return cmp.Compare(v.Station, station) })
	e.seats = slices.Insert(e.seats, i, newSeat(s, e.config.Site.StationAt(s.Station), e.left[s.Vehicle]))
	e.view.Vehicles = slices.Insert(e.view.Vehicles, i, control.Vehicle{})
	e.seats[i].first(&e.view.Vehicles[i])
	return true
}

// leave ends a visit.
func (e *engine) leave(i int, now time.Duration) {
	e.remember(&e.seats[i])
	e.visit(&e.seats[i], min(now, e.seats[i].session.Departure))
	e.taken[e.seats[i].session.Station] = false
	e.seats = slices.Delete(e.seats, i, i+1)
	e.view.Vehicles = slices.Delete(e.view.Vehicles, i, i+1)
}

// remember keeps what a vehicle holds for its next session.
func (e *engine) remember(s *seat) {
	if _, continues := e.left[s.session.Vehicle]; continues {
		e.left[s.session.Vehicle] = s.stored
	}
}

// idle gives the time until something changes, in whole steps, while nobody is there.
func (e *engine) idle(now time.Duration) time.Duration {
	until := e.ahead.next(now)
	if e.next < len(e.arrivals) {
		until = min(until, e.config.Sessions[e.arrivals[e.next]].Arrival)
	}
	if e.config.Duration > 0 {
		until = min(until, e.config.Duration)
	}
	if until == never {
		return e.config.Step
	}
	steps := (until - now + e.config.Step - 1) / e.config.Step
	return max(steps, 1) * e.config.Step
}

// look writes what the controller sees.
func (e *engine) look() {
	for i := range e.seats {
		e.seats[i].show(&e.view.Vehicles[i], e.config.SatisfiedMillijoules, e.config.Step)
	}
	e.view.Storages = e.view.Storages[:0]
	for i := range e.storages {
		e.view.Storages = append(e.view.Storages, e.storages[i].shown())
	}
	e.view.Ahead = e.ahead.periods
}

// use lets vehicles and storages do what the plan allows.
func (e *engine) use() {
	price, feedIn := e.ahead.periods[0].Price, e.ahead.periods[0].FeedIn
	if feedIn == control.Unknown {
		feedIn = price
	}
	total, unused := int64(0), int64(0)
	for i := range e.seats {
		s := &e.seats[i]
		allowed := e.plan.Stations[s.session.Station]
		s.use(allowed, e.view.Step)
		if s.power != 0 && s.began < 0 {
			s.began = e.view.Now
		}
		if energy := control.Energy(s.power, e.view.Step); energy > 0 {
			s.cost.add(energy, price)
		} else {
			s.earned.add(-energy, feedIn)
		}
		unused += max(allowed-s.power, 0)
		total += s.power
	}
	e.totals.Peak = max(e.totals.Peak, total)
	for i := range e.storages {
		power := e.plan.Storages[i]
		if power < 0 { // it covers only what is really drawn
			spared := min(unused, -power)
			unused, power = unused-spared, power+spared
		}
		e.storages[i].use(power, e.view.Step)
	}
}
