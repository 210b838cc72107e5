package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/meter"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// offered gives a vehicle that has said hello, and the offer that the station makes of it, not delivered.
func offered(t *testing.T, s setup) (*world, quote.Quote) {
	t.Helper()
	w := newWorld(t, s)
	w.vehicle.begin()
	w.run(func() bool { return w.station.machine != nil })
	record, _ := w.station.stored()
	q, err := quote.Parse(record.Quote, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, q.Quote
}

// A vehicle that refuses an offer has locked nothing, and says why.
func TestI5_AVehicleRefusesAnOfferOutsideItsPolicy(t *testing.T) {
	dear := []byte(tariffOf(`{"type":"ENERGY","price":3.6,"step_size":1}`))
	policy := func(by func(*session.PayerPolicy)) func(*session.PayerPolicy) { return by }
	tests := []struct {
		name   string
		policy func(*session.PayerPolicy)
		change func(*quote.Quote)
		want   error
	}{
		{"as asked", nil, func(*quote.Quote) {}, nil},
		{"another service", nil, func(q *quote.Quote) { q.Service = "parking" }, session.ErrPolicy},
		{"another plug", policy(func(p *session.PayerPolicy) { p.EVSE = "E9" }), func(*quote.Quote) {}, session.ErrPolicy},
		{"the plug it stands at", policy(func(p *session.PayerPolicy) { p.EVSE = "E1" }), func(*quote.Quote) {}, nil},
		{"another currency than the ledger's", policy(func(p *session.PayerPolicy) { p.Currency = "NOK" }), func(*quote.Quote) {}, session.ErrPolicy},
		{"a start fee above its limit", nil, func(q *quote.Quote) { q.Prepaid = 3 * money.Nano }, session.ErrPolicy},
		{"a surcharge above its limit", nil, func(q *quote.Quote) { q.EndSurcharge = 6 * money.Nano }, session.ErrPolicy},
		{"a slice above its limit", nil, func(q *quote.Quote) { q.Slice = 6 * money.Nano }, session.ErrPolicy},
		{"a window longer than its limit", policy(func(p *session.PayerPolicy) { p.WindowMax = 30 * time.Second }), func(*quote.Quote) {}, session.ErrPolicy},
		{"no window", nil, func(q *quote.Quote) { q.WindowSeconds = 0 }, session.ErrPolicy},
		{"a price at its limit", policy(func(p *session.PayerPolicy) { p.UnitPriceMax = 36 * cent }), func(*quote.Quote) {}, nil},
		{"a price above its limit", policy(func(p *session.PayerPolicy) { p.UnitPriceMax = 36*cent - 1 }), func(*quote.Quote) {}, session.ErrPolicy},
		{"no price", policy(func(p *session.PayerPolicy) { p.UnitPriceMax = 36 * cent }), func(q *quote.Quote) { q.Estimates = nil }, session.ErrPolicy},
		{"a price that is not its tariff's", policy(func(p *session.PayerPolicy) { p.UnitPriceMax = 36 * cent }),
			func(q *quote.Quote) { q.Tariff, q.Slice = dear, 10*q.Slice }, session.ErrPolicy},
		{"a slice that is not its tariff's", nil, func(q *quote.Quote) { q.Slice-- }, session.ErrPolicy},
		{"a tariff in another currency than the quote", nil, func(q *quote.Quote) {
			q.Tariff = []byte(strings.Replace(plainRate, "EUR", "NOK", 1))
		}, quote.ErrQuote},
		{"from its future", nil, func(q *quote.Quote) { q.IssuedAtMs += 6000; q.ValidUntilMs += 6000 }, session.ErrClock},
		{"from before it asked", nil, func(q *quote.Quote) { q.IssuedAtMs -= 6000 }, session.ErrClock},
		{"no longer good", nil, func(q *quote.Quote) { q.IssuedAtMs, q.ValidUntilMs = q.IssuedAtMs-400_000, q.IssuedAtMs-100_000 }, session.ErrClock},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, q := offered(t, setup{payer: test.policy})
			test.change(&q)
			w.vehicle.show(session.Received{Message: wire.Offer{Quote: quote.Sign(q, w.station.account).Bytes()}}, func(effects []session.Effect) {
				if !errors.Is(said(effects), test.want) {
					t.Errorf("says %v, want %v", said(effects), test.want)
				}
			})
			record, _ := w.vehicle.stored()
			if opening := len(record.Vertices) == 1; opening != (test.want == nil) {
				t.Errorf("%d operations for the ledger", len(record.Vertices))
			}
			if failed := record.Phase == session.PhaseFailed; failed != (test.want != nil) || failed != (record.Failure != "") {
				t.Errorf("the session is %s: %q", record.Phase, record.Failure)
			}
		})
	}
}

