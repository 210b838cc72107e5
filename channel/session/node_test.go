package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

type machine interface {
	Step(session.Instant, session.Event) []session.Effect
	Record() session.SessionRecord
}

// disk is what outlives a crash: the batches that were persisted, and nothing else.
type disk struct {
	channels map[channel.ID]session.ChannelRecord
	sessions map[channel.SessionID]session.SessionRecord
	readings map[channel.SessionID][]session.ReadingRecord
	ops      map[session.OpID]session.OpRecord
	order    []session.OpID
}

// node is a process: a machine that may die, on a disk that does not.
type node struct {
	w       *world
	name    string
	did     wallet.DID
	account wallet.PrivateKey
	peer    *node
	disk    disk
	machine machine
	id      channel.SessionID // of the present session
	effects int               // executed so far, for crashes
	crashes int
	down    bool // until it rises
	gone    bool // for good
	blind   bool // its meter says nothing

	connector meter.Connector // the station's
	own       meter.Source    // the vehicle's
	start     func() (machine, []session.Effect, error)
	restore   func() (machine, []session.Effect, error)
}

func newNode(w *world, name string, key byte) *node {
	return &node{
		w: w, name: name, account: testKey(key), did: wallet.DIDOf(testKey(key).Public()), id: firstID,
		disk: disk{
			channels: map[channel.ID]session.ChannelRecord{}, sessions: map[channel.SessionID]session.SessionRecord{},
			readings: map[channel.SessionID][]session.ReadingRecord{}, ops: map[session.OpID]session.OpRecord{},
		},
	}
}

