package receipt_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/receipt"
	"joulepay/wallet"
)

var (
	nextStationKey = wallet.NewPrivateKey([32]byte{33})
	lastStationKey = wallet.NewPrivateKey([32]byte{34})
)

// rotated is a whole session of a station whose account key was replaced before it: it signs quote and settlement with the new
// one.
func rotated(t testing.TB) *visit {
	t.Helper()
	v := newVisit(t, pricing.Default().Bytes())
	v.rotations = append(v.rotations, v.apply(stationKey, settle.NewRotate(v.genesis.NetworkID(), station, 1, stationKey, nextStationKey)))
	v.quote = quote.Sign(v.quote.Quote, nextStationKey)
	v.read(0, 0, meter.Charging)
	v.read(time.Minute, 1_000_000, meter.Ended)
	v.pay(0, v.cost())
	v.nonce++
	vertex, err := settle.Sign(settle.Draft{Network: v.genesis.NetworkID(), Issuer: station, Parents: v.state.Tips(v.nonce),
		Nonce: v.nonce, Payload: &settle.Settle{Claims: v.bests[:1]}}, nextStationKey)
	v.must(err)
	if verdict := v.enter(vertex); !verdict.Accepted() {
		t.Fatal(verdict)
	}
	v.vertices = append(v.vertices, vertex)
	v.certify()
	return v
}

// rotateAgain gives the station a third key, after all that it signed with the second.
func (v *visit) rotateAgain() {
	v.t.Helper()
	v.nonce++
	again, err := settle.Sign(settle.Draft{Network: v.genesis.NetworkID(), Issuer: vehicle, Parents: v.state.Tips(v.nonce), Nonce: v.nonce,
		Payload: settle.NewRotate(v.genesis.NetworkID(), station, 2, nextStationKey, lastStationKey)}, vehicleKey)
	v.must(err)
	if verdict := v.enter(again); !verdict.Accepted() {
		v.t.Fatal(verdict)
	}
	v.rotations = append(v.rotations, again)
	v.certify()
}

// proven gives a vertex with its proof.
func (v *visit) proven(vertex *settle.Vertex) receipt.Vertex {
	return receipt.Vertex{Vertex: vertex.Encode(), Proof: v.proofs[vertex.ID()].Encode()}
}

// keyProof shows which key the ledger knows of a DID.
func (v *visit) keyProof(d wallet.DID) []byte {
	v.t.Helper()
	final, key := v.finality.Final(), settle.DIDKey(d)
	content, inclusion, err := v.state.ProveSlot(final.Checkpoint.Number, key)
	v.must(err)
	return proof.Slot{Final: final, Key: key, Content: content, Inclusion: inclusion}.Encode()
}

