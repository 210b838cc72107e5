package session_test

import (
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// kept gives what a station has of a channel after a session, and the ledger's word on it, of some moment.
func kept(t *testing.T) (*world, session.ChannelRecord, session.View) {
	t.Helper()
	w := newWorld(t, setup{energy: 150_000})
	w.vehicle.begin()
	w.run(w.bothOver)
	w.settled()
	_, record := w.station.stored()
	return w, *record, w.ledger.view(w.ledger.channels[record.ID])
}

func TestI3_AChannelIsKeptOutsideOfSessions(t *testing.T) {
	tests := []struct {
		name   string
		change func(*session.View)
		ops    []session.OpKind
	}{
		{"open and settled", func(*session.View) {}, nil},
		{"open, and the ledger knows less", func(v *session.View) { v.Lanes[0] = 0 }, nil},
		{"closing at what is owed", func(v *session.View) { v.State = channel.Closing }, nil},
		{"closing at less", func(v *session.View) { v.State, v.Lanes[0] = channel.Closing, v.Lanes[0]-1 }, []session.OpKind{session.OpSettle}},
		{"closing at nothing", func(v *session.View) { v.State, v.Lanes = channel.Closing, channel.PerLane{} }, []session.OpKind{session.OpSettle}},
		{"closing, the window is over", func(v *session.View) { v.State, v.Time = channel.Closing, v.WindowEnd }, []session.OpKind{session.OpFinalise}},
		{"closing, the window ends in a second", func(v *session.View) { v.State, v.Time = channel.Closing, v.WindowEnd.Add(-time.Second) }, nil},
		{"a window before its expiry, settled", func(v *session.View) { v.Time = v.Expiry.Add(-time.Minute) }, nil},
		{"a window before its expiry, not settled", func(v *session.View) { v.Time, v.Lanes[0] = v.Expiry.Add(-time.Minute), 0 }, []session.OpKind{session.OpSettle}},
		{"expired", func(v *session.View) { v.Time, v.Lanes[0] = v.Expiry, 0 }, []session.OpKind{session.OpSettle}},
		{"expired for a window", func(v *session.View) { v.Time = v.Expiry.Add(time.Minute) }, []session.OpKind{session.OpFinalise}},
		{"closed", func(v *session.View) { v.State, v.Lanes = channel.Closed, channel.PerLane{} }, nil},
		{"not certified", func(v *session.View) { v.State, v.Lanes, v.Final = channel.Closing, channel.PerLane{}, false }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, record, view := kept(t)
			test.change(&view)
			after, ops, err := session.Keep(record, view)
			if err != nil {
				t.Fatal(err)
			}
			if len(ops) != len(test.ops) {
				t.Fatalf("asks for %v, want %v", ops, test.ops)
			}
			for i, op := range ops {
				if op.Kind != test.ops[i] || op.Channel != record.ID || op.State != session.OpPending {
					t.Errorf("asks for %s of %s", op.Kind, op.Channel)
				}
			}
			if !view.Final {
				if after.State != record.State {
					t.Error("what is not certified was noted")
				}
				return
			}
			if after.State != view.State || after.Settled[0] < record.Settled[0] || after.Side.In != record.Side.In {
				t.Errorf("noted %s, settled %s", after.State, after.Settled[0])
			}
			again, twice, err := session.Keep(after, view)
			if err != nil || len(twice) != len(ops) || again.State != after.State {
				t.Errorf("the second look differs: %v, %v", twice, err)
			}
			for i := range twice {
				if twice[i].ID != ops[i].ID {
					t.Error("the second look enters another operation: it is no repetition")
				}
			}
		})
	}
}

