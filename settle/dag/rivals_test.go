package dag_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// rivals gives the engine and the naive ledger the same vertices, good ones and all kinds of bad ones.
type rivals struct {
	*rapid.T
	*ledger
	n        *naive
	actors   []actor                        // with their keys of now; the last two never get money from the issuer
	openings map[channel.ID]channel.Opening // that were tried
	ids      []channel.ID
	seen     map[settle.Verdict]int
}

func (r *rivals) Fatal(args ...any)                 { r.T.Fatal(args...) }
func (r *rivals) Fatalf(format string, args ...any) { r.T.Fatalf(format, args...) }
func (r *rivals) Helper()                           { r.T.Helper() }

func (r *rivals) n1(most int, label string) int { return rapid.IntRange(1, most).Draw(r.T, label) }

// rarely is true about once in so many times. Small and large numbers are drawn more often than others.
func (r *rivals) rarely(times int, label string) bool {
	return rapid.IntRange(1, times).Draw(r.T, label) == times/2+1
}

func (r *rivals) who(label string) actor {
	return r.actors[rapid.IntRange(0, len(r.actors)-1).Draw(r.T, label)]
}

// amount is a few units, or just beside a whole one, where the locks are.
func (r *rivals) amount(most int) money.Amount {
	a := money.Amount(r.n1(2*most, "halves")) * eur / 2
	return max(1, a+money.Amount(rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(r.T, "beside")))
}

func (r *rivals) sequence(a actor) uint64 {
	next := r.n.accounts[a.did].sequence + 1
	if r.rarely(12, "wrong sequence") {
		return next + uint64(r.n1(2, "ahead"))
	}
	return next
}

// all sometimes spends everything, so that accounts are emptied.
func (r *rivals) spendable(a actor, most int) money.Amount {
	if balance := r.n.accounts[a.did].balance; balance > 0 && r.rarely(8, "all") {
		return money.Amount(balance)
	}
	return r.amount(most)
}