func TestAReceiptProvesTheKeyThatReplacedTheFirst(t *testing.T) {
	v := rotated(t)
	e := v.evidence()
	e.Keys = [][]byte{v.keyProof(station)}
	for name, row := range map[string]struct {
		issuer wallet.DID
		key    wallet.PrivateKey
	}{"by the station": {station, nextStationKey}, "by the vehicle": {vehicle, vehicleKey}} {
		r, err := receipt.New(e, row.issuer, row.key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		report, err := receipt.Verify(r, receipt.Options{Network: v.genesis.NetworkID()})
		if err != nil || !report.Settled {
			t.Errorf("%s: %+v %v", name, report, err)
		}
		if !slices.ContainsFunc(report.Checks, func(s string) bool {
			return strings.Contains(s, "with the key "+nextStationKey.Public().String()+", which witnesses certified")
		}) {
			t.Errorf("%s: the report does not name the key: %q", name, report.Checks)
		}
	}
}

func TestAReceiptUnderAKeyThatNothingProvesFails(t *testing.T) {
	v := rotated(t)
	proven := [][]byte{v.keyProof(station)}
	changed := slices.Clone(proven[0])
	changed[len(changed)/2] ^= 1
	before := charged(t)
	tests := []struct {
		name   string
		visit  *visit
		keys   [][]byte
		issuer wallet.DID
		key    wallet.PrivateKey
		want   receipt.Part
	}{
		{"no proof of the quote's key", v, nil, vehicle, vehicleKey, receipt.PartQuote},
		{"a key that nobody knows", v, proven, station, strangerKey, receipt.PartSignature},
		{"another's key", before, nil, vehicle, nextStationKey, receipt.PartSignature},
		{"the first key, which the proof shows to be replaced", v, proven, station, stationKey, receipt.PartSignature},
		{"the same proof twice", v, append(proven, proven[0]), station, nextStationKey, receipt.PartKeys},
		{"a proof that was changed", v, [][]byte{changed}, station, nextStationKey, receipt.PartKeys},
		{"noise for a proof", v, [][]byte{{1}}, station, nextStationKey, receipt.PartKeys},
		{"too many proofs", v, slices.Repeat(proven, receipt.KeysMax+1), station, nextStationKey, receipt.PartKeys},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := test.visit.evidence()
			e.Keys = test.keys
			r, err := receipt.New(e, test.issuer, test.key)
			if err == nil {
				_, err = receipt.Verify(r, receipt.Options{})
			}
			var failed *receipt.Error
			if !errors.As(err, &failed) || failed.Part != test.want {
				t.Errorf("%v, want part %s", err, test.want)
			}
		})
	}
}

// Whoever keeps the receipt can change neither the key nor its proof.
func TestNoDigitOfAKeyOrItsProofCanBeChanged(t *testing.T) {
	v := rotated(t)
	e := v.evidence()
	e.Keys = [][]byte{v.keyProof(station)}
	r, err := receipt.New(e, station, nextStationKey)
	v.must(err)
	raw, err := r.Encode()
	v.must(err)
	for field, step := range map[string]int{`"issuer_key":"`: 1, `"keys":["`: 17} {
		from := bytes.Index(raw, []byte(field)) + len(field)
		length := bytes.IndexByte(raw[from:], '"')
		for i := from; i < from+length; i += step {
			changed := slices.Clone(raw)
			changed[i] = map[bool]byte{true: 'b', false: 'a'}[raw[i] == 'a']
			parsed, err := receipt.Parse(changed)
			if err == nil {
				_, err = receipt.Verify(parsed, receipt.Options{Network: v.genesis.NetworkID()})
			}
			if !errors.Is(err, receipt.ErrInvalid) {
				t.Fatalf("%s character %d: %v", field, i-from, err)
			}
		}
	}
}

// resigned signs a receipt as somebody who writes it without New.
func resigned(t *testing.T, r receipt.Receipt, stated *wallet.PublicKey, key wallet.PrivateKey) receipt.Receipt {
	t.Helper()
	r.Key, r.Signature = stated, nil
	body, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	signature := key.Sign(wallet.DomainReceipt, r.Network, body)
	r.Signature = &signature
	return r
}

