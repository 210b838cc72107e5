package wallet

import (
	"strconv"
	"strings"
	"testing"

	"joulepay/internal/shared"
)

func TestSLIP10AgreesWithItsVectors(t *testing.T) {
	var vectors []struct {
		Name   string   `json:"name"`
		Seed   hexBytes `json:"seed"`
		Chains []struct {
			Path      string   `json:"path"`
			ChainCode hexBytes `json:"chain_code"`
			Private   hexBytes `json:"private"`
			Public    hexBytes `json:"public"`
		} `json:"chains"`
	}
	shared.ReadJSON(t, "vectors/slip10/slip0010_vectors.json", &vectors)
	checked := 0
	for _, vector := range vectors {
		if !strings.HasSuffix(vector.Name, "for ed25519") {
			continue
		}
		for _, want := range vector.Chains {
			checked++
			n := masterNode(vector.Seed).descend(hardenedNumbers(t, want.Path)...)
			if string(n.chain[:]) != string(want.ChainCode) || string(n.key[:]) != string(want.Private) {
				t.Errorf("%s, %s: got chain %x and key %x", vector.Name, want.Path, n.chain, n.key)
			}
			public := NewPrivateKey(n.key).Public()
			if string(public[:]) != string(want.Public[1:]) { // the vectors put a zero byte before Ed25519 keys
				t.Errorf("%s, %s: got public key %s", vector.Name, want.Path, public)
			}
		}
	}
	if checked != 12 {
		t.Fatalf("%d chains, want 12", checked)
	}
}

// hardenedNumbers reads "m/0<sub>H</sub>/1<sub>H</sub>".
func hardenedNumbers(t *testing.T, path string) []uint32 {
	t.Helper()
	var numbers []uint32
	for _, level := range strings.Split(strings.ReplaceAll(path, "<sub>H</sub>", "'"), "/")[1:] {
		digits, ok := strings.CutSuffix(level, "'")
		number, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil {
			t.Fatalf("path %s: level %s is not hardened", path, level)
		}
		numbers = append(numbers, uint32(number))
	}
	return numbers
}
