package ocmf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"
)

// p256 is P-256 as our own arithmetic sees it, to compare it with the standard library.
func p256() *weierstrass {
	c := elliptic.P256().Params()
	return &weierstrass{p: c.P, a: new(big.Int).Sub(c.P, big.NewInt(3)), b: c.B, n: c.N, gx: c.Gx, gy: c.Gy}
}

func TestOwnCurvesAgreeWithTheStandardLibraryOnP256(t *testing.T) {
	w := p256()
	for i := range 8 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte{byte(i)})
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
		if !w.isOnCurve(x, y) || !w.verify(x, y, digest[:], r, s) {
			t.Errorf("signature %d: refused", i)
		}
		digest[0] ^= 1
		if w.verify(x, y, digest[:], r, s) {
			t.Errorf("signature %d: accepted over another digest", i)
		}
	}
}

func TestOwnCurvesRefuseNumbersOutsideTheirRange(t *testing.T) {
	for curve, info := range curves {
		if info.own == nil {
			continue
		}
		w := info.own
		digest, one, zero := make([]byte, 32), big.NewInt(1), new(big.Int)
		for _, pair := range [][2]*big.Int{{zero, one}, {one, zero}, {w.n, one}, {one, w.n}, {new(big.Int).Neg(one), one}} {
			if w.verify(w.gx, w.gy, digest, pair[0], pair[1]) {
				t.Errorf("%s: r = %d, s = %d accepted", curve, pair[0], pair[1])
			}
		}
		if w.isOnCurve(w.gx, new(big.Int).Add(w.gy, w.p)) || w.isOnCurve(w.gx, one) {
			t.Errorf("%s: a point off the curve accepted", curve)
		}
	}
}

func TestOwnCurvesHaveTheGroupLaw(t *testing.T) {
	for curve, info := range curves {
		if info.own == nil {
			continue
		}
		w := info.own
		g := jacobian{w.gx, w.gy, big.NewInt(1)}
		minus := jacobian{w.gx, new(big.Int).Sub(w.p, w.gy), big.NewInt(1)}
		if !w.isOnCurve(w.gx, w.gy) {
			t.Errorf("%s: the generator is not on the curve", curve)
		}
		if w.add(g, minus).z.Sign() != 0 {
			t.Errorf("%s: G − G is not infinity", curve)
		}
		if !w.same(w.add(g, g), w.double(g)) {
			t.Errorf("%s: G + G is not 2G", curve)
		}
		last := new(big.Int).Sub(w.n, big.NewInt(1))
		if !w.same(w.sumOfMultiples(last, g, new(big.Int), g), minus) {
			t.Errorf("%s: (n − 1)·G is not −G", curve)
		}
		if w.sumOfMultiples(last, g, big.NewInt(1), g).z.Sign() != 0 {
			t.Errorf("%s: n·G is not infinity", curve)
		}
	}
}

// same compares two points, x/z² and y/z³ crosswise.
func (w *weierstrass) same(p, q jacobian) bool {
	pzz, qzz := w.mul(p.z, p.z), w.mul(q.z, q.z)
	return w.mul(p.x, qzz).Cmp(w.mul(q.x, pzz)) == 0 &&
		w.mul(p.y, w.mul(q.z, qzz)).Cmp(w.mul(q.y, w.mul(p.z, pzz))) == 0
}

// Keys and signatures made with OpenSSL 3.0 over openSSLText.
const openSSLText = "signed by another library"

var openSSL = []struct {
	curve          Curve
	key, signature string
}{
	{BrainpoolP256r1,
		"305a301406072a8648ce3d020106092b2403030208010107034200042ae99c95d4952d93d9602dfdccbfdd292efd1784e899815cf6dd587fc1da44c023ae01d2a2bc544a2685c256a26658179ea3140e383c54ba8934cb5a2b95e500",
		"3045022002e581574a7d7bda0cf6040c1bf99f0f192bbb25d4a05c0b55c5d52715b8c08d022100a60ef509d511beaba7375b6bceaf55cf25cb08b80b43fa630828ee89b7bd4831"},
	{BrainpoolP384r1,
		"307a301406072a8648ce3d020106092b240303020801010b0362000477d8344fb4519031611efa74b3c10a376b95fee7abf0cb556f17d75b74518918589bcb244111c99f3843b668a753a209160ac5a7a181a18a5339c1945d74a2cc139ba4852787f8bf7589ab55fec0885990dee8ccbc0b811ab7bdebd6ab500c5f",
		"306402300331fbe05f87f417aeb52a60ab040ca2b20784f5734bbf3d94189dbe5095990c8ec93a5aca0c8a9156dcd1967b3f592602300fb2d2c25dfd2cd48d4729bb45287bc07696e481a4c139536fecd1eaf7baac03b44db860d20f75b07c040f30572b9ab7"},
	{Secp192r1,
		"3049301306072a8648ce3d020106082a8648ce3d0301010332000464cbe22ad5aec78f95d8a1fd9e0d67109be82a11efec9c5febf82f83a7d5b383b524a0b8f46a20aaff9eacce5a84f94c",
		"303502184e3d183686b0f4f8ec8cbe383b18d1fb8bbf884ced7e2431021900a211e272cfe54d5399f8a532270f798266f5f0f12b5f644c"},
	{Secp192k1,
		"3046301006072a8648ce3d020106052b8104001f033200042489c872e1c2a2db2c296aea3e0be12619124378959ea868e67bcc0837db5154ca689886d56a9404dd6536b201db18ba",
		"3035021900adad7018f7afd0582541f0963d6af23ce27b737856c5d45802183aeb584d6bd22ec8f654e731666c5265be14e13cf13005cc"},
}

func TestOwnCurvesVerifyWhatOpenSSLSigned(t *testing.T) {
	for _, v := range openSSL {
		t.Run(v.curve.String(), func(t *testing.T) {
			key, err := DecodePublicKey(v.key, Quirks{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if key.Curve() != v.curve || key.String() != v.key {
				t.Errorf("read as a key of %s, written as %s", key.Curve(), key)
			}
			der, err := hex.DecodeString(v.signature)
			if err != nil {
				t.Fatal(err)
			}
			r, s, ok := strictDER(der)
			if !ok || !key.holds(openSSLText, r, s) {
				t.Error("refused")
			}
			if key.holds(openSSLText+" ", r, s) {
				t.Error("holds over another text")
			}
		})
	}
}
