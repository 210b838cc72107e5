package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
)

// scripted is a ledger that does as it is told, and notes what it was asked. Every payload names its operation and how
// often one was made for it.
type scripted struct {
	store  store.Store
	submit func(op session.OpRecord, attempt int) error // attempt from 1; nil: everything is final
	takes  time.Duration

	mu       sync.Mutex // guards all below
	prepared map[session.OpID]int
	attempts map[session.OpID]int
	sent     map[session.OpID][][]byte
	order    []session.OpID // in which attempts began
	at       []time.Time
	spending int // spends under way
	underWay int
	most     int
	errors   []string
}

func newScripted(s store.Store, submit func(session.OpRecord, int) error) *scripted {
	return &scripted{
		store: s, submit: submit, takes: 10 * time.Millisecond,
		prepared: map[session.OpID]int{}, attempts: map[session.OpID]int{}, sent: map[session.OpID][][]byte{},
	}
}

func (s *scripted) Prepare(_ context.Context, op session.OpRecord) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared[op.ID]++
	return append(op.ID[:], byte(s.prepared[op.ID])), nil
}

func (s *scripted) Submit(ctx context.Context, payload []byte) ([32]byte, error) {
	id := session.OpID(payload[:32])
	op, err := s.store.Op(ctx, id)
	if err != nil {
		return [32]byte{}, err
	}
	s.mu.Lock()
	if !bytes.Equal(op.Payload, payload) {
		s.errors = append(s.errors, fmt.Sprintf("I4: payload %x is sent, stored is %x", payload[32:], op.Payload))
	}
	if op.State != session.OpPending {
		s.errors = append(s.errors, fmt.Sprintf("an operation that is %d is sent again", op.State))
	}
	spends := op.Kind == session.OpOpen || op.Kind == session.OpTopUp
	if spends {
		s.spending++
	}
	if s.spending > 1 {
		s.errors = append(s.errors, "two spends at once")
	}
	s.attempts[id]++
	attempt := s.attempts[id]
	s.sent[id] = append(s.sent[id], bytes.Clone(payload))
	s.order, s.at = append(s.order, id), append(s.at, time.Now())
	s.underWay++
	s.most = max(s.most, s.underWay)
	s.mu.Unlock()

	passed := wait(ctx, s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
	if spends {
		s.spending--
	}
	if !passed {
		return [32]byte{}, ctx.Err()
	}
	if s.submit != nil {
		err = s.submit(op, attempt)
	}
	return [32]byte{1}, err
}

func (s *scripted) View(context.Context, channel.ID) (session.View, error) {
	return session.View{}, store.ErrNotFound
}

// outboxTest is an outbox over a store whose commits may fail.
type outboxTest struct {
	t      *testing.T
	disk   *store.Memory
	script *scripted
	refuse func(session.Batch) error // of a commit

	mu   sync.Mutex // guards told
	told []session.Concluded
}

// inOutbox runs a test in a bubble.
func inOutbox(t *testing.T, submit func(session.OpRecord, int) error, test func(o *outboxTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &outboxTest{t: t, disk: store.NewMemory()}
		o.script = newScripted(o.disk, submit)
		test(o)
		for _, e := range o.script.errors {
			t.Error(e)
		}
	})
}

// refusingStore asks the test before each commit.
type refusingStore struct {
	store.Store
	test *outboxTest
}

func (s refusingStore) Commit(ctx context.Context, b session.Batch) error {
	if s.test.refuse != nil {
		if err := s.test.refuse(b); err != nil {
			return err
		}
	}
	return s.Store.Commit(ctx, b)
}

// run lets an outbox work for a while, and gives what it ended with.
func (o *outboxTest) run(lasting time.Duration) error {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lasting)
	defer cancel()
	return NewOutbox(refusingStore{o.disk, o}, o.script, slog.New(slog.DiscardHandler), func(c session.Concluded) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told = append(o.told, c)
	}).Run(ctx)
}

// enter puts an operation on a channel into the store.
func (o *outboxTest) enter(kind session.OpKind, ch byte, body string) session.OpRecord {
	o.t.Helper()
	op := session.NewOp(kind, channel.ID{ch}, channel.SessionID{1}, []byte(body))
	if err := o.disk.Commit(context.Background(), session.Batch{Ops: []session.OpRecord{op}}); err != nil {
		o.t.Fatal(err)
	}
	return op
}

