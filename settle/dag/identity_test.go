package dag_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

func (l *ledger) network() wallet.NetworkID { return l.state.Network().ID }

func (l *ledger) identity(a actor) settle.Identity {
	l.Helper()
	raw, ok := l.state.Slot(settle.DIDKey(a.did))
	if !ok {
		l.Fatal("not registered")
	}
	i, err := settle.DecodeIdentity(raw)
	if err != nil {
		l.Fatal(err)
	}
	return i
}

func aDocument(endpoint string) settle.Document {
	return settle.Document{Role: settle.RoleStation, Services: []settle.Service{{Name: "broker", Type: "JoulepayNATS", Endpoint: endpoint}}}
}

func (l *ledger) publish(by, a actor, version uint64, d settle.Document) settle.Verdict {
	l.Helper()
	return l.do(by, settle.NewPublish(l.network(), a.did, version, d, a.key))
}

// rotated gives the actor with its next key.
func (a actor) rotated() actor {
	a.key = wallet.NewPrivateKey([32]byte{99, a.did[0], a.did[1]})
	return a
}

func (l *ledger) rotate(by, a actor, version uint64) settle.Verdict {
	l.Helper()
	return l.do(by, settle.NewRotate(l.network(), a.did, version, a.key, a.rotated().key))
}

func TestSponsorRegistersWhoHasNoMoney(t *testing.T) {
	l := newLedgerWith(t, priced())
	operator, station := newActor(1), newActor(2)
	l.fund(operator, 10*eur)
	l.wait(time.Minute)
	l.must(operator, anchor(1))
	before := l.credit(operator)
	if v := l.publish(station, station, 1, aDocument("nats://a")); v != settle.CreditSpent {
		t.Fatalf("%s: registered itself without credit", v)
	}
	if v := l.publish(operator, station, 1, aDocument("nats://a")); v != settle.Applied {
		t.Fatal(v)
	}
	if got, want := before-l.credit(operator), settle.WorkIdentity+uint64(priced().RegistrationCredit); got != want {
		t.Errorf("it cost %d, want %d", got, want)
	}
	i := l.identity(station)
	if i.Key != station.key.Public() || i.Status != settle.AccountActive || i.Version != 1 || i.Document.Services[0].Endpoint != "nats://a" ||
		i.Created != settle.LedgerTimeOf(startTime.Add(time.Minute)) || i.Updated != i.Created {
		t.Errorf("%+v", i)
	}
	if v := l.publish(operator, station, 1, aDocument("nats://a")); v != settle.NoOp {
		t.Errorf("registered again: %s", v)
	}
	l.wait(time.Second)
	if v := l.publish(station, station, 2, aDocument("nats://b")); v != settle.Applied {
		t.Errorf("%s: its first credit pays for an update", v)
	}
	if i := l.identity(station); i.Version != 2 || i.Updated <= i.Created || i.Document.Services[0].Endpoint != "nats://b" {
		t.Errorf("%+v", i)
	}
}

func TestRotationKeepsEverythingButTheKey(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	inFlight := p.vertex(p.opener, anchor(1))
	before := p.account(p.opener)
	if v := p.rotate(p.partner, p.opener, 1); v != settle.Applied {
		t.Fatal(v)
	}
	after := p.account(p.opener)
	if after.Key == before.Key || after.Balance != before.Balance || after.Sequence != before.Sequence || after.Locked != before.Locked {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if i := p.identity(p.opener); i.Key != after.Key || i.Rotations != 1 || i.Version != 1 {
		t.Errorf("%+v", i)
	}
	if v := p.apply(inFlight); v != settle.BadSignature {
		t.Errorf("a vertex under way with the old key: %s", v)
	}
	if v := p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: eur}); v != settle.BadSignature {
		t.Errorf("the old key pays: %s", v)
	}
	if v := p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(eur, 2)}); v != settle.BadSignature {
		t.Errorf("the old key opens: %s", v)
	}
	if v := p.rotate(p.partner, p.opener, 2); v != settle.BadDocument {
		t.Errorf("the old key rotates: %s", v)
	}
	fresh := p.opener.rotated()
	p.must(fresh, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: eur})
	p.must(fresh, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(eur, 3)})
	if v := p.settleClaims(p.partner, p.claim(0, 1, 5*eur)); v != settle.Applied {
		t.Errorf("a claim under the channel's key: %s", v)
	}
	if v := p.do(p.partner, settle.NewRotate(p.network(), p.opener.did, 1, p.opener.key, fresh.key)); v != settle.NoOp {
		t.Errorf("the same rotation again: %s", v)
	}
}

