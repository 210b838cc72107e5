package meter_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/meter"
	"joulepay/wallet"
)

var (
	meterKey = wallet.NewPrivateKey([32]byte{1})
	otherKey = wallet.NewPrivateKey([32]byte{2})
	network  = wallet.NetworkID{3}
)

func baseline() meter.Reading {
	return meter.Reading{
		Session:               [16]byte{0xaa, 0xbb},
		Register:              1_234_567,
		Unit:                  meter.MilliwattHours,
		Time:                  time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		State:                 meter.Charging,
		PowerMilliwatts:       11_000_000,
		StateOfChargePermille: 423,
		Attestation:           meter.AttestedByMeter,
	}
}

// readings draws every valid reading, in canonical form.
func readings() *rapid.Generator[meter.Reading] {
	return rapid.Custom(func(t *rapid.T) meter.Reading {
		r := meter.Reading{
			Session:               [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "session")),
			Sequence:              rapid.Uint64().Draw(t, "sequence"),
			Register:              rapid.Int64Min(0).Draw(t, "register"),
			Unit:                  meter.Unit(rapid.ByteRange(1, 3).Draw(t, "unit")),
			Time:                  time.UnixMilli(rapid.Int64Range(0, 253402300799999).Draw(t, "time")).UTC(),
			State:                 meter.State(rapid.ByteRange(1, 4).Draw(t, "state")),
			PowerMilliwatts:       rapid.Int64().Draw(t, "power"),
			StateOfChargePermille: rapid.Int16Range(-1, 1000).Draw(t, "soc"),
			Attestation:           meter.Attestation(rapid.ByteRange(1, 3).Draw(t, "attestation")),
		}
		if r.Sequence != 0 {
			r.Previous = [32]byte(rapid.SliceOfN(rapid.ByteMin(1), 32, 32).Draw(t, "previous"))
		}
		if r.Unit == meter.MilliwattHours && rapid.Bool().Draw(t, "two ways") {
			r.Exported = rapid.Int64Min(0).Draw(t, "exported")
		}
		return r
	})
}

func TestAReadingSurvivesItsEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := readings().Draw(t, "reading")
		b := r.Encode()
		if want := map[bool]int{false: meter.ReadingSize, true: meter.ReadingSizeMax}[r.Exported != 0]; len(b) != want {
			t.Fatalf("%d bytes, want %d", len(b), want)
		}
		back, err := meter.DecodeReading(b)
		if err != nil || back != r || back.Hash() != r.Hash() {
			t.Fatalf("%v: %+v, want %+v", err, back, r)
		}
	})
}

func TestTheEncodingOfAReadingIsFixed(t *testing.T) {
	const bytesWanted = "01" + "aabb0000000000000000000000000000" + "0000000000000000" + "000000000012d687" + "01" +
		"0000019b7ca98f2e" + "01" + "0000000000a7d8c0" + "01a7" + "01" +
		"0000000000000000000000000000000000000000000000000000000000000000"
	const hashWanted = "514a3c35e7db1995f32b709506b5e4649792dd39f56a84eb16e91fa779962115"
	if got := hex.EncodeToString(baseline().Encode()); got != bytesWanted {
		t.Errorf("bytes %s, want %s", got, bytesWanted)
	}
	if hash := baseline().Hash(); hex.EncodeToString(hash[:]) != hashWanted {
		t.Errorf("hash %x", hash)
	}
}

func TestTheEncodingOfAReadingThatGaveBackIsFixed(t *testing.T) {
	r := baseline()
	r.Exported, r.PowerMilliwatts = 7, -1
	const bytesWanted = "02" + "aabb0000000000000000000000000000" + "0000000000000000" + "000000000012d687" + "01" +
		"0000019b7ca98f2e" + "01" + "ffffffffffffffff" + "01a7" + "01" +
		"0000000000000000000000000000000000000000000000000000000000000000" + "0000000000000007"
	const hashWanted = "99cd7d6ab3aa69c98f2b22477a741c355ca31ffb76c3c70daf00fec9de519cf9"
	if got := hex.EncodeToString(r.Encode()); got != bytesWanted {
		t.Errorf("bytes %s, want %s", got, bytesWanted)
	}
	if hash := r.Hash(); hex.EncodeToString(hash[:]) != hashWanted {
		t.Errorf("hash %x", hash)
	}
}

// gaveBack is a reading of version 2.
func gaveBack() meter.Reading {
	r := baseline()
	r.Exported = 1
	return r
}

