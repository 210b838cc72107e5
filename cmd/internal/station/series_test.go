package station_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// metered stores a session that runs, with a reading of one more kWh every minute, of which the last is not paid.
func metered(t *testing.T, s store.Store, id channel.SessionID, from, upTo int) {
	t.Helper()
	chain := meter.NewChain(id)
	r := session.SessionRecord{ID: id, Role: session.RolePayee, Phase: session.PhaseCharging, Peer: car, Service: "charging", Channel: channel.ID{5},
		StartedMs: noon.UnixMilli(), Quote: quoteFor(t, id), Cost: 2 * money.Nano, Paid: money.Nano, SoCPermille: 500}
	batch := session.Batch{}
	side := session.ChannelRecord{ID: channel.ID{5}}
	for n := range upTo {
		sample := meter.Sample{Time: noon.Add(time.Duration(n) * time.Minute), Register: int64(n) * 1_000_000, Unit: meter.MilliwattHours,
			PowerMilliwatts: 60_000_000, StateOfChargePermille: int16(500 + n), State: meter.Charging}
		reading, err := chain.Next(sample, meter.AttestedByStation)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.Accept(reading); err != nil {
			t.Fatal(err)
		}
		if n == upTo-2 {
			side.Side.In.Signed.Claim = channel.Claim{Session: id, Reading: channel.Hash(reading.Hash())}
		}
		r.Sequence, r.EndedMs, r.Quantity = reading.Sequence, reading.Time.UnixMilli(), int64(n)*1_000_000
		if n >= from {
			batch.Readings = append(batch.Readings, session.ReadingRecord{Session: id, Sequence: reading.Sequence,
				Signed: meter.Sign(reading, stationWallet.Meter(), wallet.NetworkID{9}).Encode()})
		}
	}
	batch.Sessions, batch.Channels = []session.SessionRecord{r}, []session.ChannelRecord{side}
	if err := s.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func TestReadingsAreASeriesThatOnlyGrows(t *testing.T) {
	s := store.NewMemory()
	id := channel.SessionID{1}
	metered(t, s, id, 0, 5)
	h := station.HistoryOf(s)
	all := func(q client.ReadingQuery) (shown []string) {
		for reading, err := range client.All(func(cursor string) (client.Page[client.Reading], error) {
			q.Cursor = cursor
			return h.Readings(t.Context(), client.SessionID(id), q)
		}) {
			if err != nil {
				t.Fatal(err)
			}
			price := "-"
			if reading.UnitPrice != nil {
				price = reading.UnitPrice.String()
			}
			shown = append(shown, strings.TrimSpace(fmt.Sprintln(reading.Sequence, reading.EnergyWh, reading.PowerW, reading.StateOfCharge, reading.Amount, price, reading.Claimed)))
		}
		return shown
	}
	first := []string{
		"0 0 60000 50.0 0.00 EUR - true", "1 1000 60000 50.1 0.5831 EUR 0.5831 EUR true", "2 2000 60000 50.2 1.1662 EUR 0.5831 EUR true",
		"3 3000 60000 50.3 1.7493 EUR 0.5831 EUR true", "4 4000 60000 50.4 2.3324 EUR 0.5831 EUR false",
	}
	for _, limit := range []int{1, 2, 50} {
		if got := all(client.ReadingQuery{PageQuery: client.PageQuery{Limit: limit}}); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", first) {
			t.Errorf("pages of %d:\n%q", limit, got)
		}
	}
	metered(t, s, id, 5, 7)
	last := uint64(4)
	if got := all(client.ReadingQuery{After: &last}); len(got) != 2 || got[0] != "5 5000 60000 50.5 2.9155 EUR 0.5831 EUR true" {
		t.Errorf("after %d: %q", last, got)
	}
	if _, err := h.Readings(t.Context(), client.SessionID{9}, client.ReadingQuery{}); !errors.Is(err, client.ErrNotFound) {
		t.Error(err)
	}
	if _, err := h.Readings(t.Context(), client.SessionID(id), client.ReadingQuery{PageQuery: client.PageQuery{Cursor: "x"}}); !errors.Is(err, client.ErrBadRequest) {
		t.Error(err)
	}
}

func TestSessionsAreFoundByTheirTime(t *testing.T) {
	h := station.HistoryOf(visited(t, car, van))
	for name, row := range map[string]struct {
		span client.Span
		want int
	}{
		"since they began": {client.Span{Since: noon}, 2}, "later": {client.Span{Since: noon.Add(time.Millisecond)}, 0}, "until then": {client.Span{Until: noon}, 0},
		"around": {client.Span{Since: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}, 2},
	} {
		page, err := h.Sessions(t.Context(), client.SessionQuery{Span: row.span})
		if err != nil || len(page.Items) != row.want {
			t.Errorf("%s: %d sessions, %v", name, len(page.Items), err)
		}
	}
}