func TestAForgerStatesNoKeyInAnothersName(t *testing.T) {
	v := rotated(t)
	e := v.evidence()
	e.Keys = [][]byte{v.keyProof(station)}
	r, err := receipt.New(e, station, nextStationKey)
	v.must(err)
	stranger, first, next := strangerKey.Public(), stationKey.Public(), nextStationKey.Public()
	for name, row := range map[string]struct {
		stated *wallet.PublicKey
		key    wallet.PrivateKey
		good   bool
	}{
		"as it was":                     {&next, nextStationKey, true},
		"a key of its own":              {&stranger, strangerKey, false},
		"the proven key, without it":    {&next, strangerKey, false},
		"the first key, stated":         {&first, stationKey, false},
		"the first key, which was lost": {nil, stationKey, false},
	} {
		_, err := receipt.Verify(resigned(t, r, row.stated, row.key), receipt.Options{})
		var failed *receipt.Error
		if errors.As(err, &failed) && failed.Part != receipt.PartSignature || (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who rotates twice before the receipt is made proves the key of between by the rotation that gave it.
func TestAReceiptProvesAKeyThatWasReplacedAgain(t *testing.T) {
	v := rotated(t)
	v.rotateAgain()
	e := v.evidence()
	e.Rotations = []receipt.Vertex{v.proven(v.rotations[0])}
	for name, row := range map[string]struct {
		issuer wallet.DID
		key    wallet.PrivateKey
		keys   [][]byte
	}{"by the station under its key of now": {station, lastStationKey, [][]byte{v.keyProof(station)}}, "by the vehicle": {vehicle, vehicleKey, nil}} {
		e.Keys = row.keys
		r, err := receipt.New(e, row.issuer, row.key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		raw, err := r.Encode()
		v.must(err)
		again, err := receipt.Parse(raw)
		v.must(err)
		if report, err := receipt.Verify(again, receipt.Options{Network: v.genesis.NetworkID()}); err != nil || !report.Settled {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
}

func TestARotationThatProvesNothingFails(t *testing.T) {
	v := rotated(t)
	refused, verdict := v.decide(vehicleKey, settle.NewRotate(v.genesis.NetworkID(), station, 7, stationKey, strangerKey))
	if verdict.Accepted() {
		t.Fatal("a rotation that skips versions was accepted")
	}
	v.rotateAgain()
	good, other := v.proven(v.rotations[0]), v.proven(v.rotations[1])
	changed := slices.Clone(good.Proof)
	changed[len(changed)-1] ^= 1
	elsewhere := wallet.NetworkID{1}
	foreign, err := settle.Sign(settle.Draft{Network: elsewhere, Issuer: station, Parents: []settle.VertexID{{1}, {2}},
		Payload: settle.NewRotate(elsewhere, station, 1, stationKey, nextStationKey)}, stationKey)
	v.must(err)
	now := v.keyProof(station)
	for _, test := range []struct {
		name      string
		rotations []receipt.Vertex
		keys      [][]byte
		issuer    wallet.DID
		key       wallet.PrivateKey
		want      receipt.Part
	}{
		{"only the key of now, not of the quote", nil, [][]byte{now}, vehicle, vehicleKey, receipt.PartQuote},
		{"the rotation to another key", []receipt.Vertex{other}, nil, vehicle, vehicleKey, receipt.PartQuote},
		{"a rotation without its proof", []receipt.Vertex{{Vertex: good.Vertex}}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"with the proof of another", []receipt.Vertex{{Vertex: good.Vertex, Proof: other.Proof}}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"with a proof that was changed", []receipt.Vertex{{Vertex: good.Vertex, Proof: changed}}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"one that the ledger refused", []receipt.Vertex{v.proven(refused)}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"one of another network", []receipt.Vertex{{Vertex: foreign.Encode(), Proof: good.Proof}}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"something else than a rotation", []receipt.Vertex{v.proven(v.vertices[1])}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"the same twice", []receipt.Vertex{good, good}, nil, vehicle, vehicleKey, receipt.PartKeys},
		{"the same key by its slot, too", []receipt.Vertex{good, other}, [][]byte{now}, vehicle, vehicleKey, receipt.PartKeys},
		{"too many", slices.Repeat([]receipt.Vertex{good}, receipt.KeysMax), [][]byte{now}, vehicle, vehicleKey, receipt.PartKeys},
		{"signed by the station under its key of between", []receipt.Vertex{good}, [][]byte{now}, station, nextStationKey, receipt.PartSignature},
		{"signed by the station under its first key", []receipt.Vertex{good}, [][]byte{now}, station, stationKey, receipt.PartSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := v.evidence()
			e.Keys, e.Rotations = test.keys, test.rotations
			_, err := receipt.New(e, test.issuer, test.key)
			var failed *receipt.Error
			if !errors.As(err, &failed) || failed.Part != test.want {
				t.Errorf("%v, want part %s", err, test.want)
			}
		})
	}
}
