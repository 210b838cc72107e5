package dag_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/wallet/money"
)

// model is the ledger as one would write it on a napkin: maps and plain arithmetic, no DAG, no slots, no proofs.
type model struct {
	balance  map[int]money.Amount // by actor
	spent    map[int]uint64
	minted   map[string]string
	issued   money.Amount
	redeemed money.Amount
	channels []*modelChannel
	clock    time.Time // ledger time
	windows  time.Duration
	rounds   int // certified checkpoints
}

type modelChannel struct {
	pair      *pair
	opener    int
	partner   int
	deposit   [2]money.Amount
	withdrawn [2]money.Amount
	sequence  uint32
	lanes     [2]money.Amount
	claims    [2]uint64 // sequence of the best claim
	claimed   [2]money.Amount
	state     channel.State
	expiry    time.Time
	windowEnd time.Duration
	since     int
}

func (c *modelChannel) locked() money.Amount {
	if c.state == channel.Closed {
		return 0
	}
	return c.deposit[0] + c.deposit[1] - c.withdrawn[0] - c.withdrawn[1]
}

// end pays out by I3, written out for the opener.
func (m *model) end(c *modelChannel) {
	locked := c.locked()
	opener := c.deposit[0] - c.withdrawn[0] - c.lanes[0] + c.lanes[1]
	opener = max(0, min(opener, locked))
	m.balance[c.opener] += opener
	m.balance[c.partner] += locked - opener
	c.state = channel.Closed
}

// wait is what a certified checkpoint does.
func (m *model) wait(d time.Duration) {
	m.clock = m.clock.Add(d)
	m.windows += min(d, 10*time.Second)
	m.rounds++
	for _, c := range m.channels {
		if c.state == channel.Open && !c.expiry.After(m.clock) {
			m.startWindow(c)
		}
	}
}

func (m *model) startWindow(c *modelChannel) {
	c.state, c.windowEnd, c.since = channel.Closing, m.windows+time.Minute, m.rounds
}

func (m *model) over(c *modelChannel) bool { return m.windows >= c.windowEnd && m.rounds >= c.since+3 }

// world drives the engine and the model side by side.
type world struct {
	*rapid.T
	*ledger
	m      model
	actors []actor
	past   []*settle.Vertex
}

func (w *world) Fatal(args ...any)                 { w.T.Fatal(args...) }
func (w *world) Fatalf(format string, args ...any) { w.T.Fatalf(format, args...) }
func (w *world) Helper()                           { w.T.Helper() }

func (w *world) amount(most int) money.Amount {
	return money.Amount(rapid.IntRange(1, most).Draw(w.T, "amount"))
}

func (w *world) who() int { return rapid.IntRange(0, len(w.actors)-1).Draw(w.T, "actor") }

// sequence is mostly the right one.
func (w *world) sequence(actor int) uint64 {
	if rapid.IntRange(0, 9).Draw(w.T, "wrong sequence") == 0 {
		return w.m.spent[actor] + 2
	}
	return w.m.spent[actor] + 1
}

// try applies a vertex and compares whether it was accepted.
func (w *world) try(by actor, p settle.Payload, want bool) bool {
	v := w.vertex(by, p)
	w.past = append(w.past, v)
	verdict := w.apply(v)
	if verdict.Accepted() != want {
		w.T.Fatalf("%s: %s, the model accepts: %v", p.Kind(), verdict, want)
	}
	return want
}

// spend tells whether a spend is good, and takes the money when it is.
func (w *world) spend(actor int, sequence uint64, amount money.Amount, otherwise bool) bool {
	if sequence != w.m.spent[actor]+1 || amount > w.m.balance[actor] || !otherwise {
		return false
	}
	w.m.spent[actor]++
	w.m.balance[actor] -= amount
	return true
}

func (w *world) issue() {
	reference := fmt.Sprint(rapid.IntRange(0, 20).Draw(w.T, "reference"))
	to, amount := w.who(), w.amount(100)
	content := fmt.Sprint(to, amount)
	before, repeated := w.m.minted[reference]
	good := !repeated || before == content
	w.try(w.issuer, &settle.Issue{Reference: settle.ReferenceOf(reference), To: w.actors[to].did, Amount: amount}, good)
	if !repeated {
		w.m.minted[reference] = content
		w.m.balance[to] += amount
		w.m.issued += amount
	}
}

