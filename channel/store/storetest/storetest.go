// Package storetest owns the tests of the contract of store.Store, one for each sentence, and makes the records for
// them. It leaves what only one store promises, such as surviving a kill, to that store's own tests.
// It keeps the in-memory twin and SQLite the same to whoever uses them: both pass Run.
package storetest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/wallet"
)

// Run tests a store. open makes an empty one and sees to its end.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"what is committed is read back":                               testReadBack,
		"records replace those with the same key and keep their place": testReplace,
		"what is not stored is not found":                              testNotFound,
		"sessions come newest first, in pages":                         testPages,
		"ids of sessions come newest first, filtered":                  testSessionIDs,
		"unfinished sessions come oldest first":                        testUnfinished,
		"channels that are not closed come oldest first":               testUnclosed,
		"a reading once written never changes":                         testReadingsImmutable,
		"readings come without a gap and with their session":           testReadingsInOrder,
		"a refused batch is refused whole":                             testRefusedWhole,
		"a final or refused operation never becomes pending again":     testOperationStays,
		"an operation's payload is kept":                               testPayloadKept,
		"operations come in the order of entry":                        testOperationsOrdered,
		"no key index comes twice":                                     testKeyIndex,
		"a receipt is given back":                                      testReceipt,
		"records are copies":                                           testCopies,
		"callers that commit at once all find what they wrote":         testConcurrent,
		"a closed store says so":                                       testClosed,
		"an empty batch is committed":                                  testEmptyBatch,
		"batches of one session that come at once leave no gap":        testRush,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func commit(t *testing.T, s store.Store, batch session.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func refuse(t *testing.T, s store.Store, batch session.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), batch); !errors.Is(err, store.ErrReading) {
		t.Errorf("%v, want ErrReading", err)
	}
}

func content(t *testing.T, s store.Store) Content {
	t.Helper()
	c, err := ContentOf(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// must gives a value that was read without an error: must(s.Channels(ctx))(t).
func must[V any](value V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func testReadBack(t *testing.T, s store.Store) {
	a, b := Channel(1, 5), Channel(2, 0)
	b.Proposal = []byte("a proposal")
	running, ended := Session(1, 5, session.PhaseCharging), Session(2, 9, session.PhaseEnded)
	op := Operation(1, session.OpPending)
	op.Payload, op.Vertex, op.Failure = []byte("payload"), [32]byte{9}, "none yet"
	commit(t, s, session.Batch{
		Channels: []session.ChannelRecord{a, b}, Sessions: []session.SessionRecord{running, ended},
		Readings: []session.ReadingRecord{Reading(1, 0), Reading(2, 0), Reading(1, 1)}, Ops: []session.OpRecord{op},
	})
	op.Sequence = 1
	ctx := t.Context()
	expect(t, "channels", must(s.Channels(ctx))(t), []session.ChannelRecord{a, b})
	expect(t, "channel", must(s.Channel(ctx, b.ID))(t), b)
	expect(t, "session", must(s.Session(ctx, ended.ID))(t), ended)
	expect(t, "sessions", must(s.Sessions(ctx, channel.SessionID{}, 10))(t), []session.SessionRecord{ended, running})
	expect(t, "unfinished", must(s.Unfinished(ctx))(t), []session.SessionRecord{running})
	expect(t, "readings", must(s.Readings(ctx, running.ID))(t), []session.ReadingRecord{Reading(1, 0), Reading(1, 1)})
	expect(t, "operation", must(s.Op(ctx, op.ID))(t), op)
	expect(t, "pending", must(s.PendingOps(ctx))(t), []session.OpRecord{op})
}

func testReplace(t *testing.T, s store.Store) {
	for n := range uint64(3) {
		commit(t, s, Claim(n, 1))
	}
	changed := Session(1, 2, session.PhaseStopping)
	changed.Quote, changed.Vertices, changed.PeerAddr = []byte("another"), []session.OpID{{1}, {2}}, "elsewhere"
	moved := Channel(1, 2)
	moved.KeyIndex, moved.Side.Frozen, moved.Proposal = 99, true, []byte("x")
	commit(t, s, session.Batch{Sessions: []session.SessionRecord{changed}, Channels: []session.ChannelRecord{moved}})

	ctx := t.Context()
	expect(t, "channels", must(s.Channels(ctx))(t), []session.ChannelRecord{Channel(0, 1), moved, Channel(2, 1)})
	expect(t, "sessions", must(s.Sessions(ctx, channel.SessionID{}, 9))(t), []session.SessionRecord{
		Session(2, 1, session.PhaseCharging), changed, Session(0, 1, session.PhaseCharging),
	})
	expect(t, "readings", must(s.Readings(ctx, changed.ID))(t), []session.ReadingRecord{Reading(1, 0)})

	// The same key twice in one batch: the later record stands.
	commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(7, 1, session.PhaseCharging), Session(7, 2, session.PhaseEnded)}})
	expect(t, "twice in one batch", must(s.Session(ctx, sessionID(7)))(t), Session(7, 2, session.PhaseEnded))
}

