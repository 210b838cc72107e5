package settle_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const eur = money.Nano

var (
	alice   = wallet.NewPrivateKey([32]byte{1})
	bob     = wallet.NewPrivateKey([32]byte{2})
	network = wallet.NetworkID{7}
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func did(k wallet.PrivateKey) wallet.DID { return wallet.DIDOf(k.Public()) }

func opening() channel.Opening {
	return channel.Opening{
		Network: network, Opener: did(alice), Partner: did(bob), OpenerKey: wallet.NewPrivateKey([32]byte{3}).Public(),
		PartnerKey: wallet.NewPrivateKey([32]byte{4}).Public(), Payout: did(bob), Deposit: 50 * eur, Nonce: [16]byte{5},
		Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: noon},
	}
}

func best(id channel.ID, lane channel.Lane) channel.Best {
	c := channel.Claim{Channel: id, Lane: lane, Sequence: 1, Amount: 3 * eur, TickValue: 1, TickCount: 9}
	return channel.Best{Signed: channel.SignClaim(c, network, alice), Ticks: 2, Preimage: channel.Hash{1}}
}

func genesis() *settle.Genesis {
	g := &settle.Genesis{
		Name: "test net", Currency: money.Currency{'E', 'U', 'R'}, Time: noon,
		Issuers:   []settle.Issuer{{DID: did(alice), Cap: eur}, {DID: did(bob), Cap: 2 * eur}},
		Witnesses: []settle.Witness{{DID: did(alice), Key: alice.Public(), Weight: 1}, {DID: did(bob), Key: bob.Public(), Weight: 2}},
		Limits:    settle.DefaultLimits(),
	}
	settle.SortWitnesses(g.Witnesses)
	settle.SortIssuers(g.Issuers)
	return g
}

// payloads has one of each kind.
func payloads() []settle.Payload {
	id := opening().ID()
	claims := []channel.Best{best(id, 0), best(id, 1), best(channel.ID{255}, 0)}
	settle.SortClaims(claims)
	var own []channel.Best
	for _, c := range claims {
		if c.Signed.Claim.Channel == id {
			own = append(own, c)
		}
	}
	return []settle.Payload{
		genesis(),
		&settle.Transfer{Sequence: 1, To: did(bob), Amount: eur, Reference: settle.ReferenceOf("invoice")},
		&settle.Issue{Reference: settle.ReferenceOf("bank"), To: did(bob), Amount: eur},
		&settle.Redeem{Sequence: 2, Issuer: did(alice), Amount: eur},
		&settle.Anchor{Hash: [32]byte{1}},
		&settle.Open{Sequence: 3, Opening: opening()},
		&settle.TopUp{Sequence: 4, Channel: id, Party: channel.Partner, Amount: eur, Expiry: noon.Add(time.Hour)},
		&settle.Settle{Claims: claims},
		&settle.Withdraw{Signed: channel.SignedWithdrawal{Withdrawal: channel.Withdrawal{Channel: id, Sequence: 1, Totals: channel.PerParty{0, eur}}}},
		&settle.CooperativeClose{Signed: channel.SignedClose{Close: channel.Close{Channel: id, Lanes: channel.PerLane{eur, 0}, NotAfter: noon}}},
		&settle.CloseRequest{Signed: channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: id, By: channel.Partner}}, Claims: own},
		&settle.Finalise{Channel: id},
		settle.NewPublish(network, did(bob), 1, document(), bob),
		settle.NewPublish(network, did(bob), 2, settle.Document{}, bob),
		settle.NewRotate(network, did(bob), 3, bob, alice),
		settle.NewDeactivate(network, did(bob), 4, alice),
	}
}

// document is as large as one may be.
func document() settle.Document {
	d := settle.Document{Role: settle.RoleStation}
	for i := range byte(settle.ServicesMax) {
		d.Services = append(d.Services, settle.Service{
			Name: strings.Repeat(string('a'+i), settle.ServiceNameMax), Type: strings.Repeat("T", settle.ServiceTypeMax),
			Endpoint: "nats:" + strings.Repeat("x", settle.EndpointMax-5),
		})
	}
	for i := range byte(settle.KeyBindingsMax) {
		d.Bindings = append(d.Bindings, settle.KeyBinding{Purpose: wallet.PurposeNoiseStatic, Hash: [32]byte{i}})
	}
	return d
}

func TestDocumentsThatNoSlotHoldsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*settle.Document){
		"unknown role":           func(d *settle.Document) { d.Role = 99 },
		"too many services":      func(d *settle.Document) { d.Services = append(d.Services, d.Services[0]) },
		"services out of order":  func(d *settle.Document) { d.Services[0].Name = "z" },
		"one name twice":         func(d *settle.Document) { d.Services[1].Name = d.Services[0].Name },
		"name in capitals":       func(d *settle.Document) { d.Services[0].Name = "A" },
		"no name":                func(d *settle.Document) { d.Services[0].Name = "" },
		"long name":              func(d *settle.Document) { d.Services[0].Name += "a" },
		"type with a blank":      func(d *settle.Document) { d.Services[0].Type = "a b" },
		"long type":              func(d *settle.Document) { d.Services[0].Type += "T" },
		"endpoint that is none":  func(d *settle.Document) { d.Services[0].Endpoint = "here" },
		"endpoint with a break":  func(d *settle.Document) { d.Services[0].Endpoint = "nats:\n" },
		"endpoint not ASCII":     func(d *settle.Document) { d.Services[0].Endpoint = "nats:\u00e9" },
		"long endpoint":          func(d *settle.Document) { d.Services[0].Endpoint += "x" },
		"too many bindings":      func(d *settle.Document) { d.Bindings = append(d.Bindings, settle.KeyBinding{Purpose: 5}) },
		"one binding twice":      func(d *settle.Document) { d.Bindings[1] = d.Bindings[0] },
		"binding of the account": func(d *settle.Document) { d.Bindings[0].Purpose = wallet.PurposeAccount },
		"binding of nothing":     func(d *settle.Document) { d.Bindings[5].Purpose = 99 },
	} {
		d := document()
		change(&d)
		p := &settle.Publish{DID: did(bob), Version: 1, Document: d}
		if err := p.Check(); !errors.Is(err, settle.ErrDocument) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := settle.DecodePayload(settle.EncodePayload(p)); err == nil {
			t.Errorf("%s decodes", name)
		}
	}
}

func TestI8_WhatADIDSignsOfItselfIsGoodForThatAlone(t *testing.T) {
	first := settle.NewPublish(network, did(bob), 1, document(), bob)
	if err := first.Verify(network, bob.Public()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*settle.Publish){
		"another DID":      func(p *settle.Publish) { p.DID = did(alice) },
		"another version":  func(p *settle.Publish) { p.Version = 2 },
		"another document": func(p *settle.Publish) { p.Document = settle.Document{} },
	} {
		p := *first
		change(&p)
		if p.Verify(network, bob.Public()) == nil {
			t.Errorf("%s verifies", name)
		}
	}
	if first.Verify(wallet.NetworkID{8}, bob.Public()) == nil || first.Verify(network, alice.Public()) == nil {
		t.Error("another network or key verifies")
	}
	empty := settle.NewPublish(network, did(bob), 2, settle.Document{}, bob)
	end := &settle.Deactivate{DID: did(bob), Version: 2, Signature: empty.Signature}
	if end.Verify(network, bob.Public()) == nil {
		t.Error("a document is a deactivation")
	}
	turn := settle.NewRotate(network, did(bob), 2, bob, alice)
	if err := turn.Verify(network, bob.Public()); err != nil {
		t.Fatal(err)
	}
	for i := range turn.Signatures {
		p := *turn
		p.Signatures[i] = turn.Signatures[1-i]
		if p.Verify(network, bob.Public()) == nil {
			t.Errorf("signature %d is not needed", i)
		}
	}
}

