package receipt_test

import (
	"slices"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	eur         = money.Currency{'E', 'U', 'R'}
	start       = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	vehicleKey  = wallet.NewPrivateKey([32]byte{1})
	vehicleLane = wallet.NewPrivateKey([32]byte{2})
	stationKey  = wallet.NewPrivateKey([32]byte{3})
	stationLane = wallet.NewPrivateKey([32]byte{4})
	meterKey    = wallet.NewPrivateKey([32]byte{5})
	issuerKey   = wallet.NewPrivateKey([32]byte{6})
	witnessKey  = wallet.NewPrivateKey([32]byte{7})
	strangerKey = wallet.NewPrivateKey([32]byte{8})
	vehicle     = wallet.DIDOf(vehicleKey.Public())
	station     = wallet.DIDOf(stationKey.Public())
)

// negativeTariff pays the vehicle for taking energy: 0.10 EUR/kWh, no VAT.
const negativeTariff = `{"id":"surplus","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":-0.10,"vat":0,"step_size":1}]}]}`

// visit makes the evidence of a session, step by step, on a ledger with one witness.
type visit struct {
	t        testing.TB
	state    *dag.State
	finality *dag.Finality
	clock    time.Time
	nonce    uint64

	genesis   *settle.Vertex
	opening   channel.Opening
	quote     quote.Signed
	chain     meter.Chain
	readings  []meter.Reading
	encoded   [][]byte
	before    channel.PerLane
	bests     [2]channel.Best
	count     uint64
	vertices  []*settle.Vertex
	rotations []*settle.Vertex
	receipts  []dag.Receipt // since the last checkpoint
	proofs    map[settle.VertexID]proof.Vertex
}

func newVisit(t testing.TB, tariff []byte) *visit {
	t.Helper()
	witness, issuer := witnessKey.Public(), issuerKey.Public()
	genesis, err := settle.NewGenesis(settle.Genesis{
		Name: "test", Currency: eur, Time: start, Limits: settle.DefaultLimits(),
		Issuers:   []settle.Issuer{{DID: wallet.DIDOf(issuer), Cap: 1000 * money.Nano}},
		Witnesses: []settle.Witness{{DID: wallet.DIDOf(witness), Key: witness, Weight: 1}},
	})
	v := &visit{t: t, genesis: genesis, clock: start, proofs: map[settle.VertexID]proof.Vertex{}}
	v.must(err)
	v.state, err = dag.New(genesis)
	v.must(err)
	v.finality = dag.NewFinality(v.state.Network(), proof.Final{Checkpoint: v.state.LastCheckpoint()}, nil)
	v.apply(issuerKey, &settle.Issue{Reference: settle.ReferenceOf("1"), To: vehicle, Amount: 100 * money.Nano})
	v.apply(issuerKey, &settle.Issue{Reference: settle.ReferenceOf("2"), To: station, Amount: 100 * money.Nano})
	v.opening = channel.Opening{
		Network: genesis.NetworkID(), Opener: vehicle, Partner: station, OpenerKey: vehicleLane.Public(), PartnerKey: stationLane.Public(),
		Payout: station, Deposit: 50 * money.Nano, Terms: channel.Terms{Currency: eur, Window: time.Minute, Expiry: start.Add(240 * time.Hour)},
	}
	v.vertices = append(v.vertices, v.apply(vehicleKey, &settle.Open{Sequence: 1, Opening: v.opening}))
	v.quote = quote.Sign(quote.Quote{
		Network: genesis.NetworkID(), Session: channel.SessionID{9}, Station: station, StationKey: stationLane.Public(), Payout: station,
		MeterKey: meterKey.Public(), Attestation: uint8(meter.AttestedByStation), Service: "charging", EVSE: "DE*ABC*E1",
		Unit: uint8(meter.MilliwattHours), Tariff: tariff, TimeZone: "Europe/Berlin", Currency: "EUR",
		IssuedAtMs: start.UnixMilli(), ValidUntilMs: start.Add(time.Minute).UnixMilli(), ClaimEveryMs: 10_000, WindowSeconds: 60,
	}, stationKey)
	v.chain = meter.NewChain(v.quote.Quote.Session)
	return v
}

