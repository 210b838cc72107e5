package vehicle

import (
	"path/filepath"
	"time"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/simcable"
	"joulepay/meter"
	"joulepay/meter/clock"
	"joulepay/meter/counter"
)

// Buying says what a vehicle needs to know of a service other than charging.
type Buying struct {
	Dir string // where its own counts are kept
	// Out is where messages go, one a line; empty: standard output; OutNone: nowhere, they are only counted.
	Out string
	// Passed hears of each passage of a gate; may be nil. Every is how long the way to the next one takes.
	Passed func(Passage)
	Every  time.Duration
}

// OutNone stands for messages that are counted and not kept.
const OutNone = "none"

// comparison gives how far the station's count may be from the vehicle's own (I6): at a gate by the passage that is paid and not
// made yet; of messages by none.
func (v *Vehicle) comparison() (meter.Comparison, error) {
	switch v.config.Policy.Service {
	case party.Toll:
		return meter.NewComparison(meter.SideDC, 0, 1)
	case party.Data:
		return meter.NewComparison(meter.SideDC, 0, 0)
	}
	return meter.DefaultComparison(meter.SideDC)
}

// name is how the simulated world knows the vehicle again: it says nothing to others, for the broker sees it.
func (v *Vehicle) name() string { return natslink.TokenOf(v.party.Wallet.NATS().Public()).String() }

// counts gives the vehicle's own meter of a service that is not charging; nil for charging.
func (v *Vehicle) counts() (meter.Source, error) {
	switch v.config.Policy.Service {
	case party.Parking:
		return clock.NewWatch(), nil
	case party.Toll:
		return v.driveUp()
	case party.Data:
		inbox, err := openInbox(v.config.Buying, v.config.Policy.Quantity, v.config.Parked)
		if err != nil {
			return nil, err
		}
		inbox.lacks = func(from int64) { v.agent.Lacks(from) }
		v.inbox, v.close = inbox, inbox.Close
		return inbox, nil
	}
	return nil, nil
}

// driveUp stands before the gate, and gives the count of passages.
func (v *Vehicle) driveUp() (meter.Source, error) {
	file, kept, err := party.OpenRegister(filepath.Join(v.config.Buying.Dir, "passages"), 1)
	if err != nil {
		return nil, err
	}
	v.close = file.Close
	passages, err := counter.NewTally(kept[0], func(n int64) error { return file.Keep(n) })
	if err != nil {
		return nil, err
	}
	road, err := simcable.DriveTo(v.party.Conn, v.station, v.name())
	if err != nil {
		return nil, err
	}
	v.ride = &ride{road: road, passages: passages, passed: v.config.Buying.Passed, every: v.config.Buying.Every}
	v.close = func() error { return joined(road.Leave, file.Close) }
	if v.config.Parked {
		return passages, nil // the gate may be starting again, too
	}
	return passages, road.Arrive(kept[0] + 1)
}
