package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/node"
	"joulepay/settle/store"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	ctx       = context.Background()
	eur       = money.Currency{'E', 'U', 'R'}
	bank      = wallet.NewPrivateKey([32]byte{1})
	car       = wallet.NewPrivateKey([32]byte{2})
	carDID    = wallet.DIDOf(car.Public())
	pole      = wallet.NewPrivateKey([32]byte{3})
	poleDID   = wallet.DIDOf(pole.Public())
	visit     = client.SessionID{1}
	noon      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	energy    = client.Energy(10_000_000)
	openToken = "a-token-for-the-examples"
)

func euros(n int64) money.Money { return money.Of(money.Amount(n)*money.Nano, eur) }

// exampleServer is a ledger of one node in memory, on which the bank issued 50 EUR to the car, and a charger that the car
// visited once.
type exampleServer struct {
	*client.Client
	genesis *settle.Vertex
	close   []func()
}

func startExample() *exampleServer {
	genesis := must(settle.NewGenesis(settle.Genesis{
		Name: "example", Currency: eur, Time: noon, Issuers: []settle.Issuer{{DID: wallet.DIDOf(bank.Public()), Cap: 1e6 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(bank.Public()), Key: bank.Public(), Weight: 1}}, Limits: settle.DefaultLimits(),
	}))
	running := must(node.Start(ctx, node.Options{CoreOptions: node.CoreOptions{Witness: bank}, Genesis: genesis, Store: store.NewMemory(),
		Stream: stream.NewMemory(), Clock: time.Now}))
	config := api.Config{
		Sessions: charger{}, Stations: charger{}, Tariffs: charger{}, Snapshots: charger{}, Issuer: api.IssuerOf(running, wallet.DIDOf(bank.Public()), bank),
		Payer: api.PayerOf(running, carDID, car), Tokens: []api.Token{{Scope: api.ScopeOperate, Secret: openToken}}, Loopback: true, Now: time.Now,
	}.WithNode(running)
	server := httptest.NewServer(must(api.New(config)))
	s := &exampleServer{must(client.New(server.URL, client.Options{Token: openToken})), genesis, []func(){func() { _ = running.Close() }, server.Close}}
	issued := must(s.Issue(ctx, client.IssueRequest{To: carDID, Amount: euros(50), Reference: "first"}))
	must(s.WaitFinal(ctx, issued.Vertex))
	return s
}

func (s *exampleServer) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// open opens a channel from the car to the pole.
func (s *exampleServer) open() client.ID {
	o := channel.Opening{Network: s.genesis.NetworkID(), Opener: carDID, Partner: poleDID, OpenerKey: car.Public(), PartnerKey: pole.Public(), Payout: poleDID,
		Deposit: 20 * money.Nano, Terms: channel.Terms{Currency: eur, Window: time.Minute, Expiry: time.Now().Add(time.Hour).Truncate(time.Second).UTC()}}
	s.submit(&settle.Open{Sequence: 1, Opening: o})
	claim := channel.Claim{Channel: o.ID(), Sequence: 1, Amount: 3 * money.Nano, Session: channel.SessionID(visit)}
	s.submit(&settle.Settle{Claims: []channel.Best{{Signed: channel.SignClaim(claim, o.Network, car)}}})
	return client.ID(o.ID())
}

func (s *exampleServer) submit(p settle.Payload) client.Outcome {
	return must(client.NewSubmitter(s.Client, s.genesis.NetworkID(), carDID, car).Submit(ctx, p))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// charger answers for one visit.
type charger struct{}

func shown() client.Session {
	return client.Session{ID: visit, State: client.SessionFinal, Vehicle: carDID, Station: poleDID, Service: "charging", Start: noon, Unit: "mWh",
		Quantity: int64(energy), EnergyWh: &energy, Amount: euros(5), Currency: eur, Claims: 7, Final: true}
}

func one[T any](item T) (client.Page[T], error) { return client.Page[T]{Items: []T{item}}, nil }

func (charger) Sessions(context.Context, client.SessionQuery) (client.Page[client.Session], error) {
	return one(shown())
}

func (charger) Session(context.Context, client.SessionID) (client.Session, error) {
	return shown(), nil
}

func (charger) Readings(context.Context, client.SessionID, client.ReadingQuery) (client.Page[client.Reading], error) {
	return one(client.Reading{Sequence: 3, Time: noon, State: "charging", Quantity: int64(energy), EnergyWh: &energy, PowerW: "11000", Amount: euros(5), Claimed: true})
}

func (charger) Receipt(context.Context, client.SessionID) (json.RawMessage, error) {
	return json.RawMessage(`{"version":1}`), nil
}

func (charger) Stations(context.Context, client.StationQuery) (client.Page[client.Station], error) {
	return one(client.Station{DID: poleDID, Service: "charging", EVSE: "DE*JLP*E1*1", UnitPrice: euros(1), Tariff: "1 EUR/kWh", Free: true, Seen: noon})
}

func (charger) Tariffs(context.Context, client.OfferQuery) (client.Page[client.Tariff], error) {
	return one(client.Tariff{ID: "default", Currency: eur, TimeZone: "Europe/Berlin", Words: "1 EUR/kWh", OCPI: json.RawMessage("{}")})
}

func (charger) Estimates(context.Context, client.OfferQuery) (client.Page[client.Estimate], error) {
	return one(client.Estimate{Station: poleDID, Tariff: "default", At: noon, PowerW: "11000", EnergyWh: energy, Currency: eur, Total: client.Sums{InclVAT: "10"},
		Components: []client.EstimateOfPart{}})
}

func (charger) Prices(context.Context, client.PriceQuery) (client.Page[client.PriceSlot], error) {
	return one(client.PriceSlot{Station: poleDID, Tariff: "default", Start: noon, End: noon.Add(15 * time.Minute), Per: client.PerKilowattHour, Price: euros(1), MarketPerMWh: "92.85"})
}

func (charger) Snapshot(context.Context) (api.SnapshotFile, error) {
	return api.SnapshotFile{ReadSeekCloser: file{strings.NewReader("snapshot")}, Checkpoint: 1}, nil
}

type file struct{ io.ReadSeeker }

func (file) Close() error { return nil }
