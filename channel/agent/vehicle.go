package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
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
	usage      *usage
	keeper     *keeper
	served     context.Context // ends with Run: without it a session would wait for ever
	unserve    context.CancelFunc
	wake       chan struct{} // a session begins, and wants a sample before the next pulse; capacity 1

	mu       sync.Mutex // guards below
	occupied bool       // by Charge or Resume
	current  *visit     // nil before its machine runs
}

// Visit is what a vehicle asks of a station.
type Visit struct {
	Station    wallet.DID
	Addr       link.Addr // of the station on the link
	Policy     session.PayerPolicy
	LedgerTime time.Time // of the latest final checkpoint, for the expiry of a new channel
	// Pieces takes what arrives of the pieces that the session sells, in whatever order and however often; nil: none are bought. It
	// must be quick.
	Pieces func(wire.Piece)
}

// NewVehicle makes a vehicle that measures with source. Run starts it.
func NewVehicle(deps Deps, source meter.Source, comparison meter.Comparison) *Vehicle {
	v := &Vehicle{deps: deps, source: source, comparison: comparison, usage: newUsage(), wake: make(chan struct{}, 1)}
	v.served, v.unserve = context.WithCancel(context.Background())
	v.looks = newLooks(deps.Settler, func(id channel.SessionID, e session.Viewed) { v.deliver(id, e) })
	v.outbox = NewOutbox(deps.Store, deps.Settler, deps.Log, func(c session.Concluded) { v.deliver(c.Op.Session, c) })
	v.keeper = newKeeper(deps, v.outbox, v.usage)
	return v
}

// Outbox gives the vehicle's outbox, for operations that people ask for.
func (v *Vehicle) Outbox() *Outbox { return v.outbox }

// Run serves the outbox, the ledger's answers and the channels until the context ends, and waits for what it started. It is
// called once; sessions run in Charge and Resume meanwhile, and end with it. It ends by itself with ErrStoring when the
// store does not take what becomes of an operation.
func (v *Vehicle) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer v.unserve()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all.Go(func() {
		if err := v.outbox.Run(ctx); err != nil {
			cancel(err)
		}
	})
	all.Go(func() { v.looks.run(ctx) })
	all.Go(func() { v.keeper.run(ctx) })
	if v.deps.PulseEvery > 0 {
		all.Go(func() { pulseEvery(ctx, v.deps.PulseEvery, changed(v.source), v.wake, v.Pulse) })
	}
	for {
		select {
		case <-ctx.Done():
			return stoppedBy(ctx)
		case d, ok := <-v.deps.Link.Receive():
			if !ok {
				return fmt.Errorf("vehicle: %w", link.ErrClosed)
			}
			v.receive(d)
		}
	}
}