// An offer that somebody else made is no offer: the vehicle goes on waiting for the station's.
func TestAnOfferOfSomebodyElseIsPassedOver(t *testing.T) {
	w, q := offered(t, setup{})
	mallory := testKey(66)
	forged := q
	forged.Station = wallet.DIDOf(mallory.Public())
	elsewhere, before := q, q
	elsewhere.Network[0]++
	before.Session[0]++
	for name, raw := range map[string][]byte{
		"signed by another key": quote.Sign(q, mallory).Bytes(),
		"of another station":    quote.Sign(forged, mallory).Bytes(),
		"on another network":    quote.Sign(elsewhere, w.station.account).Bytes(),
		"of a session before":   quote.Sign(before, w.station.account).Bytes(),
		"noise":                 []byte("noise"),
		"nothing":               nil,
	} {
		w.vehicle.show(session.Received{Message: wire.Offer{Quote: raw}}, func(effects []session.Effect) {
			if said(effects) == nil {
				t.Errorf("%s: passed without a word", name)
			}
		})
		if record, _ := w.vehicle.stored(); record.Phase != session.PhaseGreeting {
			t.Errorf("%s: the session is %s", name, record.Phase)
		}
	}
	w.run(w.bothOver)
	w.settled()
}

func TestAStationAnswersOnlyTheVehicleThatSignsItsHello(t *testing.T) {
	w := newWorld(t, setup{})
	hello := func(by func(*wire.Hello), key wallet.PrivateKey, id channel.SessionID) wire.Hello {
		h := wire.Hello{Vehicle: w.vehicle.did, Station: w.station.did, AtMs: began.UnixMilli(), Service: "charging"}
		by(&h)
		h.Signature = key.Sign(wallet.DomainHello, network, h.SigningBytes(id))
		return h
	}
	same := func(*wire.Hello) {}
	tests := []struct {
		name  string
		hello wire.Hello
		want  error
	}{
		{"its own", hello(same, w.vehicle.account, firstID), nil},
		{"signed by another", hello(same, testKey(66), firstID), session.ErrIdentity},
		{"for another session", hello(same, w.vehicle.account, channel.SessionID{9}), session.ErrIdentity},
		{"for another station", hello(func(h *wire.Hello) { h.Station = wallet.DIDOf(testKey(7).Public()) }, w.vehicle.account, firstID), session.ErrIdentity},
		{"of nobody", hello(func(h *wire.Hello) { h.Vehicle = wallet.DID{} }, w.vehicle.account, firstID), session.ErrIdentity},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := w.station.payeeConfig(1)
			config.Offer = w.offer()
			_, _, err := session.NewPayee(config, w.station.now(), firstID, test.hello, nil)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// accepting gives a station that waits for its offer to be accepted, and the opening that an honest vehicle would name.
func accepting(t *testing.T) (*world, wire.Accept, channel.Opening) {
	t.Helper()
	w := newWorld(t, setup{link: func(w *world, l *letter) []string {
		if l.message.Kind() == wire.KindAccept {
			return []string{"lose"}
		}
		return nil
	}})
	w.vehicle.begin()
	w.run(func() bool { return w.vehicle.phase() == session.PhaseAccepting })
	record, ch := w.vehicle.stored()
	q, err := quote.Parse(record.Quote, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := ch.Side.Opening
	return w, wire.Accept{Quote: q.Hash(), Opening: o.Encode()}, o
}

func TestAStationRefusesAChannelThatDoesNotServe(t *testing.T) {
	tests := []struct {
		name    string
		accept  func(*wire.Accept)
		opening func(*channel.Opening)
		code    wire.Code
	}{
		{"as offered", nil, nil, ""},
		{"another quote", func(a *wire.Accept) { a.Quote[0]++ }, nil, wire.CodeQuote},
		{"noise for an opening", func(a *wire.Accept) { a.Opening = []byte("noise") }, nil, wire.CodeChannel},
		{"other amounts to begin with", func(a *wire.Accept) { a.Base[0] = 5 }, nil, wire.CodeChannel},
		{"another network", nil, func(o *channel.Opening) { o.Network[0]++ }, wire.CodeChannel},
		{"another vehicle", nil, func(o *channel.Opening) { o.Opener = wallet.DIDOf(testKey(66).Public()) }, wire.CodeChannel},
		{"another station", nil, func(o *channel.Opening) { o.Partner = wallet.DIDOf(testKey(66).Public()) }, wire.CodeChannel},
		{"another station key", nil, func(o *channel.Opening) { o.PartnerKey = testKey(66).Public() }, wire.CodeChannel},
		{"paid out to another", nil, func(o *channel.Opening) { o.Payout = wallet.DIDOf(testKey(66).Public()) }, wire.CodeChannel},
		{"another currency", nil, func(o *channel.Opening) { o.Terms.Currency = money.Currency{'N', 'O', 'K'} }, wire.CodeChannel},
		{"a shorter window", nil, func(o *channel.Opening) { o.Terms.Window -= time.Second }, wire.CodeChannel},
		{"a longer window", nil, func(o *channel.Opening) { o.Terms.Window += time.Hour }, ""},
		{"no deposit", nil, func(o *channel.Opening) { o.Deposit = 0 }, wire.CodeChannel},
		{"one key for both", nil, func(o *channel.Opening) { o.OpenerKey = o.PartnerKey }, wire.CodeChannel},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, accept, opening := accepting(t)
			if test.opening != nil {
				test.opening(&opening)
				accept.Opening = opening.Encode()
			}
			if test.accept != nil {
				test.accept(&accept)
			}
			w.station.show(session.Received{Message: accept}, func(effects []session.Effect) {
				refusal, _ := sent[wire.Refuse](effects)
				if refusal.Code != test.code {
					t.Errorf("refuses with %q %q, want %q", refusal.Code, refusal.Detail, test.code)
				}
			})
			if accepted := w.station.phase() == session.PhaseAccepting; accepted != (test.code == "") {
				t.Errorf("the station is %s", w.station.phase())
			}
		})
	}
}

func TestAQuoteIsGoodForItsTime(t *testing.T) {
	w, accept, _ := accepting(t)
	w.now = w.now.Add(session.DefaultPayeePolicy().QuoteValid)
	w.station.show(session.Received{Message: accept}, func(effects []session.Effect) {
		if refusal, _ := sent[wire.Refuse](effects); refusal.Code != wire.CodeQuote {
			t.Errorf("refuses with %q", refusal.Code)
		}
	})
}

// Two channels with one station key are possible; a vehicle that names the one in its hello and then accepts with the
// other must not make the station begin it anew, for its claims and withdrawals there would be forgotten.
func TestI2_AVehicleCannotMakeAStationForgetAChannel(t *testing.T) {
	w := newWorld(t, setup{})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.settled()
	_, owed := w.station.stored()
	other := owed.Side.Opening
	other.Nonce[0]++
	w.ledger.channels[other.ID()] = &slot{opening: other, state: channel.Open, funds: channel.Funds{Deposited: channel.PerParty{other.Deposit, 0}}}
	side, err := channel.NewSide(other, channel.Partner)
	if err != nil {
		t.Fatal(err)
	}
	known := session.ChannelRecord{ID: other.ID(), Peer: w.vehicle.did, KeyIndex: owed.KeyIndex, State: channel.Open, Side: side.Snapshot()}
	w.station.disk.channels[other.ID()] = known

	id := channel.SessionID{0: 0x66}
	hello := wire.Hello{Vehicle: w.vehicle.did, Station: w.station.did, AtMs: w.now.UnixMilli(), Service: "charging", Channel: other.ID()}
	hello.Signature = w.vehicle.account.Sign(wallet.DomainHello, network, hello.SigningBytes(id))
	config := w.station.payeeConfig(owed.KeyIndex)
	config.Offer = w.offer()
	payee, effects, err := session.NewPayee(config, w.station.now(), id, hello, &known)
	if err != nil {
		t.Fatal(err)
	}
	offer, _ := sent[wire.Offer](effects)
	q, err := quote.Parse(offer.Quote, nil)
	if err != nil {
		t.Fatal(err)
	}
	effects = payee.Step(w.station.now(), session.Received{Message: wire.Accept{Quote: q.Hash(), Opening: owed.Side.Opening.Encode()}})
	for _, e := range effects {
		if p, ok := e.(session.Persist); ok {
			for _, ch := range p.Batch.Channels {
				if ch.ID == owed.ID && ch.Side.In.Owed() < owed.Side.In.Owed() {
					t.Errorf("the station forgets %s that it is owed", owed.Side.In.Owed())
				}
			}
		}
	}
	if refusal, _ := sent[wire.Refuse](effects); refusal.Code != wire.CodeChannel {
		t.Errorf("refuses with %q", refusal.Code)
	}
}

func TestAStopIsTakenFromTheVehicleOnly(t *testing.T) {
	w := newWorld(t, setup{energy: 3_000_000})
	w.vehicle.begin()
	w.run(func() bool { return w.now.Sub(began) > 15*time.Second })
	stop := func(key wallet.PrivateKey, id channel.SessionID) wire.Stop {
		s := wire.Stop{Reason: wire.ReasonUser}
		s.Signature = key.Sign(wallet.DomainStop, network, s.SigningBytes(id))
		return s
	}
	for name, s := range map[string]wire.Stop{
		"by another":         stop(testKey(66), firstID),
		"of another session": stop(testKey(11), channel.SessionID{9}),
		"by the account key": stop(w.vehicle.account, firstID),
	} {
		w.station.show(session.Received{Message: s}, func(effects []session.Effect) {
			if refusal, _ := sent[wire.Refuse](effects); refusal.Code != wire.CodeIdentity || w.station.machine.Record().Phase != session.PhaseCharging {
				t.Errorf("%s: refused with %q, the station is %s", name, refusal.Code, w.station.machine.Record().Phase)
			}
		})
	}
	w.station.step(session.Received{Message: stop(testKey(11), firstID)})
	if got := w.station.phase(); got != session.PhaseStopping {
		t.Errorf("the station is %s", got)
	}
}

// Messages that come at the wrong moment, or make no sense, end no session.
func TestI9_NothingThatAPeerSendsEndsASessionByItself(t *testing.T) {
	noise := []byte("noise")
	over := claimOver()
	messages := []wire.Message{
		wire.Hello{}, wire.Offer{}, wire.Offer{Quote: noise}, wire.Accept{}, wire.Accept{Opening: noise},
		wire.Demand{}, wire.Demand{Reading: noise}, wire.Demand{Back: noise}, wire.Claim{}, wire.Claim{Best: noise}, wire.Claim{Best: over},
		wire.Stop{}, wire.Withdraw{}, wire.Withdraw{Withdrawal: noise}, wire.Close{}, wire.Close{Close: noise},
		wire.Refuse{}, wire.Refuse{Code: wire.CodeInternal, Detail: strings.Repeat("x", 500)},
		wire.Done{Back: noise},
	}
	w := newWorld(t, setup{energy: 200_000, link: func(w *world, l *letter) []string {
		if l.message.Kind() == wire.KindRefuse {
			return []string{"lose"} // they answer somebody else than the other side
		}
		return nil
	}})
	w.vehicle.begin()
	w.pulses()
	for _, phase := range []session.Phase{session.PhaseAccepting, session.PhaseCharging, session.PhaseFinal, session.PhaseSettling, session.PhaseEnded} {
		for _, n := range []*node{w.vehicle, w.station} {
			w.runOn(func() bool { return n.machine != nil && n.machine.Record().Phase >= phase })
			for _, m := range messages {
				if _, refuses := m.(wire.Refuse); refuses && phase < session.PhaseCharging {
					continue // before energy flows, a peer that refuses has the last word
				}
				n.step(session.Received{Message: m})
			}
		}
	}
	w.settled()
}

// claimOver gives a claim over every deposit, well signed.
func claimOver() []byte {
	c := channel.Claim{Lane: 0, Sequence: 1, Amount: money.Amount(1) << 62}
	return channel.Best{Signed: channel.SignClaim(c, network, testKey(11))}.Encode()
}

// Whatever events come in whatever order, from a peer, a meter, a ledger or a person: no machine panics.
func TestI9_NoOrderOfEventsIsFatal(tt *testing.T) {
	rapid.Check(tt, func(t *rapid.T) {
		w := newWorld(tt, setup{energy: 300_000})
		w.vehicle.begin()
		moment := time.Duration(rapid.IntRange(0, 45_000).Draw(t, "ms")) * time.Millisecond
		w.run(func() bool { return w.now.Sub(began) > moment })
		var overheard []wire.Message
		for _, n := range []*node{w.vehicle, w.station} {
			for _, r := range n.disk.readings[firstID] {
				overheard = append(overheard, wire.Demand{Reading: r.Signed})
			}
			if record, ch := n.stored(); ch != nil {
				overheard = append(overheard, wire.Claim{Best: ch.Side.In.Encode()}, wire.Claim{Best: ch.Side.Out.Encode()},
					wire.Offer{Quote: record.Quote}, wire.Accept{Opening: ch.Side.Opening.Encode()}, wire.Withdraw{Withdrawal: ch.Proposal},
					wire.Done{Accepted: ch.Side.In.Owed()}, wire.Hello{Vehicle: w.vehicle.did, Known: wire.Known{Lanes: [2][]byte{ch.Side.In.Encode(), ch.Side.Out.Encode()}}})
			}
		}
		overheard = append(overheard, wire.Stop{}, wire.Refuse{}, wire.Close{}, wire.Hello{})
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			n := []*node{w.vehicle, w.station}[rapid.IntRange(0, 1).Draw(t, "to")]
			if n.machine == nil {
				continue
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "later")) * time.Millisecond)
			n.machine.Step(n.now(), anyEvent(t, overheard))
		}
	})
}

