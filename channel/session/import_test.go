package session_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// importing is a channel between two wallets, seen by the opener.
type importing struct {
	t     *testing.T
	car   *wallet.Wallet
	owner *wallet.Wallet
	index uint32
}

func newImporting(t *testing.T) importing {
	return importing{t: t, car: wallet.FromEntropy([32]byte{1}), owner: wallet.FromEntropy([32]byte{2}), index: 7}
}

func (w importing) begin() (vehicle session.ChannelRecord, station *channel.Side) {
	w.t.Helper()
	currency, err := money.ParseCurrency("EUR")
	if err != nil {
		w.t.Fatal(err)
	}
	o := channel.Opening{
		Network: network, Opener: w.car.DID(), Partner: w.owner.DID(), OpenerKey: w.car.Channel(w.index).Public(),
		PartnerKey: w.owner.Channel(3).Public(), Payout: w.owner.DID(), Deposit: 1_000_000, Nonce: [16]byte{7},
		Terms: channel.Terms{Currency: currency, Window: time.Minute, Expiry: time.Unix(1_800_000_000, 0).UTC()},
	}
	side, err := channel.NewSide(o, channel.Opener)
	if err != nil {
		w.t.Fatal(err)
	}
	if station, err = channel.NewSide(o, channel.Partner); err != nil {
		w.t.Fatal(err)
	}
	return session.ChannelRecord{
		ID: side.ID(), Peer: w.owner.DID(), KeyIndex: w.index, Side: side.Snapshot(), State: channel.Open, Expiry: o.Terms.Expiry,
	}, station
}

// pays signs one more claim for a record, which must not be a copy.
func (w importing) pays(r *session.ChannelRecord, station *channel.Side, more money.Amount) {
	w.t.Helper()
	side, err := channel.Restore(r.Side)
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := side.Pay(channel.Draft{Amount: side.Out().Owed() + more}, w.car.Channel(w.index))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := station.Accept(channel.Best{Signed: signed}); err != nil {
		w.t.Fatal(err)
	}
	r.Side = side.Snapshot()
}

func TestI4_AnImportNeverTakesTheStoreBack(t *testing.T) {
	w := newImporting(t)
	first, station := w.begin()
	w.pays(&first, station, 10)
	later := first
	w.pays(&later, station, 10)

	if _, _, err := session.ImportChannel(first, &later, w.car, 1); !errors.Is(err, session.ErrOldCopy) {
		t.Errorf("an older copy: %v", err)
	}
	if same, news, err := session.ImportChannel(later, &later, w.car, 1); err != nil || news || same.Side.Unsynced {
		t.Errorf("the same again: news %t, %v", news, err)
	}
	if newer, news, err := session.ImportChannel(later, &first, w.car, 1); err != nil || !news || !newer.Side.Unsynced {
		t.Errorf("a newer copy than a store that lost its end: news %t, %v", news, err)
	}
	frozen := later
	frozen.Side.Frozen = true
	if _, _, err := session.ImportChannel(later, &frozen, w.car, 1); !errors.Is(err, session.ErrOldCopy) {
		t.Errorf("a copy from before a close was signed: %v", err)
	}
	closed := first
	closed.State = channel.Closed
	if _, _, err := session.ImportChannel(later, &closed, w.car, 1); !errors.Is(err, session.ErrOldCopy) {
		t.Errorf("a channel that ended: %v", err)
	}
}

func TestAnImportRefusesWhatIsNotTheWalletsOwn(t *testing.T) {
	w := newImporting(t)
	good, station := w.begin()
	w.pays(&good, station, 10)
	for name, change := range map[string]func(*session.ChannelRecord){
		"another key index": func(r *session.ChannelRecord) { r.KeyIndex++ },
		"another id":        func(r *session.ChannelRecord) { r.ID[0]++ },
		"another peer":      func(r *session.ChannelRecord) { r.Peer = wallet.Generate().DID() },
		"another party":     func(r *session.ChannelRecord) { r.Side.Me = channel.Partner },
		"a forged claim":    func(r *session.ChannelRecord) { r.Side.Out.Signed.Signature[0]++ },
		"a higher claim":    func(r *session.ChannelRecord) { r.Side.Out.Signed.Claim.Amount++ },
		"the claim of the other lane": func(r *session.ChannelRecord) {
			r.Side.In, r.Side.Out = r.Side.Out, channel.Best{}
		},
	} {
		bad := good
		change(&bad)
		if _, _, err := session.ImportChannel(bad, nil, w.car, 1); !errors.Is(err, session.ErrForeignChannel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := session.ImportChannel(good, nil, wallet.Generate(), 1); !errors.Is(err, session.ErrForeignChannel) {
		t.Errorf("another wallet: %v", err)
	}
}

// Exports are taken and imported at any time, into the store that goes on or into an empty one. The store never falls back,
// and what a store that never was the original signs never meets a sequence that was signed before.
func TestI4_ImportsSignNoSequenceTwiceAndNeverFallBack(t *testing.T) {
	w := newImporting(t)
	rapid.Check(t, func(rt *rapid.T) {
		stored, station := w.begin()
		exports := []session.ChannelRecord{stored}
		signed := map[uint64]channel.Hash{}
		stretch := uint32(1)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				exports = append(exports, stored)
			case 1:
				chosen := exports[rapid.IntRange(0, len(exports)-1).Draw(rt, "export")]
				known := &stored
				if rapid.Bool().Draw(rt, "the store was lost") {
					known = nil
				}
				imported, news, err := session.ImportChannel(chosen, known, w.car, stretch)
				stretch *= 2
				if stretch > channel.CopyStretchMax {
					return
				}
				if err != nil || !news {
					continue
				}
				if known != nil && (known.Side.Out.Above(imported.Side.Out) || imported.Side.Sequence < known.Side.Sequence) {
					rt.Fatal("an import took the store back")
				}
				stored = imported
			case 2: // the peer shows what it holds
				side, err := channel.Restore(stored.Side)
				if err != nil {
					rt.Fatal(err)
				}
				rose := false
				if shown := station.In(); !shown.IsZero() {
					if rose, err = side.Adopt(shown); err != nil {
						rt.Fatal(err)
					}
				}
				side.Synced(rose)
				stored.Side = side.Snapshot()
			default:
				side, err := channel.Restore(stored.Side)
				if err != nil {
					rt.Fatal(err)
				}
				claim, err := side.Pay(channel.Draft{Amount: side.Out().Owed() + money.Amount(rapid.IntRange(0, 9).Draw(rt, "more"))}, w.car.Channel(w.index))
				if err != nil {
					continue
				}
				if stored.Side.Unsynced {
					rt.Fatal("an import signed before it was synced")
				}
				if earlier, had := signed[claim.Claim.Sequence]; had && earlier != claim.Claim.Hash() {
					rt.Fatalf("two bodies for sequence %d", claim.Claim.Sequence)
				}
				signed[claim.Claim.Sequence] = claim.Claim.Hash()
				if rapid.Bool().Draw(rt, "it arrives") {
					if _, err := station.Accept(channel.Best{Signed: claim}); err != nil {
						rt.Fatal(err)
					}
				}
				stored.Side = side.Snapshot()
			}
		}
	})
}
