package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
)

// Vehicle runs the payer's side: one session at a time.
type Vehicle struct {
	deps       Deps
	source     meter.Source // its own measurement
	comparison meter.Comparison
	looks      *looks
	outbox     *Outbox
	keeper     *keeper

	mu      sync.Mutex // guards current
	current *visit
}

// Visit is what a vehicle asks of a station.
type Visit struct {
	Station    wallet.DID
	Addr       link.Addr // of the station on the link
	Policy     session.PayerPolicy
	LedgerTime time.Time // of the latest final checkpoint, for the expiry of a new channel
}

// NewVehicle makes a vehicle that measures with source. Run starts it.
func NewVehicle(deps Deps, source meter.Source, comparison meter.Comparison) *Vehicle {
	v := &Vehicle{deps: deps, source: source, comparison: comparison}
	v.looks = newLooks(deps.Settler, func(id channel.SessionID, e session.Viewed) { v.deliver(id, e) })
	v.outbox = NewOutbox(deps.Store, deps.Settler, deps.Log, func(c session.Concluded) { v.deliver(c.Op.Session, c) })
	v.keeper = newKeeper(deps, v.outbox, v.channelInUse)
	return v
}

// Outbox gives the vehicle's outbox, for operations that people ask for.
func (v *Vehicle) Outbox() *Outbox { return v.outbox }

// Run serves the outbox, the ledger's answers and the channels until the context ends, and waits for what it started.
// Sessions run in Charge and Resume meanwhile.
func (v *Vehicle) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all.Go(func() { v.outbox.Run(ctx) })
	all.Go(func() { v.looks.run(ctx) })
	all.Go(func() { v.keeper.run(ctx) })
	if v.deps.PulseEvery > 0 {
		all.Go(func() { pulseEvery(ctx, v.deps.PulseEvery, v.Pulse) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-v.deps.Link.Receive():
			if !ok {
				return fmt.Errorf("vehicle: %w", link.ErrClosed)
			}
			v.receive(d)
		}
	}
}

func (v *Vehicle) receive(d link.Datagram) {
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		v.deps.Log.Debug("datagram refused", "error", err)
		return
	}
	if current := v.running(); current != nil && current.id == frame.Session {
		current.post(envelope{event: session.Received{Message: frame.Message}})
	}
}

func (v *Vehicle) running() *visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.current
}

func (v *Vehicle) deliver(id channel.SessionID, event session.Event) {
	if current := v.running(); current != nil && current.id == id {
		current.deliver(context.Background(), event)
	}
}

func (v *Vehicle) channelInUse(id channel.ID) bool {
	current := v.running()
	return current != nil && current.channel() == id
}

// Charge runs a new session until it is over, and gives its record. It ends early with ErrStopped when the context
// does; Resume goes on.
func (v *Vehicle) Charge(ctx context.Context, visit Visit) (session.SessionRecord, error) {
	known, err := OpenChannel(ctx, v.deps.Store, visit.Station)
	if err != nil {
		return session.SessionRecord{}, err
	}
	config, err := v.config(ctx, visit, known)
	if err != nil {
		return session.SessionRecord{}, err
	}
	var id channel.SessionID
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	payer, effects, err := session.NewPayer(config, v.deps.Clock.Now(), id, visit.Station, known)
	if err != nil {
		return session.SessionRecord{}, err
	}
	return v.run(ctx, id, payer, effects, nil, visit)
}

// Resume continues a stored session until it is over.
func (v *Vehicle) Resume(ctx context.Context, id channel.SessionID, visit Visit) (session.SessionRecord, error) {
	st, err := Load(ctx, v.deps.Store, id)
	if err != nil {
		return session.SessionRecord{}, err
	}
	if st.Record.Phase.Over() {
		return st.Record, nil
	}
	visit.Station = st.Record.Peer
	payer, effects, err := v.restored(st, visit)
	if err != nil {
		return st.Record, err
	}
	return v.run(ctx, id, payer, effects, st.Outcomes(), visit)
}

