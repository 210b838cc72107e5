package dag_test

import (
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// startTime is the genesis time of every test ledger.
var startTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// tb is what testing.T and rapid.T share.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// actor is a machine with an account and one channel key.
type actor struct {
	key, channelKey wallet.PrivateKey
	did             wallet.DID
}

func newActor(seed byte) actor {
	key := wallet.NewPrivateKey([32]byte{seed, 1})
	return actor{key, wallet.NewPrivateKey([32]byte{seed, 2}), wallet.DIDOf(key.Public())}
}

// ledger drives one State as a node with one witness would.
type ledger struct {
	tb
	genesis  *settle.Vertex
	state    *dag.State
	finality *dag.Finality
	issuer   actor
	witness  wallet.PrivateKey
	clock    time.Time
	entries  []dag.Entry // everything that was logged
	turn     uint64
}

func testGenesis(limits settle.Limits, most money.Amount) *settle.Vertex {
	issuer, witness := newActor(200), wallet.NewPrivateKey([32]byte{201})
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: money.Currency{'E', 'U', 'R'}, Time: startTime,
		Issuers:   []settle.Issuer{{DID: issuer.did, Cap: most}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witness.Public()), Key: witness.Public(), Weight: 1}},
		Limits:    limits,
	})
	if err != nil {
		panic(err)
	}
	return genesis
}

// unlimited are limits without credit and locks, for tests of other rules: any number of vertices, any amount.
func unlimited() settle.Limits {
	l := settle.DefaultLimits()
	l.CreditInterval, l.CreditCap, l.RegistrationCredit, l.AccountLock, l.ChannelLock = 0, 0, 0, 0, 0
	return l
}

func newLedger(t tb) *ledger { return newLedgerWith(t, unlimited()) }

func newLedgerWith(t tb, limits settle.Limits) *ledger {
	return newLedgerOf(t, testGenesis(limits, 1_000_000*money.Nano))
}

func newLedgerCapped(t tb, most money.Amount) *ledger {
	return newLedgerOf(t, testGenesis(unlimited(), most))
}

func newLedgerOf(t tb, genesis *settle.Vertex) *ledger {
	state, err := dag.New(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{
		tb: t, genesis: genesis, state: state, issuer: newActor(200), witness: wallet.NewPrivateKey([32]byte{201}),
		finality: dag.NewFinality(state.Network(), proof.Final{Checkpoint: state.LastCheckpoint()}, nil),
		clock:    startTime,
	}
}

func (l *ledger) vertex(by actor, p settle.Payload) *settle.Vertex {
	l.Helper()
	return l.vertexOn(by, l.state.Tips(l.turn), p)
}

func (l *ledger) vertexOn(by actor, parents []settle.VertexID, p settle.Payload) *settle.Vertex {
	l.Helper()
	l.turn++
	v, err := settle.Sign(settle.Draft{Network: l.state.Network().ID, Issuer: by.did, Parents: parents, Nonce: l.turn, Payload: p}, by.key)
	if err != nil {
		l.Fatalf("%s: %v", p.Kind(), err)
	}
	return v
}

// apply gives the verdict and audits I1 over the whole state.
func (l *ledger) apply(v *settle.Vertex) settle.Verdict {
	l.Helper()
	r := l.entry(dag.Entry{Vertex: v})
	if !r.Logged {
		l.Fatalf("vertex %s was decided before", v.ID())
	}
	return r.Verdict
}

func (l *ledger) entry(e dag.Entry) dag.Result {
	l.Helper()
	r, err := l.state.Apply(e)
	if err != nil {
		l.Fatal(err)
	}
	if err := l.state.Audit(); err != nil {
		l.Fatal(err)
	}
	if r.Logged {
		l.entries = append(l.entries, e)
	}
	return r
}

func (l *ledger) do(by actor, p settle.Payload) settle.Verdict {
	l.Helper()
	return l.apply(l.vertex(by, p))
}

// must applies a payload that has to be applied.
func (l *ledger) must(by actor, p settle.Payload) {
	l.Helper()
	if v := l.do(by, p); v != settle.Applied {
		l.Fatalf("%s: %s", p.Kind(), v)
	}
}

var references int

func (l *ledger) fund(a actor, amount money.Amount) {
	l.Helper()
	references++
	l.must(l.issuer, &settle.Issue{Reference: settle.ReferenceOf(fmt.Sprint(references)), To: a.did, Amount: amount})
}

func (l *ledger) account(a actor) settle.Account {
	raw, ok := l.state.Slot(settle.AccountKey(a.did))
	if !ok {
		return settle.Account{}
	}
	account, err := settle.DecodeAccount(raw)
	if err != nil {
		l.Fatal(err)
	}
	return account
}

func (l *ledger) balance(a actor) money.Amount { return l.account(a).Balance }

func (l *ledger) next(a actor) uint64 { return l.account(a).Sequence + 1 }

func (l *ledger) channel(id channel.ID) settle.Channel {
	l.Helper()
	raw, ok := l.state.Slot(settle.ChannelKey(id))
	if !ok {
		l.Fatal("no channel", id)
	}
	c, err := settle.DecodeChannel(raw)
	if err != nil {
		l.Fatal(err)
	}
	return c
}

// wait lets time pass and makes one certified checkpoint after it.
func (l *ledger) wait(d time.Duration) {
	l.Helper()
	l.clock = l.clock.Add(d)
	r := l.entry(dag.Entry{Mark: l.state.LastCheckpoint().Number + 1})
	if r.Checkpoint == nil {
		l.Fatal("no checkpoint")
	}
	l.finality.Mark(*r.Checkpoint)
	vote, ok := l.finality.NextVote(settle.LedgerTimeOf(l.clock))
	if !ok {
		l.Fatal("no vote")
	}
	signed, err := l.state.Network().Witnesses.SignVote(vote, l.state.Network().ID, l.witness)
	if err != nil {
		l.Fatal(err)
	}
	certificate, err := l.finality.Vote(signed)
	if err != nil || certificate == nil {
		l.Fatal("no certificate", err)
	}
	if !l.entry(dag.Entry{Certificate: certificate}).Logged {
		l.Fatal("certificate not logged")
	}
}

// pair is an open channel between two funded actors.
type pair struct {
	*ledger
	opener, partner actor
	opening         channel.Opening
	id              channel.ID
}

func openPair(l *ledger, deposit money.Amount) *pair {
	l.Helper()
	p := &pair{ledger: l, opener: newActor(1), partner: newActor(2)}
	l.fund(p.opener, 100*money.Nano)
	l.fund(p.partner, 100*money.Nano)
	p.opening = p.draft(deposit, 1)
	p.id = p.opening.ID()
	l.must(p.opener, &settle.Open{Sequence: l.next(p.opener), Opening: p.opening})
	return p
}

func (p *pair) draft(deposit money.Amount, nonce byte) channel.Opening {
	return channel.Opening{
		Network: p.state.Network().ID, Opener: p.opener.did, Partner: p.partner.did,
		OpenerKey: p.opener.channelKey.Public(), PartnerKey: p.partner.channelKey.Public(),
		Payout: p.partner.did, Deposit: deposit, Nonce: [16]byte{nonce},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: startTime.Add(24 * time.Hour)},
	}
}