// receive routes a datagram to the running session. Only its station is heard.
func (v *Vehicle) receive(d link.Datagram) {
	current := v.running()
	if current == nil || d.From != current.addr() {
		return
	}
	frame, err := wire.Decode(d.Payload)
	if err != nil {
		v.deps.Log.Debug("datagram refused", "error", err)
		return
	}
	if current.id != frame.Session {
		return
	}
	if piece, ok := frame.Message.(wire.Piece); ok {
		if current.pieces != nil {
			current.pieces(piece)
		}
		return
	}
	current.post(frame.Message, d.From)
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

// Charge runs a new session until it is over, and gives its record. It ends early with ErrStopped when the context or Run
// does; Resume goes on.
func (v *Vehicle) Charge(ctx context.Context, visit Visit) (session.SessionRecord, error) {
	var id channel.SessionID
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	leave, err := v.occupy(id)
	if err != nil {
		return session.SessionRecord{}, err
	}
	defer leave()
	known, err := v.ownChannel(ctx, id, visit.Station)
	if err != nil {
		return session.SessionRecord{}, err
	}
	config, err := v.config(ctx, visit, known)
	if err != nil {
		return session.SessionRecord{}, err
	}
	payer, effects, err := session.NewPayer(config, v.deps.Clock.Now(), id, visit.Station, known)
	if err != nil {
		return session.SessionRecord{}, err
	}
	running := newVisit(id, v.deps, visit.Addr)
	running.machine, running.begin, running.pieces = payer, effects, visit.Pieces
	return v.run(ctx, running)
}

// Resume continues a stored session until it is over.
func (v *Vehicle) Resume(ctx context.Context, id channel.SessionID, visit Visit) (session.SessionRecord, error) {
	leave, err := v.occupy(id)
	if err != nil {
		return session.SessionRecord{}, err
	}
	defer leave()
	st, err := v.load(ctx, id)
	if err != nil || st.Record.Phase.Over() {
		return st.Record, err
	}
	config := v.baseConfig(st.Record.KeyIndex, visit)
	config.Policy.Service, config.Policy.Quantity = st.Record.Service, st.Record.Wanted
	payer, effects, err := session.RestorePayer(config, v.deps.Clock.Now(), st.Record, st.Channel, st.Readings, st.Ops)
	if err != nil {
		return st.Record, err
	}
	running := newVisit(id, v.deps, visit.Addr)
	running.machine, running.begin, running.before, running.pieces = payer, effects, st.Outcomes(), visit.Pieces
	return v.run(ctx, running)
}

// load reads a stored session once its channel is its own.
func (v *Vehicle) load(ctx context.Context, id channel.SessionID) (Stored, error) {
	record, err := v.deps.Store.Session(ctx, id)
	if err == nil && record.Channel != (channel.ID{}) {
		err = v.usage.begin(record.Channel, id)
	}
	if err != nil {
		return Stored{Record: record}, err
	}
	return Load(ctx, v.deps.Store, id)
}

// run serves a machine until it is over.
func (v *Vehicle) run(ctx context.Context, running *visit) (session.SessionRecord, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.served, cancel)()
	running.ports = Ports{
		Store: ownChannels{v.deps.Store, v.usage, running.id}, Send: sendOn(v.deps.Link, running.addr), Submit: v.outbox.Notify,
		Look: v.looks.ask, Report: v.deps.report,
		Actuate: func(session.Actuate) error { return nil }, // a vehicle commands no outlet
		Permit:  v.permit,
	}
	v.set(running)
	defer v.set(nil)
	select {
	case v.wake <- struct{}{}:
	default: // it is about to look
	}
	running.run(ctx)
	return running.machine.Record(), running.err
}

// permit tells the battery what may flow back. One that does not hear it gives what it was told before, for which the station
// pays as long as it shows it.
func (v *Vehicle) permit(p session.Permit) {
	err := ErrNoGiver
	if g, ok := v.source.(meter.Giver); ok {
		err = g.Permit(v.deps.Clock.Now().Session, p.LimitMilliwatts)
	}
	if err != nil {
		v.deps.Log.Error("the battery was not told what may flow back", "limit_mw", p.LimitMilliwatts, "error", err)
	}
}

// ErrNoGiver is logged where a vehicle that agreed to give energy back cannot tell its battery when not to.
var ErrNoGiver = errors.New("agent: the vehicle's battery cannot be told what to give back")

// occupy takes the vehicle for a session, and gives the function that frees it: from then on the keeper looks after the
// session's channel.
func (v *Vehicle) occupy(id channel.SessionID) (leave func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.occupied {
		return nil, fmt.Errorf("%w: one runs already", ErrBusy)
	}
	v.occupied = true
	return func() {
		v.mu.Lock()
		v.occupied = false
		v.mu.Unlock()
		v.usage.end(id)
		v.keeper.nudge()
	}, nil
}

func (v *Vehicle) set(current *visit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = current
}

// OpenChannel finds a channel with the station that can be used again; nil when there is none.
func OpenChannel(ctx context.Context, s store.Store, station wallet.DID) (*session.ChannelRecord, error) {
	records, err := s.Unclosed(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(records) {
		if r.Peer == station && usable(r) {
			return &r, nil
		}
	}
	return nil, nil
}

func usable(r session.ChannelRecord) bool { return r.State == channel.Open && !r.Side.Frozen }

// ownChannel finds a channel as OpenChannel does, and gives it to the session.
func (v *Vehicle) ownChannel(ctx context.Context, id channel.SessionID, station wallet.DID) (*session.ChannelRecord, error) {
	found, err := OpenChannel(ctx, v.deps.Store, station)
	if err != nil || found == nil {
		return nil, err
	}
	if err := v.usage.begin(found.ID, id); err != nil {
		return nil, err
	}
	// From here on nobody else writes the record; what was read before may be old.
	own, err := v.deps.Store.Channel(ctx, found.ID)
	if err != nil || !usable(own) {
		v.usage.end(id)
		return nil, err
	}
	return &own, nil
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
		Network: v.deps.Identity.Network, DID: w.DID(), Account: w.Account(), ChannelKey: w.Channel(keyIndex), KeyIndex: keyIndex,
		Comparison: v.comparison, LedgerTime: visit.LedgerTime, Keys: v.deps.Keys, Policy: visit.Policy,
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