func testNotFound(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, channelErr := s.Channel(ctx, channel.ID{1})
	_, sessionErr := s.Session(ctx, channel.SessionID{1})
	_, opErr := s.Op(ctx, session.OpID{1})
	_, receiptErr := s.Receipt(ctx, channel.SessionID{1})
	for what, err := range map[string]error{"channel": channelErr, "session": sessionErr, "operation": opErr, "receipt": receiptErr} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	if all := content(t, s); len(all.Channels)+len(all.Sessions)+len(all.Unfinished)+len(all.Pending) != 0 {
		t.Errorf("an empty store holds %+v", all)
	}
	if got := must(s.Readings(ctx, channel.SessionID{1}))(t); len(got) != 0 {
		t.Errorf("readings of a session that is not stored: %v", got)
	}
}

func testPages(t *testing.T, s store.Store) {
	const sessions = 7
	for n := range uint64(sessions) {
		commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(n, 0, session.PhaseCharging)}})
	}
	for _, c := range []struct {
		before channel.SessionID
		limit  int
		want   []uint64
	}{
		{channel.SessionID{}, 3, []uint64{6, 5, 4}},
		{sessionID(4), 3, []uint64{3, 2, 1}},
		{sessionID(1), 3, []uint64{0}},
		{sessionID(0), 3, nil},
		{channel.SessionID{}, 100, []uint64{6, 5, 4, 3, 2, 1, 0}},
		{channel.SessionID{}, 0, nil},
		{channel.SessionID{}, -1, nil},
		{sessionID(4), -1, nil},
		{sessionID(99), 3, nil}, // not stored
	} {
		var want []channel.SessionID
		for _, n := range c.want {
			want = append(want, sessionID(n))
		}
		expect(t, "page", ids(must(s.Sessions(t.Context(), c.before, c.limit))(t)), want)
	}
}

func ids(records []session.SessionRecord) []channel.SessionID {
	var all []channel.SessionID
	for _, r := range records {
		all = append(all, r.ID)
	}
	return all
}

func testUnclosed(t *testing.T, s store.Store) {
	put := func(n uint64, state channel.State) session.ChannelRecord {
		r := Channel(n, 1)
		r.State = state
		commit(t, s, session.Batch{Channels: []session.ChannelRecord{r}})
		return r
	}
	check := func(want ...session.ChannelRecord) {
		t.Helper()
		expect(t, "unclosed", must(s.Unclosed(t.Context()))(t), want)
	}
	unseen, open, closing := put(1, 0), put(2, channel.Open), put(3, channel.Closing)
	put(4, channel.Closed)
	check(unseen, open, closing)
	put(3, channel.Closed)
	open = put(2, channel.Closing)
	check(unseen, open)
	put(2, channel.Closed)
	reopened := put(3, channel.Open) // the ledger took back what was not final
	check(unseen, reopened)
}

