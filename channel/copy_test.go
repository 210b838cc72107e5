package channel_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/wallet/money"
)

// copied continues from a side's content as an import does.
func copied(t testing.TB, s *channel.Side, stretch uint32) *channel.Side {
	t.Helper()
	snapshot, err := s.Snapshot().Copy(stretch)
	if err != nil {
		t.Fatal(err)
	}
	again, err := channel.Restore(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestI4_ACopySignsNothingButItsEndBeforeThePeerShowedWhatItHolds(t *testing.T) {
	opener, partner := newSides(t, 100)
	accept(t, partner, pay(t, opener, 10))
	withdrawal, err := partner.ProposeWithdrawal(5, keys[1])
	wantErr(t, err, nil)
	closing, err := newSide(t, opened(100), channel.Partner).ProposeClose(expiry, keys[1])
	wantErr(t, err, nil)
	old := copied(t, opener, 1)
	before := old.Snapshot()

	_, err = old.Pay(channel.Draft{Amount: 20}, keys[0])
	wantErr(t, err, channel.ErrUnsynced)
	_, err = old.ProposeWithdrawal(1, keys[0])
	wantErr(t, err, channel.ErrUnsynced)
	_, err = old.CountersignWithdrawal(withdrawal, keys[0])
	wantErr(t, err, channel.ErrUnsynced)
	_, err = old.ProposeClose(expiry, keys[0])
	wantErr(t, err, channel.ErrUnsynced)
	_, err = old.CountersignClose(closing, keys[0])
	wantErr(t, err, channel.ErrUnsynced)
	if old.Snapshot() != before {
		t.Error("a refusal changed the side")
	}
	wantErr(t, old.RequestClose(keys[0]).Verify(opened(100)), nil)
}

func TestI4_ACopyThatIsTheLatestWordGoesOn(t *testing.T) {
	opener, partner := newSides(t, 100)
	accept(t, partner, pay(t, opener, 10))
	again := copied(t, opener, 1)
	rose, err := again.Adopt(partner.In())
	wantErr(t, err, nil)
	again.Synced(rose)
	if again.Unsynced() || again.Frozen() {
		t.Fatal("the latest copy does not go on")
	}
	accept(t, partner, pay(t, again, 12))
}

func TestI4_AnOldCopyTakesThePeersClaimsAndCanOnlyBeClosed(t *testing.T) {
	opener, partner := newSides(t, 100)
	accept(t, partner, pay(t, opener, 10))
	again := copied(t, opener, 1)
	accept(t, partner, pay(t, opener, 30))
	rose, err := again.Adopt(partner.In())
	wantErr(t, err, nil)
	again.Synced(rose)
	if again.Out().Owed() != 30 {
		t.Errorf("it holds %s", again.Out().Owed())
	}
	_, err = again.Pay(channel.Draft{Amount: 40}, keys[0])
	wantErr(t, err, channel.ErrFrozen)
	closing, err := again.ProposeClose(expiry, keys[0])
	wantErr(t, err, nil)
	_, err = partner.CountersignClose(closing, keys[1])
	wantErr(t, err, nil)
}

func TestI4_ACopyOfWhichTheLedgerKnowsMoreCanOnlyBeClosedAlone(t *testing.T) {
	for name, ledger := range map[string]struct {
		withdrawn channel.PerParty
		lanes     channel.PerLane
	}{
		"a withdrawal": {withdrawn: channel.PerParty{1: 5}},
		"a claim":      {lanes: channel.PerLane{0: 11}},
	} {
		opener, partner := newSides(t, 100)
		accept(t, partner, pay(t, opener, 10))
		again := copied(t, opener, 1)
		again.OnLedger(channel.PerParty{}, channel.PerLane{0: 10})
		if again.Frozen() {
			t.Fatalf("%s: frozen by what it knows", name)
		}
		again.OnLedger(ledger.withdrawn, ledger.lanes)
		if !again.Frozen() || !again.Unsynced() || again.Funds().Withdrawn != ledger.withdrawn {
			t.Errorf("%s: frozen %t, unsynced %t", name, again.Frozen(), again.Unsynced())
		}
	}
}

func TestACopyNeedsAStretchThatIsLeft(t *testing.T) {
	opener, _ := newSides(t, 100)
	snapshot := opener.Snapshot()
	for _, stretch := range []uint32{0, channel.CopyStretchMax + 1} {
		_, err := snapshot.Copy(stretch)
		wantErr(t, err, channel.ErrOrder)
	}
	snapshot.Sequence = 1<<64 - 1<<52
	_, err := snapshot.Copy(1)
	wantErr(t, err, channel.ErrOrder)
}

// The worst there is: copies of the payer are made at any time, each goes on at any time, the original and all copies are used
// side by side, and the payee shows them whatever it likes of what it ever got.
func TestI4_NoTwoBodiesForOneSequenceWhateverIsCopiedAndWhateverThePeerShows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sides := []*channel.Side{newSide(t, opened(1_000_000), channel.Opener)}
		stretches := rapid.Permutation([]uint32{1, 2, 4, 8, 16, channel.CopyStretchMax}).Draw(rt, "stretches")
		signed := map[uint64]channel.Hash{}
		shown := []channel.Best{pay(t, sides[0], 1)}
		signed[1] = shown[0].Signed.Claim.Hash()
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			s := sides[rapid.IntRange(0, len(sides)-1).Draw(rt, fmt.Sprintf("side of step %d", step))]
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				if len(sides) <= len(stretches) {
					sides = append(sides, copied(t, s, stretches[len(sides)-1]))
				}
			case 1:
				rose, err := s.Adopt(shown[rapid.IntRange(0, len(shown)-1).Draw(rt, "shown")])
				if err != nil {
					rt.Fatal(err)
				}
				s.Synced(rose)
			default:
				claimed, err := s.Pay(channel.Draft{Amount: s.Out().Owed() + money.Amount(rapid.IntRange(0, 9).Draw(rt, "more"))}, keys[0])
				if err != nil {
					continue // unsynced or frozen
				}
				if s.Unsynced() {
					rt.Fatal("a copy signed before it was synced")
				}
				body := claimed.Claim.Hash()
				if earlier, had := signed[claimed.Claim.Sequence]; had && earlier != body {
					rt.Fatalf("two bodies for sequence %d", claimed.Claim.Sequence)
				}
				signed[claimed.Claim.Sequence] = body
				shown = append(shown, channel.Best{Signed: claimed})
			}
		}
	})
}
