package quote_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/wallet"
)

func TestAKeyThatIsStatedCountsOnlyWhenItIsTheStations(t *testing.T) {
	next, did := testKey(90), wallet.DIDOf(station.Public())
	retired := errors.New("retired")
	current := quote.Keys(func(d wallet.DID, key wallet.PublicKey) error {
		if d != did || key != next.Public() {
			return retired
		}
		return nil
	})
	tests := []struct {
		name string
		key  wallet.PrivateKey
		keys quote.Keys
		want error
	}{
		{"the present key", next, current, nil},
		{"the first key, after it was replaced", station, current, retired},
		{"a key of anybody", testKey(91), current, retired},
		{"the first key, and nobody to ask", station, nil, nil},
		{"a stated key, and nobody to ask", next, nil, wallet.ErrSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := quote.ParseAnnouncement(quote.SignAnnouncement(announcement(), test.key), test.keys)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("announcement: %v, want %v", err, test.want)
			}
			raw := quote.Sign(offer(t), test.key).Bytes()
			signed, err := quote.Parse(raw, test.keys)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("quote: %v, want %v", err, test.want)
			}
			if err == nil && (signed.Signer() != test.key.Public() || string(signed.Bytes()) != string(raw)) {
				t.Errorf("signed by %s", signed.Signer())
			}
		})
	}
}

func TestAQuoteMayFollowUnderTheKeyThatTheStationHasByThen(t *testing.T) {
	first, from := quote.Sign(offer(t), station), issued.Add(time.Hour)
	second := quote.Sign(first.Next(evening(t, from), from, issued.Add(time.Minute)), testKey(90))
	third := quote.Sign(second.Next(offer(t), from.Add(time.Hour), from), testKey(91))
	if err := errors.Join(second.Follows(first), third.Follows(second)); err != nil {
		t.Error(err)
	}
}

func TestAQuoteSignedOnceMoreWithTheFirstKeyStatesNone(t *testing.T) {
	q := quote.Sign(offer(t), testKey(90)).Quote
	if again := quote.Sign(q, station); len(again.Quote.Key) != 0 || again.Hash() != quote.Sign(offer(t), station).Hash() {
		t.Error("another form of the same quote")
	}
}