func testSessionIDs(t *testing.T, s store.Store) {
	const n = 9
	id := func(i int) channel.SessionID { return channel.SessionID{byte(i + 1)} }
	peer := func(i int) wallet.DID { return wallet.DID{byte(i%2 + 1)} }
	for i := range n {
		r := session.SessionRecord{ID: id(i), Role: session.RolePayee, Phase: session.PhaseCharging, Peer: peer(i), StartedMs: int64(1000 + i)}
		commit(t, s, session.Batch{Sessions: []session.SessionRecord{r}})
		if i%3 == 0 {
			r.Phase = session.PhaseEnded
			commit(t, s, session.Batch{Sessions: []session.SessionRecord{r}})
		}
	}
	for name, q := range map[string]store.SessionQuery{
		"all": {}, "some": {Limit: 4}, "after some": {Limit: 4, Before: id(5)}, "of a peer": {Peer: peer(0)}, "of nobody": {Peer: wallet.DID{77}},
		"ended": {Phases: []session.Phase{session.PhaseEnded}}, "in a phase of two": {Phases: []session.Phase{session.PhaseEnded, session.PhaseCharging}, Before: id(4)},
		"since": {SinceMs: 1003}, "until": {UntilMs: 1003}, "between": {SinceMs: 1002, UntilMs: 1006, Peer: peer(1)}, "after what nobody knows": {Before: channel.SessionID{99}},
	} {
		if q.Limit == 0 {
			q.Limit = 100
		}
		var want []channel.SessionID
		for i := n - 1; i >= 0 && len(want) < q.Limit; i-- {
			phase := session.PhaseCharging
			if i%3 == 0 {
				phase = session.PhaseEnded
			}
			r := session.SessionRecord{Peer: peer(i), Phase: phase, StartedMs: int64(1000 + i)}
			if (q.Before == channel.SessionID{} || id(i)[0] < q.Before[0]) && q.Before[0] != 99 && q.Matches(r) {
				want = append(want, id(i))
			}
		}
		expect(t, name, must(s.SessionIDs(t.Context(), q))(t), want)
	}
}

func testUnfinished(t *testing.T, s store.Store) {
	put := func(n uint64, phase session.Phase) {
		commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(n, 0, phase)}})
	}
	check := func(want ...channel.SessionID) {
		t.Helper()
		expect(t, "unfinished", ids(must(s.Unfinished(t.Context()))(t)), want)
	}
	put(1, session.PhaseGreeting)
	put(2, session.PhaseFailed)
	put(3, session.PhaseSettling)
	put(4, session.PhaseEnded)
	put(5, session.PhaseFinal)
	check(sessionID(1), sessionID(3), sessionID(5))
	put(3, session.PhaseEnded)
	put(1, session.PhaseCharging)
	check(sessionID(1), sessionID(5))
	put(1, session.PhaseFailed)
	put(5, session.PhaseEnded)
	check()
	put(4, session.PhaseCharging) // no machine does this, and the store need not know
	check(sessionID(4))
}

func testReadingsImmutable(t *testing.T, s store.Store) {
	for claim := range uint64(40) {
		commit(t, s, Claim(1, claim+1))
	}
	before := content(t, s)
	commit(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 0), Reading(1, 39), Reading(1, 17)}})
	for _, sequence := range []uint64{0, 17, 39} {
		other := Reading(1, sequence)
		other.Signed[0] ^= 1
		refuse(t, s, session.Batch{Readings: []session.ReadingRecord{other}})
		other.Signed = nil
		refuse(t, s, session.Batch{Readings: []session.ReadingRecord{other}})
	}
	expect(t, "content", content(t, s), before)

	first, second := Reading(2, 0), Reading(2, 0)
	second.Signed[0] ^= 1
	batch := Claim(2, 1)
	batch.Readings = []session.ReadingRecord{first, second}
	refuse(t, s, batch)
	batch.Readings = []session.ReadingRecord{first, first}
	commit(t, s, batch)
	expect(t, "twice in one batch", must(s.Readings(t.Context(), sessionID(2)))(t), []session.ReadingRecord{first})
}