func (v *visit) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// apply puts a payload on the ledger, which must accept it.
func (v *visit) apply(by wallet.PrivateKey, p settle.Payload) *settle.Vertex {
	v.t.Helper()
	vertex, verdict := v.decide(by, p)
	if !verdict.Accepted() {
		v.t.Fatalf("%s: %s", p.Kind(), verdict)
	}
	return vertex
}

// decide gives a payload to the ledger.
func (v *visit) decide(by wallet.PrivateKey, p settle.Payload) (*settle.Vertex, settle.Verdict) {
	v.t.Helper()
	v.nonce++
	vertex, err := settle.Sign(settle.Draft{Network: v.genesis.NetworkID(), Issuer: wallet.DIDOf(by.Public()),
		Parents: v.state.Tips(v.nonce), Nonce: v.nonce, Payload: p}, by)
	v.must(err)
	return vertex, v.enter(vertex)
}

// enter gives a vertex to the ledger.
func (v *visit) enter(vertex *settle.Vertex) settle.Verdict {
	v.t.Helper()
	result, err := v.state.Apply(dag.Entry{Vertex: vertex})
	v.must(err)
	v.receipts = append(v.receipts, dag.Receipt{ID: vertex.ID(), Verdict: result.Verdict})
	return result.Verdict
}

// checkpoint marks, votes and certifies, and proves the vertices since the one before once the next comes.
func (v *visit) checkpoint() {
	v.t.Helper()
	v.clock = v.clock.Add(time.Second)
	made, err := v.state.Apply(dag.Entry{Mark: v.state.LastCheckpoint().Number + 1})
	v.must(err)
	v.finality.Mark(*made.Checkpoint)
	vote, ok := v.finality.NextVote(settle.LedgerTimeOf(v.clock))
	if !ok {
		v.t.Fatal("no vote")
	}
	signed, err := v.state.Network().Witnesses.SignVote(vote, v.genesis.NetworkID(), witnessKey)
	v.must(err)
	certificate, err := v.finality.Vote(signed)
	v.must(err)
	_, err = v.state.Apply(dag.Entry{Certificate: certificate})
	v.must(err)
}

// certify makes what was applied final, and proves it.
func (v *visit) certify() {
	v.t.Helper()
	decided := v.receipts
	v.receipts = nil
	v.checkpoint()
	v.checkpoint()
	final := v.finality.Final()
	var tree proof.Tree
	var leaves []proof.Leaf
	for i, r := range decided {
		leaves = append(leaves, proof.Leaf{Index: uint64(i), Hash: proof.ReceiptLeaf(r.ID, r.Verdict)})
	}
	_, err := tree.Update(leaves)
	v.must(err)
	for i, r := range decided {
		inclusion, err := tree.Prove(uint64(i))
		v.must(err)
		v.proofs[r.ID] = proof.Vertex{Final: final, ID: r.ID, Verdict: r.Verdict, Inclusion: inclusion}
		v.must(v.proofs[r.ID].Verify(v.state.Network()))
	}
}

// read signs the next reading.
func (v *visit) read(after time.Duration, register int64, state meter.State) {
	v.t.Helper()
	reading, err := v.chain.Next(meter.Sample{Time: start.Add(after), Register: register, Unit: meter.MilliwattHours,
		StateOfChargePermille: meter.StateOfChargeUnknown, State: state}, meter.AttestedByStation)
	v.must(err)
	v.must(v.chain.Accept(reading))
	v.readings = append(v.readings, reading)
	v.encoded = append(v.encoded, meter.Sign(reading, meterKey, v.genesis.NetworkID()).Encode())
}

