package status

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestAgreesWithTheExampleOfTheRecommendation(t *testing.T) {
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			t.Fatal("no go.mod above the package")
		}
		directory = parent
	}
	const path = "vectors/status-list/bitstring_example.json"
	data, err := os.ReadFile(filepath.Join(directory, "..", "shared", path))
	if os.IsNotExist(err) {
		t.Skipf("shared/%s is missing", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	var example struct {
		CredentialSubject struct{ EncodedList string }
	}
	if err := json.Unmarshal(data, &example); err != nil {
		t.Fatal(err)
	}
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
