package browser_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/web"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// site is what an API shows that no real programs stand behind: every service, both directions, every state, at once.
type site struct {
	api.Ledger // what the dashboard does not ask for

	mu       sync.Mutex // guards what follows
	vertices []client.Vertex
	final    uint64
	sessions []client.Session
	stations []client.Station
	events   chan client.Event
}

var euro = must(money.ParseCurrency("EUR"))

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func eur(text string) money.Money { return money.Of(must(money.Parse(text)), euro) }

// did gives a party by number.
func did(n byte) wallet.DID {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	return wallet.DIDOf(wallet.PublicKey(key.Public().(ed25519.PublicKey)))
}

func id(n int) (id client.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n+1)*0x9e3779b97f4a7c15) // spread over all beginnings
	binary.BigEndian.PutUint64(id[24:], uint64(n))
	return id
}

// day is today, at midnight of the stations.
var day = time.Now().In(must(time.LoadLocation("Europe/Berlin"))).Truncate(time.Hour)

func newSite(vertices int) *site {
	s := &site{events: make(chan client.Event, 64)}
	s.stations = []client.Station{
		station(1, "charging", "DE*JLP*E1*1", "150000", "0.4134", false),
		station(1, "charging", "DE*JLP*E1*2", "150000", "0.4134", true),
		station(2, "charging", "DE*JLP*E2*1", "11000", "0.3120", false),
		station(3, "parking", "DE*JLP*P1*7", "", "2.40", false),
		station(4, "toll", "DE*JLP*G1", "", "1.20", false),
	}
	s.sessions = visits()
	for i := range vertices {
		s.vertices = append(s.vertices, vertex(i))
	}
	s.final = uint64(max(0, vertices-4))
	return s
}

func station(n byte, service, evse, watts, price string, free bool) client.Station {
	return client.Station{DID: did(n), Service: service, EVSE: evse, MaxPowerW: watts, UnitPrice: eur(price), Tariff: "day", Free: free, Seen: time.Now()}
}

// visits gives sessions of every service, in both directions and many states.
func visits() []client.Session {
	one := func(n byte, state, service, evse, unit string, quantity int64, amount string) client.Session {
		start := time.Now().Add(-time.Duration(n) * 41 * time.Minute).Truncate(time.Second)
		at := start.Add(33 * time.Minute)
		price := eur("0.4134")
		s := client.Session{
			ID: client.SessionID{n}, State: state, Vehicle: did(100 + n), Station: did(1), EVSE: evse, Service: service, Channel: id(1000 + int(n)),
			Quote: id(2000 + int(n)), Tariff: "day", Start: start, At: &at, Unit: unit, Quantity: quantity, Amount: eur(amount), Currency: euro, Claims: 198,
		}
		if unit == "mWh" {
			energy := client.Energy(quantity)
			s.EnergyWh, s.PowerW, s.StateOfCharge, s.UnitPrice = &energy, "118600", "64.2", &price
		}
		if state == client.SessionFinal || state == client.SessionFailed {
			s.End, s.PowerW, s.UnitPrice, s.Final, s.LedgerVertices = &at, "", nil, state == client.SessionFinal, 2
		}
		return s
	}
	running := one(1, client.SessionRunning, "charging", "DE*JLP*E1*1", "mWh", 38_412_000, "15.879520800")
	risk := eur("0.0681")
	running.AtRisk = &risk
	back := one(2, client.SessionRunning, "charging", "DE*JLP*E2*1", "mWh", -4_260_000, "-1.3291")
	returned := client.Energy(9_120_000)
	back.Station, back.PowerW, back.StateOfCharge, back.ReturnedWh = did(2), "-9600", "71.0", &returned
	park := one(3, client.SessionRunning, "parking", "DE*JLP*P1*7", "s", 5_460, "3.64")
	hourly := eur("2.40")
	park.Station, park.UnitPrice = did(3), &hourly
	gate := one(4, client.SessionRunning, "toll", "DE*JLP*G1", "count", 17, "20.40")
	piece := eur("1.20")
	gate.Station, gate.UnitPrice = did(4), &piece
	failed := one(6, client.SessionFailed, "charging", "DE*JLP*E1*2", "mWh", 0, "0.00")
	failed.Reason = "the quote is not priceable"
	return []client.Session{running, back, park, gate, one(5, client.SessionFinal, "charging", "DE*JLP*E1*2", "mWh", 22_840_000, "9.4421"), failed,
		one(7, client.SessionFinal, "charging", "DE*JLP*E1*1", "mWh", 51_020_000, "21.0917"), one(8, client.SessionFinal, "charging", "DE*JLP*E1*2", "mWh", 9_632_000, "3.9819")}
}