func (o *outboxTest) stored(id session.OpID) session.OpRecord {
	o.t.Helper()
	op, err := o.disk.Op(context.Background(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return op
}

var errPassing = errors.New("no answer")

func TestI4_AnOperationHasOneOutcomeAndItsPayloadIsStoredBeforeItIsSent(t *testing.T) {
	refused := fmt.Errorf("%w: for a reason", ErrLedgerRefused)
	for name, test := range map[string]struct {
		answers []error // to the attempts, the last one for ever
		want    session.OpState
		made    int // payloads
	}{
		"final at once":                        {[]error{nil}, session.OpFinal, 1},
		"refused":                              {[]error{refused}, session.OpRefused, 1},
		"final after errors that pass":         {[]error{errPassing, errPassing, errPassing, nil}, session.OpFinal, 1},
		"refused after an unknown outcome":     {[]error{errPassing, refused}, session.OpRefused, 1},
		"made anew when the account moved on":  {[]error{ErrStalePayload, nil}, session.OpFinal, 2},
		"made anew after an error that passes": {[]error{errPassing, ErrStalePayload, errPassing, nil}, session.OpFinal, 2},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(_ session.OpRecord, attempt int) error { return test.answers[min(attempt, len(test.answers))-1] }
			inOutbox(t, answer, func(o *outboxTest) {
				op := o.enter(session.OpOpen, 1, "body")
				if err := o.run(time.Hour); err != nil {
					t.Error(err)
				}
				got := o.stored(op.ID)
				if got.State != test.want || (got.Failure == "") != (test.want == session.OpFinal) || got.Vertex == [32]byte{} != (test.want == session.OpRefused) {
					t.Errorf("stored: %+v", got)
				}
				if len(o.told) != 1 || o.told[0].Op.State != test.want || errors.Is(o.told[0].Err, ErrLedgerRefused) != (test.want == session.OpRefused) {
					t.Errorf("told: %+v", o.told)
				}
				if o.script.prepared[op.ID] != test.made || len(o.script.sent[op.ID]) != len(test.answers) {
					t.Errorf("%d payloads made, %d sent", o.script.prepared[op.ID], len(o.script.sent[op.ID]))
				}
				same := slices.CompactFunc(o.script.sent[op.ID], bytes.Equal)
				if len(same) != test.made {
					t.Errorf("%d different payloads sent, %d made", len(same), test.made)
				}
			})
		})
	}
}

func TestAPayloadThatTheLedgerCannotTakeIsRefusedUnsent(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) {
		op := o.enter(session.OpSettle, 1, "nonsense")
		refusing := refusingSettler{o.script}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := NewOutbox(o.disk, refusing, slog.New(slog.DiscardHandler), func(session.Concluded) {}).Run(ctx); err != nil {
			t.Error(err)
		}
		if got := o.stored(op.ID); got.State != session.OpRefused || len(o.script.order) != 0 {
			t.Errorf("%+v, sent %d times", got, len(o.script.order))
		}
	})
}

type refusingSettler struct{ *scripted }

func (refusingSettler) Prepare(context.Context, session.OpRecord) ([]byte, error) {
	return nil, ErrLedgerRefused
}

func TestI4_NothingIsSentWhosePayloadCouldNotBeStored(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) {
		op := o.enter(session.OpTopUp, 1, "body")
		full := errors.New("no room")
		o.refuse = func(session.Batch) error { return full }
		if err := o.run(time.Hour); !errors.Is(err, ErrStoring) || !errors.Is(err, full) {
			t.Errorf("%v, want ErrStoring", err)
		}
		if len(o.script.order) != 0 || len(o.stored(op.ID).Payload) != 0 {
			t.Errorf("sent %d times, stored %x", len(o.script.order), o.stored(op.ID).Payload)
		}
		o.refuse = nil
		if err := o.run(time.Hour); err != nil || o.stored(op.ID).State != session.OpFinal {
			t.Errorf("with room again: %v, %+v", err, o.stored(op.ID))
		}
	})
}

func TestI4_AnOutcomeThatCouldNotBeStoredIsAskedForAgainWithTheSameBytes(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) {
		op := o.enter(session.OpTopUp, 1, "body")
		o.refuse = func(b session.Batch) error {
			if b.Ops[0].State != session.OpPending {
				return store.ErrFailed
			}
			return nil
		}
		if err := o.run(time.Hour); !errors.Is(err, ErrStoring) || !errors.Is(err, store.ErrFailed) {
			t.Errorf("%v, want ErrStoring", err)
		}
		if len(o.told) != 0 || len(o.script.order) != 1 {
			t.Errorf("told %+v, sent %d times", o.told, len(o.script.order))
		}
		o.refuse = nil
		err := o.run(time.Hour)
		sent := o.script.sent[op.ID]
		if err != nil || len(o.told) != 1 || len(sent) != 2 || !bytes.Equal(sent[0], sent[1]) || o.script.prepared[op.ID] != 1 {
			t.Errorf("%v, told %+v, sent %x, made %d", err, o.told, sent, o.script.prepared[op.ID])
		}
	})
}

