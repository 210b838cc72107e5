package wallet

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBatchNamesExactlyTheBadSignatures(t *testing.T) {
	verifiers := make([]*Verifier, 4)
	for i := range verifiers {
		verifiers[i], _ = NewVerifier(testKey(byte(i)).Public())
	}
	batch := NewBatch(0)
	rapid.Check(t, func(t *rapid.T) {
		batch.Reset()
		var want []int
		for i := range rapid.IntRange(0, 20).Draw(t, "length") {
			signer := rapid.IntRange(0, len(verifiers)-1).Draw(t, "signer")
			body := []byte{byte(i)}
			s := testKey(byte(signer)).Sign(DomainClaim, NetworkID{}, body)
			if rapid.IntRange(0, 9).Draw(t, "tampered") == 0 {
				s[rapid.IntRange(0, SignatureSize-1).Draw(t, "byte")] ^= 0x20
				want = append(want, i)
			}
			if rapid.Bool().Draw(t, "prepared") {
				batch.Add(verifiers[signer], DomainClaim, NetworkID{}, body, s)
			} else {
				batch.AddKey(verifiers[signer].Key(), DomainClaim, NetworkID{}, body, s)
			}
		}
		if bad := batch.Verify(); !slices.Equal(bad, want) {
			t.Fatalf("bad are %v, want %v of %d", bad, want, batch.Len())
		}
	})
}

func TestBatchReportsAnUnusableKeyAtItsPlace(t *testing.T) {
	key := testKey(1)
	s := key.Sign(DomainClaim, NetworkID{}, nil)
	batch := NewBatch(3)
	batch.AddKey(key.Public(), DomainClaim, NetworkID{}, nil, s)
	batch.AddKey(PublicKey{}, DomainClaim, NetworkID{}, nil, Signature{})
	batch.AddKey(key.Public(), DomainClaim, NetworkID{}, nil, s)
	if bad := batch.Verify(); !slices.Equal(bad, []int{1}) || batch.Len() != 3 {
		t.Errorf("bad are %v of %d, want [1] of 3", bad, batch.Len())
	}
}

func TestEmptyBatchHasNothingBad(t *testing.T) {
	if bad := NewBatch(0).Verify(); bad != nil {
		t.Errorf("bad are %v", bad)
	}
}

// A claim's body is about this long.
var benchmarkBody = make([]byte, 240)

func BenchmarkSign(b *testing.B) {
	key := testKey(1)
	for b.Loop() {
		key.Sign(DomainClaim, NetworkID{}, benchmarkBody)
	}
}

func BenchmarkVerify(b *testing.B) {
	key := testKey(1)
	s := key.Sign(DomainClaim, NetworkID{}, benchmarkBody)
	b.Run("single", func(b *testing.B) {
		for b.Loop() {
			if err := Verify(key.Public(), DomainClaim, NetworkID{}, benchmarkBody, s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("expand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := NewVerifier(key.Public()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("expanded", func(b *testing.B) {
		v, _ := NewVerifier(key.Public())
		for b.Loop() {
			if err := v.Verify(DomainClaim, NetworkID{}, benchmarkBody, s); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, size := range []int{1, 2, 4, 8, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { benchmarkBatch(b, size) })
	}
}

// benchmarkBatch verifies batches in which every signature has its own key, and reports the time of one signature.
func benchmarkBatch(b *testing.B, size int) {
	verifiers, signatures := make([]*Verifier, size), make([]Signature, size)
	for i := range verifiers {
		key := testKey(byte(i))
		verifiers[i], _ = NewVerifier(key.Public())
		signatures[i] = key.Sign(DomainClaim, NetworkID{}, benchmarkBody)
	}
	batch := NewBatch(size)
	for b.Loop() {
		batch.Reset()
		for i, v := range verifiers {
			batch.Add(v, DomainClaim, NetworkID{}, benchmarkBody, signatures[i])
		}
		if bad := batch.Verify(); bad != nil {
			b.Fatal(bad)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/sig")
}