func (v *Vehicle) restored(st Stored, visit Visit) (*session.Payer, []session.Effect, error) {
	config := v.baseConfig(st.Record.KeyIndex, visit)
	config.Policy.Service, config.Policy.Quantity = st.Record.Service, st.Record.Wanted
	return session.RestorePayer(config, v.deps.Clock.Now(), st.Record, st.Channel, st.Readings, st.Ops)
}

// run takes over a machine until it is over.
func (v *Vehicle) run(ctx context.Context, id channel.SessionID, payer *session.Payer, begin []session.Effect, events []session.Event, visit Visit) (session.SessionRecord, error) {
	running := newVisit(id, v.deps, visit.Addr)
	running.machine = payer
	running.ports = Ports{
		Store: v.deps.Store, Send: sendOn(v.deps.Link, running.addr), Submit: v.outbox.Notify, Look: v.looks.ask, Report: v.deps.report,
		Actuate: func(session.Actuate) error { return nil }, // a vehicle commands no outlet
	}
	running.restore = func(ctx context.Context) (machine, error) {
		st, err := Load(ctx, v.deps.Store, id)
		if err != nil {
			return nil, err
		}
		restored, _, err := v.restored(st, visit)
		return restored, err
	}
	if err := v.occupy(running); err != nil {
		return session.SessionRecord{}, err
	}
	defer v.leave()
	for _, e := range events {
		running.post(envelope{event: e})
	}
	running.run(ctx, begin, func(r session.SessionRecord) bool { return r.Phase.Over() })
	return running.machine.Record(), running.err
}

// leave ends the use of the channel by a session; from now on the keeper looks after it.
func (v *Vehicle) leave() {
	v.mu.Lock()
	v.current = nil
	v.mu.Unlock()
	v.keeper.nudge()
}

func (v *Vehicle) occupy(next *visit) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current != nil {
		return fmt.Errorf("%w: session %s", ErrBusy, v.current.id)
	}
	v.current = next
	return nil
}

// OpenChannel finds a channel with the station that can be used again; nil when there is none.
func OpenChannel(ctx context.Context, s store.Store, station wallet.DID) (*session.ChannelRecord, error) {
	records, err := s.Channels(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(records) - 1; i >= 0; i-- {
		if r := records[i]; r.Peer == station && r.State == channel.Open && !r.Side.Frozen {
			return &r, nil
		}
	}
	return nil, nil
}

func (v *Vehicle) config(ctx context.Context, visit Visit, known *session.ChannelRecord) (session.PayerConfig, error) {
	if known != nil {
		return v.baseConfig(known.KeyIndex, visit), nil
	}
	index, err := v.deps.Store.NextKeyIndex(ctx)
	if err != nil {
		return session.PayerConfig{}, err
	}
	return v.baseConfig(index, visit), nil
}

func (v *Vehicle) baseConfig(keyIndex uint32, visit Visit) session.PayerConfig {
	w := v.deps.Identity.Wallet
	config := session.PayerConfig{
		Network: v.deps.Identity.Network, Account: w.Account(), ChannelKey: w.Channel(keyIndex), KeyIndex: keyIndex,
		Comparison: v.comparison, LedgerTime: visit.LedgerTime, Policy: visit.Policy,
	}
	_, _ = rand.Read(config.Nonce[:]) // never fails since Go 1.24
	return config
}

// Stop asks the running session to end politely. Without one it does nothing.
func (v *Vehicle) Stop(ctx context.Context) {
	if current := v.running(); current != nil {
		current.deliver(ctx, session.StopAsked{Reason: wire.ReasonUser})
	}
}

// Pulse measures and lets time pass for the running session. It returns when that is taken in.
func (v *Vehicle) Pulse(ctx context.Context) {
	current := v.running()
	if current == nil {
		return
	}
	sample, err := v.source.Sample(v.deps.Clock.Now().Session)
	current.hand(ctx, session.Sampled{Sample: sample, Err: err})()
}

// ErrNoChannel is returned when there is no channel to act on.
var ErrNoChannel = errors.New("agent: no such channel")