func anyEvent(t *rapid.T, overheard []wire.Message) session.Event {
	amount := func(name string) money.Amount { return money.Amount(rapid.Int64Range(0, 1<<62).Draw(t, name)) }
	kind := session.OpKind(rapid.IntRange(0, 8).Draw(t, "operation"))
	switch rapid.IntRange(0, 6).Draw(t, "event") {
	case 0, 1:
		return session.Received{Message: rapid.SampledFrom(overheard).Draw(t, "message")}
	case 2:
		return session.Sampled{Sample: meter.Sample{
			Time: began.Add(time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "at"))), Register: rapid.Int64().Draw(t, "register"),
			Unit: meter.Unit(rapid.IntRange(0, 4).Draw(t, "unit")), State: meter.State(rapid.IntRange(0, 5).Draw(t, "state")),
		}}
	case 3:
		return session.Sampled{Err: meter.ErrNoSample}
	case 4:
		return session.Viewed{View: session.View{
			State: channel.State(rapid.IntRange(0, 4).Draw(t, "channel")), Final: rapid.Bool().Draw(t, "final"), Time: began, Expiry: expiryOf(t),
			Funds: channel.Funds{Deposited: channel.PerParty{amount("opener"), amount("partner")}}, Lanes: channel.PerLane{amount("lane 0"), amount("lane 1")},
		}}
	case 5:
		var err error
		if rapid.Bool().Draw(t, "refused") {
			err = errLedger
		}
		return session.Concluded{Op: session.NewOp(kind, channel.ID{}, firstID, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body")), Err: err}
	}
	return session.StopAsked{Reason: wire.ReasonUser}
}

func expiryOf(t *rapid.T) time.Time {
	return began.Add(time.Duration(rapid.Int64Range(-1<<40, 1<<50).Draw(t, "expiry")))
}
