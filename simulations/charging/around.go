package charging

import (
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/measure"
)

// Around is what surrounds the stations, for an engine that runs them by itself: loads, prices, limits and storages.
type Around struct {
	engine engine
}

// NewAround makes the surroundings of a config, whose sessions are not looked at.
func NewAround(config *Config) (*Around, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	bare := *config
	bare.Sessions = nil
	return &Around{engine: *newEngine(&bare, nil)}, nil
}

// See writes what a controller may see of the surroundings at a time, which never falls.
func (a *Around) See(now time.Duration, view *control.View) {
	a.engine.ahead.at(now)
	a.engine.view.Now, a.engine.view.Step = now, a.engine.config.Step
	view.Now, view.Step, view.Ahead = now, a.engine.config.Step, a.engine.ahead.periods
	view.Storages = view.Storages[:0]
	for i := range a.engine.storages {
		view.Storages = append(view.Storages, a.engine.storages[i].shown())
	}
}

// Use lets storages do for a step what a plan says.
func (a *Around) Use(plan *control.Plan) {
	for i := range a.engine.storages {
		a.engine.storages[i].use(plan.Storages[i], a.engine.view.Step)
	}
}

// Record gives the step that was seen last, with the powers that its stations had. The step is valid until the next call.
func (a *Around) Record(powers []int64) measure.Step {
	e := &a.engine
	s := e.beginStep()
	for station, power := range powers {
		e.draw(s, station, power)
	}
	e.flows(s)
	return *s
}