func (w *world) transfer() {
	from, to, amount := w.who(), w.who(), w.amount(60)
	sequence := w.sequence(from)
	good := w.spend(from, sequence, amount, true)
	if good {
		w.m.balance[to] += amount
	}
	w.try(w.actors[from], &settle.Transfer{Sequence: sequence, To: w.actors[to].did, Amount: amount}, good)
}

func (w *world) redeem() {
	from, amount := w.who(), w.amount(60)
	sequence := w.sequence(from)
	good := w.spend(from, sequence, amount, true)
	if good {
		w.m.redeemed += amount
	}
	w.try(w.actors[from], &settle.Redeem{Sequence: sequence, Issuer: w.issuer.did, Amount: amount}, good)
}

func (w *world) open() {
	opener := w.who()
	partner := (opener + 1) % len(w.actors)
	p := &pair{ledger: w.ledger, opener: w.actors[opener], partner: w.actors[partner]}
	p.opening = p.draft(w.amount(60), byte(len(w.m.channels)))
	p.opening.Terms.Expiry = startTime.Add(time.Duration(rapid.IntRange(1, 600).Draw(w.T, "expiry")) * time.Second)
	p.id = p.opening.ID()
	sequence := w.sequence(opener)
	good := w.spend(opener, sequence, p.opening.Deposit, p.opening.Terms.Expiry.After(w.m.clock))
	w.try(p.opener, &settle.Open{Sequence: sequence, Opening: p.opening}, good)
	if good {
		w.m.channels = append(w.m.channels, &modelChannel{
			pair: p, opener: opener, partner: partner, deposit: [2]money.Amount{p.opening.Deposit},
			state: channel.Open, expiry: p.opening.Terms.Expiry,
		})
	}
}

// channel picks one, or nil.
func (w *world) pick() *modelChannel {
	if len(w.m.channels) == 0 {
		return nil
	}
	return w.m.channels[rapid.IntRange(0, len(w.m.channels)-1).Draw(w.T, "channel")]
}

func (w *world) topUp(c *modelChannel) {
	party := channel.Party(rapid.IntRange(0, 1).Draw(w.T, "party"))
	actor := []int{c.opener, c.partner}[party]
	amount, sequence := w.amount(40), w.sequence(actor)
	good := w.spend(actor, sequence, amount, c.state == channel.Open)
	w.try(w.actors[actor], &settle.TopUp{Sequence: sequence, Channel: c.pair.id, Party: party, Amount: amount}, good)
	if good {
		c.deposit[party] += amount
	}
}

func (w *world) settle(c *modelChannel) {
	lane := rapid.IntRange(0, 1).Draw(w.T, "lane")
	sequence, amount := uint64(rapid.IntRange(1, 9).Draw(w.T, "claim")), w.amount(120)
	above := amount > c.claimed[lane] || amount == c.claimed[lane] && sequence > c.claims[lane]
	good := !above || c.state != channel.Closed
	w.try(w.actors[w.who()], &settle.Settle{Claims: []channel.Best{c.pair.claim(channel.Lane(lane), sequence, amount)}}, good)
	if above && good {
		c.claimed[lane], c.claims[lane] = amount, sequence
		c.lanes[lane] = max(c.lanes[lane], amount)
	}
}

func (w *world) withdraw(c *modelChannel) {
	totals := channel.PerParty{
		c.withdrawn[0] + money.Amount(rapid.IntRange(-1, 9).Draw(w.T, "to opener")),
		c.withdrawn[1] + money.Amount(rapid.IntRange(-1, 30).Draw(w.T, "to partner")),
	}
	totals = channel.PerParty{max(totals[0], 0), max(totals[1], 0)}
	lanes := channel.PerLane{w.amount(50), w.amount(10)}
	sequence := uint32(rapid.IntRange(0, 1).Draw(w.T, "repeat")) + c.sequence
	if sequence == 0 {
		return
	}
	rises := totals[0] >= c.withdrawn[0] && totals[1] >= c.withdrawn[1]
	holds := totals[0]+totals[1] <= c.deposit[0]+c.deposit[1]
	stale := sequence <= c.sequence
	good := stale || c.state != channel.Closed && rises && holds
	w.try(w.actors[w.who()], c.pair.signWithdrawal(sequence, totals, lanes), good)
	if good && !stale {
		w.m.balance[c.opener] += totals[0] - c.withdrawn[0]
		w.m.balance[c.partner] += totals[1] - c.withdrawn[1]
		c.withdrawn, c.sequence = totals, sequence
		c.lanes = [2]money.Amount{max(c.lanes[0], lanes[0]), max(c.lanes[1], lanes[1])}
	}
}

