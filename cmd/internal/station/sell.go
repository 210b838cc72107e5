package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/simcable"
	"joulepay/meter"
	"joulepay/meter/clock"
	"joulepay/meter/counter"
	"joulepay/meter/execmeter"
)

// Sale says what a station has that sells something else than energy.
type Sale struct {
	Dir      string     // where its counts are kept
	Places   int        // how many vehicles it serves at a time; a gate one
	Trusting bool       // of a gate: it opens before the passage is paid
	Source   Source     // of messages
	Meter    meter.Spec // meter.KindExec: a program meters; else this process does
}

// Sell makes the outlets of a station that sells what its settings say, and whatever is to be closed with them.
func (s Sale) Sell(ctx context.Context, p *party.Party, c Config, free func() bool, log *slog.Logger) ([]Place, []io.Closer, error) {
	names := s.names(c)
	last, err := registers(ctx, p.Store, len(names), evseOf)
	if err != nil {
		return nil, nil, err
	}
	var places []Place
	var closers []io.Closer
	for i, evse := range names {
		connector, closer, err := s.outlet(p, c, i, last[evse], free, log)
		if closer != nil {
			closers = append(closers, closer)
		}
		if err != nil {
			for _, closer := range closers {
				err = errors.Join(err, closer.Close())
			}
			return nil, nil, err
		}
		places = append(places, Place{EVSE: evse, Connector: connector})
	}
	return places, closers, nil
}

// names gives the EVSE ids of the outlets: the station's own, and, of several, numbered.
func (s Sale) names(c Config) []string {
	if s.Places <= 1 || c.Service == Toll {
		return []string{c.EVSE}
	}
	var names []string
	for i := range s.Places {
		names = append(names, c.EVSE+"*"+strconv.Itoa(i+1))
	}
	return names
}

func (s Sale) outlet(p *party.Party, c Config, index int, last lastMeter, free func() bool, log *slog.Logger) (meter.Connector, io.Closer, error) {
	now := func() time.Time { return c.Clock.Now().Session }
	if s.Meter.Kind == meter.KindExec {
		m, err := execmeter.Open(s.Meter.Command, 0)
		return m, m, err
	}
	switch c.Service {
	case Parking:
		place, err := clock.NewPlace(last.register)
		if last.open {
			place, err = clock.ResumePlace(last.register, last.at)
		}
		return place, nil, err
	case Toll:
		gate, err := simcable.ServeGate(p.Conn, p.Wallet.DID(), simcable.GateOptions{
			File: filepath.Join(s.Dir, "gate.json"), Register: last.register, Unfinished: last.open, Trusting: s.Trusting, Free: free, Now: now,
		})
		return gate, gate, err
	case Data:
		return s.feed(c, index, last, now, log)
	}
	return nil, nil, fmt.Errorf("%w: %.40q", ErrService, c.Service)
}

// feed makes the outlet of one reader of the data.
func (s Sale) feed(c Config, index int, last lastMeter, now func() time.Time, log *slog.Logger) (meter.Connector, io.Closer, error) {
	file, kept, err := party.OpenRegister(filepath.Join(s.Dir, fmt.Sprintf("register-%d", index+1)), 1)
	if err != nil {
		return nil, nil, err
	}
	register := max(kept[0], last.register)
	connector, err := counter.New(register, func(n int64) error { return file.Keep(n) })
	if err != nil {
		return nil, file, err
	}
	base := register
	if last.open {
		base = last.register - last.delivered
	}
	feed := newFeed(connector, s.Source, max(1, c.UnpaidMax), base, last.open, now, log)
	return feed, closers{feed, file}, nil
}

// closers close one after the other.
type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() (err error) {
	for _, each := range c {
		err = errors.Join(err, each.Close())
	}
	return err
}