func TestTimeIsKeptInWholeMillisecondsOfUTC(t *testing.T) {
	r := baseline()
	r.Time = r.Time.Add(999 * time.Microsecond).In(time.FixedZone("", 3600))
	back, err := meter.DecodeReading(r.Encode())
	if err != nil || back != baseline() || r.Canonical() != baseline() || r.Hash() != baseline().Hash() {
		t.Fatalf("%v: %+v", err, back)
	}
	if s := meter.Sign(r, meterKey, network); s.Reading != baseline() {
		t.Fatalf("signed %+v", s.Reading)
	}
}

func TestI9_BytesThatAreNoReadingAreRefused(t *testing.T) {
	at := func(offset int, b ...byte) []byte {
		bytes := baseline().Encode()
		copy(bytes[offset:], b)
		return bytes
	}
	cases := map[string][]byte{
		"nothing":                    nil,
		"short":                      baseline().Encode()[:meter.ReadingSize-1],
		"long":                       append(baseline().Encode(), 0),
		"version":                    at(0, 2),
		"negative register":          at(25, 0x80),
		"no unit":                    at(33, 0),
		"unknown unit":               at(33, 4),
		"time before 1970":           at(34, 0xff),
		"time after 9999":            at(34, 0x7f),
		"no state":                   at(42, 0),
		"unknown state":              at(42, 5),
		"more than full":             at(51, 0x03, 0xe9),
		"less than unknown":          at(51, 0xff, 0xfe),
		"no attestation":             at(53, 0),
		"unknown attestation":        at(53, 4),
		"baseline with predecessor":  at(54, 1),
		"successor of nothing":       at(24, 1),
		"all ones":                   bytes.Repeat([]byte{0xff}, meter.ReadingSize),
		"all zeros":                  make([]byte, meter.ReadingSize),
		"version 1, with more":       append([]byte{1}, gaveBack().Encode()[1:]...),
		"nothing gave back":          append(gaveBack().Encode()[:meter.ReadingSize], make([]byte, 8)...),
		"negative gave back":         append(gaveBack().Encode()[:meter.ReadingSize], 0x80, 0, 0, 0, 0, 0, 0, 0),
		"seconds gave back":          append(append(gaveBack().Encode()[:33], 2), gaveBack().Encode()[34:]...),
		"short, gave back":           gaveBack().Encode()[:meter.ReadingSizeMax-1],
		"a signed reading of itself": meter.Sign(baseline(), meterKey, network).Encode(),
	}
	for name, b := range cases {
		if r, err := meter.DecodeReading(b); !errors.Is(err, meter.ErrEncoding) || r != (meter.Reading{}) {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

func TestI8_ASignatureCoversEveryFieldTheEvidenceAndTheNetwork(t *testing.T) {
	evidence := []byte("OCMF|{}|{}")
	signed, err := meter.SignWithEvidence(baseline(), evidence, meterKey, network)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := wallet.NewVerifier(meterKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := signed.Verify(meterKey.Public(), network); err != nil {
		t.Fatal(err)
	}
	if err := signed.VerifyWith(verifier, network); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, s meter.Signed, key wallet.PublicKey, n wallet.NetworkID) {
		if err := s.Verify(key, n); !errors.Is(err, wallet.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("another key", signed, otherKey.Public(), network)
	refused("another network", signed, meterKey.Public(), wallet.NetworkID{4})
	if err := signed.VerifyWith(verifier, wallet.NetworkID{4}); !errors.Is(err, wallet.ErrSignature) {
		t.Errorf("another network: %v", err)
	}
	for name, change := range map[string]func(*meter.Signed){
		"session":          func(s *meter.Signed) { s.Reading.Session[15]++ },
		"sequence":         func(s *meter.Signed) { s.Reading.Sequence++ },
		"register":         func(s *meter.Signed) { s.Reading.Register++ },
		"exported":         func(s *meter.Signed) { s.Reading.Exported++ },
		"unit":             func(s *meter.Signed) { s.Reading.Unit = meter.Seconds },
		"time":             func(s *meter.Signed) { s.Reading.Time = s.Reading.Time.Add(time.Millisecond) },
		"state":            func(s *meter.Signed) { s.Reading.State = meter.Ended },
		"power":            func(s *meter.Signed) { s.Reading.PowerMilliwatts++ },
		"state of charge":  func(s *meter.Signed) { s.Reading.StateOfChargePermille++ },
		"attestation":      func(s *meter.Signed) { s.Reading.Attestation = meter.AttestedByStation },
		"previous":         func(s *meter.Signed) { s.Reading.Previous[31]++ },
		"evidence":         func(s *meter.Signed) { s.Evidence = []byte("OCMF|{}|{ }") },
		"evidence removed": func(s *meter.Signed) { s.Evidence = nil },
		"signature":        func(s *meter.Signed) { s.Signature[0]++ },
	} {
		changed := signed
		change(&changed)
		refused(name, changed, meterKey.Public(), network)
	}
	evidence[0]++
	refused("a caller's buffer", meter.Signed{Reading: signed.Reading, Evidence: evidence, Signature: signed.Signature}, meterKey.Public(), network)
	if err := signed.Verify(meterKey.Public(), network); err != nil {
		t.Errorf("the evidence is not a copy: %v", err)
	}
}

func TestASignedReadingSurvivesItsEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := readings().Draw(t, "reading")
		evidence := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "evidence")
		signed, err := meter.SignWithEvidence(r, evidence, meterKey, network)
		if err != nil {
			t.Fatal(err)
		}
		back, err := meter.DecodeSigned(signed.Encode())
		if err != nil || back.Reading != r || !bytes.Equal(back.Evidence, evidence) || back.Signature != signed.Signature {
			t.Fatalf("%v: %+v", err, back)
		}
		if err := back.Verify(meterKey.Public(), network); err != nil {
			t.Fatal(err)
		}
	})
}

func TestI9_EvidenceIsBounded(t *testing.T) {
	most, err := meter.SignWithEvidence(gaveBack(), make([]byte, meter.EvidenceSizeMax), meterKey, network)
	if err != nil {
		t.Fatal(err)
	}
	b := most.Encode()
	if len(b) != meter.SignedSizeMax {
		t.Fatalf("%d bytes", len(b))
	}
	if _, err := meter.DecodeSigned(b); err != nil {
		t.Fatal(err)
	}
	if _, err := meter.SignWithEvidence(baseline(), make([]byte, meter.EvidenceSizeMax+1), meterKey, network); !errors.Is(err, meter.ErrEvidence) {
		t.Fatal(err)
	}
	short := meter.Sign(baseline(), meterKey, network).Encode()
	stated := append([]byte(nil), short...)
	stated[len(stated)-1] = 1
	for name, b := range map[string][]byte{
		"nothing": nil, "long": append(b, 0), "cut": short[:len(short)-1], "more than stated": append(short[:len(short):len(short)], 1),
		"less than stated": stated, "no reading": make([]byte, len(short)),
	} {
		if _, err := meter.DecodeSigned(b); !errors.Is(err, meter.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesSurviveTheirText(t *testing.T) {
	for _, u := range []meter.Unit{meter.MilliwattHours, meter.Seconds, meter.Count} {
		text, err := u.MarshalText()
		var back meter.Unit
		if err != nil || back.UnmarshalText(text) != nil || back != u || string(text) != u.String() {
			t.Errorf("unit %d: %q %v", u, text, err)
		}
	}
	for _, s := range []meter.State{meter.Charging, meter.SuspendedVehicle, meter.SuspendedStation, meter.Ended} {
		text, err := s.MarshalText()
		var back meter.State
		if err != nil || back.UnmarshalText(text) != nil || back != s || string(text) != s.String() {
			t.Errorf("state %d: %q %v", s, text, err)
		}
	}
	for _, a := range []meter.Attestation{meter.AttestedByMeter, meter.AttestedByStation, meter.AttestedOCMF} {
		text, err := a.MarshalText()
		var back meter.Attestation
		if err != nil || back.UnmarshalText(text) != nil || back != a || string(text) != a.String() {
			t.Errorf("attestation %d: %q %v", a, text, err)
		}
	}
	if _, err := meter.Unit(0).MarshalText(); !errors.Is(err, meter.ErrName) {
		t.Error(err)
	}
	var state meter.State
	if err := state.UnmarshalText([]byte("Charging")); !errors.Is(err, meter.ErrName) || state != 0 {
		t.Error(err)
	}
	if got := meter.State(9).String(); got != "unknown(9)" {
		t.Error(got)
	}
}

func TestAReadingOutOfBoundsIsInvalid(t *testing.T) {
	r := baseline()
	r.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := r.Validate(); !errors.Is(err, meter.ErrReading) {
		t.Error(err)
	}
	r = baseline()
	r.Register = math.MinInt64
	if err := r.Validate(); !errors.Is(err, meter.ErrReading) {
		t.Error(err)
	}
}

func FuzzDecodeReading(f *testing.F) {
	f.Add(baseline().Encode())
	f.Add(gaveBack().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := meter.DecodeReading(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Encode(), b) {
			t.Fatalf("decode then encode is not the identity: %x", b)
		}
	})
}

func FuzzDecodeSigned(f *testing.F) {
	f.Add(meter.Sign(baseline(), meterKey, network).Encode())
	withEvidence, err := meter.SignWithEvidence(baseline(), []byte("OCMF|{}|{}"), meterKey, network)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(withEvidence.Encode())
	f.Add(meter.Sign(gaveBack(), meterKey, network).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := meter.DecodeSigned(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Encode(), b) {
			t.Fatalf("decode then encode is not the identity: %x", b)
		}
	})
}
