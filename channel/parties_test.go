package channel_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	network  = wallet.NetworkID{0: 0x4a, 31: 0x01}
	accounts = [2]wallet.PrivateKey{testKey(1), testKey(2)}
	keys     = [2]wallet.PrivateKey{testKey(11), testKey(12)} // channel keys, by party
	expiry   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func testKey(n byte) wallet.PrivateKey { return wallet.NewPrivateKey([wallet.SeedSize]byte{n}) }

// opened gives the opening of a channel in which the opener locks a deposit.
func opened(deposit money.Amount) channel.Opening {
	return channel.Opening{
		Network: network,
		Opener:  wallet.DIDOf(accounts[0].Public()), Partner: wallet.DIDOf(accounts[1].Public()),
		OpenerKey: keys[0].Public(), PartnerKey: keys[1].Public(),
		Payout: wallet.DIDOf(testKey(3).Public()), Deposit: deposit, Nonce: [16]byte{7},
		Terms: channel.Terms{Currency: currency("EUR"), Window: time.Minute, Expiry: expiry},
	}
}

func currency(code string) money.Currency {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}

// newSides gives both parties' views of one channel.
func newSides(t testing.TB, deposit money.Amount) (opener, partner *channel.Side) {
	t.Helper()
	return newSide(t, opened(deposit), channel.Opener), newSide(t, opened(deposit), channel.Partner)
}

func newSide(t testing.TB, o channel.Opening, me channel.Party) *channel.Side {
	t.Helper()
	s, err := channel.NewSide(o, me)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verifier(t testing.TB, p channel.Party) *wallet.Verifier {
	t.Helper()
	v, err := wallet.NewVerifier(keys[p].Public())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// pay signs a claim for a total, which must succeed.
func pay(t testing.TB, s *channel.Side, total money.Amount) channel.Best {
	t.Helper()
	signed, err := s.Pay(channel.Draft{Amount: total}, keys[s.Me()])
	if err != nil {
		t.Fatalf("paying %s: %v", total, err)
	}
	return channel.Best{Signed: signed}
}

// accept takes a claim that must raise the best.
func accept(t testing.TB, s *channel.Side, b channel.Best) {
	t.Helper()
	if rose, err := s.Accept(b); err != nil || !rose {
		t.Fatalf("accepting %s: rose %t, %v", b.Owed(), rose, err)
	}
}

// claimOf makes any claim of a party, as a cheat would who does not ask a Side.
func claimOf(p channel.Party, id channel.ID, sequence uint64, total money.Amount) channel.Best {
	c := channel.Claim{Channel: id, Lane: p.Pays(), Sequence: sequence, Amount: total}
	return channel.Best{Signed: channel.SignClaim(c, network, keys[p])}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