func testReadingsInOrder(t *testing.T, s store.Store) {
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 0)}}) // no session
	batch := Claim(1, 1)
	batch.Readings = []session.ReadingRecord{Reading(1, 1)}
	refuse(t, s, batch)
	commit(t, s, Claim(1, 1))
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 2)}})
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 2), Reading(1, 1)}})
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 1), Reading(1, 3)}})
	huge := Reading(1, 1)
	huge.Sequence = 1<<64 - 1
	refuse(t, s, session.Batch{Readings: []session.ReadingRecord{huge}})

	// Readings may come after their session, alone.
	commit(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 1), Reading(1, 0), Reading(1, 2)}})
	commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(1, 2, session.PhaseEnded)}})
	commit(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(1, 3)}})
	var want []session.ReadingRecord
	for sequence := range uint64(4) {
		want = append(want, Reading(1, sequence))
	}
	expect(t, "readings", must(s.Readings(t.Context(), sessionID(1)))(t), want)
}

func testRefusedWhole(t *testing.T, s store.Store) {
	commit(t, s, Claim(1, 1))
	before := content(t, s)
	refuse(t, s, session.Batch{
		Channels: []session.ChannelRecord{Channel(1, 2), Channel(2, 2)},
		Sessions: []session.SessionRecord{Session(1, 2, session.PhaseEnded), Session(2, 2, session.PhaseCharging)},
		Readings: []session.ReadingRecord{Reading(1, 1), Reading(2, 0), Reading(1, 5)},
		Ops:      []session.OpRecord{Operation(1, session.OpPending)},
	})
	expect(t, "content", content(t, s), before)
	commit(t, s, Claim(2, 1)) // and it left no trace that is in the way
	commit(t, s, Claim(1, 2))
	expect(t, "readings", must(s.Readings(t.Context(), sessionID(1)))(t), []session.ReadingRecord{Reading(1, 0), Reading(1, 1)})
}

func testOperationStays(t *testing.T, s store.Store) {
	for n, state := range map[uint64]session.OpState{1: session.OpFinal, 2: session.OpRefused} {
		done := Operation(n, state)
		done.Payload, done.Vertex, done.Failure = []byte("payload"), [32]byte{byte(n)}, "as it went"
		commit(t, s, session.Batch{Ops: []session.OpRecord{Operation(n, session.OpPending)}})
		commit(t, s, session.Batch{Ops: []session.OpRecord{done}})
		for _, later := range []session.OpState{session.OpPending, session.OpFinal, session.OpRefused} {
			commit(t, s, session.Batch{Ops: []session.OpRecord{Operation(n, later)}})
			got := must(s.Op(t.Context(), done.ID))(t)
			done.Sequence = got.Sequence
			expect(t, "operation", got, done)
		}
		commit(t, s, session.Batch{Ops: []session.OpRecord{Operation(n+10, state), Operation(n+10, session.OpPending)}})
		if got := must(s.Op(t.Context(), Operation(n+10, state).ID))(t); got.State != state {
			t.Errorf("within one batch: state %d, want %d", got.State, state)
		}
	}
	if pending := must(s.PendingOps(t.Context()))(t); len(pending) != 0 {
		t.Errorf("pending: %+v", pending)
	}
}

func testPayloadKept(t *testing.T, s store.Store) {
	op := Operation(1, session.OpPending)
	put := func(payload []byte, state session.OpState) session.OpRecord {
		op.Payload, op.State = payload, state
		commit(t, s, session.Batch{Ops: []session.OpRecord{op}})
		return must(s.Op(t.Context(), op.ID))(t)
	}
	for i, step := range []struct {
		payload []byte
		state   session.OpState
		want    []byte
	}{
		{nil, session.OpPending, nil},
		{[]byte("first"), session.OpPending, []byte("first")},
		{nil, session.OpPending, []byte("first")},
		{[]byte{}, session.OpPending, []byte("first")},
		{[]byte("second"), session.OpPending, []byte("second")},
		{nil, session.OpFinal, []byte("second")},
	} {
		if got := put(step.payload, step.state); !bytes.Equal(got.Payload, step.want) || got.State != step.state {
			t.Errorf("step %d: payload %q in state %d, want %q in %d", i, got.Payload, got.State, step.want, step.state)
		}
	}
}

