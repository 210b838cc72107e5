package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
)

// errDied is what the last call of a process that dies returns to nobody.
var errDied = errors.New("the process is dead")

// party is a vehicle or a station through all lives of its process: what it stores and owns outlives each.
type party struct {
	name   string
	world  *world
	wallet *wallet.Wallet
	disk   *store.Memory

	steps atomic.Int64 // commits begun and messages sent in all lives
	// fault is asked at every step, by its number; nil means none ever happens.
	fault func(step int64, what what) fate

	mu     sync.Mutex // guards below
	lives  int
	broken []string // what the party did against I4
}

// what a party is about to do.
type what int

const (
	commits what = iota
	sends
)

// fate of a step.
type fate int

const (
	passes     fate = iota
	diesBefore      // the process dies, and the step never happened
	diesAfter       // the process dies once the step happened
	fails           // the store refuses: nothing is stored, and who asked hears it
	failsFor        // the store fails for good, after it stored
)

func newParty(w *world, name string) *party {
	return &party{name: name, world: w, wallet: testWallet(name), disk: store.NewMemory()}
}

var testWallets sync.Map // a wallet costs some milliseconds

func testWallet(name string) *wallet.Wallet {
	if w, ok := testWallets.Load(name); ok {
		return w.(*wallet.Wallet)
	}
	var entropy [wallet.EntropySize]byte
	copy(entropy[:], name)
	w, _ := testWallets.LoadOrStore(name, wallet.FromEntropy(entropy))
	return w.(*wallet.Wallet)
}

func (p *party) breaks(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.broken) < 20 {
		p.broken = append(p.broken, p.name+" "+fmt.Sprintf(format, args...))
	}
}

// life is one process of a party. Once it is dead, nothing that it does has an effect.
type life struct {
	*party
	ctx  context.Context
	kill context.CancelFunc
	link link.Link
	dead atomic.Bool
	// full is set when the store failed for good: it can only be read until the process starts again.
	full atomic.Bool
}

// live begins a process.
func (p *party) live(ctx context.Context) *life {
	l := &life{party: p}
	l.ctx, l.kill = context.WithCancel(ctx)
	l.link = p.join()
	p.mu.Lock()
	p.lives++
	p.mu.Unlock()
	return l
}

// join puts a process on the network, in secret where its world is.
func (p *party) join() link.Link {
	addr := link.Addr(p.name)
	if p.world.secret && p == p.world.station {
		addr = secure.AddrOf(p.wallet.DID())
	}
	port, err := p.world.network.Join(addr)
	if err != nil {
		p.world.t.Fatal(err)
	}
	if p.world.broker != nil {
		port = p.world.broker(port)
	}
	identity := secure.NewIdentity(p.wallet, benchNetwork)
	switch {
	case !p.world.secret:
		return port
	case p == p.world.station:
		return secure.Listen(port, identity, secure.Options{})
	}
	return secure.Dial(port, identity, secure.Options{})
}

// end takes a process off the network.
func (l *life) end() {
	l.dead.Store(true)
	l.kill()
	_ = l.link.Close()
}

func (l *life) deps() Deps {
	return Deps{
		Identity: Identity{Wallet: l.wallet, Network: benchNetwork}, Store: lifeStore{l.disk, l}, Link: lifeLink{l.link, l},
		Settler: settler{l.world.ledger, l.wallet.DID()}, Clock: WallClock{}, Log: slog.New(slog.DiscardHandler),
		PulseEvery: pulse,
	}
}

// step asks for the fate of a commit or a message.
func (l *life) step(what what) fate {
	if l.dead.Load() {
		return diesBefore
	}
	fate := passes
	if n := l.steps.Add(1); l.fault != nil {
		fate = l.fault(n, what)
	}
	switch fate {
	case diesBefore, diesAfter:
		l.dead.Store(true)
		l.kill()
	case failsFor:
		l.full.Store(true)
	}
	return fate
}

// lifeStore is a party's store as one process sees it.
type lifeStore struct {
	store.Store
	life *life
}

