package ocmf

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"pgregory.net/rapid"
)

func TestWhatIsSignedVerifiesAndReadsBackTheSame(t *testing.T) {
	keys := map[Curve]PrivateKey{P256: mustKey(P256), P384: mustKey(P384), Secp256k1: mustKey(Secp256k1)}
	rapid.Check(t, func(t *rapid.T) {
		p := drawPayload(t)
		curve := rapid.SampledFrom([]Curve{P256, P384, Secp256k1}).Draw(t, "curve")
		record, err := Sign(p, keys[curve])
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(record.Raw())
		if err != nil {
			t.Fatal(err)
		}
		v, err := again.Verify(keys[curve].Public(), Quirks{})
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Record().Payload(); !samePayload(got, p) {
			t.Fatalf("read %+v\nof  %+v", got, p)
		}
		if twice, _ := Sign(p, keys[curve]); !bytes.Equal(twice.Raw(), record.Raw()) {
			t.Fatal("signed again, the record is another one")
		}
	})
}

// samePayload compares the numbers by their text, and the times as instants.
func samePayload(a, b Payload) bool {
	return fmt.Sprintf("%+v", flat(a)) == fmt.Sprintf("%+v", flat(b))
}

func flat(p Payload) any {
	p.Readings = slices.Clone(p.Readings)
	for i := range p.Readings {
		p.Readings[i].Time = p.Readings[i].Time.UTC()
	}
	loss := LossCompensation{}
	if p.Loss != nil {
		loss = *p.Loss
	}
	p.Loss = nil
	return []any{p, loss}
}

func drawPayload(t *rapid.T) Payload {
	text := rapid.StringOfN(rapid.RuneFrom([]rune(`Aä|"\<&$ {}🔋`)), 0, 20, -1)
	p := Payload{
		Version: "1.4", Page: Page{Transactional, rapid.Uint64().Draw(t, "page")},
		Gateway:     Gateway{text.Draw(t, "GI"), text.Draw(t, "GS"), text.Draw(t, "GV")},
		Meter:       Meter{text.Draw(t, "MV"), text.Draw(t, "MM"), text.Draw(t, "MS"), text.Draw(t, "MF")},
		User:        User{Assigned: true, Level: "SECURE", Flags: []string{"RFID_NONE"}, Type: "EMAID", Data: text.Draw(t, "ID"), TariffText: text.Draw(t, "TT")},
		ChargePoint: ChargePoint{"EVSEID", text.Draw(t, "CI")},
	}
	if rapid.Bool().Draw(t, "LC") {
		p.Loss = &LossCompensation{Name: "cable", Resistance: WattHours(rapid.Int64Range(0, 1e6).Draw(t, "LR")), Unit: "uOhm"}
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "readings") {
		zone := time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, "zone"))
		p.Readings = append(p.Readings, Reading{
			Time: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "TM")).In(zone), Sync: Synchronised, Event: Charging,
			Value: WattHours(rapid.Int64Range(0, 1e15).Draw(t, "RV")), Register: fmt.Sprintf("1-0:1.8.%d", i), Unit: "Wh",
			Current: "AC", ErrorFlags: rapid.SampledFrom([]string{"", "t", "E", "Et"}).Draw(t, "EF"), Status: Good,
		})
	}
	return p
}

