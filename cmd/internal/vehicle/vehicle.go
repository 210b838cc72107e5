// Package vehicle owns a vehicle as a process runs it: finding a station, measuring, one session at a time, and the receipt
// at its end. It leaves the session to channel/agent, simulation of the plug to cmd/internal/simcable, and flags to
// cmd/vehicle.
// It keeps invariant I6 on the side of the process: what it signs for is measured by its own source, never by the station's.
package vehicle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/simcable"
	"joulepay/meter"
	"joulepay/meter/execmeter"
	"joulepay/meter/replay"
	"joulepay/meter/sim"
	"joulepay/wallet"
)

// Errors.
var (
	// ErrSession is returned for a session that ended before energy flowed.
	ErrSession = errors.New("vehicle: the session failed")
	// ErrStation is returned for a station that the ledger does not vouch for. The cause is one of settle/registry or settle/did.
	ErrStation = errors.New("vehicle: the ledger does not vouch for the station")
)

// Config says how a vehicle behaves.
type Config struct {
	Policy      session.PayerPolicy // its Credentials are made from those below
	Credentials Credentials
	// RecheckEvery is how often a running session's station is looked at again, real time; zero: RecheckDefault.
	RecheckEvery time.Duration
	Measure      meter.Spec
	Battery      sim.Battery // of a simulated vehicle
	GainPPM      int64       // error of its own simulated meter
	Parked       bool        // it stands at the station since before this process began, and may be plugged in
	Clock        agent.Clock
	PulseEvery   time.Duration // real time; zero: the owner calls Agent().Pulse
	Report       func(session.Progress)
	Buying       Buying // of what is not charging
}

// Vehicle is a running vehicle.
type Vehicle struct {
	config  Config
	party   *party.Party
	link    link.Link
	agent   *agent.Vehicle
	close   func() error
	station wallet.DID
	done    chan struct{}
	keeping sync.WaitGroup
	vetting *vetting
	log     *slog.Logger
	ride    *ride  // through a gate; nil: none
	inbox   *inbox // of messages; nil: none

	mu      sync.Mutex // guards below
	trouble error      // the last that the session told of
	strange error      // why no secret was shared with the station
}

// New connects a vehicle to one station: its link, and its own measurement. Run must run while Charge or Resume does.
func New(p *party.Party, c Config, station wallet.DID, log *slog.Logger) (*Vehicle, error) {
	v := &Vehicle{config: c, party: p, station: station, done: make(chan struct{}), log: log}
	comparison, err := v.comparison()
	if err != nil {
		return nil, err
	}
	source, err := v.measure()
	if err != nil {
		return nil, err
	}
	if v.vetting, v.config.Policy.Credentials, err = newVetting(c.Credentials, p.Registry); err != nil {
		return nil, errors.Join(err, v.unplug())
	}
	if v.link, err = p.Dial(func(err error) { v.disturbed(err, log) }); err != nil {
		return nil, errors.Join(err, v.unplug())
	}
	v.agent = agent.NewVehicle(agent.Deps{
		Identity: p.Identity(), Store: p.Store, Link: v.link, Settler: p.Port, Clock: c.Clock, Keys: p.Keys(), Log: log,
		Report: v.report, PulseEvery: c.PulseEvery,
	}, source, comparison)
	return v, nil
}

// disturbed logs what the broker or the handshake reports, and keeps why a station is not the one that it should be.
func (v *Vehicle) disturbed(err error, log *slog.Logger) {
	log.Warn("broker", "error", err)
	for _, reason := range []error{secure.ErrPeer, secure.ErrNotAdmitted, secure.ErrRefused} {
		if errors.Is(err, reason) {
			v.mu.Lock()
			v.strange = err
			v.mu.Unlock()
		}
	}
}

// report keeps what goes wrong, with its causes, and passes everything on.
func (v *Vehicle) report(p session.Progress) {
	if p.Err != nil {
		v.mu.Lock()
		v.trouble = p.Err
		v.mu.Unlock()
	}
	if v.config.Report != nil {
		v.config.Report(p)
	}
}

// Agent gives the agent, for whoever paces a simulated clock, and for stopping politely.
func (v *Vehicle) Agent() *agent.Vehicle { return v.agent }

// Run serves the agent until the context ends.
func (v *Vehicle) Run(ctx context.Context) error { return v.agent.Run(ctx) }

// Close unplugs.
func (v *Vehicle) Close() error { return errors.Join(v.link.Close(), v.unplug()) }

// unplug ends what runs beside the session.
func (v *Vehicle) unplug() error {
	if v.vetting != nil {
		v.vetting.close()
	}
	close(v.done)
	v.keeping.Wait()
	return v.close()
}

// measure gives the vehicle's own meter.
func (v *Vehicle) measure() (meter.Source, error) {
	v.close = func() error { return nil }
	if source, err := v.counts(); source != nil || err != nil {
		if err != nil {
			err = errors.Join(err, v.close())
		}
		return source, err
	}
	switch v.config.Measure.Kind {
	case meter.KindExec:
		m, err := execmeter.Open(v.config.Measure.Command, sim.PowerMilliwattsMax)
		if err != nil {
			return nil, err
		}
		v.close = m.Close
		return m, nil
	case meter.KindReplay:
		recording, err := replay.Open(v.config.Measure.Path, v.config.Measure.Row)
		if err != nil {
			return nil, err
		}
		return v.plugIn(batteryOf(recording))
	default:
		return v.plugIn(v.config.Battery)
	}
}

