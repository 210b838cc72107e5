package channel_test

import (
	"encoding/hex"
	"math"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func TestAnOpeningThatCanHoldInNoChannelIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*channel.Opening)
		want   error
	}{
		{"as agreed", func(*channel.Opening) {}, nil},
		{"no deposit", func(o *channel.Opening) { o.Deposit = 0 }, channel.ErrAmount},
		{"a debt for a deposit", func(o *channel.Opening) { o.Deposit = -1 }, channel.ErrAmount},
		{"the largest deposit", func(o *channel.Opening) { o.Deposit = math.MaxInt64 }, nil},
		{"one party", func(o *channel.Opening) { o.Partner = o.Opener }, channel.ErrTerms},
		{"one channel key", func(o *channel.Opening) { o.PartnerKey = o.OpenerKey }, channel.ErrTerms},
		{"no key", func(o *channel.Opening) { o.OpenerKey = wallet.PublicKey{} }, channel.ErrTerms},
		{"a key of small order", func(o *channel.Opening) { o.PartnerKey = wallet.PublicKey{0: 1} }, channel.ErrTerms},
		{"nobody opens", func(o *channel.Opening) { o.Opener = wallet.DID{} }, channel.ErrTerms},
		{"nobody joins", func(o *channel.Opening) { o.Partner = wallet.DID{} }, channel.ErrTerms},
		{"paid out to nobody", func(o *channel.Opening) { o.Payout = wallet.DID{} }, channel.ErrTerms},
		{"no currency", func(o *channel.Opening) { o.Terms.Currency = money.Currency{} }, channel.ErrTerms},
		{"the shortest window", func(o *channel.Opening) { o.Terms.Window = channel.WindowMin }, nil},
		{"a shorter window", func(o *channel.Opening) { o.Terms.Window = channel.WindowMin - time.Second }, channel.ErrTerms},
		{"the longest window", func(o *channel.Opening) { o.Terms.Window = channel.WindowMax }, nil},
		{"a longer window", func(o *channel.Opening) { o.Terms.Window = channel.WindowMax + time.Second }, channel.ErrTerms},
		{"a window of broken seconds", func(o *channel.Opening) { o.Terms.Window += time.Millisecond }, channel.ErrTerms},
		{"no expiry", func(o *channel.Opening) { o.Terms.Expiry = time.Time{} }, channel.ErrTerms},
		{"expiry at 1970", func(o *channel.Opening) { o.Terms.Expiry = time.Unix(0, 0) }, channel.ErrTerms},
		{"expiry in broken seconds", func(o *channel.Opening) { o.Terms.Expiry = o.Terms.Expiry.Add(1) }, channel.ErrTerms},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := opened(100)
			test.change(&o)
			wantErr(t, o.Check(), test.want)
			_, err := channel.NewSide(o, channel.Opener)
			wantErr(t, err, test.want)
		})
	}
}

func TestASideBelongsToOneOfTwoParties(t *testing.T) {
	_, err := channel.NewSide(opened(100), 2)
	wantErr(t, err, channel.ErrTerms)
	snapshot := newSide(t, opened(100), channel.Partner).Snapshot()
	snapshot.Me = 3
	_, err = channel.Restore(snapshot)
	wantErr(t, err, channel.ErrTerms)
}

// The id is part of the protocol: another implementation must come to the same one.
func TestTheIDIsTheHashOfEverythingInTheOpening(t *testing.T) {
	o := opened(100)
	const want = "f886cc5f84bb94895cfd0bf0b404a3084faa564af790ae68635f98d4455b3049"
	if got := o.ID().String(); got != want {
		t.Errorf("id %s, want %s; bytes %s", got, want, hex.EncodeToString(o.Encode()))
	}
	seen := map[channel.ID]string{o.ID(): "as it is"}
	changes := map[string]func(*channel.Opening){
		"network": func(o *channel.Opening) { o.Network[3]++ }, "opener": func(o *channel.Opening) { o.Opener[0]++ },
		"partner": func(o *channel.Opening) { o.Partner[0]++ }, "opener's key": func(o *channel.Opening) { o.OpenerKey[31]++ },
		"partner's key": func(o *channel.Opening) { o.PartnerKey[0]++ }, "pay-out": func(o *channel.Opening) { o.Payout[9]++ },
		"deposit": func(o *channel.Opening) { o.Deposit++ }, "nonce": func(o *channel.Opening) { o.Nonce[15]++ },
		"currency": func(o *channel.Opening) { o.Terms.Currency[2]++ },
		"window":   func(o *channel.Opening) { o.Terms.Window += time.Second },
		"expiry":   func(o *channel.Opening) { o.Terms.Expiry = o.Terms.Expiry.Add(time.Second) },
	}
	for name, change := range changes {
		other := opened(100)
		change(&other)
		if before, ok := seen[other.ID()]; ok {
			t.Errorf("with another %s the id is the same as %s", name, before)
		}
		seen[other.ID()] = name
	}
}

func TestEachPartyHasItsKeyAndAccount(t *testing.T) {
	o := opened(100)
	for p, did := range map[channel.Party]wallet.DID{channel.Opener: o.Opener, channel.Partner: o.Partner} {
		if got, ok := o.PartyOf(did); !ok || got != p {
			t.Errorf("party of %s: %d, %t", did.Short(), got, ok)
		}
		if o.Key(p) != keys[p].Public() {
			t.Errorf("key of %d is not its own", p)
		}
	}
	if _, ok := o.PartyOf(o.Payout); ok {
		t.Error("the pay-out account is a party")
	}
	if o.Account(channel.Opener) != o.Opener || o.Account(channel.Partner) != o.Payout {
		t.Error("the opener is paid to its own account, the partner to the one that the opening names")
	}
	if channel.Opener.Other() != channel.Partner || channel.Partner.Other() != channel.Opener {
		t.Error("there are two parties")
	}
	for _, p := range []channel.Party{channel.Opener, channel.Partner} {
		if lane := p.Pays(); lane.Payer() != p || !lane.Valid() {
			t.Errorf("party %d pays on lane %d, whose payer is %d", p, lane, lane.Payer())
		}
	}
}