func TestEveryPayloadDecodesToItself(t *testing.T) {
	kinds := map[settle.Kind]bool{}
	for _, p := range payloads() {
		kinds[p.Kind()] = true
		raw := settle.EncodePayload(p)
		got, err := settle.DecodePayload(raw)
		if err != nil {
			t.Errorf("%s: %v", p.Kind(), err)
			continue
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, want %+v", p.Kind(), got, p)
		}
		for _, cut := range []int{0, 1, 2, len(raw) / 2, len(raw) - 1} {
			if _, err := settle.DecodePayload(raw[:cut]); err == nil {
				t.Errorf("%s: %d of %d bytes decode", p.Kind(), cut, len(raw))
			}
		}
		if _, err := settle.DecodePayload(append(raw, 0)); !errors.Is(err, settle.ErrEncoding) {
			t.Errorf("%s: a byte too many: %v", p.Kind(), err)
		}
		if k, err := settle.ParseKind(p.Kind().String()); err != nil || k != p.Kind() {
			t.Errorf("%s reads as %s, %v", p.Kind(), k, err)
		}
	}
	for k := range 256 {
		if _, err := settle.ParseKind(settle.Kind(k).String()); err == nil && !kinds[settle.Kind(k)] {
			t.Errorf("no payload of kind %s", settle.Kind(k))
		}
	}
}

func TestStaticallyInvalidPayloadsAreRefused(t *testing.T) {
	id := opening().ID()
	many := make([]channel.Best, settle.SettleClaimsMax+1)
	for i := range many {
		many[i] = best(channel.ID{byte(i)}, 0)
	}
	negative := best(id, 0)
	negative.Signed.Claim.Amount = -1
	for name, p := range map[string]settle.Payload{
		"transfer of nothing":        &settle.Transfer{Sequence: 1, To: did(bob)},
		"negative transfer":          &settle.Transfer{Sequence: 1, To: did(bob), Amount: -1},
		"transfer to nobody":         &settle.Transfer{Sequence: 1, Amount: 1},
		"transfer with sequence 0":   &settle.Transfer{To: did(bob), Amount: 1},
		"issue without reference":    &settle.Issue{To: did(bob), Amount: 1},
		"redeem from nobody":         &settle.Redeem{Sequence: 1, Amount: 1},
		"anchor of nothing":          &settle.Anchor{},
		"open without deposit":       &settle.Open{Sequence: 1, Opening: func() channel.Opening { o := opening(); o.Deposit = 0; return o }()},
		"top-up of nothing":          &settle.TopUp{Sequence: 1, Channel: id},
		"top-up by a third party":    &settle.TopUp{Sequence: 1, Channel: id, Party: 2, Amount: 1},
		"top-up to a broken second":  &settle.TopUp{Sequence: 1, Channel: id, Amount: 1, Expiry: noon.Add(1)},
		"settle of nothing":          &settle.Settle{},
		"settle out of order":        &settle.Settle{Claims: []channel.Best{best(id, 1), best(id, 0)}},
		"settle of one lane twice":   &settle.Settle{Claims: []channel.Best{best(id, 0), best(id, 0)}},
		"settle of too many":         &settle.Settle{Claims: many},
		"settle of a negative claim": &settle.Settle{Claims: []channel.Best{negative}},
		"withdrawal 0":               &settle.Withdraw{},
		"negative close":             &settle.CooperativeClose{Signed: channel.SignedClose{Close: channel.Close{Lanes: channel.PerLane{-1, 0}}}},
		"request of a third party":   &settle.CloseRequest{Signed: channel.SignedCloseRequest{Request: channel.CloseRequest{By: 2}}},
		"document of nobody":         &settle.Publish{Version: 1},
		"document without version":   &settle.Publish{DID: did(bob)},
		"rotation to no key":         &settle.Rotate{DID: did(bob), Version: 1},
		"end without version":        &settle.Deactivate{DID: did(bob)},
		"request with other claims":  &settle.CloseRequest{Claims: []channel.Best{best(id, 0)}},
	} {
		if p.Check() == nil {
			t.Errorf("%s passes", name)
		}
		if _, err := settle.Sign(settle.Draft{Network: network, Issuer: did(alice), Parents: []settle.VertexID{{1}, {2}}, Payload: p}, alice); err == nil {
			t.Errorf("%s can be signed", name)
		}
	}
}

func TestGenesisIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*settle.Genesis){
		"no name":             func(g *settle.Genesis) { g.Name = "" },
		"name with a control": func(g *settle.Genesis) { g.Name = "a\nb" },
		"no currency":         func(g *settle.Genesis) { g.Currency = money.Currency{} },
		"no time":             func(g *settle.Genesis) { g.Time = time.Time{} },
		"no issuer":           func(g *settle.Genesis) { g.Issuers = nil },
		"issuers out of order": func(g *settle.Genesis) {
			g.Issuers[0], g.Issuers[1] = g.Issuers[1], g.Issuers[0]
		},
		"caps that overflow":  func(g *settle.Genesis) { g.Issuers[0].Cap = 1<<63 - 1 },
		"no witness":          func(g *settle.Genesis) { g.Witnesses = nil },
		"witness twice":       func(g *settle.Genesis) { g.Witnesses[1] = g.Witnesses[0] },
		"witnesses share key": func(g *settle.Genesis) { g.Witnesses[1].Key = g.Witnesses[0].Key },
		"weightless witness":  func(g *settle.Genesis) { g.Witnesses[0].Weight = 0 },
		"small-order key":     func(g *settle.Genesis) { g.Witnesses[0].Key = wallet.PublicKey{1} },
		"tiny parent window":  func(g *settle.Genesis) { g.Limits.ParentWindow = 1 },
		"no heartbeat":        func(g *settle.Genesis) { g.Limits.Heartbeat = 0 },
		"step below it":       func(g *settle.Genesis) { g.Limits.StepMax = g.Limits.Heartbeat / 2 },
		"no checkpoints":      func(g *settle.Genesis) { g.Limits.WindowCheckpoints = 0 },
	} {
		g := genesis()
		spoil(g)
		if _, err := settle.NewGenesis(*g); !errors.Is(err, settle.ErrGenesis) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := settle.NewGenesis(*genesis())
	if err != nil {
		t.Fatal(err)
	}
	again, err := settle.DecodeVertex(v.Encode())
	if err != nil || again.NetworkID() != v.NetworkID() || v.NetworkID() == (wallet.NetworkID{}) {
		t.Errorf("genesis decodes to %v, %v", again, err)
	}
}