func TestKeysAreReadBack(t *testing.T) {
	for _, curve := range []Curve{P256, P384, Secp256k1} {
		key := mustKey(curve)
		scalar, err := key.Scalar()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivateKey(curve, scalar)
		if err != nil || again.Public() != key.Public() {
			t.Errorf("%s: private key read back as another: %v", curve, err)
		}
		text := key.Public().String()
		public, err := DecodePublicKey(text, Quirks{}, 0)
		if err != nil || public != key.Public() {
			t.Errorf("%s: public key read back as another: %v", curve, err)
		}
		coded := base64.StdEncoding.EncodeToString([]byte(text))
		if _, err := DecodePublicKey(coded, Quirks{}, 0); !errors.Is(err, ErrKey) {
			t.Errorf("%s: base64 of hexadecimal accepted: %v", curve, err)
		}
		if public, err := DecodePublicKey(coded, AllQuirks, 0); err != nil || public != key.Public() {
			t.Errorf("%s: base64 of hexadecimal refused on request: %v", curve, err)
		}
		for _, shown := range []string{fmt.Sprintf("%v %+v %#v %x %s", key, key, key, key, key), key.LogValue().String()} {
			if strings.Contains(strings.ToLower(shown), hex.EncodeToString(scalar)[:16]) || !strings.Contains(shown, "redacted") {
				t.Errorf("%s: shown as %s", curve, shown)
			}
		}
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	der := mustKey(P256).Public().DER()
	off := bytes.Clone(der)
	off[len(off)-1] ^= 1
	compressed := append(bytes.Clone(der[:26]), 2)
	for name, bad := range map[string][]byte{
		"empty": {}, "cut": der[:len(der)-1], "something behind": append(bytes.Clone(der), 0), "off the curve": off,
		"another kind of key": bytes.Replace(der, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x02}, 1),
		"unknown curve":       bytes.Replace(der, []byte{0x03, 0x01, 0x07}, []byte{0x03, 0x01, 0x06}, 1), "no point": compressed,
	} {
		if k, err := ParsePublicKey(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	for _, text := range []string{"xyz!", strings.Repeat("30", keyTextMax)} {
		if _, err := DecodePublicKey(text, AllQuirks, P256); !errors.Is(err, ErrKey) {
			t.Errorf("%.10s: %v", text, err)
		}
	}
	if _, err := DecodePublicKey(" \n", AllQuirks, P256); !errors.Is(err, ErrNoKey) {
		t.Errorf("spaces: %v", err)
	}
	for _, curve := range []Curve{0, BrainpoolP256r1, Secp192r1} {
		_, generated := GeneratePrivateKey(curve)
		_, parsed := ParsePrivateKey(curve, make([]byte, 24))
		if !errors.Is(generated, ErrSigning) || !errors.Is(parsed, ErrSigning) {
			t.Errorf("%s: %v, %v", curve, generated, parsed)
		}
	}
	for _, curve := range []Curve{P256, P384, Secp256k1} {
		for _, scalar := range [][]byte{nil, make([]byte, curves[curve].size), bytes.Repeat([]byte{0xff}, curves[curve].size)} {
			if _, err := ParsePrivateKey(curve, scalar); !errors.Is(err, ErrSigning) {
				t.Errorf("%s: %x accepted", curve, scalar)
			}
		}
	}
}

func TestPayloadsThatDoNotFitTheFormatAreNotSigned(t *testing.T) {
	for name, change := range map[string]func(*Payload){
		"no readings":        func(p *Payload) { p.Readings = nil },
		"no status":          func(p *Payload) { p.Readings[0].Status = 0 },
		"no state of clock":  func(p *Payload) { p.Readings[0].Sync = 0 },
		"spaces in a number": func(p *Payload) { p.Readings[0].Value = mustNumber("  1") },
		"version 2":          func(p *Payload) { p.Version = "2.0" },
		"no context":         func(p *Payload) { p.Page.Context = 0 },
		"tariff text":        func(p *Payload) { p.User.TariffText = strings.Repeat("t", 251) },
	} {
		p := whole()[0]
		change(&p)
		if _, err := Sign(p, meterKey); !errors.Is(err, ErrSigning) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Sign(whole()[0], PrivateKey{}); !errors.Is(err, ErrSigning) {
		t.Errorf("without a key: %v", err)
	}
}

// The signature (r, 1) over a text is made to hold under a key chosen for it; then (r, 1 + n) is the same modulo the order
// n, and must not hold too.
func TestNumbersAtOrAboveTheOrderAreRefusedOnSecp256k1(t *testing.T) {
	const signed = "text"
	nonce := mustKey(Secp256k1)
	scalar, err := nonce.Scalar()
	if err != nil {
		t.Fatal(err)
	}
	n := secp256k1.Params().N
	r, _ := nonce.Public().coordinates()
	r.Mod(r, n)
	digest := sha256.Sum256([]byte(signed))
	d := new(big.Int).SetBytes(scalar)
	d.Sub(d, new(big.Int).SetBytes(digest[:])).Mul(d, new(big.Int).ModInverse(r, n)).Mod(d, n)
	key, err := ParsePrivateKey(Secp256k1, d.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	one := big.NewInt(1)
	if !key.Public().holds(signed, r, one) {
		t.Fatal("(r, 1) is refused")
	}
	if key.Public().holds(signed, r, new(big.Int).Add(n, one)) {
		t.Error("(r, 1 + n) holds too")
	}
}

func TestXMLKeepsEveryByteOfARecord(t *testing.T) {
	key := mustKey(P384)
	r, err := Sign(whole()[0], key)
	if err != nil {
		t.Fatal(err)
	}
	spaced := bytes.Replace(r.Raw(), []byte(`,"PG"`), []byte(",\r\n\t \"PG\""), 1)
	values := []Value{
		{TransactionID: "29", Context: "Transaction.Begin", Data: spaced, PublicKey: key.Public().String()},
		{Data: r.Raw(), PublicKey: base64.StdEncoding.EncodeToString(key.Public().DER())},
	}
	file, err := EncodeXML(values)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(file)
	if err != nil || !reflect.DeepEqual(got, values) {
		t.Errorf("%q, %v\nwant %q", got, err, values)
	}
	if !bytes.Contains(file, []byte(`<publicKey encoding="hex">`)) || !bytes.Contains(file, []byte(`<signedData format="OCMF" encoding="plain">OCMF|`)) {
		t.Errorf("file\n%s", file)
	}
}

func TestXMLOfOthersIsReadOrRefused(t *testing.T) {
	one := string(signed(good))
	wrap := func(inner string) string { return "<values><value>" + inner + "</value></values>" }
	for name, text := range map[string]string{
		"plain":  wrap("<signedData>\n  " + one + "\n</signedData>"),
		"hex":    wrap(`<signedData format="OCMF" encoding="hex">` + hex.EncodeToString([]byte(one)) + `</signedData>`),
		"base64": "<?xml version='1.0'?>" + wrap(`<signedData encoding="base64">`+base64.StdEncoding.EncodeToString([]byte(one))+`</signedData>`),
	} {
		if got, err := ReadFile([]byte(text)); err != nil || len(got) != 1 || string(got[0].Data) != one {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"no value": "<values></values>", "another root": "<x/>", "not closed": "<values>", "no data": wrap(""),
		"two data":        wrap("<signedData>a</signedData><signedData>b</signedData>"),
		"another format":  wrap(`<signedData format="SML">a</signedData>`),
		"unknown coding":  wrap(`<signedData encoding="rot13">a</signedData>`),
		"bad coding":      wrap(`<signedData encoding="hex">zz</signedData>`),
		"a second file":   wrap("<signedData>a</signedData>") + wrap("<signedData>a</signedData>"),
		"too many values": "<values>" + strings.Repeat("<value/>", RecordsMax+1) + "</values>",
		"entity":          `<!DOCTYPE v [<!ENTITY a "b">]>` + wrap("<signedData>&a;</signedData>"),
	} {
		if got, err := ReadFile([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRecordsOfTheFieldSayTheSameWhenSignedAgain(t *testing.T) {
	for _, v := range vectors(t) {
		raw := sharedFile(t, v.File)
		r, err := Parse(raw)
		if err != nil {
			continue
		}
		again, err := Sign(r.Payload(), meterKey)
		if err != nil {
			continue // numbers with spaces cannot be written
		}
		if p := r.Payload(); p.User.Type != "" && !samePayload(again.Payload(), p) {
			t.Errorf("%s says something else when it is signed again", filepath.Base(v.File))
		}
	}
}