func (p *pair) keys() [2]wallet.PrivateKey {
	return [2]wallet.PrivateKey{p.opener.channelKey, p.partner.channelKey}
}

func (p *pair) claim(lane channel.Lane, sequence uint64, amount money.Amount) channel.Best {
	c := channel.Claim{Channel: p.id, Lane: lane, Sequence: sequence, Amount: amount}
	return channel.Best{Signed: channel.SignClaim(c, p.state.Network().ID, p.keys()[lane.Payer()])}
}

func (p *pair) settleClaims(by actor, claims ...channel.Best) settle.Verdict {
	p.Helper()
	settle.SortClaims(claims)
	return p.do(by, &settle.Settle{Claims: claims})
}

func (p *pair) signClose(lanes channel.PerLane, notAfter time.Time) *settle.CooperativeClose {
	c := channel.SignedClose{Close: channel.Close{Channel: p.id, Lanes: lanes, NotAfter: notAfter}}
	for i, key := range p.keys() {
		c.Signatures[i] = key.Sign(wallet.DomainClose, p.opening.Network, c.Close.Encode())
	}
	return &settle.CooperativeClose{Signed: c}
}

func (p *pair) signWithdrawal(sequence uint32, totals channel.PerParty, lanes channel.PerLane) *settle.Withdraw {
	w := channel.SignedWithdrawal{Withdrawal: channel.Withdrawal{Channel: p.id, Sequence: sequence, Totals: totals, Lanes: lanes}}
	for i, key := range p.keys() {
		w.Signatures[i] = key.Sign(wallet.DomainWithdrawal, p.opening.Network, w.Withdrawal.Encode())
	}
	return &settle.Withdraw{Signed: w}
}

func (p *pair) closeRequest(by channel.Party, claims ...channel.Best) *settle.CloseRequest {
	r := channel.CloseRequest{Channel: p.id, By: by}
	signature := p.keys()[by].Sign(wallet.DomainCloseRequest, p.opening.Network, r.Encode())
	return &settle.CloseRequest{Signed: channel.SignedCloseRequest{Request: r, Signature: signature}, Claims: claims}
}

func entryOf(v *settle.Vertex) dag.Entry { return dag.Entry{Vertex: v} }