func signed(t testing.TB, parents []settle.VertexID, nonce uint64) *settle.Vertex {
	t.Helper()
	v, err := settle.Sign(settle.Draft{Network: network, Issuer: did(alice), Parents: parents, Nonce: nonce, Payload: &settle.Anchor{Hash: [32]byte{1}}}, alice)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVertexIsBoundToAllOfIt(t *testing.T) {
	v := signed(t, []settle.VertexID{{2}, {1}}, 0)
	key, err := wallet.NewVerifier(alice.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Verify(key); err != nil {
		t.Fatal(err)
	}
	raw := v.Encode()
	for i := range len(raw) - wallet.SignatureSize {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		if w, err := settle.DecodeVertex(changed); err == nil && (w.ID() == v.ID() || w.Verify(key) == nil) {
			t.Errorf("byte %d is not signed", i)
		}
	}
	retry, moved := signed(t, []settle.VertexID{{1}, {2}}, 1), signed(t, []settle.VertexID{{3}, {4}}, 0)
	if retry.ID() == v.ID() || moved.ID() == v.ID() {
		t.Error("another attempt has the same id")
	}
	if retry.PayloadID() != v.PayloadID() || moved.PayloadID() != v.PayloadID() {
		t.Error("another attempt has another payload id")
	}
	if id := settle.PayloadIDOf(network, did(bob), v.Payload()); id == v.PayloadID() {
		t.Error("another issuer's payload has the same id")
	}
}

func TestVertexNeedsTwoParentsBesidesTheGenesis(t *testing.T) {
	nine := make([]settle.VertexID, 9)
	for i := range nine {
		nine[i] = settle.VertexID{byte(i + 1)}
	}
	for name, test := range map[string]struct {
		parents []settle.VertexID
		good    bool
	}{
		"none": {nil, false}, "one": {nine[:1], false}, "two": {nine[:2], true}, "eight": {nine[:8], true}, "nine": {nine, false},
		"the same twice": {[]settle.VertexID{{1}, {1}}, false}, "only the genesis": {[]settle.VertexID{settle.VertexID(network)}, true},
	} {
		_, err := settle.Sign(settle.Draft{Network: network, Issuer: did(alice), Parents: test.parents, Payload: &settle.Anchor{Hash: [32]byte{1}}}, alice)
		if (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSlotsDecodeToThemselves(t *testing.T) {
	c := settle.NewChannel(opening())
	c.Lanes[1] = settle.Lane{Maximum: 5, Owed: 4, Sequence: 3, Claim: channel.Hash{2}, Ticks: 1, Vertex: settle.VertexID{9}}
	c.State, c.ClosingSince, c.WindowEnd, c.ClosingCheckpoint, c.Payout = channel.Closed, 1, 2, 3, channel.PerParty{4, 5}
	if got, err := settle.DecodeChannel(c.Encode()); err != nil || got != c {
		t.Errorf("channel %+v, %v", got, err)
	}
	if size := len(c.Encode()); size > settle.SlotSizeMax {
		t.Errorf("channel slot of %d bytes", size)
	}
	a := settle.Account{Key: alice.Public(), Status: settle.AccountActive, Balance: 5, Locked: 4, Sequence: 6, Credit: settle.Credit{Units: 7, Fraction: 8, Since: 9}}
	if got, err := settle.DecodeAccount(a.Encode()); err != nil || got != a {
		t.Errorf("account %+v, %v", got, err)
	}
	i := settle.Identity{Key: alice.Public(), Status: settle.AccountDeactivated, Version: 3, Rotations: 1, Created: 4, Updated: 5,
		Vertex: settle.VertexID{6}, Document: document()}
	if got, err := settle.DecodeIdentity(i.Encode()); err != nil || !reflect.DeepEqual(got, i) {
		t.Errorf("identity %+v, %v", got, err)
	}
	if size := len(i.Encode()); size > settle.SlotSizeMax {
		t.Errorf("identity slot of %d bytes", size)
	}
	totals := settle.Totals{Issued: 3, Redeemed: 1, Locked: 2}
	if got, err := settle.DecodeTotals(totals.Encode()); err != nil || got != totals {
		t.Errorf("totals %+v, %v", got, err)
	}
	issuer := settle.IssuerSlot{Issued: 2, Redeemed: 1}
	if got, err := settle.DecodeIssuerSlot(issuer.Encode()); err != nil || got != issuer {
		t.Errorf("issuer %+v, %v", got, err)
	}
	mint := settle.Mint{To: did(bob), Amount: 3}
	if got, err := settle.DecodeMint(mint.Encode()); err != nil || got != mint {
		t.Errorf("mint %+v, %v", got, err)
	}
	if settle.MintKey(did(alice), settle.Reference{1}) == settle.MintKey(did(bob), settle.Reference{1}) {
		t.Error("two issuers share a reference's slot")
	}
}

func FuzzDecodeVertex(f *testing.F) {
	f.Add(signed(f, []settle.VertexID{{1}, {2}}, 0).Encode())
	for _, p := range payloads()[1:] {
		v, err := settle.Sign(settle.Draft{Network: network, Issuer: did(alice), Parents: []settle.VertexID{{1}, {2}}, Payload: p}, alice)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(v.Encode())
	}
	g, err := settle.NewGenesis(*genesis())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(g.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := settle.DecodeVertex(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(v.Encode(), raw) {
			t.Fatal("encodes to other bytes")
		}
		if err := v.Payload().Check(); err != nil {
			t.Fatal("decoded, and can never be valid:", err)
		}
		again, err := settle.DecodePayload(settle.EncodePayload(v.Payload()))
		if err != nil || settle.PayloadIDOf(v.Network(), v.Issuer(), again) != v.PayloadID() {
			t.Fatal("payload does not decode to itself:", err)
		}
	})
}

func FuzzDecodeSlots(f *testing.F) {
	f.Add(settle.NewChannel(opening()).Encode())
	f.Add(settle.NewAccount(did(alice)).Encode())
	f.Add(settle.Totals{}.Encode())
	f.Add(settle.Identity{Document: document()}.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := settle.DecodeChannel(raw); err == nil && !bytes.Equal(c.Encode(), raw) {
			t.Fatal("channel encodes to other bytes")
		}
		if a, err := settle.DecodeAccount(raw); err == nil && !bytes.Equal(a.Encode(), raw) {
			t.Fatal("account encodes to other bytes")
		}
		if i, err := settle.DecodeIdentity(raw); err == nil && !bytes.Equal(i.Encode(), raw) {
			t.Fatal("identity encodes to other bytes")
		}
		if s, err := settle.DecodeTotals(raw); err == nil && !bytes.Equal(s.Encode(), raw) {
			t.Fatal("totals encode to other bytes")
		}
	})
}