func testOperationsOrdered(t *testing.T, s store.Store) {
	for n := uint64(9); n > 0; n-- {
		op := Operation(n, session.OpPending)
		op.Sequence = n * 100 // the store's own counts
		commit(t, s, session.Batch{Ops: []session.OpRecord{op}})
	}
	commit(t, s, session.Batch{Ops: []session.OpRecord{Operation(5, session.OpFinal), Operation(9, session.OpPending), Operation(20, session.OpPending)}})
	var got, sequences []uint64
	for _, op := range must(s.PendingOps(t.Context()))(t) {
		sequences = append(sequences, op.Sequence)
		for n := range uint64(30) {
			if op.ID == Operation(n, op.State).ID {
				got = append(got, n)
			}
		}
	}
	expect(t, "order", got, []uint64{9, 8, 7, 6, 4, 3, 2, 1, 20})
	expect(t, "sequences", sequences, []uint64{1, 2, 3, 4, 6, 7, 8, 9, 10})
}

func testKeyIndex(t *testing.T, s store.Store) {
	const callers, each = 8, 20
	indices := make(chan uint32, callers*each)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range each {
				index, err := s.NextKeyIndex(t.Context())
				if err != nil {
					t.Error(err)
				}
				indices <- index
			}
		})
	}
	group.Wait()
	close(indices)
	var got []uint32
	for index := range indices {
		got = append(got, index)
	}
	slices.Sort(got)
	for i, index := range got {
		if index != uint32(i)+1 {
			t.Fatalf("indices %v", got)
		}
	}
}

func testReceipt(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, receipt := range [][]byte{[]byte("first"), bytes.Repeat([]byte("long"), 20_000)} {
		if err := s.PutReceipt(ctx, sessionID(1), receipt); err != nil {
			t.Fatal(err)
		}
		if got := must(s.Receipt(ctx, sessionID(1)))(t); !bytes.Equal(got, receipt) {
			t.Errorf("%d bytes, want %d", len(got), len(receipt))
		}
	}
	if _, err := s.Receipt(ctx, sessionID(2)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another session: %v, want ErrNotFound", err)
	}
}

func testCopies(t *testing.T, s store.Store) {
	batch := func() session.Batch {
		b := Claim(1, 1)
		b.Channels[0].Proposal = []byte("proposal")
		b.Ops = []session.OpRecord{Operation(1, session.OpPending)}
		b.Ops[0].Payload = []byte("payload")
		return b
	}
	spoil := func(b session.Batch) {
		b.Channels[0].Proposal[0]++
		b.Sessions[0].Quote[0]++
		b.Sessions[0].Vertices[0][0]++
		b.Readings[0].Signed[0]++
		b.Ops[0].Body[0]++
		b.Ops[0].Payload[0]++
	}
	given, receipt := batch(), []byte("receipt")
	commit(t, s, given)
	if err := s.PutReceipt(t.Context(), sessionID(1), receipt); err != nil {
		t.Fatal(err)
	}
	before := content(t, s)
	expect(t, "sessions", before.Sessions, batch().Sessions)

	// What was given is the caller's again: changed and given once more, it is a change.
	spoil(given)
	receipt[0]++
	expect(t, "content", content(t, s), before)
	given.Readings = nil
	commit(t, s, given)
	expect(t, "sessions", must(s.Sessions(t.Context(), channel.SessionID{}, 9))(t), given.Sessions)
	commit(t, s, session.Batch{Channels: batch().Channels, Sessions: batch().Sessions})
	again := batch().Ops
	commit(t, s, session.Batch{Ops: again})

	// What was read is the reader's.
	read := content(t, s)
	spoil(session.Batch{Channels: read.Channels, Sessions: read.Sessions, Readings: read.Readings[sessionID(1)], Ops: read.Pending})
	read.Unfinished[0].Quote[0]++
	read.Receipts[sessionID(1)][0]++
	expect(t, "content", content(t, s), before)
}

