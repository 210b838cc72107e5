package dag_test

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/wallet"
)

// zip215Vectors gives the keys and the R of the 196 signatures of ZIP-215: small-order points in every encoding.
func zip215Vectors(t *testing.T) (keys []wallet.PublicKey, rs [][32]byte) {
	t.Helper()
	root := "."
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Join(root, "..")
	}
	raw, err := os.ReadFile(filepath.Join(root, "..", "shared", "vectors", "ed25519", "zip215.json"))
	if os.IsNotExist(err) {
		t.Skip("shared/vectors/ed25519/zip215.json is missing")
	}
	var vectors [][2]string
	if err == nil {
		err = json.Unmarshal(raw, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	seenKey, seenR := map[wallet.PublicKey]bool{}, map[[32]byte]bool{}
	for _, v := range vectors {
		key, err := hex.DecodeString(v[0])
		if err != nil {
			t.Fatal(err)
		}
		signature, err := hex.DecodeString(v[1])
		if err != nil {
			t.Fatal(err)
		}
		if k := wallet.PublicKey(key); !seenKey[k] {
			keys, seenKey[k] = append(keys, k), true
		}
		if r := [32]byte(signature[:32]); !seenR[r] {
			rs, seenR[r] = append(rs, r), true
		}
	}
	return keys, rs
}

// smallOrderSignature signs with an R of small order: S = H(R, A, m)·a. Only a cofactored check takes all of them.
func smallOrderSignature(t *testing.T, seed [32]byte, r [32]byte, message []byte) wallet.Signature {
	t.Helper()
	secret := sha512.Sum512(seed[:])
	secret[0] &= 248
	secret[31] = secret[31]&127 | 64
	a, err := scalar.NewFromBits(secret[:32])
	if err != nil {
		t.Fatal(err)
	}
	h := sha512.New()
	h.Write(r[:])
	h.Write(ed25519.NewKeyFromSeed(seed[:])[32:])
	h.Write(message)
	k, err := scalar.NewFromBytesModOrderWide(h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	var out wallet.Signature
	copy(out[:], r[:])
	if err := scalar.New().Mul(k, a).ToBytes(out[32:]); err != nil {
		t.Fatal(err)
	}
	return out
}

// withOrderAdded gives the signature with S + L, which is no canonical scalar.
func withOrderAdded(s wallet.Signature) wallet.Signature {
	order := [32]byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10,
	}
	carry := 0
	for i, b := range order {
		carry += int(s[32+i]) + int(b)
		s[32+i] = byte(carry)
		carry >>= 8
	}
	return s
}

func withSignature(t *testing.T, v *settle.Vertex, s wallet.Signature) *settle.Vertex {
	t.Helper()
	raw := append([]byte(nil), v.Encode()...)
	copy(raw[len(raw)-wallet.SignatureSize:], s[:])
	v, err := settle.DecodeVertex(raw)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerticesVerifyUnderZIP215 brings the edge cases in which libraries differ through vertices: one for itself, many
// as a batch, and each through the log, with one verdict.
func TestVerticesVerifyUnderZIP215(t *testing.T) {
	keys, rs := zip215Vectors(t)
	l := newLedger(t)
	for n := range byte(2) {
		l.must(l.issuer, anchor(n)) // parents for what follows
	}
	seed := [32]byte{77}
	issuer := actor{key: wallet.NewPrivateKey(seed)}
	issuer.did = wallet.DIDOf(issuer.key.Public())
	var entries []dag.Entry
	var want []bool
	add := func(v *settle.Vertex, good bool) {
		entries, want = append(entries, dag.Entry{Vertex: v}), append(want, good)
	}
	for _, r := range rs {
		v := l.vertex(issuer, anchor(byte(len(entries))))
		id := v.ID()
		s := smallOrderSignature(t, seed, r, wallet.SigningBytes(wallet.DomainVertex, v.Network(), id[:]))
		add(withSignature(t, v, s), true)
		add(withSignature(t, l.vertex(issuer, anchor(byte(len(entries)))), s), false) // another vertex's
	}
	plain := l.vertex(issuer, anchor(200))
	add(plain, true)
	for n, key := range keys { // under such a key S = 0 and R = A verify any message
		if key == (wallet.PublicKey{}) {
			continue // names nobody: such a vertex does not even decode
		}
		v := l.vertex(actor{key: issuer.key, did: wallet.DID(key)}, anchor(byte(n)))
		var s wallet.Signature
		copy(s[:], key[:])
		add(withSignature(t, v, s), false)
	}
	malleable := l.vertex(issuer, anchor(201))
	add(withSignature(t, malleable, withOrderAdded(malleable.Signature())), false)
	add(l.vertex(issuer, anchor(202)), true)
	if len(rs) < 14 || len(keys) < 14 {
		t.Fatalf("%d points and %d keys", len(rs), len(keys))
	}

	signed := make([]dag.Signed, len(entries))
	for i, e := range entries {
		signed[i] = dag.Signed{Vertex: e.Vertex, Key: l.state.AccountKey(e.Vertex.Issuer())}
	}
	together := l.state.VerifySignatures(signed)
	for i, s := range signed {
		alone := l.state.VerifySignature(s.Vertex, s.Key) == nil
		if alone != want[i] || together[i] != want[i] {
			t.Errorf("case %d: alone %t, in a batch %t, want %t", i, alone, together[i], want[i])
		}
	}
	l.state.VerifyEntries(entries)
	for i, e := range entries {
		if (e.SignedBy != wallet.PublicKey{}) != want[i] {
			t.Errorf("case %d: marked %t, want %t", i, !want[i], want[i])
		}
		plain := e
		plain.SignedBy = wallet.PublicKey{}
		if r := l.entry(plain); (r.Verdict != settle.BadSignature) != want[i] {
			t.Errorf("case %d: %s in the log, want good %t", i, r.Verdict, want[i])
		}
	}
}