func TestRotationNeedsBothKeys(t *testing.T) {
	l := newLedger(t)
	a, thief := newActor(1), newActor(2)
	l.fund(a, eur)
	l.fund(thief, eur)
	good := settle.NewRotate(l.network(), a.did, 1, a.key, thief.key)
	for name, p := range map[string]*settle.Rotate{
		"only the present key": {DID: a.did, Version: 1, Key: thief.key.Public(), Signatures: [2]wallet.Signature{good.Signatures[0]}},
		"only the new key":     settle.NewRotate(l.network(), a.did, 1, thief.key, thief.key),
		"another network":      settle.NewRotate(wallet.NetworkID{1}, a.did, 1, a.key, thief.key),
	} {
		if v := l.do(thief, p); v != settle.BadDocument {
			t.Errorf("%s: %s", name, v)
		}
	}
}

func TestDeactivatedDIDBeginsNothingAndIsPaidOut(t *testing.T) {
	p := openPair(newLedger(t), 50*eur)
	p.must(p.partner, settle.NewDeactivate(p.network(), p.opener.did, 1, p.opener.key))
	if a := p.account(p.opener); a.Status != settle.AccountDeactivated || p.identity(p.opener).Status != settle.AccountDeactivated {
		t.Fatalf("%+v", a)
	}
	for name, v := range map[string]settle.Verdict{
		"anchor":   p.do(p.opener, anchor(1)),
		"transfer": p.do(p.opener, &settle.Transfer{Sequence: p.next(p.opener), To: p.partner.did, Amount: eur}),
		"open":     p.do(p.opener, &settle.Open{Sequence: p.next(p.opener), Opening: p.draft(eur, 2)}),
		"paid":     p.do(p.partner, &settle.Transfer{Sequence: 1, To: p.opener.did, Amount: eur}),
		"document": p.publish(p.partner, p.opener, 2, aDocument("nats://a")),
		"rotation": p.rotate(p.partner, p.opener, 2),
		"opened with": p.do(p.partner, &settle.Open{Sequence: 1, Opening: func() channel.Opening {
			o := p.draft(eur, 3)
			o.Opener, o.Partner, o.Payout = p.partner.did, p.opener.did, p.opener.did
			return o
		}()}),
	} {
		if v != settle.Deactivated {
			t.Errorf("%s: %s", name, v)
		}
	}
	p.must(p.partner, &settle.Settle{Claims: []channel.Best{p.claim(0, 1, 5*eur)}})
	p.must(p.partner, p.closeRequest(channel.Opener))
	before := p.balance(p.opener)
	for range 8 {
		p.wait(10 * time.Second)
	}
	p.must(p.partner, &settle.Finalise{Channel: p.id})
	if got := p.balance(p.opener) - before; got != 45*eur {
		t.Errorf("paid out %s", got)
	}
	if v := p.do(p.partner, settle.NewDeactivate(p.network(), p.opener.did, 1, p.opener.key)); v != settle.NoOp {
		t.Errorf("again: %s", v)
	}
}

func TestStatusOfADIDIsProvable(t *testing.T) {
	l := newLedger(t)
	a := newActor(1)
	l.fund(a, eur)
	if v := l.publish(a, a, 1, aDocument("nats://a")); v != settle.Applied {
		t.Fatal(v)
	}
	l.wait(time.Second)
	at := l.state.LastCheckpoint()
	if v := l.rotate(a, a, 2); v != settle.Applied {
		t.Fatal(v)
	}
	content, inclusion, err := l.state.ProveSlot(at.Number, settle.DIDKey(a.did))
	if err != nil {
		t.Fatal(err)
	}
	if err := inclusion.Verify(at.State, proof.SlotLeaf(settle.DIDKey(a.did), content)); err != nil {
		t.Fatal(err)
	}
	if i, err := settle.DecodeIdentity(content); err != nil || i.Key != a.key.Public() {
		t.Errorf("%+v %v", i, err)
	}
}

func TestOutlookKnowsWhoIsDeactivated(t *testing.T) {
	l := newLedger(t)
	a := newActor(1)
	l.fund(a, eur)
	v := l.vertex(a, anchor(1))
	if got := l.state.Outlook(v, 0); got != (dag.Outlook{}) {
		t.Error(got)
	}
	l.must(a, settle.NewDeactivate(l.network(), a.did, 1, a.key))
	if got := l.state.Outlook(v, 0); got.Verdict != settle.Deactivated {
		t.Error(got)
	}
}
