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

var nextStationKey = wallet.NewPrivateKey([32]byte{33})

// rotated is a whole session of a station whose account key was replaced before it: it signs quote and settlement with the new
// one.
func rotated(t testing.TB) *visit {
	t.Helper()
	v := newVisit(t, pricing.Default().Bytes())
	v.apply(stationKey, settle.NewRotate(v.genesis.NetworkID(), station, 1, stationKey, nextStationKey))
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