func testConcurrent(t *testing.T, s store.Store) {
	const callers, claims = 16, 20
	var group sync.WaitGroup
	for n := range uint64(callers) {
		group.Go(func() {
			for claim := range uint64(claims) {
				if err := s.Commit(t.Context(), Claim(n, claim+1)); err != nil {
					t.Error(err)
					return
				}
				got, err := s.Channel(t.Context(), Channel(n, 0).ID)
				if want := Channel(n, claim+1); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("after its commit, %v:\n got %+v\nwant %+v", err, got, want)
					return
				}
				refuse(t, s, session.Batch{Readings: []session.ReadingRecord{Reading(n, claim+7)}})
			}
		})
	}
	group.Wait()
	for n := range uint64(callers) {
		if got := must(s.Readings(t.Context(), sessionID(n)))(t); len(got) != claims {
			t.Errorf("session %d has %d readings, want %d", n, len(got), claims)
		}
	}
}

// testRush has one session's batches under way together, each by its own caller. They come in any order; what must hold
// is that the readings that were taken are without a gap, and the session and channel are those of one batch.
func testRush(t *testing.T, s store.Store) {
	const batches = 64
	commit(t, s, session.Batch{Sessions: []session.SessionRecord{Session(1, 0, session.PhaseCharging)}})
	taken := make([]bool, batches)
	var group sync.WaitGroup
	for i := range uint64(batches) {
		group.Go(func() {
			err := s.Commit(t.Context(), Claim(1, i+1))
			if err != nil && !errors.Is(err, store.ErrReading) {
				t.Error(err)
			}
			taken[i] = err == nil
		})
	}
	group.Wait()
	readings := must(s.Readings(t.Context(), sessionID(1)))(t)
	for i, ok := range taken {
		if ok != (i < len(readings)) {
			t.Errorf("batch %d: taken %v, %d readings", i, ok, len(readings))
		}
	}
	r := must(s.Session(t.Context(), sessionID(1)))(t)
	if int(r.Claims) != len(readings) {
		t.Errorf("session at claim %d, %d readings", r.Claims, len(readings))
	}
}

func testClosed(t *testing.T, s store.Store) {
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, channelErr := s.Channel(ctx, channel.ID{})
	_, channelsErr := s.Channels(ctx)
	_, unclosedErr := s.Unclosed(ctx)
	_, sessionErr := s.Session(ctx, channel.SessionID{})
	_, sessionsErr := s.Sessions(ctx, channel.SessionID{}, 1)
	_, unfinishedErr := s.Unfinished(ctx)
	_, readingsErr := s.Readings(ctx, channel.SessionID{})
	_, opErr := s.Op(ctx, session.OpID{})
	_, pendingErr := s.PendingOps(ctx)
	_, indexErr := s.NextKeyIndex(ctx)
	_, receiptErr := s.Receipt(ctx, channel.SessionID{})
	for i, err := range []error{
		s.Commit(ctx, Claim(1, 1)), s.Commit(ctx, session.Batch{}), s.PutReceipt(ctx, channel.SessionID{}, nil), channelErr, channelsErr, unclosedErr, sessionErr,
		sessionsErr, unfinishedErr, readingsErr, opErr, pendingErr, indexErr, receiptErr,
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("call %d: %v, want ErrClosed", i, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func testEmptyBatch(t *testing.T, s store.Store) {
	commit(t, s, session.Batch{})
	if all := content(t, s); len(all.Channels)+len(all.Sessions) != 0 {
		t.Errorf("%+v", all)
	}
}