var kinds = []string{"issue", "transfer", "open", "settle", "withdraw", "cooperative-close"}

// vertex gives the n-th vertex of a braid of four lanes: two parents or three among the eight before.
func vertex(n int) client.Vertex {
	v := client.Vertex{ID: id(n), Payload: id(n + 1<<20), Kind: "genesis", Parents: []client.ID{}, State: client.VertexAccepted, Height: uint64(n), Time: day.Add(time.Duration(n) * 700 * time.Millisecond), Verdict: "applied"}
	if n == 0 {
		return v
	}
	v.Kind, v.Issuer = kinds[n*7%len(kinds)], did(byte(n*13%7)+1)
	for _, back := range []int{1 + n*5%3, 2 + n*11%5, 4 + n*3%7}[:2+n%5/4] {
		if parent := id(max(0, n-back)); !slices.Contains(v.Parents, parent) {
			v.Parents = append(v.Parents, parent)
		}
	}
	if n%53 == 31 {
		v.State, v.Verdict = client.VertexRefused, "insufficient-funds"
	}
	return v
}

// add grows the ledger by one pending vertex.
func (s *site) add(t testing.TB) client.Vertex {
	s.mu.Lock()
	v := vertex(len(s.vertices))
	pending := v
	pending.State, pending.Height, pending.Time, pending.Verdict = client.VertexPending, 0, time.Time{}, ""
	s.vertices = append(s.vertices, pending)
	s.mu.Unlock()
	s.send(t, client.EventVertex, pending)
	return v
}

// decide gives a vertex its place.
func (s *site) decide(t testing.TB, v client.Vertex) {
	s.mu.Lock()
	s.vertices[v.Height] = v
	s.mu.Unlock()
	s.send(t, client.EventVertex, v)
}

// finalise makes all final.
func (s *site) finalise(t testing.TB) {
	s.mu.Lock()
	s.final = uint64(len(s.vertices) - 1)
	s.mu.Unlock()
	s.send(t, client.EventCheckpoint, s.checkpoint())
}

func (s *site) send(t testing.TB, kind string, resource any) {
	select {
	case s.events <- client.Event{Type: kind, Data: must(json.Marshal(resource))}:
	case <-time.After(hangTimeMax):
		t.Fatal("nobody takes events")
	}
}

func (s *site) checkpoint() client.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return client.Checkpoint{ID: id(1 << 24), Number: 812, Previous: id(1<<24 + 1), Height: s.final, Time: day.Add(time.Hour), Justified: true, Final: true}
}