// batteryOf gives a battery that takes what the recorded vehicle took.
func batteryOf(r *replay.Recording) sim.Battery {
	b := sim.DefaultBattery()
	b.CapacityMilliwattHours = max(r.EnergyMilliwattHours(), 1)
	b.StateOfChargePermille, b.TargetPermille, b.KneePermille = 0, meter.StateOfChargeMax, meter.StateOfChargeMax
	b.MaxPowerMilliwatts = r.MaxPowerMilliwatts()
	b.FloorMilliwatts = r.MaxPowerMilliwatts()
	return b
}

func (v *Vehicle) plugIn(battery sim.Battery) (meter.Source, error) {
	plugIn := simcable.PlugIn
	if v.config.Parked {
		plugIn = simcable.Attach
	}
	plug, err := plugIn(v.party.Conn, v.station, v.name(), battery, v.config.GainPPM)
	if err != nil {
		return nil, err
	}
	v.keeping.Go(func() { plug.Keep(v.done) })
	v.close = plug.Unplug
	return plug, nil
}

// Charge runs a session until it is over, or resumes the one that is not: with resume set, and nil otherwise.
func (v *Vehicle) Charge(ctx context.Context, resume *session.SessionRecord) (session.SessionRecord, error) {
	visit := agent.Visit{
		Station: v.station, Addr: secure.AddrOf(v.station), Policy: v.config.Policy, LedgerTime: v.ledgerTime(ctx),
	}
	if v.inbox != nil {
		visit.Pieces = v.inbox.take
	}
	var record session.SessionRecord
	var err error
	if resume != nil {
		record, err = v.agent.Resume(ctx, resume.ID, visit)
	} else if err = v.checkStation(ctx); err == nil {
		record, err = v.agent.Charge(ctx, visit)
	}
	if err == nil && record.Phase == session.PhaseFailed {
		err = v.failure(record)
	}
	return record, err
}

// checkStation tells before anything is asked of a station whether the ledger says that its DID has ended, or is not
// registered and should be, which the handshake would only find out by waiting; and whether this wallet's own key was replaced.
func (v *Vehicle) checkStation(ctx context.Context) error {
	if err := v.party.CheckOwnKey(ctx); err != nil {
		return err
	}
	if err := v.party.Registry.CheckActive(ctx, v.station); err != nil {
		return fmt.Errorf("%w: %w", ErrStation, err)
	}
	return nil
}

// failure says why a session ended before energy flowed.
func (v *Vehicle) failure(r session.SessionRecord) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.strange != nil {
		return fmt.Errorf("%w: %w", ErrSession, v.strange)
	}
	if v.trouble != nil {
		return fmt.Errorf("%w: %w", ErrSession, v.trouble)
	}
	return fmt.Errorf("%w: %s", ErrSession, r.Failure)
}

// stopEvery is how often a stop is asked for again: the session may only be about to begin.
const stopEvery = 200 * time.Millisecond

// Drive runs the vehicle's agent and a session, a new one or the one to resume, until it is over; then does after, while
// the agent goes on, and ends. When polite ends first, the vehicle stops early and pays for what it has.
func (v *Vehicle) Drive(ctx, polite context.Context, resume *session.SessionRecord, after func(session.SessionRecord) error) error {
	running, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	var broken error
	work.Go(func() {
		defer cancel() // without its agent no session goes on
		broken = v.Run(running)
	})
	work.Go(func() {
		if v.ride != nil {
			v.ride.run(running, polite, resume, v.config.Policy.Quantity, v.stop)
			return
		}
		v.stopWhen(running, polite)
	})
	work.Go(func() { v.watch(running) })
	record, err := v.Charge(running, resume)
	if errors.Is(err, agent.ErrStopped) && ctx.Err() == nil {
		work.Wait() // the agent ended by itself
		return errors.Join(broken, err)
	}
	if err != nil {
		return err
	}
	return after(record)
}

func (v *Vehicle) stopWhen(running, polite context.Context) {
	select {
	case <-running.Done():
		return
	case <-polite.Done():
	}
	v.stop(running)
}

// stop asks for the end of the session until it is over.
func (v *Vehicle) stop(running context.Context) {
	ticker := time.NewTicker(stopEvery)
	defer ticker.Stop()
	for running.Err() == nil {
		v.agent.Stop(running)
		select {
		case <-running.Done():
		case <-ticker.C:
		}
	}
}

// ledgerTime gives the time of the latest final checkpoint, or the wall clock's before the first.
func (v *Vehicle) ledgerTime(ctx context.Context) time.Time {
	if n, err := v.party.Ledger.Network(ctx); err == nil && n.Final != nil {
		return n.Final.Time
	}
	return v.config.Clock.Now().Real
}

// Unfinished gives the session that was interrupted, or nil.
func Unfinished(ctx context.Context, p *party.Party) (*session.SessionRecord, error) {
	records, err := p.Store.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Role == session.RolePayer {
			return &r, nil
		}
	}
	return nil, nil
}