func (s lifeStore) Commit(ctx context.Context, b session.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.life.full.Load() {
		return store.ErrFailed
	}
	switch s.life.step(commits) {
	case diesBefore:
		return errDied
	case fails:
		return errors.New("no room on the disk")
	case diesAfter:
		_ = s.Store.Commit(context.Background(), b)
		return errDied
	case failsFor:
		_ = s.Store.Commit(context.Background(), b)
		return store.ErrFailed
	}
	return s.Store.Commit(ctx, b)
}

func (s lifeStore) NextKeyIndex(ctx context.Context) (uint32, error) {
	if s.life.dead.Load() || s.life.full.Load() {
		return 0, store.ErrFailed
	}
	return s.Store.NextKeyIndex(ctx)
}

// lifeLink is a party's link as one process sees it. It holds every message against the store.
type lifeLink struct {
	link.Link
	life *life
}

func (l lifeLink) Send(to link.Addr, payload []byte) error {
	fate := l.life.step(sends)
	if fate == diesBefore {
		return link.ErrClosed
	}
	if frame, err := wire.Decode(payload); err != nil {
		l.life.breaks("sends what does not decode: %v", err)
	} else {
		l.life.checkDurable(frame)
	}
	return l.Link.Send(to, payload)
}

// checkDurable holds a message against the store (I4): nothing is sent or acknowledged that a crash could undo.
func (p *party) checkDurable(f wire.Frame) {
	switch f.Message.(type) {
	case wire.Refuse, wire.Close:
		return // of no session
	}
	ctx := context.Background()
	record, err := p.disk.Session(ctx, f.Session)
	if err != nil {
		p.breaks("sends %T before it stored the session", f.Message)
		return
	}
	ch, _ := channelOf(ctx, p.disk, record.Channel)
	switch m := f.Message.(type) {
	case wire.Claim:
		p.checkClaim(ch, m.Best)
	case wire.Demand:
		p.checkClaim(ch, m.Back)
		readings, _ := p.disk.Readings(ctx, f.Session)
		s, err := meter.DecodeSigned(m.Reading)
		if err != nil || s.Reading.Sequence >= uint64(len(readings)) || m.Accepted > ch.Side.In.Owed() {
			p.breaks("demands for reading %d having stored %d, acknowledges %s having stored %s", s.Reading.Sequence, len(readings), m.Accepted, ch.Side.In.Owed())
		}
	case wire.Done:
		p.checkClaim(ch, m.Back)
		if m.Accepted > ch.Side.In.Owed() {
			p.breaks("acknowledges %s, stored is %s", m.Accepted, ch.Side.In.Owed())
		}
	case wire.Accept:
		if ch == nil {
			p.breaks("accepts with a channel that is not stored")
		}
	case wire.Withdraw:
		w, err := channel.DecodeSignedWithdrawal(m.Withdrawal)
		if err != nil || ch.Side.Funds.Withdrawn[channel.Partner] < w.Withdrawal.Totals[channel.Partner] {
			p.breaks("signs a withdrawal of %v, stored is %v", w.Withdrawal.Totals, ch.Side.Funds.Withdrawn)
		}
	}
}

func (p *party) checkClaim(ch *session.ChannelRecord, raw []byte) {
	if len(raw) == 0 {
		return
	}
	best, err := channel.DecodeBest(raw)
	if err != nil || best.Above(ch.Side.Out) {
		p.breaks("sends a claim of %s (%v), stored is %s", best.Owed(), err, ch.Side.Out.Owed())
	}
	p.world.once(best)
}

// once sees that one sequence of a lane never has two bodies.
func (w *world) once(b channel.Best) {
	c := b.Signed.Claim
	key := fmt.Sprintf("%s lane %d sequence %d", c.Channel, c.Lane, c.Sequence)
	if before, loaded := w.bodies.LoadOrStore(key, c.Hash()); loaded && before != c.Hash() {
		w.vehicle.breaks("or the station signed two bodies of %s", key)
	}
}

// pulse is how often the agents of these tests look at their meters.
const pulse = 200 * time.Millisecond