func TestAnAgentThatStopsWhileAnOperationIsUnderWayTakesItUpAgain(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) {
		op := o.enter(session.OpOpen, 1, "body")
		o.script.takes = time.Minute
		if err := o.run(time.Second); err != nil {
			t.Error(err)
		}
		if got := o.stored(op.ID); got.State != session.OpPending || len(got.Payload) == 0 {
			t.Errorf("%+v", got)
		}
		if err := o.run(time.Hour); err != nil || len(o.told) != 1 || o.script.prepared[op.ID] != 1 {
			t.Errorf("%v, told %d times, %d payloads made", err, len(o.told), o.script.prepared[op.ID])
		}
	})
}

func TestOperationsOfOneChannelKeepTheirOrderAndOthersDoNotWait(t *testing.T) {
	slow := func(op session.OpRecord, attempt int) error {
		if string(op.Body) == "first" && attempt < 5 {
			return errPassing
		}
		return nil
	}
	inOutbox(t, slow, func(o *outboxTest) {
		first, second := o.enter(session.OpWithdraw, 1, "first"), o.enter(session.OpSettle, 1, "second")
		other := o.enter(session.OpSettle, 2, "other")
		if err := o.run(time.Hour); err != nil {
			t.Error(err)
		}
		var ended []session.OpID
		for _, c := range o.told {
			ended = append(ended, c.Op.ID)
		}
		if want := []session.OpID{other.ID, first.ID, second.ID}; !slices.Equal(ended, want) {
			t.Errorf("ended %x, want %x", ended, want)
		}
		if i := slices.Index(o.script.order, second.ID); i != len(o.script.order)-1 {
			t.Errorf("the second was sent as number %d of %d", i+1, len(o.script.order))
		}
	})
}

func TestAnAccountsSpendsGoOneByOne(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) { // the script sees two at once
		for ch := range byte(5) {
			o.enter(session.OpOpen, ch, "open")
			o.enter(session.OpTopUp, ch, "top-up")
			o.enter(session.OpSettle, 100+ch, "settle")
		}
		if err := o.run(time.Hour); err != nil || len(o.told) != 15 || o.script.most < 2 {
			t.Errorf("%v, %d outcomes, %d at once", err, len(o.told), o.script.most)
		}
	})
}

func TestOperationsThatDoNotGoThroughHoldUpNoOthers(t *testing.T) {
	stuck := func(op session.OpRecord, _ int) error {
		if string(op.Body) == "stuck" {
			return errPassing
		}
		return nil
	}
	inOutbox(t, stuck, func(o *outboxTest) {
		for ch := range byte(2 * outboxWorkers) {
			kind := session.OpSettle
			if ch%2 == 0 {
				kind = session.OpTopUp
			}
			o.enter(kind, ch, "stuck")
		}
		spend, settle := o.enter(session.OpOpen, 200, "good"), o.enter(session.OpCloseRequest, 201, "good")
		if err := o.run(time.Second); err != nil {
			t.Error(err)
		}
		for _, op := range []session.OpRecord{spend, settle} {
			if o.stored(op.ID).State != session.OpFinal {
				t.Errorf("%s has no outcome", op.Kind)
			}
		}
		if err := o.run(time.Minute); err != nil {
			t.Error(err)
		}
		if o.script.most > outboxWorkers {
			t.Errorf("%d at once, at most %d", o.script.most, outboxWorkers)
		}
		if pauses := o.script.at; pauses[len(pauses)-1].Sub(pauses[0]) < 30*time.Second || len(pauses) > 2*outboxWorkers*16 {
			t.Errorf("%d attempts in %s", len(pauses), pauses[len(pauses)-1].Sub(pauses[0]))
		}
	})
}

func TestManyOperationsAreEachBroughtToTheLedgerOnce(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) { // the script sees one that is sent after its outcome
		for n := range 300 {
			o.enter(session.OpSettle, byte(n%40), fmt.Sprint(n))
		}
		if err := o.run(time.Hour); err != nil || len(o.told) != 300 || len(o.script.order) != 300 {
			t.Errorf("%v, %d outcomes, %d attempts", err, len(o.told), len(o.script.order))
		}
	})
}

func TestAnOutboxThatCannotBeReadIsReadAgain(t *testing.T) {
	inOutbox(t, nil, func(o *outboxTest) {
		op := o.enter(session.OpSettle, 1, "body")
		failing := &unreadable{Store: o.disk, times: 3}
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if err := NewOutbox(failing, o.script, slog.New(slog.DiscardHandler), func(session.Concluded) {}).Run(ctx); err != nil {
			t.Error(err)
		}
		if o.stored(op.ID).State != session.OpFinal {
			t.Error("no outcome")
		}
	})
}

// unreadable gives no outbox for some times.
type unreadable struct {
	store.Store
	times int
}

func (u *unreadable) PendingOps(ctx context.Context) ([]session.OpRecord, error) {
	if u.times--; u.times >= 0 {
		return nil, errors.New("the disk is slow")
	}
	return u.Store.PendingOps(ctx)
}
