package api_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/credential/status"
	"joulepay/wallet/money"
)

const (
	operatorToken = "a-token-that-only-the-operator-knows"
	readerToken   = "a-token-for-who-may-read-alone"
)

var tokens = []api.Token{{Scope: api.ScopeRead, Secret: readerToken}, {Scope: api.ScopeOperate, Secret: operatorToken}}

var (
	eur     = money.Currency{'E', 'U', 'R'}
	vehicle = wallet.NewPrivateKey([32]byte{1}).Public()
	charger = wallet.NewPrivateKey([32]byte{2}).Public()
	someID  = client.ID{0xab, 1}
	visitID = client.SessionID{0xcd, 2}
	tenKWh  = client.Energy(10_000_000)
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func sum(value int64) money.Money { return money.Of(money.Amount(value), eur) }

func checkpoint() client.Checkpoint {
	return client.Checkpoint{ID: someID, Number: 3, Previous: someID, Height: 7, LogHash: someID, StateRoot: someID, ReceiptsRoot: someID, Time: noon,
		WitnessSet: someID, Justified: true, Final: true}
}

func vertex(state string) client.Vertex {
	return client.Vertex{ID: someID, Payload: client.ID{9}, Kind: "transfer", Issuer: wallet.DIDOf(vehicle),
		Parents: []client.ID{{1}, {2}}, State: state, Height: 7, Verdict: "applied", Channels: []client.ID{someID}, Time: noon, Encoded: []byte("vertex"), Certified: []byte{5}}
}

// fake answers every interface of the API with one of each resource, every field set.
type fake struct {
	err  error // that every call returns
	last any   // the last query
}

func page[T any](f *fake, ask any, item T) (client.Page[T], error) {
	f.last = ask
	if f.err != nil {
		return client.Page[T]{}, f.err
	}
	return client.Page[T]{Items: []T{item}, Next: "7"}, nil
}

func one[T any](f *fake, ask any, item T) (T, error) {
	f.last = ask
	return item, f.err
}

func (f *fake) Network(context.Context) (client.Network, error) {
	final := checkpoint()
	return one(f, nil, client.Network{Network: wallet.NetworkID{3}, Name: "test", Currency: eur, Genesis: []byte("genesis"),
		Height: 9, Final: &final, Tips: []client.ID{someID}, Witnesses: []client.Witness{{DID: wallet.DIDOf(charger), Key: charger, Weight: 1}},
		Issuers: []wallet.DID{wallet.DIDOf(charger)}, Trust: "one witness is trusted", Limits: client.Limits{AccountLock: sum(1e7), ChannelLock: sum(1e8)}})
}

func (f *fake) DID(_ context.Context, d wallet.DID, proof bool) (did.Resolution, error) {
	r := did.Resolve(d, settle.Identity{
		Key: vehicle, Status: settle.AccountActive, Version: 2, Rotations: 1, Created: 1, Updated: 2, Document: settle.Document{
			Role: settle.RoleStation, Services: []settle.Service{{Name: "broker", Type: "JoulepayNATS", Endpoint: "nats://depot:4222"}},
			Bindings: []settle.KeyBinding{{Purpose: wallet.PurposeNATS}},
		},
	})
	r.Certified = []byte{6}
	return one(f, d, r)
}

func (f *fake) Account(_ context.Context, did wallet.DID) (client.Account, error) {
	return one(f, did, client.Account{DID: did, Key: vehicle, Status: client.AccountActive, Balance: sum(50e9), Locked: sum(1e9), Credit: 12, Sequence: 3, Height: 9, Certified: []byte{4}})
}

func aChannel() client.Channel {
	closes := noon.Add(time.Hour)
	both := client.PerParty{Opener: sum(5), Partner: sum(0)}
	return client.Channel{ID: someID, State: client.ChannelOpen, Opener: wallet.DIDOf(vehicle), Partner: wallet.DIDOf(charger),
		Payout: wallet.DIDOf(charger), OpenerKey: vehicle, PartnerKey: charger, WindowSeconds: 60, Expiry: noon, ClosingSince: &closes,
		Deposited: both, Withdrawn: both, Claimed: both, PaidOut: both, Locked: sum(9), Opening: []byte{1}, Height: 9, Certified: []byte{4}}
}

func (f *fake) Channels(_ context.Context, q client.ChannelQuery) (client.Page[client.Channel], error) {
	return page(f, q, aChannel())
}

func (f *fake) Channel(_ context.Context, id client.ID) (client.Channel, error) {
	return one(f, id, aChannel())
}

func (f *fake) Claims(_ context.Context, id client.ID) (client.Page[client.Claim], error) {
	return page(f, id, client.Claim{Channel: id, Lane: 1, Payer: wallet.DIDOf(charger), Amount: sum(4_820_000_000), Sequence: 8,
		Session: visitID, Quote: someID, Reading: someID, Encoded: []byte{1, 2}})
}

func (f *fake) Vertices(_ context.Context, q client.VertexQuery) (client.Page[client.Vertex], error) {
	return page(f, q, vertex(client.VertexAccepted))
}

func (f *fake) Vertex(_ context.Context, id client.ID) (client.Vertex, error) {
	return one(f, id, vertex(client.VertexAccepted))
}

func (f *fake) AwaitVertex(_ context.Context, id client.ID) (client.Vertex, error) {
	return one(f, id, vertex(client.VertexFinal))
}

func (f *fake) PostVertex(_ context.Context, encoded []byte) (client.Vertex, error) {
	return one(f, encoded, vertex(client.VertexAccepted))
}

func entry() client.Entry { return client.Entry{Vertex: someID, Height: 7, Time: noon, Final: true} }

func (f *fake) Transfers(_ context.Context, q client.EntryQuery) (client.Page[client.Transfer], error) {
	return page(f, q, client.Transfer{Entry: entry(), From: wallet.DIDOf(vehicle), To: wallet.DIDOf(charger), Amount: sum(1), Reference: someID})
}

func (f *fake) Settlements(_ context.Context, q client.EntryQuery) (client.Page[client.Settlement], error) {
	both := client.PerParty{Opener: sum(5), Partner: sum(0)}
	return page(f, q, client.Settlement{Entry: entry(), Channel: someID, Kind: client.SettlementClose, Claimed: both, PaidOut: both})
}

func (f *fake) Issues(_ context.Context, q client.EntryQuery) (client.Page[client.Issue], error) {
	return page(f, q, issued())
}

func issued() client.Issue {
	return client.Issue{Entry: entry(), Issuer: wallet.DIDOf(charger), To: wallet.DIDOf(vehicle), Amount: sum(50e9), Reference: someID}
}

func (f *fake) Redemptions(_ context.Context, q client.EntryQuery) (client.Page[client.Redemption], error) {
	return page(f, q, client.Redemption{Entry: entry(), From: wallet.DIDOf(vehicle), Issuer: wallet.DIDOf(charger), Amount: sum(2), Reference: someID})
}

func (f *fake) Checkpoints(_ context.Context, q client.CheckpointQuery) (client.Page[client.Checkpoint], error) {
	return page(f, q, checkpoint())
}

func (f *fake) Transfer(_ context.Context, ask client.TransferRequest, _ api.Memo) (client.Transfer, error) {
	return one(f, ask, client.Transfer{Entry: entry(), From: wallet.DIDOf(charger), To: ask.To, Amount: ask.Amount, Reference: someID})
}

func (f *fake) Issue(_ context.Context, ask client.IssueRequest) (client.Issue, error) {
	return one(f, ask, issued())
}

func aSession() client.Session {
	energy, end, risk, settlement, price := client.Energy(9_632_000), noon.Add(time.Hour), sum(1), someID, sum(5e8)
	return client.Session{ID: visitID, State: client.SessionFinal, Reason: "stopped", Vehicle: wallet.DIDOf(vehicle), Station: wallet.DIDOf(charger),
		EVSE: "DE*ABC*E1", Service: "charging", Channel: someID, Quote: someID, Tariff: "t1", Start: noon, End: &end, Unit: "mWh", Quantity: 9_632_000,
		EnergyWh: &energy, ReturnedWh: &energy, At: &end, UnitPrice: &price, PowerW: "11000", StateOfCharge: "80.5", Amount: sum(4_820_000_000), Cost: &client.Total{ExclVAT: 4_050_420_168, InclVAT: 4_820_000_000},
		Currency: eur, AtRisk: &risk, Claims: 12, LedgerVertices: 3, Settlement: &settlement, Final: true}
}

func (f *fake) Sessions(_ context.Context, q client.SessionQuery) (client.Page[client.Session], error) {
	return page(f, q, aSession())
}

func (f *fake) Session(_ context.Context, id client.SessionID) (client.Session, error) {
	return one(f, id, aSession())
}

func (f *fake) Readings(_ context.Context, id client.SessionID, q client.ReadingQuery) (client.Page[client.Reading], error) {
	price := sum(5e8)
	return page(f, q, client.Reading{Sequence: 3, Time: noon, State: "charging", Quantity: 10_000_000, EnergyWh: &tenKWh, ReturnedWh: &tenKWh, PowerW: "11000",
		StateOfCharge: "80.5", Amount: sum(5e9), UnitPrice: &price, Claimed: true})
}

func (f *fake) Prices(_ context.Context, q client.PriceQuery) (client.Page[client.PriceSlot], error) {
	return page(f, q, client.PriceSlot{Station: wallet.DIDOf(charger), Tariff: "t1", Start: noon, End: noon.Add(15 * time.Minute), Per: client.PerKilowattHour,
		Price: sum(5e8), MarketPerMWh: "-92.85"})
}

func (f *fake) Receipt(_ context.Context, id client.SessionID) (json.RawMessage, error) {
	raw, err := aReceipt().Encode()
	if err != nil {
		return nil, err
	}
	return one(f, id, json.RawMessage(raw))
}

// aReceipt has every field of a receipt; it proves nothing.
func aReceipt() receipt.Receipt {
	return receipt.Receipt{
		Version: receipt.Version, Issuer: wallet.DIDOf(charger), Signature: &wallet.Signature{1},
		Summary: receipt.Summary{Session: visitID.String(), Vehicle: wallet.DIDOf(vehicle), Station: wallet.DIDOf(charger), Payout: wallet.DIDOf(charger),
			Start: noon, End: noon, Unit: "mWh", Quantity: 9_632_000, EnergyWh: "9632", Cost: json.RawMessage("{}"), Payable: sum(1), Paid: sum(1), Unpaid: sum(0),
			Channel: someID.String(), Settlement: someID.String(), Final: true, Checkpoint: &receipt.FinalCheckpoint{Number: 1, Hash: someID.String(), Time: noon}},
		Evidence: receipt.Evidence{Genesis: []byte{1}, Opening: []byte{1}, Quote: []byte{1}, Readings: [][]byte{{1}}, Before: [2]money.Money{sum(0), sum(0)},
			Claims: [][]byte{{1}}, Vertices: []receipt.Vertex{{Vertex: []byte{1}, Proof: []byte{1}}}, Channel: []byte{1}},
	}
}

func (f *fake) Stations(_ context.Context, q client.StationQuery) (client.Page[client.Station], error) {
	return page(f, q, client.Station{DID: wallet.DIDOf(charger), Service: "charging", EVSE: "DE*ABC*E1", MaxPowerW: "22000", UnitPrice: sum(5e8),
		Tariff: "0.50 EUR/kWh", Free: true, Seen: noon, Estimates: []client.Price{{Unit: "mWh", Quantity: 10_000_000, EnergyWh: &tenKWh, Amount: sum(5e9),
			Components: []client.PricePart{{Type: "ENERGY", Amount: sum(5e9)}}}}})
}

func (f *fake) Tariffs(_ context.Context, q client.OfferQuery) (client.Page[client.Tariff], error) {
	return page(f, q, client.Tariff{ID: "t1", Currency: eur, TimeZone: "Europe/Berlin", Words: "0.50 EUR/kWh", OCPI: json.RawMessage(`{"id":"t1"}`)})
}

func (f *fake) Estimates(_ context.Context, q client.OfferQuery) (client.Page[client.Estimate], error) {
	return page(f, q, client.Estimate{Station: wallet.DIDOf(charger), EVSE: "DE*ABC*E1", Tariff: "t1", At: noon, PowerW: "22000", EnergyWh: 10_000_000, Currency: eur,
		Total: client.Sums{ExclVAT: "5", InclVAT: "5.95"}, Components: []client.EstimateOfPart{{Type: "ENERGY", Sums: client.Sums{ExclVAT: "5", InclVAT: "5.95"}}},
		LimitedBy: "min_price"})
}

func (f *fake) Events(context.Context) (<-chan client.Event, error) {
	stream := make(chan client.Event, 2)
	stream <- client.Event{Type: client.EventVertex, Data: json.RawMessage("{\n\"id\":1}")}
	stream <- client.Event{Type: client.EventSession, Data: json.RawMessage(`{"id":2}`)}
	close(stream)
	return stream, f.err
}

func (f *fake) Snapshot(context.Context) (api.SnapshotFile, error) {
	return api.SnapshotFile{ReadSeekCloser: closer{strings.NewReader("snapshot")}, Checkpoint: 3, ID: someID}, f.err
}

type closer struct{ *strings.Reader }

func (closer) Close() error { return nil }

func clock() time.Time { return noon }

// full serves everything from one fake, on loopback.
// StatusList has one list, and one that cannot be read.
func (f *fake) StatusList(id string) (string, error) {
	switch id {
	case "2026":
		return "header.payload.signature", nil
	case "broken":
		return "", status.ErrFile
	}
	return "", fs.ErrNotExist
}

func full(f *fake) api.Config {
	return api.Config{Ledger: f, Claims: f, Sessions: f, Stations: f, Tariffs: f, Issuer: f, Events: []api.Events{f}, Snapshots: f, StatusLists: f, Loopback: true,
		Tokens: tokens, Payer: f, Now: clock, Version: "test"}
}

func handler(t testing.TB, c api.Config) http.Handler {
	t.Helper()
	h, err := api.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// newRequest is addressed to loopback, as a local client's is.
func newRequest(method, target string, body []byte) *http.Request {
	return httptest.NewRequest(method, "http://127.0.0.1:8420"+target, bodyReader(body))
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problemIn(t testing.TB, w *httptest.ResponseRecorder) client.Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q, body %s", got, w.Body)
	}
	var p client.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code {
		t.Errorf("problem says %d, HTTP %d", p.Status, w.Code)
	}
	return p
}
