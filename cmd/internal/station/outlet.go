package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
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

// lastMeter is where a register of the station stood when it was stored last.
type lastMeter struct {
	register  int64
	exported  int64 // the one of what was given back
	delivered int64 // in the session that is not over; 0 when none is
	open      bool  // there is a session that is not over
	at        time.Time
}

const (
	// registersLook is how many sessions registers reads at once; the first has readings unless vehicles only asked.
	registersLook = 16
	// registersLookMax bounds how many it reads at all. Only a session that is not over needs its register, and is new; an
	// outlet that nobody used for so long begins at zero, which no price knows.
	registersLookMax = 4096
)

// registerOf reads from the store where the register of the only outlet goes on: a real meter keeps it itself.
func registerOf(ctx context.Context, s store.Store) (lastMeter, error) {
	all, err := registers(ctx, s, 1, func(session.SessionRecord) string { return "" })
	return all[""], err
}

// registers reads where so many registers go on, which each session names.
func registers(ctx context.Context, s store.Store, want int, name func(session.SessionRecord) string) (map[string]lastMeter, error) {
	found := map[string]lastMeter{}
	var before channel.SessionID
	for looked := 0; looked < registersLookMax && len(found) < want; looked += registersLook {
		records, err := s.Sessions(ctx, before, registersLook)
		if err != nil || len(records) == 0 {
			return found, registerError(err)
		}
		for _, r := range records {
			before = r.ID
			if _, known := found[name(r)]; known {
				continue
			}
			readings, err := s.Readings(ctx, r.ID)
			if err != nil {
				return nil, registerError(err)
			}
			if len(readings) == 0 {
				continue
			}
			if found[name(r)], err = meterAfter(r, readings[len(readings)-1]); err != nil {
				return nil, registerError(err)
			}
		}
	}
	return found, nil
}

func registerError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading the last register: %w", err)
}

func meterAfter(r session.SessionRecord, latest session.ReadingRecord) (lastMeter, error) {
	signed, err := meter.DecodeSigned(latest.Signed)
	if err != nil {
		return lastMeter{}, err
	}
	last := lastMeter{register: signed.Reading.Register, exported: signed.Reading.Exported, at: signed.Reading.Time}
	if r.Phase < session.PhaseFinal {
		last.delivered, last.open = r.Quantity, true
	}
	return last, nil
}

// evseOf gives the outlet that a stored session was begun at; empty when its quote says none.
func evseOf(r session.SessionRecord) string {
	q, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return ""
	}
	return q.Quote.EVSE
}

// Connect makes the outlet that a --meter flag names, of at most maxPowerMw (milliwatts; a recording has its own). A simulated one
// takes up to maxReturnMw back. What it returns to close may be nil.
func Connect(ctx context.Context, p *party.Party, spec meter.Spec, maxPowerMw, maxReturnMw int64, free func() bool) (meter.Connector, io.Closer, error) {
	last, err := registerOf(ctx, p.Store)
	if err != nil {
		return nil, nil, err
	}
	switch spec.Kind {
	case meter.KindSim:
		cable, err := sim.NewTwoWayCable(maxPowerMw, maxReturnMw, last.register, last.exported)
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