// cost prices the readings as a session does.
func (v *visit) cost() money.Amount {
	v.t.Helper()
	tariff, err := v.quote.Quote.ParseTariff()
	v.must(err)
	location, err := v.quote.Quote.Location()
	v.must(err)
	run, err := pricing.NewRun(tariff, v.readings[0].Time, location)
	v.must(err)
	for _, r := range v.readings {
		sample := pricing.Sample{Time: r.Time, EnergyMilliwattHours: r.Register - v.readings[0].Register}
		if r.State == meter.Ended || r.State == meter.SuspendedVehicle {
			sample.State = pricing.Idle
		}
		v.must(run.Add(sample))
	}
	price := run.Cost
	if v.readings[len(v.readings)-1].State == meter.Ended {
		price = run.Final
	}
	cost, err := price()
	v.must(err)
	return cost.Payable()
}

// pay signs a claim on a lane for the last reading.
func (v *visit) pay(lane channel.Lane, amount money.Amount) {
	last := v.readings[len(v.readings)-1]
	v.count++
	claim := channel.Claim{Channel: v.opening.ID(), Lane: lane, Sequence: v.count, Amount: amount, Quantity: last.Register - v.readings[0].Register,
		Unit: uint8(last.Unit), Reading: last.Hash(), Quote: v.quote.Hash(), Session: v.quote.Quote.Session}
	key := vehicleLane
	if lane == 1 {
		key = stationLane
	}
	v.bests[lane] = channel.Best{Signed: channel.SignClaim(claim, v.genesis.NetworkID(), key)}
}

// settle brings the claims to the ledger and makes them final.
func (v *visit) settle() {
	v.t.Helper()
	var claims []channel.Best
	for _, best := range v.bests {
		if !best.IsZero() {
			claims = append(claims, best)
		}
	}
	v.vertices = append(v.vertices, v.apply(stationKey, &settle.Settle{Claims: claims}))
	v.certify()
}

// evidence collects what there is.
func (v *visit) evidence() receipt.Evidence {
	v.t.Helper()
	e := receipt.Evidence{Genesis: v.genesis.Encode(), Opening: v.opening.Encode(), Quote: v.quote.Bytes(), Readings: slices.Clone(v.encoded),
		Before: [2]money.Money{money.Of(v.before[0], eur), money.Of(v.before[1], eur)}, Count: v.count}
	for _, best := range v.bests {
		if !best.IsZero() {
			e.Claims = append(e.Claims, best.Encode())
		}
	}
	for _, vertex := range v.vertices {
		stated := receipt.Vertex{Vertex: vertex.Encode()}
		if p, ok := v.proofs[vertex.ID()]; ok {
			stated.Proof = p.Encode()
		}
		e.Vertices = append(e.Vertices, stated)
	}
	final, key := v.finality.Final(), settle.ChannelKey(v.opening.ID())
	content, inclusion, err := v.state.ProveSlot(final.Checkpoint.Number, key)
	if err == nil {
		e.Channel = proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}.Encode()
	}
	return e
}

// charged is a whole session under the default tariff: 9.632 kWh and a pause, paid, settled and final.
func charged(t testing.TB) *visit {
	t.Helper()
	v := newVisit(t, pricing.Default().Bytes())
	v.read(0, 1_000_000, meter.Charging)
	v.pay(0, v.cost())
	v.read(10*time.Minute, 5_000_000, meter.Charging)
	v.pay(0, v.cost())
	v.read(30*time.Minute, 10_632_000, meter.SuspendedVehicle)
	v.pay(0, v.cost())
	v.read(40*time.Minute, 10_632_000, meter.Ended)
	v.pay(0, v.cost())
	v.settle()
	return v
}

func signed(t testing.TB, e receipt.Evidence) receipt.Receipt {
	t.Helper()
	r, err := receipt.New(e, station, stationKey)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