func (r *rivals) pick() (channel.ID, channel.Opening, bool) {
	var ids []channel.ID
	for _, id := range r.ids {
		if _, exists := r.n.channels[id]; exists {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 || r.rarely(20, "one that was refused") {
		ids = r.ids
	}
	if len(ids) == 0 {
		return channel.ID{}, channel.Opening{}, false
	}
	id := ids[rapid.IntRange(0, len(ids)-1).Draw(r.T, "channel")]
	return id, r.openings[id], true
}

func channelKeyOf(d wallet.DID) wallet.PrivateKey {
	return wallet.NewPrivateKey([32]byte{d[0], d[1], d[2], 7})
}

func (r *rivals) keysOf(o channel.Opening) [2]wallet.PrivateKey {
	keys := [2]wallet.PrivateKey{channelKeyOf(o.Opener), channelKeyOf(o.Partner)}
	if r.rarely(15, "wrong channel key") {
		keys[rapid.IntRange(0, 1).Draw(r.T, "whose")] = wallet.NewPrivateKey([32]byte{66})
	}
	return keys
}

func (r *rivals) drawOpen(by actor) settle.Payload {
	partner, payout := r.who("partner"), r.who("payout")
	if partner.did == by.did {
		return nil
	}
	if r.n1(2, "own payout") == 1 {
		payout = partner
	}
	o := channel.Opening{
		Network: r.network(), Opener: by.did, Partner: partner.did, OpenerKey: channelKeyOf(by.did).Public(), PartnerKey: channelKeyOf(partner.did).Public(),
		Payout: payout.did, Deposit: r.spendable(by, 20), Nonce: [16]byte{byte(len(r.ids))},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: 10 * time.Second,
			Expiry: startTime.Add(r.n.now.Truncate(time.Second) + time.Duration(rapid.IntRange(-5, 300).Draw(r.T, "expiry"))*time.Second)},
	}
	switch rapid.IntRange(1, 30).Draw(r.T, "fault") {
	case 11:
		o.Network = wallet.NetworkID{9}
	case 13:
		o.Terms.Currency = money.Currency{'C', 'H', 'F'}
	case 17:
		o.Opener, o.Partner = o.Partner, o.Opener
	case 19:
		if _, before, ok := r.pick(); ok {
			o = before
		}
	}
	if o.Check() != nil {
		return nil
	}
	if _, known := r.openings[o.ID()]; !known {
		r.openings[o.ID()], r.ids = o, append(r.ids, o.ID())
	}
	return &settle.Open{Sequence: r.sequence(by), Opening: o}
}

func (r *rivals) drawClaim() (channel.Best, bool) {
	id, o, ok := r.pick()
	if !ok {
		return channel.Best{}, false
	}
	lane := channel.Lane(rapid.IntRange(0, 1).Draw(r.T, "lane"))
	c := channel.Claim{Channel: id, Lane: lane, Sequence: uint64(r.n1(5, "claim")), Amount: money.Amount(r.n1(30, "claimed")) * eur / 2}
	return channel.Best{Signed: channel.SignClaim(c, o.Network, r.keysOf(o)[lane.Payer()])}, true
}

func (r *rivals) drawSettle() settle.Payload {
	claims := map[string]channel.Best{}
	for range r.n1(4, "claims") {
		if best, ok := r.drawClaim(); ok {
			claims[fmt.Sprint(best.Signed.Claim.Channel, best.Signed.Claim.Lane)] = best
		}
	}
	p := &settle.Settle{}
	for _, best := range claims {
		p.Claims = append(p.Claims, best)
	}
	settle.SortClaims(p.Claims)
	if len(p.Claims) == 0 {
		return nil
	}
	return p
}

func (r *rivals) drawOnChannel(by actor, kind settle.Kind) settle.Payload {
	id, o, ok := r.pick()
	if !ok {
		return nil
	}
	c, keys := r.n.channels[id], r.keysOf(o)
	if r.rarely(25, "unknown") {
		id = channel.ID{byte(r.n1(200, "nobody's channel"))}
	}
	near := func(v int64) money.Amount {
		return max(0, money.Amount(v)+money.Amount(rapid.IntRange(-1, 8).Draw(r.T, "near"))*eur/2)
	}
	switch kind {
	case settle.KindTopUp:
		p := &settle.TopUp{Sequence: r.sequence(by), Channel: id, Party: channel.Party(rapid.IntRange(0, 1).Draw(r.T, "party")), Amount: r.amount(5)}
		if r.rarely(4, "later") {
			p.Expiry = startTime.Add(c.expiry + time.Duration(rapid.IntRange(-2, 60).Draw(r.T, "by"))*time.Second)
		}
		return p
	case settle.KindWithdraw:
		w := channel.Withdrawal{
			Channel: id, Sequence: c.withdrawn + uint32(rapid.IntRange(0, 1).Draw(r.T, "next")),
			Totals: channel.PerParty{near(c.out[0]), near(c.out[1])}, Lanes: channel.PerLane{near(c.lanes[0].most), near(c.lanes[1].most)},
		}
		p := &settle.Withdraw{Signed: channel.SignedWithdrawal{Withdrawal: w}}
		for i := range keys {
			p.Signed.Signatures[i] = keys[i].Sign(wallet.DomainWithdrawal, o.Network, w.Encode())
		}
		return p
	case settle.KindCooperativeClose:
		a := channel.Close{Channel: id, Lanes: channel.PerLane{near(c.lanes[0].most), near(c.lanes[1].most)},
			NotAfter: startTime.Add(r.n.now.Truncate(time.Second) + time.Duration(rapid.IntRange(-2, 20).Draw(r.T, "until"))*time.Second)}
		if r.n1(3, "exactly") == 1 {
			a.Lanes = channel.PerLane{money.Amount(c.lanes[0].most), money.Amount(c.lanes[1].most)}
		}
		p := &settle.CooperativeClose{Signed: channel.SignedClose{Close: a}}
		for i := range keys {
			p.Signed.Signatures[i] = keys[i].Sign(wallet.DomainClose, o.Network, a.Encode())
		}
		return p
	case settle.KindCloseRequest:
		q := channel.CloseRequest{Channel: id, By: channel.Party(rapid.IntRange(0, 1).Draw(r.T, "asks"))}
		p := &settle.CloseRequest{Signed: channel.SignedCloseRequest{Request: q, Signature: keys[q.By].Sign(wallet.DomainCloseRequest, o.Network, q.Encode())}}
		if best, ok := r.drawClaim(); ok && best.Signed.Claim.Channel == id {
			p.Claims = []channel.Best{best}
		}
		return p
	}
	return &settle.Finalise{Channel: id}
}

func (r *rivals) drawIdentity(kind settle.Kind) settle.Payload {
	a := r.who("whose identity")
	version := max(1, r.n.dids[a.did].version+uint64(rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(r.T, "version")))
	key := a.key
	if r.rarely(15, "forged") {
		key = wallet.NewPrivateKey([32]byte{66})
	}
	switch kind {
	case settle.KindRegister:
		return settle.NewPublish(r.network(), a.did, version, aDocument(fmt.Sprint("nats:", r.n1(2, "endpoint"))), key)
	case settle.KindRotate:
		return settle.NewRotate(r.network(), a.did, version, key, wallet.NewPrivateKey([32]byte{byte(r.n1(250, "key")), 99, a.did[0]}))
	}
	return settle.NewDeactivate(r.network(), a.did, version, key)
}

var rivalKinds = []settle.Kind{
	settle.KindTransfer, settle.KindTransfer, settle.KindIssue, settle.KindIssue, settle.KindRedeem, settle.KindAnchor, settle.KindOpen, settle.KindOpen,
	settle.KindTopUp, settle.KindSettle, settle.KindSettle, settle.KindSettle, settle.KindWithdraw, settle.KindCooperativeClose, settle.KindCloseRequest,
	settle.KindFinalise, settle.KindRegister, settle.KindRotate,
}

// step draws a vertex and compares what becomes of it.
func (r *rivals) step() {
	by, kind := r.who("by"), rapid.SampledFrom(rivalKinds).Draw(r.T, "kind")
	if kind == settle.KindRotate && r.rarely(9, "end") {
		kind = settle.KindDeactivate
	}
	var p settle.Payload
	switch kind {
	case settle.KindTransfer:
		p = &settle.Transfer{Sequence: r.sequence(by), To: r.who("to").did, Amount: r.spendable(by, 20)}
	case settle.KindIssue:
		if by.did != r.actors[0].did && !r.rarely(15, "no issuer") {
			by = r.issuer
		}
		to := r.actors[rapid.IntRange(0, len(r.actors)-3).Draw(r.T, "to")]
		p = &settle.Issue{Reference: settle.ReferenceOf(fmt.Sprint(rapid.IntRange(0, 40).Draw(r.T, "reference"))), To: to.did, Amount: r.amount(60)}
	case settle.KindRedeem:
		issuer := rapid.SampledFrom([]actor{r.issuer, r.actors[0], r.issuer, r.actors[0], by}).Draw(r.T, "who pays out")
		p = &settle.Redeem{Sequence: r.sequence(by), Issuer: issuer.did, Amount: r.spendable(by, 20)}
	case settle.KindAnchor:
		p = &settle.Anchor{Hash: [32]byte{1}}
	case settle.KindOpen:
		p = r.drawOpen(by)
	case settle.KindSettle:
		p = r.drawSettle()
	case settle.KindRegister, settle.KindRotate, settle.KindDeactivate:
		p = r.drawIdentity(kind)
	default:
		p = r.drawOnChannel(by, kind)
	}
	if p == nil || p.Check() != nil { // never valid, whatever the ledger
		return
	}
	r.try(by, p)
}

func (r *rivals) try(by actor, p settle.Payload) {
	network, parents := r.network(), r.state.Tips(r.turn)
	switch rapid.IntRange(1, 40).Draw(r.T, "vertex") {
	case 17:
		by.key = wallet.NewPrivateKey([32]byte{66})
	case 23:
		if len(parents) > 1 { // the genesis alone is of one network
			network = wallet.NetworkID{5}
		}
	}
	r.turn++
	v, err := settle.Sign(settle.Draft{Network: network, Issuer: by.did, Parents: parents, Nonce: r.turn, Payload: p}, by.key)
	if err != nil {
		r.Fatalf("%s: %v", p.Kind(), err)
	}
	outlook := r.state.Outlook(v, 0)
	got := r.apply(v)
	want, next := r.n.judge(v)
	if got != want {
		r.Fatalf("%s: the engine says %s, the naive ledger %s", p.Kind(), got, want)
	}
	// What a node would not have ordered, the log refuses, or finds nothing in; forged vertices aside, which cost nobody.
	if outlook.Verdict != settle.Applied && got == settle.Applied {
		r.Fatalf("%s was applied, the outlook was %s", p.Kind(), outlook.Verdict)
	}
	r.n = next
	r.seen[got]++
	if turn, ok := p.(*settle.Rotate); ok && got == settle.Applied {
		r.rotateActor(turn)
	}
}

// rotateActor keeps the actors' keys in step.
func (r *rivals) rotateActor(p *settle.Rotate) {
	for i, a := range r.actors {
		if a.did != p.DID {
			continue
		}
		for n := range 251 {
			if key := wallet.NewPrivateKey([32]byte{byte(n), 99, a.did[0]}); key.Public() == p.Key {
				r.actors[i].key = key
			}
		}
	}
}

// pass lets time pass, and compares the checkpoint that is made with a tree of all slots, in the order in which the naive
// ledger made them.
func (r *rivals) pass() {
	var tree proof.Tree
	leaves := make([]proof.Leaf, len(r.n.order))
	for i, key := range r.n.order {
		content, ok := r.state.Slot(key)
		if !ok {
			r.Fatalf("no slot %s", key)
		}
		leaves[i] = proof.Leaf{Index: uint64(i), Hash: proof.SlotLeaf(key, content)}
	}
	if _, err := tree.Update(leaves); err != nil {
		r.Fatal(err)
	}
	d := time.Duration(r.n1(30, "seconds")) * time.Second
	r.ledger.wait(d)
	r.n.wait(d)
	if got := r.state.LastCheckpoint().State; got != tree.Root() {
		r.Fatalf("state root %s, the naive ledger's slots lead to %s", got, tree.Root())
	}
}

func (r *rivals) compare() {
	for _, a := range append(r.actors, r.issuer) {
		got, want := r.ledger.account(a), r.n.accounts[a.did]
		if _, exists := r.n.accounts[a.did]; !exists {
			if got != (settle.Account{}) {
				r.Fatalf("an account that should not be: %+v", got)
			}
			continue
		}
		credit := got.Credit.At(r.state.Head().Time, money.Amount(r.n.wealth(a.did)), r.n.limits)
		if int64(got.Balance) != want.balance || int64(got.Locked) != r.n.locked(a.did) || got.Sequence != want.sequence || got.Key != want.key ||
			(got.Status == settle.AccountDeactivated) != want.deactivated || credit.Units != floor(want.credit).Uint64() {
			r.Fatalf("account %s is %+v with credit %+v; the naive ledger has %+v, locked %d, credit %s", a.did.Short(), got, credit, want, r.n.locked(a.did), want.credit)
		}
	}
	for id, want := range r.n.channels {
		got := r.channel(id)
		if got.State != want.state || int64(got.Lanes[0].Maximum) != want.lanes[0].most || int64(got.Lanes[1].Maximum) != want.lanes[1].most ||
			int64(got.Funds.Withdrawn[0]) != want.out[0] || int64(got.Funds.Deposited[1]) != want.in[1] || got.Prepaid != prepaidOf(want) ||
			got.Expiry.Sub(startTime) != want.expiry {
			r.Fatalf("channel %+v; the naive ledger has %+v", got, want)
		}
	}
	raw, _ := r.state.Slot(settle.TotalsKey())
	if totals, err := settle.DecodeTotals(raw); err != nil || int64(totals.Issued-totals.Redeemed) != r.n.total {
		r.Fatalf("totals %+v, %v; the naive ledger has %d", totals, err, r.n.total)
	}
}

func prepaidOf(c naiveChannel) (p settle.Prepaid) {
	for name, bit := range map[string]settle.Prepaid{
		"settle": settle.PrepaidSettle, "withdraw": settle.PrepaidWithdraw, "challenge of the opener": settle.PrepaidOpenerChallenge,
		"challenge of the partner": settle.PrepaidPartnerChallenge, "close": settle.PrepaidClose, "finalise": settle.PrepaidFinalise,
	} {
		if c.prepaid[name] {
			p |= bit
		}
	}
	return p
}

// rivalLimits make every rule bind: little credit, locks near the amounts that are drawn.
func rivalLimits() settle.Limits {
	l := settle.DefaultLimits()
	l.CreditInterval, l.CreditCap, l.RegistrationCredit = 40*time.Second, 3*time.Minute, 25
	l.AccountLock, l.ChannelLock = eur, 3*eur
	return l
}

func newRivals(t *rapid.T, seen map[settle.Verdict]int) *rivals {
	r := &rivals{T: t, openings: map[channel.ID]channel.Opening{}, seen: seen}
	for i := range byte(6) {
		r.actors = append(r.actors, newActor(i+1))
	}
	// One of those who open channels may issue too, so that its right to issue earns it credit beside its money.
	g := testGenesis(rivalLimits(), 600*eur).Payload().(*settle.Genesis)
	g.Issuers = append(g.Issuers, settle.Issuer{DID: r.actors[0].did, Cap: 60 * eur})
	settle.SortIssuers(g.Issuers)
	genesis, err := settle.NewGenesis(*g)
	if err != nil {
		t.Fatal(err)
	}
	r.ledger = newLedgerOf(t, genesis)
	r.n = newNaive(*g, genesis.NetworkID())
	return r
}

// TestTheEngineAgreesWithANaiveLedger compares every verdict, and after each vertex every account, channel, credit and lock.
func TestTheEngineAgreesWithANaiveLedger(t *testing.T) {
	seen := map[settle.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := newRivals(t, seen)
		for _, a := range r.actors[:4] {
			r.try(r.issuer, &settle.Issue{Reference: settle.ReferenceOf("start " + a.did.String()), To: a.did, Amount: 80 * eur})
		}
		t.Repeat(map[string]func(*rapid.T){
			"vertices": func(*rapid.T) {
				for range 4 {
					r.step()
					r.compare()
				}
			},
			"time": func(*rapid.T) { r.pass() }, "": func(*rapid.T) { r.compare() },
		})
	})
	t.Log(seen)
}
