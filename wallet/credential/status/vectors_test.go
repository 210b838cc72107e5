package status

import (
	"testing"

	"joulepay/internal/shared"
)

func TestAgreesWithTheExampleOfTheRecommendation(t *testing.T) {
	var example struct {
		CredentialSubject struct{ EncodedList string }
	}
	shared.ReadJSON(t, "vectors/status-list/bitstring_example.json", &example)
	decoded, err := Decode(example.CredentialSubject.EncodedList)
	if err != nil {
		t.Fatal(err)
	}
	if decoded.Size() != SizeMin || decoded.Ones() != 0 {
		t.Errorf("%d bits, %d of them set", decoded.Size(), decoded.Ones())
	}
}

func TestIndexZeroIsTheLeftMostBit(t *testing.T) {
	bits, err := NewBitstring(SizeMin)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int{0, 9, SizeMin - 1} {
		if err := bits.Set(index, true); err != nil {
			t.Fatal(err)
		}
	}
	last := len(bits.bytes) - 1
	if bits.bytes[0] != 0x80 || bits.bytes[1] != 0x40 || bits.bytes[last] != 0x01 {
		t.Errorf("% x … %x", bits.bytes[:2], bits.bytes[last])
	}
}