// Events implements api.Events.
func (s *site) Events(ctx context.Context) (<-chan client.Event, error) {
	out := make(chan client.Event)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-s.events:
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

func (s *site) Network(context.Context) (client.Network, error) {
	c := s.checkpoint()
	s.mu.Lock()
	defer s.mu.Unlock()
	return client.Network{
		Network: wallet.NetworkID{7}, Name: "riverside", Currency: euro, Height: uint64(len(s.vertices)), Final: &c, Tips: []client.ID{id(1), id(2)},
		Witnesses: []client.Witness{{DID: did(50), Weight: 1}, {DID: did(51), Weight: 1}, {DID: did(52), Weight: 1}, {DID: did(53), Weight: 1}},
		Issuers:   []wallet.DID{did(60)}, Limits: client.Limits{AccountLock: eur("0.01"), ChannelLock: eur("0.10")},
		Trust: "four witnesses of four operators: what is final holds while fewer than a third of them lie", Justified: 813,
		Peers: []client.Peer{{DID: did(51), Reachable: true}, {DID: did(52), Reachable: true}, {DID: did(53)}},
	}, nil
}

func (s *site) Vertices(_ context.Context, q client.VertexQuery) (client.Page[client.Vertex], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := q.Limit
	if limit == 0 {
		limit = client.PageSizeDefault
	}
	page, from := client.Page[client.Vertex]{}, len(s.vertices)
	if q.Cursor != "" {
		from = must(strconv.Atoi(q.Cursor))
	}
	for i := from - 1; i >= 0; i-- {
		if v := s.vertices[i]; q.Party.IsZero() || v.Issuer == q.Party {
			page.Items = append(page.Items, s.shown(v))
		}
		if len(page.Items) == limit && i > 0 {
			page.Next = fmt.Sprint(i)
			break
		}
	}
	return page, nil
}

func (s *site) shown(v client.Vertex) client.Vertex {
	if v.State == client.VertexAccepted && v.Height <= s.final {
		v.State = client.VertexFinal
	}
	return v
}

func (s *site) Vertex(_ context.Context, wanted client.ID) (client.Vertex, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.vertices {
		if v.ID == wanted {
			return s.shown(v), nil
		}
	}
	return client.Vertex{}, client.NewProblem(client.ErrNotFound, "no vertex "+wanted.String(), "an id is 64 hexadecimal digits")
}

func (s *site) Account(_ context.Context, d wallet.DID) (client.Account, error) {
	return client.Account{DID: d, Status: client.AccountActive, Balance: eur("412.0731"), Locked: eur("40.00")}, nil
}

func (s *site) Channels(context.Context, client.ChannelQuery) (client.Page[client.Channel], error) {
	var page client.Page[client.Channel]
	for i, v := range s.sessions {
		state := client.ChannelOpen
		if i%4 == 3 {
			state = client.ChannelClosing
		}
		page.Items = append(page.Items, client.Channel{
			ID: v.Channel, State: state, Opener: v.Vehicle, Partner: v.Station, Payout: did(70), WindowSeconds: 3600, Expiry: day.AddDate(0, 1, 0),
			Deposited: both("40.00"), Withdrawn: both("0.00"), Claimed: client.PerParty{Opener: eur("4.10"), Partner: eur("0.00")}, PaidOut: both("0.00"), Locked: eur("40.00"),
		})
	}
	return page, nil
}

func both(text string) client.PerParty { return client.PerParty{Opener: eur(text), Partner: eur(text)} }

func (s *site) Settlements(_ context.Context, q client.EntryQuery) (client.Page[client.Settlement], error) {
	return client.Page[client.Settlement]{Items: []client.Settlement{
		{Entry: client.Entry{Vertex: id(40), Height: 40, Time: day, Final: true}, Channel: id(1001), Kind: client.SettlementWithdraw, Claimed: both("4.10"), PaidOut: both("2.05")},
		{Entry: client.Entry{Vertex: id(33), Height: 33, Time: day}, Channel: id(1002), Kind: client.SettlementClose, Claimed: both("9.44"), PaidOut: both("20.00")},
	}}, nil
}

func (s *site) Issues(context.Context, client.EntryQuery) (client.Page[client.Issue], error) {
	return client.Page[client.Issue]{Items: []client.Issue{{Entry: client.Entry{Vertex: id(6), Height: 6, Time: day, Final: true}, Issuer: did(60), To: did(101), Amount: eur("50.00")}}}, nil
}

func (s *site) Transfers(context.Context, client.EntryQuery) (client.Page[client.Transfer], error) {
	return client.Page[client.Transfer]{Items: []client.Transfer{{Entry: client.Entry{Vertex: id(7), Height: 7, Time: day, Final: true}, From: did(101), To: did(102), Amount: eur("12.50")}}}, nil
}

func (s *site) Redemptions(context.Context, client.EntryQuery) (client.Page[client.Redemption], error) {
	return client.Page[client.Redemption]{}, nil
}

// Claims implements api.Claims.
func (s *site) Claims(_ context.Context, channel client.ID) (client.Page[client.Claim], error) {
	return client.Page[client.Claim]{Items: []client.Claim{
		{Channel: channel, Lane: 0, Payer: did(101), Amount: eur("19.9795"), Sequence: 412}, {Channel: channel, Lane: 1, Payer: did(1), Amount: eur("3.1204"), Sequence: 77},
	}}, nil
}

// Sessions implements api.Sessions.
func (s *site) Sessions(context.Context, client.SessionQuery) (client.Page[client.Session], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return client.Page[client.Session]{Items: slices.Clone(s.sessions)}, nil
}

func (s *site) Session(_ context.Context, wanted client.SessionID) (client.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.sessions {
		if v.ID == wanted {
			return v, nil
		}
	}
	return client.Session{}, client.NewProblem(client.ErrNotFound, "no session "+wanted.String(), "")
}

// Readings implements api.Sessions: half an hour with a pause, and the last third flowing back where the session does.
func (s *site) Readings(ctx context.Context, wanted client.SessionID, q client.ReadingQuery) (client.Page[client.Reading], error) {
	page := client.Page[client.Reading]{}
	v, err := s.Session(ctx, wanted)
	if err != nil || q.After != nil {
		return page, err
	}
	const count = 198
	for i := range count {
		power, state := 118_600*math.Min(1, float64(count-i)/70), "charging"
		if i > 80 && i < 104 {
			power, state = 0, "suspended_evse"
		}
		if v.ReturnedWh != nil {
			power = 9_600 * math.Cos(float64(i)/count*math.Pi)
		}
		price := eur(fmt.Sprintf("%.4f", 0.41+0.05*math.Round(math.Sin(float64(i)/40)*3)/3))
		energy := client.Energy(v.Quantity * int64(i) / count)
		r := client.Reading{Sequence: uint64(i), Time: v.Start.Add(time.Duration(i) * 10 * time.Second), State: state, Quantity: int64(energy), Amount: v.Amount, UnitPrice: &price, Claimed: i < count-1}
		if v.Unit == "mWh" {
			r.EnergyWh, r.PowerW, r.StateOfCharge = &energy, fmt.Sprintf("%.0f", power), fmt.Sprintf("%.1f", 21+43*float64(i)/count)
		}
		page.Items = append(page.Items, r)
	}
	return page, nil
}

func (s *site) Receipt(context.Context, client.SessionID) (json.RawMessage, error) {
	return nil, client.NewProblem(client.ErrNotFound, "no receipt", "a receipt exists once the session has settled")
}

// Stations implements api.Stations.
func (s *site) Stations(context.Context, client.StationQuery) (client.Page[client.Station], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return client.Page[client.Station]{Items: slices.Clone(s.stations)}, nil
}

const words = "Tariff \"day\" in EUR, prices before tax.\nFor each of energy, time and fee, the first line that matches applies; what no line prices is free.\n" +
	"1. 0.22 EUR per kWh (19 % VAT), from 11:00 to 15:00\n2. 0.45 EUR per kWh (19 % VAT), from 17:00 to 20:00\n3. 0.35 EUR per kWh (19 % VAT)\n"

// Tariffs implements api.Tariffs.
func (s *site) Tariffs(context.Context, client.OfferQuery) (client.Page[client.Tariff], error) {
	return client.Page[client.Tariff]{Items: []client.Tariff{{ID: "day", Currency: euro, TimeZone: "Europe/Berlin", Words: words, OCPI: json.RawMessage(`{"id":"day","currency":"EUR"}`)}}}, nil
}

func (s *site) Estimates(context.Context, client.OfferQuery) (client.Page[client.Estimate], error) {
	var page client.Page[client.Estimate]
	for _, kwh := range []int64{10, 20, 40} {
		sums := client.Sums{ExclVAT: fmt.Sprintf("%.3f", 0.35*float64(kwh)), InclVAT: fmt.Sprintf("%.4f", 0.4165*float64(kwh))}
		page.Items = append(page.Items, client.Estimate{Station: did(1), EVSE: "DE*JLP*E1*1", Tariff: "day", At: day, PowerW: "150000", EnergyWh: client.Energy(kwh * 1_000_000),
			Currency: euro, Total: sums, Components: []client.EstimateOfPart{{Type: "ENERGY", Sums: sums}}})
	}
	return page, nil
}

func (s *site) Prices(context.Context, client.PriceQuery) (client.Page[client.PriceSlot], error) {
	var page client.Page[client.PriceSlot]
	midnight := day.Add(-time.Duration(day.Hour()) * time.Hour)
	for i := range 96 {
		hour := float64(i) / 4
		price := 0.36 + 0.08*math.Exp(-(hour-8)*(hour-8)/6) + 0.14*math.Exp(-(hour-19)*(hour-19)/5) - 0.17*math.Exp(-(hour-13)*(hour-13)/8)
		start := midnight.Add(time.Duration(i) * 15 * time.Minute)
		page.Items = append(page.Items, client.PriceSlot{Station: did(1), Tariff: "day", Start: start, End: start.Add(15 * time.Minute), Per: client.PerKilowattHour,
			Price: eur(fmt.Sprintf("%.4f", price)), MarketPerMWh: fmt.Sprintf("%.2f", (price-0.2)*700)})
	}
	return page, nil
}

// config serves all of the site on loopback.
func (s *site) config() api.Config {
	return api.Config{Ledger: s, Claims: s, Sessions: s, Stations: s, Tariffs: s, Events: []api.Events{s}, Dashboard: web.Handler(), Loopback: true, Now: time.Now, Version: "test"}
}

// serve serves a configuration until the test ends.
func serve(t testing.TB, c api.Config) *server {
	t.Helper()
	s := &server{t: t, config: c, address: "127.0.0.1:0"}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// server can go away and come back at the same address.
type server struct {
	t       testing.TB
	config  api.Config
	address string
	http    *httptest.Server
	end     context.CancelFunc
}

func (s *server) url() string { return "http://" + s.address + "/" }

func (s *server) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.config.Lifetime = ctx
	handler, err := api.New(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address, s.end = listener.Addr().String(), cancel
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}}
	s.http.Start()
}

func (s *server) stop() {
	s.end()
	s.http.CloseClientConnections()
	s.http.Close()
}