func (w *world) cooperate(c *modelChannel) {
	lanes := channel.PerLane{c.lanes[0] + w.amount(9) - 3, c.lanes[1] + w.amount(9) - 3}
	if lanes[0] < 0 || lanes[1] < 0 {
		return
	}
	above := lanes[0] >= c.lanes[0] && lanes[1] >= c.lanes[1]
	same := lanes == c.lanes
	good := c.state != channel.Closed && above || c.state == channel.Closed && same
	w.try(w.actors[w.who()], c.pair.signClose(lanes, w.m.clock.Add(time.Hour)), good)
	if good && c.state != channel.Closed {
		c.lanes = lanes
		w.m.end(c)
	}
}

func (w *world) request(c *modelChannel) {
	good := c.state != channel.Closed
	w.try(w.actors[w.who()], c.pair.closeRequest(channel.Party(rapid.IntRange(0, 1).Draw(w.T, "by"))), good)
	if c.state == channel.Open {
		w.m.startWindow(c)
	}
}

func (w *world) finalise(c *modelChannel) {
	over := c.state == channel.Closing && w.m.over(c)
	w.try(w.actors[w.who()], &settle.Finalise{Channel: c.pair.id}, over || c.state == channel.Closed)
	if over {
		w.m.end(c)
	}
}

// replay brings back a vertex: the engine knows it.
func (w *world) replay() {
	if len(w.past) == 0 {
		return
	}
	v := w.past[rapid.IntRange(0, len(w.past)-1).Draw(w.T, "past")]
	before := w.state.Head()
	if r := w.entry(dag.Entry{Vertex: v}); r.Logged || w.state.Head() != before {
		w.T.Fatalf("replay of %s was logged", v.Payload().Kind())
	}
}

func (w *world) compare() {
	var total money.Amount
	for i, a := range w.actors {
		if got := w.balance(a); got != w.m.balance[i] {
			w.T.Fatalf("actor %d has %d, the model says %d", i, got, w.m.balance[i])
		}
		total += w.m.balance[i]
	}
	live := 0
	for _, c := range w.m.channels {
		slot := w.channel(c.pair.id)
		locked, err := slot.Locked()
		if err != nil || slot.State != c.state || locked != c.locked() || slot.Maxima() != c.lanes {
			w.T.Fatalf("channel is %s with %d, lanes %v; the model says %s with %d, lanes %v", slot.State, locked, slot.Maxima(), c.state, c.locked(), c.lanes)
		}
		total += locked
		if c.state != channel.Closed {
			live++
		}
	}
	if total != w.m.issued-w.m.redeemed || w.state.LiveChannels() != live {
		w.T.Fatalf("%d in all, %d issued, %d redeemed; %d live channels, want %d", total, w.m.issued, w.m.redeemed, w.state.LiveChannels(), live)
	}
}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, m: model{balance: map[int]money.Amount{}, spent: map[int]uint64{}, minted: map[string]string{}, clock: startTime}}
	w.ledger = newLedger(t)
	for i := range byte(4) {
		w.actors = append(w.actors, newActor(i+1))
	}
	return w
}

func (w *world) actions() map[string]func(*rapid.T) {
	plain := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
	onChannel := func(f func(*modelChannel)) func(*rapid.T) {
		return func(*rapid.T) {
			if c := w.pick(); c != nil {
				f(c)
			}
		}
	}
	return map[string]func(*rapid.T){
		"issue": plain(w.issue), "transfer": plain(w.transfer), "redeem": plain(w.redeem), "open": plain(w.open),
		"replay": plain(w.replay), "top-up": onChannel(w.topUp), "settle": onChannel(w.settle), "withdraw": onChannel(w.withdraw),
		"close": onChannel(w.cooperate), "request": onChannel(w.request), "finalise": onChannel(w.finalise),
		"wait": plain(func() {
			d := time.Duration(rapid.IntRange(1, 30).Draw(w.T, "seconds")) * time.Second
			w.ledger.wait(d)
			w.m.wait(d)
		}),
		"": plain(w.compare),
	}
}

func TestI1_EngineAgreesWithPlainMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		t.Repeat(newWorld(t).actions())
	})
}

