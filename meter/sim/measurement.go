package sim

import (
	"fmt"
	"sync"
	"time"

	"joulepay/meter"
)

// Truth is what can be measured: a Cable, or a RemoteCable.
type Truth interface {
	State(now time.Time) (CableState, error)
}

// Measurement is the vehicle's own meter: the truth with a constant gain error. It implements meter.Source.
type Measurement struct {
	truth   Truth
	gainPPM int64
}

var _ meter.Source = (*Measurement)(nil)

// NewMeasurement measures with an error of at most half the truth either way: 10 000 ppm shows 1 % too much.
func NewMeasurement(truth Truth, gainPPM int64) (*Measurement, error) {
	if gainPPM < -ppmOne/2 || gainPPM > ppmOne/2 {
		return nil, fmt.Errorf("%w: gain error of %d ppm", ErrConfig, gainPPM)
	}
	return &Measurement{truth: truth, gainPPM: gainPPM}, nil
}

// Sample implements meter.Source.
func (m *Measurement) Sample(now time.Time) (meter.Sample, error) {
	state, err := m.truth.State(now)
	if err != nil {
		return meter.Sample{}, err
	}
	return state.sample(m.gainPPM, m.gainPPM), nil
}

// RemoteCable is the near end of a cable that another process simulates: it knows what it was last told.
// It is safe for concurrent use.
type RemoteCable struct {
	mu    sync.Mutex // guards all below
	state CableState
	told  bool
}

// NewRemoteCable gives a cable that has been told nothing.
func NewRemoteCable() *RemoteCable { return &RemoteCable{} }

// Update tells the state. Messages may repeat or overtake each other: an older state is no news. The registers
// never fall, even when the other process restarts a little before where it was killed.
func (r *RemoteCable) Update(s CableState) error {
	if err := s.validate(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told && s.Time.Before(r.state.Time) {
		return nil
	}
	s.Register, s.Exported = max(s.Register, r.state.Register), max(s.Exported, r.state.Exported)
	r.state, r.told = s, true
	return nil
}

// State gives the latest state told, or meter.ErrNoSample. The moment asked for is not needed: the state
// carries its own.
func (r *RemoteCable) State(time.Time) (CableState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.told {
		return CableState{}, meter.ErrNoSample
	}
	return r.state, nil
}