func newVehicle(w *world) *node {
	n := newNode(w, "vehicle", 1)
	measurement, err := sim.NewMeasurement(w.cable, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	n.own = measurement
	comparison, err := meter.NewComparison(meter.SideDC, 30_000, 5_000)
	if w.setup.sold != nil {
		n.own = w.setup.sold.own
		comparison, err = meter.NewComparison(meter.SideDC, 0, 0)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	config := func() session.PayerConfig {
		policy := session.DefaultPayerPolicy()
		if w.setup.sold != nil {
			policy.Service, policy.FullIsTarget = "sold", false
		}
		if w.setup.payer != nil {
			w.setup.payer(&policy)
		}
		return session.PayerConfig{
			Network: network, DID: n.did, Account: n.account, Keys: w.setup.keys, ChannelKey: testKey(11), KeyIndex: 1, Comparison: comparison,
			LedgerTime: w.now, Nonce: [16]byte{0: byte(len(n.disk.channels))}, Policy: policy,
		}
	}
	n.start = func() (machine, []session.Effect, error) {
		return session.NewPayer(config(), n.now(), n.id, w.station.did, n.openChannel())
	}
	n.restore = func() (machine, []session.Effect, error) {
		record, ch := n.stored()
		return session.RestorePayer(config(), n.now(), *record, ch, n.disk.readings[n.id], n.sessionOps())
	}
	return n
}

func newStation(w *world) *node {
	n := newNode(w, "station", 2)
	n.peer, w.vehicle.peer = w.vehicle, n
	var err error
	if n.connector, err = sim.NewLyingConnector(w.cable, w.setup.inflatePPM); w.setup.hidePPM != 0 {
		n.connector, err = sim.NewHidingConnector(w.cable, w.setup.hidePPM)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if w.setup.sold != nil {
		n.connector = w.setup.sold.connector
	}
	n.restore = func() (machine, []session.Effect, error) {
		record, ch := n.stored()
		config := n.payeeConfig(record.KeyIndex)
		if ch != nil {
			config = n.payeeConfig(ch.KeyIndex)
		}
		config.Offer.Network = network
		payee, err := session.RestorePayee(config, n.now(), *record, ch, n.disk.readings[n.id], n.sessionOps())
		return payee, nil, err
	}
	return n
}

func (n *node) payeeConfig(index uint32) session.PayeeConfig {
	policy := session.DefaultPayeePolicy()
	policy.SampleEvery = pulse
	if n.w.setup.payee != nil {
		n.w.setup.payee(&policy)
	}
	return session.PayeeConfig{
		DID: n.did, Account: n.account, ChannelKey: testKey(byte(100 + index)), KeyIndex: index, MeterKey: testKey(23),
		Keys: n.w.setup.keys, Policy: policy,
	}
}

// now gives the node's clocks. The station's session clock may run fast.
func (n *node) now() session.Instant {
	at := n.w.now
	if n == n.w.station {
		at = at.Add(at.Sub(began) / 1_000_000 * time.Duration(n.w.setup.clockPPM))
	}
	return session.Instant{Session: at, Real: n.w.now}
}

// stored gives what the disk holds of the present session.
func (n *node) stored() (*session.SessionRecord, *session.ChannelRecord) {
	record, ok := n.disk.sessions[n.id]
	if !ok {
		return nil, nil
	}
	if ch, ok := n.disk.channels[record.Channel]; ok {
		return &record, &ch
	}
	return &record, nil
}

func (n *node) sessionOps() []session.OpRecord {
	var ops []session.OpRecord
	for _, id := range n.disk.sessions[n.id].Vertices {
		ops = append(ops, n.disk.ops[id])
	}
	return ops
}

// openChannel gives a channel that can be used again.
func (n *node) openChannel() *session.ChannelRecord {
	for _, ch := range n.disk.channels {
		if ch.State == channel.Open && !ch.Side.Frozen {
			return &ch
		}
	}
	return nil
}

// begin starts the vehicle's session.
func (n *node) begin() {
	m, effects, err := n.start()
	if err != nil {
		n.w.breaks("%s does not begin: %v", n.name, err)
		return
	}
	n.machine = m
	n.w.tell(n, "begins", effects)
	n.execute(effects)
}

// crashNow loses the machine and every effect that is not executed yet.
func (n *node) crashNow() {
	n.machine, n.down = nil, true
	n.crashes++
	n.w.tellLine(n, "CRASHES")
	if n.connector != nil {
		_ = n.connector.SetLimit(n.now().Session, 0) // nothing flows without the station's process
	}
	if !n.gone {
		n.w.after(n.w.setup.downFor, n.rise)
	}
}

// rise restores the machine from the disk, and resubmits what has no outcome.
func (n *node) rise() {
	n.down = false
	if record, _ := n.stored(); record == nil {
		if n == n.w.vehicle {
			n.begin()
		}
		return
	}
	m, effects, err := n.restore()
	if err != nil {
		n.w.breaks("%s does not come back: %v", n.name, err)
		return
	}
	n.machine = m
	n.w.tell(n, "comes back", effects)
	for _, id := range n.disk.order {
		if op := n.disk.ops[id]; op.State == session.OpPending {
			n.w.ledger.submit(n, op)
		}
	}
	if !n.execute(effects) {
		return
	}
	for _, op := range n.sessionOps() {
		switch op.State {
		case session.OpFinal:
			n.step(session.Concluded{Op: op})
		case session.OpRefused:
			n.step(session.Concluded{Op: op, Err: errors.New(op.Failure)})
		}
	}
}

func (n *node) phase() session.Phase {
	if record, _ := n.stored(); record != nil {
		return record.Phase
	}
	return 0
}

// over tells whether the node needs no more steps. A station that stored no session has none to end.
func (n *node) over() bool {
	if n.gone {
		return true
	}
	if record, _ := n.stored(); record == nil && n == n.w.station {
		return n.w.vehicle.over()
	}
	return !n.down && n.machine != nil && n.machine.Record().Phase.Over()
}

func (n *node) step(event session.Event) {
	if n.machine == nil || n == n.w.vehicle && n.over() {
		return
	}
	effects := n.machine.Step(n.now(), event)
	n.w.tell(n, describe(event), effects)
	n.execute(effects)
}

func (n *node) pulse() {
	if n.machine == nil {
		return
	}
	source := n.own
	if n.connector != nil {
		if n.machine.Record().Phase >= session.PhaseSettling {
			n.step(session.Tick{})
			return
		}
		source = n.connector
	}
	sample, err := source.Sample(n.now().Session)
	if n.blind {
		err = errors.New("the meter does not answer")
	}
	sampled := session.Sampled{Sample: sample, Err: err}
	if n.connector != nil && n.w.setup.samples != nil {
		sampled = n.w.setup.samples(n.w, sampled)
	}
	n.step(sampled)
}

// receive routes a message as the agents do.
func (n *node) receive(f wire.Frame) {
	switch {
	case n.down:
		return
	case n.machine != nil && n.id == f.Session:
		n.step(session.Received{Message: f.Message})
	case n == n.w.station && f.Session == n.w.vehicle.id: // one of an earlier visit is late: the agent answers it from its store
		n.admit(f)
	}
}

// admit begins a session for a vehicle that says hello.
func (n *node) admit(f wire.Frame) {
	hello, ok := f.Message.(wire.Hello)
	if !ok || hello.Resume {
		n.w.carry(n.peer, f.Session, wire.Refuse{Code: wire.CodeUnknownSession})
		return
	}
	index := uint32(len(n.disk.sessions)) + 1
	var known *session.ChannelRecord
	if ch, ok := n.disk.channels[hello.Channel]; ok && !ch.Side.Frozen && ch.State != channel.Closing && ch.State != channel.Closed {
		known, index = &ch, ch.KeyIndex
	}
	config := n.payeeConfig(index)
	config.Offer = n.w.offer()
	payee, effects, err := session.NewPayee(config, n.now(), f.Session, hello, known)
	if errors.Is(err, session.ErrUndecided) {
		return // as the agent does: the vehicle asks again
	}
	if err != nil {
		n.w.tellLine(n, "refuses: "+err.Error())
		n.w.carry(n.peer, f.Session, wire.NewRefuse(wire.CodeChannel, err))
		return
	}
	n.machine, n.id = payee, f.Session
	n.w.tell(n, describe(session.Received{Message: hello}), effects)
	n.execute(effects)
}

// execute carries out effects in order. It gives false when the node crashed on the way.
func (n *node) execute(effects []session.Effect) bool {
	if n.w.setup.merged {
		effects = merged(effects)
	}
	for _, effect := range effects {
		if _, ok := effect.(session.Report); ok {
			continue
		}
		n.effects++
		if n.w.setup.crash != nil && n.w.setup.crash(n) {
			n.crashNow()
			return false
		}
		n.carryOut(effect)
	}
	return true
}

// merged stores everything first, in one batch.
func merged(effects []session.Effect) []session.Effect {
	var batch session.Batch
	var rest []session.Effect
	for _, effect := range effects {
		if p, ok := effect.(session.Persist); ok {
			batch.Merge(p.Batch)
			continue
		}
		rest = append(rest, effect)
	}
	if batch.Empty() {
		return rest
	}
	return append([]session.Effect{session.Persist{Batch: batch}}, rest...)
}

func (n *node) carryOut(effect session.Effect) {
	switch e := effect.(type) {
	case session.Persist:
		n.persist(e.Batch)
	case session.Send:
		n.checkDurable(e.Message)
		message := e.Message
		if d, ok := message.(wire.Demand); ok && n.w.setup.demandMore > 0 && d.Accepted > 0 {
			d.Required += n.w.setup.demandMore
			message = d
		}
		n.w.carry(n.peer, n.id, message)
	case session.Look:
		n.w.ledger.look(n, e.Channel)
	case session.Actuate:
		if err := n.actuate(e); err != nil {
			n.w.breaks("outlet: %v", err)
		}
	case session.Permit:
		if err := n.w.cable.Permit(n.w.now, e.LimitMilliwatts); err != nil && !n.w.setup.ungiving {
			n.w.breaks("battery: %v", err)
		}
	}
}

func (n *node) actuate(a session.Actuate) error {
	at := n.now().Session
	if a.Command == session.CommandStop {
		return n.connector.Stop(at)
	}
	err := n.connector.SetLimit(at, a.LimitMilliwatts)
	if errors.Is(err, meter.ErrNotStarted) {
		err = n.connector.Start(at, a.LimitMilliwatts)
	}
	return err
}

// persist keeps the contract of channel/store.
func (n *node) persist(b session.Batch) {
	for _, r := range b.Channels {
		again, err := session.DecodeChannelRecord(r.ID, r.EncodeTerms(), r.EncodeProgress())
		if err != nil || r.CheckSize() != nil {
			n.w.breaks("a channel record cannot be stored: %v, %v", err, r.CheckSize())
		}
		n.disk.channels[r.ID] = again
	}
	for _, r := range b.Sessions {
		again, err := session.DecodeSessionParts(r.EncodeTerms(), r.EncodeProgress())
		if err != nil || r.CheckSize() != nil {
			n.w.breaks("a session record cannot be stored: %v, %v", err, r.CheckSize())
		}
		n.disk.sessions[r.ID] = again
	}
	for _, r := range b.Readings {
		stored := n.disk.readings[r.Session]
		switch {
		case r.Sequence > uint64(len(stored)):
			n.w.breaks("%s stores reading %d after %d", n.name, r.Sequence, len(stored))
		case r.Sequence == uint64(len(stored)):
			n.disk.readings[r.Session] = append(stored, r)
		case !bytes.Equal(stored[r.Sequence].Signed, r.Signed):
			n.w.breaks("%s changes reading %d", n.name, r.Sequence)
		}
	}
	for _, op := range b.Ops {
		if old, ok := n.disk.ops[op.ID]; ok && old.State != session.OpPending {
			continue
		}
		if !slices.Contains(n.disk.order, op.ID) {
			n.disk.order = append(n.disk.order, op.ID)
		}
		n.disk.ops[op.ID] = op
		n.w.ledger.submit(n, op)
	}
}

func (n *node) resubmit(op session.OpRecord) {
	if n.disk.ops[op.ID].State == session.OpPending {
		n.w.ledger.submit(n, op)
	}
}

// concluded stores an operation's outcome, then tells the machine.
func (n *node) concluded(op session.OpRecord, err error) {
	if n.machine == nil {
		return // asked for again when the process is back
	}
	op.State = session.OpFinal
	if err != nil {
		op.State, op.Failure = session.OpRefused, err.Error()
	}
	n.disk.ops[op.ID] = op
	if op.Session == n.id {
		n.step(session.Concluded{Op: op, Err: err})
	}
}

// checkDurable holds every message against the disk (I4): nothing is sent or acknowledged that a crash could undo.
func (n *node) checkDurable(m wire.Message) {
	record, ch := n.stored()
	if record == nil {
		if _, hello := m.(wire.Hello); !hello {
			n.w.breaks("I4: %s sends %T before it stored the session", n.name, m)
		}
		return
	}
	holds := func(what string, known money.Amount, said money.Amount) {
		if said > known {
			n.w.breaks("I4: %s says %s of %s in %T, stored is %s", n.name, what, said, m, known)
		}
	}
	claim := func(raw []byte) {
		if len(raw) == 0 {
			return
		}
		best, err := channel.DecodeBest(raw)
		if err != nil {
			n.w.breaks("%s sends a claim that does not decode: %v", n.name, err)
			return
		}
		n.checkBody(best)
		if best.Signed.Claim.Lane == ch.Side.Me.Pays() && best.Above(ch.Side.Out) {
			n.w.breaks("I4: %s sends a claim of %s, stored is %s", n.name, best.Owed(), ch.Side.Out.Owed())
		}
	}
	switch m := m.(type) {
	case wire.Hello:
		if in, err := channel.DecodeBest(m.Known.Lanes[channel.Partner.Pays()]); err == nil && in.Above(ch.Side.In) {
			n.w.breaks("I4: %s knows a claim of %s, stored is %s", n.name, in.Owed(), ch.Side.In.Owed())
		}
	case wire.Claim:
		claim(m.Best)
	case wire.Demand:
		claim(m.Back)
		holds("accepted", ch.Side.In.Owed(), m.Accepted)
		if s, err := meter.DecodeSigned(m.Reading); err != nil || s.Reading.Sequence >= uint64(len(n.disk.readings[n.id])) {
			n.w.breaks("I4: %s demands for a reading that is not stored", n.name)
		}
	case wire.Done:
		claim(m.Back)
		holds("accepted", ch.Side.In.Owed(), m.Accepted)
	case wire.Withdraw:
		if w, err := channel.DecodeSignedWithdrawal(m.Withdrawal); err != nil || w.Withdrawal.Totals != ch.Side.Funds.Withdrawn {
			n.w.breaks("I4: %s signs a withdrawal of %v, stored is %v", n.name, w.Withdrawal.Totals, ch.Side.Funds.Withdrawn)
		}
	}
}

// checkBody sees that one sequence of a lane never has two bodies.
func (n *node) checkBody(b channel.Best) {
	c := b.Signed.Claim
	key := fmt.Sprintf("%s lane %d sequence %d", c.Channel, c.Lane, c.Sequence)
	if before, ok := n.w.bodies[key]; ok && before != c.Hash() {
		n.w.breaks("I4: two bodies of %s", key)
	}
	n.w.bodies[key] = c.Hash()
}

// meterShows gives the truth behind a register of the station's meter.
func (n *node) meterShows(register int64) int64 {
	return register * 1_000_000 / (1_000_000 + n.w.setup.inflatePPM)
}