func TestI7_SameLogGivesSameStateEvenAcrossRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(w.actions())
		w.ledger.wait(time.Second)
		other := newStorage(t, w.genesis)
		for _, e := range w.entries {
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				other.restart()
			}
			other.apply(e)
		}
		if got, want := other.state.Head(), w.state.Head(); got != want {
			t.Fatalf("heads differ: %+v, %+v", got, want)
		}
		if got, want := other.state.LastCheckpoint(), w.state.LastCheckpoint(); got != want {
			t.Fatalf("checkpoints differ: %+v, %+v", got, want)
		}
		other.restart()
		if got, want := other.state.LiveChannels(), w.state.LiveChannels(); got != want {
			t.Fatalf("%d live channels, want %d", got, want)
		}
	})
}

// storage keeps what a node stores of a state, and makes the state of it again.
type storage struct {
	tb
	state *dag.State
	snap  dag.Snapshot
}

func newStorage(t tb, genesis *settle.Vertex) *storage {
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	s := &storage{tb: t, state: state}
	s.snap = dag.Snapshot{Genesis: genesis, Recent: []dag.Recent{{ID: genesis.ID(), Accepted: true}},
		Marks: []dag.StoredMark{{Checkpoint: state.LastCheckpoint(), Certified: true}}}
	s.keep()
	return s
}

func (s *storage) apply(e dag.Entry) {
	r, err := s.state.Apply(e)
	if err != nil || !r.Logged {
		s.Fatal("entry not logged", err)
	}
	switch e.Kind() {
	case dag.EntryVertex:
		s.snap.Recent = append(s.snap.Recent, dag.Recent{ID: e.Vertex.ID(), Accepted: r.Verdict.Accepted(), Parents: e.Vertex.Parents()})
		s.snap.Receipts = append(s.snap.Receipts, dag.Receipt{ID: e.Vertex.ID(), Verdict: r.Verdict})
	case dag.EntryMark:
		s.snap.Receipts = nil
		s.snap.Marks = append(s.snap.Marks, dag.StoredMark{Checkpoint: *r.Checkpoint})
	case dag.EntryCertificate:
		for i := range s.snap.Marks {
			if s.snap.Marks[i].Checkpoint.Ref() == e.Certificate.Target {
				s.snap.Marks[i].Certified = true
			}
		}
	}
	s.keep()
}

func (s *storage) keep() {
	s.snap.Head = s.state.Head()
	for _, c := range s.state.TakeChanges() {
		for int(c.Index) >= len(s.snap.Slots) {
			s.snap.Slots = append(s.snap.Slots, dag.SlotChange{})
		}
		s.snap.Slots[c.Index] = c
	}
}

func (s *storage) restart() {
	tips := s.state.TipCount()
	state, err := dag.Load(s.snap)
	if err != nil {
		s.Fatal(err)
	}
	s.state = state
	if s.state.TipCount() != tips {
		s.Fatalf("%d tips after the restart, %d before", s.state.TipCount(), tips)
	}
}

func TestSlotsCanBeProvenAtEveryRetainedCheckpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		type seen struct {
			checkpoint proof.Checkpoint
			slots      map[settle.SlotKey]string
		}
		var history []seen
		look := func() seen {
			s := seen{w.state.LastCheckpoint(), map[settle.SlotKey]string{}}
			for _, a := range append(w.actors, w.issuer) {
				key := settle.AccountKey(a.did)
				if raw, ok := w.state.Slot(key); ok {
					s.slots[key] = string(raw)
				}
			}
			return s
		}
		for range rapid.IntRange(1, 4).Draw(t, "checkpoints") {
			for range rapid.IntRange(0, 5).Draw(t, "vertices") {
				w.issue()
				w.transfer()
			}
			before := look()
			w.ledger.wait(time.Second)
			before.checkpoint = w.state.LastCheckpoint()
			history = append(history, before)
		}
		w.issue()
		for _, s := range history {
			for _, a := range w.actors {
				key := settle.AccountKey(a.did)
				content, inclusion, err := w.state.ProveSlot(s.checkpoint.Number, key)
				if want, existed := s.slots[key]; !existed {
					if err == nil {
						t.Fatal("a slot was proven before it existed")
					}
					continue
				} else if err != nil || string(content) != want {
					t.Fatalf("slot %s at checkpoint %d: %v", key, s.checkpoint.Number, err)
				}
				if err := inclusion.Verify(s.checkpoint.State, proof.SlotLeaf(key, content)); err != nil {
					t.Fatalf("checkpoint %d: %v", s.checkpoint.Number, err)
				}
			}
		}
	})
}
