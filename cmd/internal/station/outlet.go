package station

import (
	"context"
	"errors"
	"fmt"
	"io"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/simcable"
	"joulepay/meter"
	"joulepay/meter/execmeter"
	"joulepay/meter/replay"
	"joulepay/meter/sim"
)

// ErrMeter is returned for a kind of meter that this station cannot have.
var ErrMeter = errors.New("station: this meter is not supported here")

// lastMeter is where the station's register stood when it was stored last.
type lastMeter struct {
	register  int64
	delivered int64 // in the session that is not over; 0 when none is
}

// registersLook is how many sessions registers reads at once; the first has readings unless vehicles only asked.
const registersLook = 16

// registers reads from the store where a simulated meter goes on: a real one keeps its register itself.
func registers(ctx context.Context, s store.Store) (lastMeter, error) {
	var before channel.SessionID
	for {
		records, err := s.Sessions(ctx, before, registersLook)
		if err != nil || len(records) == 0 {
			return lastMeter{}, err
		}
		for _, r := range records {
			before = r.ID
			readings, err := s.Readings(ctx, r.ID)
			if err != nil {
				return lastMeter{}, err
			}
			if len(readings) > 0 {
				return meterAfter(r, readings[len(readings)-1])
			}
		}
	}
}

func meterAfter(r session.SessionRecord, latest session.ReadingRecord) (lastMeter, error) {
	signed, err := meter.DecodeSigned(latest.Signed)
	if err != nil {
		return lastMeter{}, err
	}
	last := lastMeter{register: signed.Reading.Register}
	if r.Phase < session.PhaseFinal {
		last.delivered = r.Quantity
	}
	return last, nil
}

// Connect makes the outlet that a --meter flag names, of at most maxPowerMw (milliwatts; a recording has its own). What it
// returns to close may be nil.
func Connect(ctx context.Context, p *party.Party, spec meter.Spec, maxPowerMw int64, free func() bool) (meter.Connector, io.Closer, error) {
	last, err := registers(ctx, p.Store)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the last register: %w", err)
	}
	switch spec.Kind {
	case meter.KindSim:
		cable, err := sim.NewCable(maxPowerMw, last.register)
		if err != nil {
			return nil, nil, err
		}
		return served(simcable.Serve(p.Conn, p.Wallet.DID(), sim.NewConnector(cable), false, free))
	case meter.KindReplay:
		connector, err := replayed(spec, last)
		if err != nil {
			return nil, nil, err
		}
		return served(simcable.Serve(p.Conn, p.Wallet.DID(), connector, true, free))
	case meter.KindExec:
		m, err := execmeter.Open(spec.Command, maxPowerMw)
		if err != nil {
			return nil, nil, err
		}
		return m, m, nil
	}
	return nil, nil, fmt.Errorf("%w: %s", ErrMeter, spec)
}

func served(o *simcable.Outlet, err error) (meter.Connector, io.Closer, error) {
	if err != nil {
		return nil, nil, err
	}
	return o, o, nil
}

func replayed(spec meter.Spec, last lastMeter) (*replay.Connector, error) {
	recording, err := replay.Open(spec.Path, spec.Row)
	if err != nil {
		return nil, err
	}
	return replay.ResumeConnector(recording, last.register, last.delivered)
}
