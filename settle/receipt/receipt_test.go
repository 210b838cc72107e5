package receipt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func encode(t testing.TB, r receipt.Receipt) []byte {
	t.Helper()
	raw, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// verify is what a person with only the file does.
func verify(raw []byte, o receipt.Options) (receipt.Report, error) {
	r, err := receipt.Parse(raw)
	if err != nil {
		return receipt.Report{}, err
	}
	return receipt.Verify(r, o)
}

func TestAReceiptProvesASessionOffline(t *testing.T) {
	v := charged(t)
	r := signed(t, v.evidence())
	report, err := verify(encode(t, r), receipt.Options{Network: v.genesis.NetworkID()})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Pinned || !report.Final || !report.Settled || len(report.Checks) < 9 {
		t.Errorf("%+v", report)
	}
	s := r.Summary
	// 9.632 kWh at 0.49 and 10 minutes at 6.00 an hour, and 19 % VAT: (4.71968 + 1) × 1.19.
	if s.EnergyWh != "9632" || s.Paid.String() != "6.8064192 EUR" || s.Paid != s.Payable || s.Unpaid.Amount != 0 {
		t.Errorf("%s Wh, paid %s of %s", s.EnergyWh, s.Paid, s.Payable)
	}
	if want := v.vertices[1].ID().String(); s.Settlement != want || s.Vertices != 2 || s.Claims != 4 {
		t.Errorf("settlement %s, want %s; %d vertices, %d claims", s.Settlement, want, s.Vertices, s.Claims)
	}
}

func TestWhiteSpaceIsFree(t *testing.T) {
	var indented bytes.Buffer
	if err := json.Indent(&indented, encode(t, signed(t, charged(t).evidence())), "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(indented.Bytes(), receipt.Options{}); err != nil {
		t.Error(err)
	}
}

func TestAnyChangedCharacterFails(t *testing.T) {
	raw := encode(t, signed(t, charged(t).evidence()))
	random := rand.New(rand.NewPCG(1, 2))
	parts := map[receipt.Part]int{}
	try := func(i int) {
		changed := bytes.Clone(raw)
		for changed[i] == raw[i] {
			const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=.-\" {}[],:"
			changed[i] = alphabet[random.IntN(len(alphabet))]
		}
		_, err := verify(changed, receipt.Options{})
		var failed *receipt.Error
		if !errors.As(err, &failed) || !errors.Is(err, receipt.ErrInvalid) {
			t.Errorf("%q for %q at %d (…%s…): %v", changed[i], raw[i], i, raw[max(0, i-30):min(len(raw), i+10)], err)
			return
		}
		parts[failed.Part]++
	}
	for range 400 {
		try(random.IntN(len(raw)))
	}
	for i, c := range raw { // every digit of the summary
		if i < bytes.Index(raw, []byte(`"evidence"`)) && c >= '0' && c <= '9' {
			try(i)
		}
	}
	t.Log(parts)
}

func TestAFailureNamesThePart(t *testing.T) {
	whole := charged(t).evidence()
	other := newVisit(t, []byte(negativeTariff)).evidence()
	for name, row := range map[string]struct {
		change func(*receipt.Receipt)
		want   receipt.Part
	}{
		"genesis gone":          {func(r *receipt.Receipt) { r.Evidence.Genesis = nil }, receipt.PartGenesis},
		"network renamed":       {func(r *receipt.Receipt) { r.Network[0]++ }, receipt.PartGenesis},
		"opening changed":       {func(r *receipt.Receipt) { r.Evidence.Opening[40]++ }, receipt.PartOpening},
		"quote of another":      {func(r *receipt.Receipt) { r.Evidence.Quote = other.Quote }, receipt.PartClaims},
		"quote changed":         {func(r *receipt.Receipt) { r.Evidence.Quote[100]++ }, receipt.PartQuote},
		"reading changed":       {func(r *receipt.Receipt) { r.Evidence.Readings[1][30]++ }, receipt.PartReadings},
		"reading left out":      {func(r *receipt.Receipt) { r.Evidence.Readings = r.Evidence.Readings[1:] }, receipt.PartReadings},
		"last reading cut off":  {func(r *receipt.Receipt) { r.Evidence.Readings = r.Evidence.Readings[:3] }, receipt.PartClaims},
		"no readings":           {func(r *receipt.Receipt) { r.Evidence.Readings = nil }, receipt.PartReadings},
		"claim changed":         {func(r *receipt.Receipt) { r.Evidence.Claims[0][49]++ }, receipt.PartClaims},
		"claim twice":           {func(r *receipt.Receipt) { r.Evidence.Claims = append(r.Evidence.Claims, r.Evidence.Claims[0]) }, receipt.PartClaims},
		"lanes before too high": {func(r *receipt.Receipt) { r.Evidence.Before[0].Amount = 90 * money.Nano }, receipt.PartClaims},
		"lanes before raised":   {func(r *receipt.Receipt) { r.Evidence.Before[0].Amount++ }, receipt.PartSummary},
		"lanes before negative": {func(r *receipt.Receipt) { r.Evidence.Before[0].Amount = -1 }, receipt.PartClaims},
		"count changed":         {func(r *receipt.Receipt) { r.Evidence.Count++ }, receipt.PartSummary},
		"vertex changed":        {func(r *receipt.Receipt) { r.Evidence.Vertices[1].Vertex[70]++ }, receipt.PartVertices},
		"vertex proof changed":  {func(r *receipt.Receipt) { p := r.Evidence.Vertices[1].Proof; p[len(p)-1]++ }, receipt.PartVertices},
		"vertex proof swapped":  {func(r *receipt.Receipt) { r.Evidence.Vertices[1].Proof = r.Evidence.Vertices[0].Proof }, receipt.PartVertices},
		"vertex of another":     {func(r *receipt.Receipt) { r.Evidence.Vertices[0].Vertex = whole.Genesis }, receipt.PartVertices},
		"channel proof changed": {func(r *receipt.Receipt) { p := r.Evidence.Channel; p[len(p)-1]++ }, receipt.PartChannel},
		"channel proof gone":    {func(r *receipt.Receipt) { r.Evidence.Channel = nil }, receipt.PartSummary},
		"payable changed":       {func(r *receipt.Receipt) { r.Summary.Payable.Amount++ }, receipt.PartSummary},
		"energy changed":        {func(r *receipt.Receipt) { r.Summary.EnergyWh = "9633" }, receipt.PartSummary},
		"issuer changed":        {func(r *receipt.Receipt) { r.Issuer = vehicle }, receipt.PartSignature},
		"signature changed":     {func(r *receipt.Receipt) { r.Signature[0]++ }, receipt.PartSignature},
		"signature gone":        {func(r *receipt.Receipt) { r.Signature = nil }, receipt.PartSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := receipt.Parse(encode(t, signed(t, charged(t).evidence())))
			if err != nil {
				t.Fatal(err)
			}
			row.change(&r)
			_, err = receipt.Verify(r, receipt.Options{})
			var failed *receipt.Error
			if !errors.As(err, &failed) || failed.Part != row.want {
				t.Errorf("%v, want part %s", err, row.want)
			}
		})
	}
}

