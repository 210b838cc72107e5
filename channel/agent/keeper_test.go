package agent

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// contract is a channel in which the vehicle has signed some claims, the station stores the best, and the ledger knows none.
type contract struct {
	id     channel.ID
	key    wallet.PrivateKey // of the vehicle
	claims []channel.SignedClaim
}

// owed are the claims of a contract.
var owed = []money.Amount{money.Nano, 2 * money.Nano, 5 * money.Nano}

// contract opens a channel and stores what both sides know of it.
func (w *world) contract(index uint32, lifetime time.Duration) contract {
	w.t.Helper()
	vehicle, station := w.vehicle.wallet, w.station.wallet
	c := contract{key: vehicle.Channel(index)}
	opening := channel.Opening{
		Network: benchNetwork, Opener: vehicle.DID(), Partner: station.DID(), Payout: station.DID(),
		OpenerKey: c.key.Public(), PartnerKey: station.Channel(index).Public(), Deposit: 20 * money.Nano, Nonce: [16]byte{byte(index)},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: testWindow, Expiry: time.Now().Add(lifetime).Truncate(time.Second).UTC()},
	}
	c.id = opening.ID()
	mine, err := channel.NewSide(opening, channel.Opener)
	if err != nil {
		w.t.Fatal(err)
	}
	theirs, err := channel.NewSide(opening, channel.Partner)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, amount := range owed {
		claim, err := mine.Pay(channel.Draft{Amount: amount}, c.key)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := theirs.Accept(channel.Best{Signed: claim}); err != nil {
			w.t.Fatal(err)
		}
		c.claims = append(c.claims, claim)
	}
	for p, side := range map[*party]*channel.Side{w.vehicle: mine, w.station: theirs} {
		record := session.ChannelRecord{ID: c.id, KeyIndex: index, Side: side.Snapshot(), State: channel.Open, Expiry: opening.Terms.Expiry}
		record.Peer = opening.Partner
		if p == w.station {
			record.Peer = opening.Opener
		}
		if err := p.disk.Commit(context.Background(), session.Batch{Channels: []session.ChannelRecord{record}}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.submit(w.vehicle, session.NewOp(session.OpOpen, c.id, channel.SessionID{}, opening.Encode()))
	return c
}

// submit brings an operation of a party to the ledger behind its agent's back.
func (w *world) submit(p *party, op session.OpRecord) {
	w.t.Helper()
	s := settler{w.ledger, p.wallet.DID()}
	payload, err := s.Prepare(context.Background(), op)
	if err == nil {
		_, err = s.Submit(context.Background(), payload)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// cheat closes the channel with the first claim, as if the others had never been signed.
func (w *world) cheat(c contract) {
	request := channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: c.id, By: channel.Opener}}
	request.Signature = c.key.Sign(wallet.DomainCloseRequest, benchNetwork, request.Request.Encode())
	body := append(request.Encode(), session.EncodeBests(channel.Best{Signed: c.claims[0]})...)
	w.submit(w.vehicle, session.NewOp(session.OpCloseRequest, c.id, channel.SessionID{}, body))
}

// lives lets the station's process live for some times of a while each, one after the other, until the channel is paid out.
func (w *world) lives(c contract, while ...time.Duration) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Hour)
	defer stop()
	for len(while) > 0 || w.ledger.at(c.id).state != channel.Closed {
		lasting := time.Minute
		if len(while) > 0 {
			lasting, while = while[0], while[1:]
		}
		l := w.station.live(ctx)
		life, end := context.WithTimeout(l.ctx, lasting)
		if err := w.newStation(l).Run(life); err != nil {
			w.t.Error(err)
		}
		end()
		l.end()
		if !wait(ctx, time.Second) {
			w.t.Error("never paid out")
			return
		}
	}
}

