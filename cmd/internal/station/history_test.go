package station_test

import (
	"errors"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	stationWallet = wallet.FromEntropy([wallet.EntropySize]byte{1})
	car           = wallet.FromEntropy([wallet.EntropySize]byte{2}).DID()
	van           = wallet.FromEntropy([wallet.EntropySize]byte{3}).DID()
	noon          = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func quoteFor(t *testing.T, id channel.SessionID) []byte {
	t.Helper()
	q, err := quote.Build(quote.Inputs{
		Network: wallet.NetworkID{9}, Station: stationWallet.DID(), MeterKey: stationWallet.Meter().Public(),
		Attestation: meter.AttestedByStation, Service: "charging", EVSE: "DE*JLP*E1*1", Unit: meter.MilliwattHours,
		Tariff: pricing.Default(), TimeZone: "Europe/Berlin", MaxPowerMw: 50_000_000, ClaimEvery: 10 * time.Second, Window: time.Hour,
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	q.Session, q.StationKey, q.IssuedAtMs, q.ValidUntilMs = id, stationWallet.Channel(1).Public(), noon.UnixMilli(), noon.UnixMilli()
	return quote.Sign(q, stationWallet.Account()).Bytes()
}

// visited stores a session for each vehicle, in this order.
func visited(t *testing.T, vehicles ...wallet.DID) store.Store {
	t.Helper()
	s := store.NewMemory()
	for i, peer := range vehicles {
		id := channel.SessionID{byte(i + 1)}
		op := session.NewOp(session.OpWithdraw, channel.ID{byte(i)}, id, []byte{byte(i)})
		op.State, op.Vertex = session.OpFinal, [32]byte{byte(i + 1)}
		r := session.SessionRecord{
			ID: id, Role: session.RolePayee, Phase: session.PhaseEnded, Peer: peer, Service: "charging", Quantity: 1500,
			Paid: 2 * money.Nano, Cost: 2 * money.Nano, Claims: 7, StartedMs: noon.UnixMilli(), EndedMs: noon.UnixMilli() + 60_000,
			Vertices: []session.OpID{op.ID}, Quote: quoteFor(t, id), SoCPermille: meter.StateOfChargeUnknown,
		}
		if err := s.Commit(t.Context(), session.Batch{Sessions: []session.SessionRecord{r}, Ops: []session.OpRecord{op}}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestHistoryIsPagedNewestFirst(t *testing.T) {
	h := station.HistoryOf(visited(t, car, van, car, van, car))
	var got []byte
	pages := 0
	fetch := func(cursor string) (client.Page[client.Session], error) {
		pages++
		return h.Sessions(t.Context(), client.SessionQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: 2}})
	}
	for s, err := range client.All(fetch) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.ID[0])
	}
	if string(got) != "\x05\x04\x03\x02\x01" || pages != 3 {
		t.Errorf("%v in %d pages", got, pages)
	}
}

func TestHistoryIsFilteredByPartyAndState(t *testing.T) {
	h := station.HistoryOf(visited(t, car, van, car, van, car))
	for name, test := range map[string]struct {
		query client.SessionQuery
		want  int
	}{
		"vehicle":      {client.SessionQuery{Party: van}, 2},
		"station":      {client.SessionQuery{Party: stationWallet.DID()}, 5},
		"nobody":       {client.SessionQuery{Party: wallet.FromEntropy([wallet.EntropySize]byte{4}).DID()}, 0},
		"final":        {client.SessionQuery{State: client.SessionFinal}, 5},
		"running":      {client.SessionQuery{State: client.SessionRunning}, 0},
		"small page":   {client.SessionQuery{Party: van, PageQuery: client.PageQuery{Limit: 1}}, 1},
		"unknown page": {client.SessionQuery{PageQuery: client.PageQuery{Cursor: "000102030405060708090a0b0c0d0e0f"}}, 0},
	} {
		page, err := h.Sessions(t.Context(), test.query)
		if err != nil || len(page.Items) != test.want {
			t.Errorf("%s: %d sessions, %v, want %d", name, len(page.Items), err, test.want)
		}
	}
	if _, err := h.Sessions(t.Context(), client.SessionQuery{PageQuery: client.PageQuery{Cursor: "next"}}); !errors.Is(err, client.ErrBadRequest) {
		t.Errorf("bad cursor: %v", err)
	}
}

func TestASessionIsShownAsTheAPIPromises(t *testing.T) {
	h := station.HistoryOf(visited(t, car))
	s, err := h.Session(t.Context(), client.SessionID{1})
	if err != nil {
		t.Fatal(err)
	}
	vertex := client.ID{1}
	if s.State != client.SessionFinal || !s.Final || s.Vehicle != car || s.EnergyWh.String() != "1.5" || s.Amount.String() != "2.00 EUR" ||
		s.Claims != 7 || s.LedgerVertices != 1 || *s.Settlement != vertex || s.Tariff != "default" || s.End.Sub(s.Start) != time.Minute ||
		s.AtRisk != nil {
		t.Errorf("%+v", s)
	}
	if _, err := h.Session(t.Context(), client.SessionID{9}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
}

func TestAFrontWithoutStationSaysThatItComes(t *testing.T) {
	var front station.Front
	_, err := front.Stations(t.Context(), client.StationQuery{})
	_, sessions := front.Sessions(t.Context(), client.SessionQuery{})
	_, receipt := front.Receipt(t.Context(), client.SessionID{})
	_, claims := front.Claims(t.Context(), client.ID{})
	for _, err := range []error{err, sessions, receipt, claims} {
		if !errors.Is(err, client.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
}