func TestAReceiptIsGoodForOneNetwork(t *testing.T) {
	_, err := receipt.Verify(signed(t, charged(t).evidence()), receipt.Options{Network: wallet.NetworkID{1}})
	var failed *receipt.Error
	if !errors.As(err, &failed) || failed.Part != receipt.PartGenesis {
		t.Error(err)
	}
}

func TestOnlyThePartiesIssueReceipts(t *testing.T) {
	e := charged(t).evidence()
	for name, row := range map[string]struct {
		key  wallet.PrivateKey
		good bool
	}{"station": {stationKey, true}, "vehicle": {vehicleKey, true}, "stranger": {strangerKey, false}} {
		r, err := receipt.New(e, wallet.DIDOf(row.key.Public()), row.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Verify(r, receipt.Options{}); (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBeforeTheLedgerKnowsAReceiptIsNotFinal(t *testing.T) {
	v := newVisit(t, pricing.Default().Bytes())
	v.read(0, 0, meter.Charging)
	v.read(time.Minute, 1_000_000, meter.Charging)
	v.pay(0, v.cost())
	r := signed(t, v.evidence())
	report, err := receipt.Verify(r, receipt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Final || report.Settled || r.Summary.Settlement != "" {
		t.Errorf("%+v", report)
	}
	if !strings.Contains(receipt.Words(r), "Not final yet") {
		t.Error(receipt.Words(r))
	}
}

func TestAVehicleThatVanishedLeavesAPartUnpaid(t *testing.T) {
	v := newVisit(t, pricing.Default().Bytes())
	v.read(0, 0, meter.Charging)
	v.read(time.Minute, 1_000_000, meter.Charging)
	v.pay(0, v.cost())
	v.read(2*time.Minute, 1_500_000, meter.Ended)
	v.settle()
	r := signed(t, v.evidence())
	report, err := receipt.Verify(r, receipt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Final || report.Settled || r.Summary.Unpaid.Amount <= 0 {
		t.Errorf("%+v, unpaid %s", report, r.Summary.Unpaid)
	}
	if !strings.Contains(receipt.Words(r), r.Summary.Unpaid.String()+" is unpaid") {
		t.Error(receipt.Words(r))
	}
}

func TestAClaimAboveTheTariffFails(t *testing.T) {
	v := newVisit(t, pricing.Default().Bytes())
	v.read(0, 0, meter.Charging)
	v.read(time.Minute, 1_000_000, meter.Ended)
	v.pay(0, v.cost()+1)
	refusedFor(t, v.evidence(), receipt.PartCost)
}

// refusedFor makes a receipt of evidence that must be refused for a part.
func refusedFor(t *testing.T, e receipt.Evidence, want receipt.Part) {
	t.Helper()
	_, err := receipt.New(e, station, stationKey)
	var failed *receipt.Error
	if !errors.As(err, &failed) || failed.Part != want {
		t.Errorf("%v, want part %s", err, want)
	}
}

func TestAClaimThatSaysSomethingElseFails(t *testing.T) {
	for name, change := range map[string]func(*channel.Claim){
		"quantity": func(c *channel.Claim) { c.Quantity++ },
		"reading":  func(c *channel.Claim) { c.Reading[0]++ },
		"session":  func(c *channel.Claim) { c.Session[0]++ },
		"quote":    func(c *channel.Claim) { c.Quote[0]++ },
		"channel":  func(c *channel.Claim) { c.Channel[0]++ },
		"unit":     func(c *channel.Claim) { c.Unit = uint8(meter.Seconds) },
	} {
		t.Run(name, func(t *testing.T) {
			v := charged(t)
			claim := v.bests[0].Signed.Claim
			change(&claim)
			v.bests[0].Signed = channel.SignClaim(claim, v.genesis.NetworkID(), vehicleLane)
			refusedFor(t, v.evidence(), receipt.PartClaims)
		})
	}
}

func TestAnEarlierClaimShowsWhatALaneWasBefore(t *testing.T) {
	v := charged(t)
	earlier := channel.Claim{Channel: v.opening.ID(), Lane: 1, Sequence: 1, Amount: money.Nano, Session: channel.SessionID{1}}
	v.bests[1] = channel.Best{Signed: channel.SignClaim(earlier, v.genesis.NetworkID(), stationLane)}
	v.before[1] = money.Nano
	v.settle()
	e := v.evidence()
	report, err := receipt.Verify(signed(t, e), receipt.Options{Network: v.genesis.NetworkID()})
	if err != nil || !report.Settled {
		t.Fatalf("%+v %v", report, err)
	}
	if !slices.Contains(report.Checks, "an earlier claim shows that lane 1 was at 1.00 EUR before the session") || len(report.Stated) != 2 {
		t.Errorf("%q, stated %q", report.Checks, report.Stated)
	}
	e.Before[1].Amount--
	refusedFor(t, e, receipt.PartClaims)
}

func TestAQuoteForAnotherChannelFails(t *testing.T) {
	for name, change := range map[string]func(*quote.Quote){
		"station key": func(q *quote.Quote) { q.StationKey = meterKey.Public() },
		"pay-out":     func(q *quote.Quote) { q.Payout = vehicle },
		"network":     func(q *quote.Quote) { q.Network[0]++ },
		"currency":    func(q *quote.Quote) { q.Currency = "USD" },
		"tariff":      func(q *quote.Quote) { q.Tariff = []byte("{}") },
	} {
		t.Run(name, func(t *testing.T) {
			v := charged(t)
			q := v.quote.Quote
			change(&q)
			v.quote = quote.Sign(q, stationKey)
			refusedFor(t, v.evidence(), receipt.PartQuote)
		})
	}
}

func TestALedgerVertexThatProvesNothingFails(t *testing.T) {
	for name, vertex := range map[string]func(*visit) *settle.Vertex{
		"about money elsewhere": func(v *visit) *settle.Vertex {
			return v.apply(issuerKey, &settle.Issue{Reference: settle.ReferenceOf("3"), To: vehicle, Amount: 1})
		},
		"about another channel": func(v *visit) *settle.Vertex {
			other := v.opening
			other.Nonce[0]++
			return v.apply(vehicleKey, &settle.Open{Sequence: 2, Opening: other})
		},
		"refused": func(v *visit) *settle.Vertex {
			vertex, _ := v.decide(stationKey, &settle.Finalise{Channel: v.opening.ID()})
			return vertex
		},
		"on another network": func(v *visit) *settle.Vertex {
			draft := settle.Draft{Network: wallet.NetworkID{1}, Issuer: station, Parents: []settle.VertexID{{1}, {2}}, Payload: &settle.Finalise{Channel: v.opening.ID()}}
			vertex, err := settle.Sign(draft, stationKey)
			v.must(err)
			return vertex
		},
		"signed by somebody else": func(v *visit) *settle.Vertex {
			draft := settle.Draft{Network: v.genesis.NetworkID(), Issuer: station, Parents: v.state.Tips(0), Payload: &settle.Finalise{Channel: v.opening.ID()}}
			vertex, err := settle.Sign(draft, strangerKey)
			v.must(err)
			return vertex
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := charged(t)
			v.vertices = append(v.vertices, vertex(v))
			v.certify()
			refusedFor(t, v.evidence(), receipt.PartVertices)
		})
	}
}

func TestAProofOfAnotherSlotFails(t *testing.T) {
	v := charged(t)
	e := v.evidence()
	final, key := v.finality.Final(), settle.AccountKey(station)
	content, inclusion, err := v.state.ProveSlot(final.Checkpoint.Number, key)
	v.must(err)
	e.Channel = proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}.Encode()
	_, err = receipt.New(e, station, stationKey)
	if err == nil || !strings.Contains(err.Error(), "about another channel") {
		t.Error(err)
	}
}

func TestAClaimOfTheNextVisitCoversThisOne(t *testing.T) {
	v := charged(t)
	r := v.evidence()
	later := channel.Claim{Channel: v.opening.ID(), Lane: 0, Sequence: 99, Amount: 20 * money.Nano}
	v.apply(stationKey, &settle.Settle{Claims: []channel.Best{{Signed: channel.SignClaim(later, v.genesis.NetworkID(), vehicleLane)}}})
	v.certify()
	r.Channel = v.evidence().Channel
	if report, err := receipt.Verify(signed(t, r), receipt.Options{}); err != nil || !report.Settled {
		t.Errorf("%+v %v", report, err)
	}
}

func TestACertifiedChannelBelowTheClaimsFails(t *testing.T) {
	v := newVisit(t, pricing.Default().Bytes())
	v.read(0, 0, meter.Charging)
	v.read(time.Minute, 1_000_000, meter.Charging)
	v.pay(0, v.cost())
	v.settle()
	v.read(2*time.Minute, 2_000_000, meter.Ended)
	v.pay(0, v.cost())
	refusedFor(t, v.evidence(), receipt.PartChannel)
}

func TestMoneyThatCameBackCounts(t *testing.T) {
	v := newVisit(t, []byte(negativeTariff))
	v.apply(stationKey, &settle.TopUp{Sequence: 1, Channel: v.opening.ID(), Party: channel.Partner, Amount: 10 * money.Nano})
	v.read(0, 0, meter.Charging)
	v.read(time.Hour, 10_000_000, meter.Ended)
	v.pay(1, -v.cost())
	v.settle()
	r := signed(t, v.evidence())
	report, err := receipt.Verify(r, receipt.Options{})
	if err != nil || !report.Settled {
		t.Fatalf("%+v %v", report, err)
	}
	if r.Summary.Paid.String() != "-1.00 EUR" {
		t.Error(r.Summary.Paid)
	}
	if words := receipt.Words(r); !strings.HasPrefix(words, "Station "+station.String()+"\npaid 1.00 EUR to vehicle") {
		t.Error(words)
	}
}

func TestWordsSayWhoPaidWhomForWhat(t *testing.T) {
	v := charged(t)
	words := receipt.Words(signed(t, v.evidence()))
	for _, want := range []string{
		"Vehicle " + vehicle.String(), "paid ", " EUR to station " + station.String(), "for 9.632 kWh at DE*ABC*E1", "0.49 EUR per kWh",
		"4 signed claims and 2 ledger vertices", "settled by vertex " + v.vertices[1].ID().String(), "Final: certified in checkpoint",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in\n%s", want, words)
		}
	}
}

func TestWattHours(t *testing.T) {
	for mWh, want := range map[int64]string{0: "0", 1: "0.001", 9_632_000: "9632", 500: "0.5", -1500: "-1.5", 1<<63 - 1: "9223372036854775.807", -1 << 63: "-9223372036854775.808"} {
		if got := receipt.WattHours(mWh); got != want {
			t.Errorf("%d: %s, want %s", mWh, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	raw := encode(f, signed(f, charged(f).evidence()))
	f.Add(raw)
	v := rotated(f)
	v.rotateAgain()
	e := v.evidence()
	e.Keys, e.Rotations = [][]byte{v.keyProof(station)}, []receipt.Vertex{v.proven(v.rotations[0])}
	again, err := receipt.New(e, station, lastStationKey)
	v.must(err)
	f.Add(encode(f, again))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"evidence":{"readings":[""]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := receipt.Parse(in)
		if err != nil {
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, in); err != nil {
			t.Fatal(err)
		}
		if again := encode(t, r); !bytes.Equal(again, compact.Bytes()) {
			t.Fatalf("%s became %s", compact.Bytes(), again)
		}
		_, _ = receipt.Verify(r, receipt.Options{})
		_ = receipt.Words(r)
	})
}