// expectPaidOut sees that the station got all that was claimed, whatever the vehicle tried.
func (w *world) expectPaidOut(c contract) {
	w.t.Helper()
	best := owed[len(owed)-1]
	if on := w.ledger.at(c.id); on.state != channel.Closed || on.lanes[0] != best || on.paidOut[channel.Partner] != best {
		w.t.Errorf("the channel is %s with a lane of %s, paid out %v, want %s", on.state, on.lanes[0], on.paidOut, best)
	}
}

func TestI4_ACloseWithAnOldClaimIsAnsweredAndPaidOut(t *testing.T) {
	for name, while := range map[string][]time.Duration{
		"one process":                          {10 * time.Minute},
		"down when the cheat begins":           {time.Millisecond, 10 * time.Minute},
		"down between the answer and the end":  {20 * time.Second, time.Millisecond, 10 * time.Minute},
		"restarted every ten seconds":          slices.Repeat([]time.Duration{10 * time.Second}, 12),
		"down for half of the window, at last": {time.Millisecond, time.Millisecond, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, link.Faults{}, func(w *world) {
				c := w.contract(1, 24*time.Hour)
				w.cheat(c)
				w.lives(c, while...)
				w.expectPaidOut(c)
			})
		})
	}
}

func TestI4_AnAnswerIsEnteredAgainAfterACrash(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		w.station.fault = func(step int64, what what) fate {
			return []fate{diesBefore, diesAfter, passes, passes, passes, passes}[step%6]
		}
		w.cheat(c)
		w.lives(c)
		w.expectPaidOut(c)
		if w.station.lives < 3 {
			t.Errorf("%d lives", w.station.lives)
		}
	})
}

func TestClaimsAreSettledBeforeTheChannelExpires(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 10*time.Minute)
		w.lives(c, 9*time.Minute+30*time.Second)
		w.expectPaidOut(c)
	})
}

func TestAChannelInUseIsLeftToItsSession(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		l := w.station.live(context.Background())
		s := w.newStation(l)
		if err := s.usage.begin(c.id, channel.SessionID{9}); err != nil {
			t.Fatal(err)
		}
		w.cheat(c)
		views := func(lasting time.Duration) int {
			ctx, stop := context.WithTimeout(l.ctx, lasting)
			defer stop()
			before := w.ledger.views[c.id]
			s.keeper.run(ctx)
			return w.ledger.views[c.id] - before
		}
		if n := views(30 * time.Second); n != 0 {
			t.Errorf("looked %d times at the channel of a session", n)
		}
		s.usage.end(channel.SessionID{9})
		s.keeper.nudge()
		if n := views(time.Second); n != 1 {
			t.Errorf("looked %d times when the session was over, want at once", n)
		}
		if pending, _ := w.station.disk.PendingOps(context.Background()); len(pending) != 1 {
			t.Errorf("%d operations entered", len(pending))
		}
		l.end()
	})
}

// TestI4_TheKeeperNeverWritesOverASession has a keeper look at a channel while sessions begin, claim and end on it: what one
// stored the next one must find.
func TestI4_TheKeeperNeverWritesOverASession(t *testing.T) {
	var w *world
	var c contract
	inWorld(t, link.Faults{}, func(bubble *world) { w, c = bubble, bubble.contract(1, 24*time.Hour) })
	ctx := t.Context()
	deps := Deps{Store: busyStore{w.station.disk}, Log: slog.New(slog.DiscardHandler)}
	usage := newUsage()
	k := newKeeper(deps, NewOutbox(deps.Store, nil, deps.Log, func(session.Concluded) {}), usage)
	var keeping sync.WaitGroup
	var kept atomic.Int64
	const enough = 300
	keeping.Go(func() {
		view := session.View{State: channel.Open, Final: true}
		for kept.Load() < enough {
			view.Funds.Deposited[channel.Partner]++ // there is always something to store
			err := usage.without(c.id, func() error { return k.enter(ctx, c.id, view) })
			if err == nil {
				kept.Add(1)
			}
		}
	})
	own := ownChannels{deps.Store, usage, channel.SessionID{7}}
	for n := uint32(0); kept.Load() < enough; n++ {
		if err := usage.begin(c.id, own.session); err != nil {
			t.Fatal(err)
		}
		record, err := own.Channel(ctx, c.id)
		if err != nil || record.Side.Withdrawal != n {
			kept.Store(enough)
			t.Errorf("%v, session %d finds what session %d left", err, n, record.Side.Withdrawal)
		}
		record.Side.Withdrawal = n + 1
		if err := own.Commit(ctx, session.Batch{Channels: []session.ChannelRecord{record}}); err != nil {
			t.Fatal(err)
		}
		usage.end(own.session)
		runtime.Gosched()
	}
	keeping.Wait()
}