func TestI3_ACloseIsCountersignedForASessionlessChannelAndFreezesIt(t *testing.T) {
	w, record, _ := kept(t)
	_, theirs := w.vehicle.stored()
	vehicle, err := channel.Restore(theirs.Side)
	if err != nil {
		t.Fatal(err)
	}
	proposed, err := vehicle.ProposeClose(w.now.Add(time.Minute), testKey(11))
	if err != nil {
		t.Fatal(err)
	}
	low := proposed
	low.Close.Lanes[0]--
	low.Signatures[0] = testKey(11).Sign(wallet.DomainClose, network, low.Close.Encode())
	before := record
	if _, err := session.Countersign(&record, low, w.station.payeeConfig(record.KeyIndex).ChannelKey); err == nil || record.Side != before.Side {
		t.Errorf("a close below what is owed: %v", err)
	}
	signed, err := session.Countersign(&record, proposed, w.station.payeeConfig(record.KeyIndex).ChannelKey)
	if err != nil || signed.Verify(record.Side.Opening) != nil || !record.Side.Frozen {
		t.Errorf("frozen %t, %v", record.Side.Frozen, err)
	}
}

// A vehicle that was restored from an old copy signs nothing before it knows what it signed since.
func TestI2_AVehicleWithAnOldCopyTakesItsOwnClaimsFromTheStation(t *testing.T) {
	w := newWorld(t, setup{energy: 300_000})
	w.vehicle.begin()
	var old session.ChannelRecord
	w.after(15*time.Second, func() { _, ch := w.vehicle.stored(); old = *ch })
	w.run(w.bothOver)
	price := w.settled()
	_, ch := w.vehicle.stored()
	if old.Side.Out.Owed() == 0 || old.Side.Out.Owed() >= price {
		t.Fatalf("the copy holds %s of %s", old.Side.Out.Owed(), price)
	}
	old.State = channel.Open
	w.vehicle.disk.channels[ch.ID] = old
	w.visitAgain(150_000)
	w.paid(54 * money.Nano / 1000)
}

func TestOperationsAreNamedByWhatTheyDo(t *testing.T) {
	id, s := channel.ID{1}, channel.SessionID{2}
	op := session.NewOp(session.OpSettle, id, s, []byte{3})
	if again := session.NewOp(session.OpSettle, id, channel.SessionID{9}, []byte{3}); again.ID != op.ID {
		t.Error("the same operation has two names")
	}
	for name, other := range map[string]session.OpRecord{
		"kind":    session.NewOp(session.OpWithdraw, id, s, []byte{3}),
		"channel": session.NewOp(session.OpSettle, channel.ID{9}, s, []byte{3}),
		"body":    session.NewOp(session.OpSettle, id, s, []byte{4}),
	} {
		if other.ID == op.ID {
			t.Errorf("another %s has the same name", name)
		}
	}
	for kind, want := range map[session.OpKind]string{
		session.OpOpen: "open", session.OpTopUp: "top-up", session.OpSettle: "settle", session.OpWithdraw: "withdraw",
		session.OpClose: "close", session.OpCloseRequest: "close-request", session.OpFinalise: "finalise", 0: "", 99: "unknown(99)",
	} {
		if got := kind.String(); got != want {
			t.Errorf("kind %d is %q", kind, got)
		}
	}
}

func FuzzOperationBodies(f *testing.F) {
	c := channel.Claim{Lane: 0, Sequence: 1, Amount: 5}
	best := channel.Best{Signed: channel.SignClaim(c, network, testKey(11))}
	request := channel.SignedCloseRequest{Request: channel.CloseRequest{Channel: channel.ID{1}}}
	f.Add(session.TopUp{Party: 1, Amount: 5, Nonce: 6}.Encode())
	f.Add(session.EncodeBests(best, channel.Best{}, best))
	f.Add(append(request.Encode(), session.EncodeBests(best)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if topUp, err := session.DecodeTopUp(b); err == nil && string(topUp.Encode()) != string(b) {
			t.Errorf("top-up %x was read as %+v", b, topUp)
		}
		if bests, err := session.DecodeBests(b); err == nil && len(bests)*channel.BestSize != len(b) {
			t.Errorf("%d claims in %d bytes", len(bests), len(b))
		}
		if request, bests, err := session.DecodeCloseRequest(b); err == nil {
			body := request.Encode()
			for _, best := range bests {
				body = append(body, best.Encode()...)
			}
			if string(body) != string(b) {
				t.Errorf("close request %x was read as %+v", b, request)
			}
		}
	})
}
