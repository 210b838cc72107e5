package port

import (
	"errors"
	"slices"
	"testing"

	"joulepay/channel"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

func TestAReceiptNamesTheSettlementsOfItsOwnSession(t *testing.T) {
	lanes := [][2]money.Amount{{0, 0}, {10, 0}, {14, 0}, {20, 0}, {20, 0}, {20, 3}, {35, 3}, {40, 3}} // oldest first
	for _, test := range []struct {
		name            string
		before, closing channel.PerLane
		want            []byte // by place
	}{
		{"of the first session", channel.PerLane{0, 0}, channel.PerLane{10, 0}, []byte{1}},
		{"of some in a row", channel.PerLane{10, 0}, channel.PerLane{20, 0}, []byte{2, 3}},
		{"of a session in which the station paid back", channel.PerLane{20, 0}, channel.PerLane{20, 3}, []byte{5}},
		{"that a later session's settlement covers", channel.PerLane{20, 3}, channel.PerLane{30, 3}, []byte{6}},
		{"of the newest session", channel.PerLane{30, 3}, channel.PerLane{40, 3}, []byte{6, 7}},
		{"of a session that is not settled", channel.PerLane{40, 3}, channel.PerLane{50, 3}, nil},
		{"of a session without a claim", channel.PerLane{20, 0}, channel.PerLane{20, 0}, nil},
		{"of a session that is settled in part", channel.PerLane{35, 3}, channel.PerLane{50, 3}, []byte{7}},
	} {
		newestFirst := func(yield func(client.Settlement, error) bool) {
			for place, known := range slices.Backward(lanes) {
				entry := client.Settlement{Entry: client.Entry{Vertex: client.ID{byte(place)}}}
				entry.Claimed.Opener.Amount, entry.Claimed.Partner.Amount = known[0], known[1]
				if !yield(entry, nil) {
					return
				}
			}
		}
		got, err := settlementsBetween(newestFirst, test.before, test.closing)
		var places []byte
		for _, id := range got {
			places = append(places, id[0])
		}
		if err != nil || !slices.Equal(places, test.want) {
			t.Errorf("%s: %v, %v, want %v", test.name, places, err, test.want)
		}
	}
}

func TestAReceiptIsNotMadeOfAPartOfTheSettlements(t *testing.T) {
	broken := errors.New("the ledger is gone")
	_, err := settlementsBetween(func(yield func(client.Settlement, error) bool) { yield(client.Settlement{}, broken) }, channel.PerLane{}, channel.PerLane{1})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}