// busyStore lets others run before it commits, so that what was read before may be old by then.
type busyStore struct{ store.Store }

func (s busyStore) Commit(ctx context.Context, b session.Batch) error {
	for range 20 {
		runtime.Gosched()
	}
	return s.Store.Commit(ctx, b)
}

func TestASessionTakesNoChannelThatAnotherSessionStored(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		ctx := context.Background()
		record, err := w.station.disk.Channel(ctx, c.id)
		if err != nil {
			t.Fatal(err)
		}
		batch := session.Batch{Channels: []session.ChannelRecord{record}}
		usage := newUsage()
		stranger := ownChannels{w.station.disk, usage, channel.SessionID{1}}
		if err := stranger.Commit(ctx, batch); err == nil || endsAll(err) {
			t.Errorf("%v", err)
		}
		if err := usage.begin(c.id, channel.SessionID{2}); err != nil {
			t.Fatal(err)
		}
		if err := stranger.Commit(ctx, batch); err == nil || endsAll(err) {
			t.Errorf("%v", err)
		}
		if err := (ownChannels{w.station.disk, usage, channel.SessionID{2}}).Commit(ctx, batch); err != nil {
			t.Error(err)
		}
		fresh := record
		fresh.ID[0]++
		batch.Channels[0] = fresh
		if err := stranger.Commit(ctx, batch); err != nil {
			t.Errorf("a channel that nobody knew: %v", err)
		}
		if user, used := usage.user(fresh.ID); !used || user != stranger.session {
			t.Error("is not the session's own then")
		}
	})
}

func TestChannelsThatTheLedgerDoesNotKnowCostLessAndLess(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 1000*time.Hour)
		unopened, err := w.station.disk.Channel(context.Background(), c.id)
		if err != nil {
			t.Fatal(err)
		}
		const hours = 20
		for n := range byte(10) {
			unopened.ID, unopened.State = channel.ID{n}, 0
			if err := w.station.disk.Commit(context.Background(), session.Batch{Channels: []session.ChannelRecord{unopened}}); err != nil {
				t.Fatal(err)
			}
		}
		l := w.station.live(context.Background())
		ctx, stop := context.WithTimeout(l.ctx, hours*time.Hour)
		defer stop()
		w.newStation(l).keeper.run(ctx)
		l.end()
		if n := w.ledger.views[channel.ID{1}]; n < hours || n > hours+10 {
			t.Errorf("%d looks in %d hours, want about one an hour", n, hours)
		}
		if n := w.ledger.views[c.id]; n < hours*50 {
			t.Errorf("%d looks at a channel that is open", n)
		}
	})
}

func TestClosedChannelsAreNotReadAgain(t *testing.T) {
	inWorld(t, link.Faults{}, func(w *world) {
		c := w.contract(1, 24*time.Hour)
		w.cheat(c)
		w.lives(c)
		open, err := w.station.disk.Unclosed(context.Background())
		views := w.ledger.views[c.id]
		ctx, stop := context.WithTimeout(context.Background(), time.Hour)
		defer stop()
		l := w.station.live(ctx)
		if err := w.newStation(l).Run(l.ctx); err != nil {
			t.Error(err)
		}
		l.end()
		// The one that paid out hears of it with the next look.
		if more := w.ledger.views[c.id] - views; err != nil || len(open) > 1 || more > 1 {
			t.Errorf("%v: %d open, %d looks after the end", err, len(open), more)
		}
	})
}

var _ store.Store = ownChannels{}
