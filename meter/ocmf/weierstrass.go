package ocmf

import "math/big"

// weierstrass is the curve y² = x³ + ax + b over a prime field, of prime order n, with generator (gx, gy).
//
// It verifies signatures of the curves that no kept library has: meters with them are in the field, nothing new should be
// signed with them. It is not constant-time, which verification does not need: record, signature and key are public.
// It holds no secret and cannot sign.
type weierstrass struct{ p, a, b, n, gx, gy *big.Int }

// Domain parameters: SEC 2 version 1 (192 bits) and RFC 5639 (brainpool).
var (
	secp192r1 = &weierstrass{
		p: hexInt("ffffffffffffffff fffffffffffffffe ffffffffffffffff"),
		a: hexInt("ffffffffffffffff fffffffffffffffe fffffffffffffffc"),
		b: hexInt("64210519e59c80e7 0fa7e9ab72243049 feb8deecc146b9b1"),
		n: hexInt("ffffffffffffffff ffffffff99def836 146bc9b1b4d22831"),

		gx: hexInt("188da80eb03090f6 7cbf20eb43a18800 f4ff0afd82ff1012"),
		gy: hexInt("07192b95ffc8da78 631011ed6b24cdd5 73f977a11e794811"),
	}
	secp192k1 = &weierstrass{
		p: hexInt("ffffffffffffffff ffffffffffffffff fffffffeffffee37"),
		a: hexInt("0"),
		b: hexInt("3"),
		n: hexInt("ffffffffffffffff fffffffe26f2fc17 0f69466a74defd8d"),

		gx: hexInt("db4ff10ec057e9ae 26b07d0280b7f434 1da5d1b1eae06c7d"),
		gy: hexInt("9b2f2f6d9c5628a7 844163d015be8634 4082aa88d95e2f9d"),
	}
	brainpoolP256r1 = &weierstrass{
		p: hexInt("a9fb57dba1eea9bc 3e660a909d838d72 6e3bf623d5262028 2013481d1f6e5377"),
		a: hexInt("7d5a0975fc2c3057 eef67530417affe7 fb8055c126dc5c6c e94a4b44f330b5d9"),
		b: hexInt("26dc5c6ce94a4b44 f330b5d9bbd77cbf 958416295cf7e1ce 6bccdc18ff8c07b6"),
		n: hexInt("a9fb57dba1eea9bc 3e660a909d838d71 8c397aa3b561a6f7 901e0e82974856a7"),

		gx: hexInt("8bd2aeb9cb7e57cb 2c4b482ffc81b7af b9de27e1e3bd23c2 3a4453bd9ace3262"),
		gy: hexInt("547ef835c3dac4fd 97f8461a14611dc9 c27745132ded8e54 5c1d54c72f046997"),
	}
	brainpoolP384r1 = &weierstrass{
		p: hexInt("8cb91e82a3386d28 0f5d6f7e50e641df 152f7109ed5456b4 12b1da197fb71123 acd3a729901d1a71 874700133107ec53"),
		a: hexInt("7bc382c63d8c150c 3c72080ace05afa0 c2bea28e4fb22787 139165efba91f90f 8aa5814a503ad4eb 04a8c7dd22ce2826"),
		b: hexInt("04a8c7dd22ce2826 8b39b55416f0447c 2fb77de107dcd2a6 2e880ea53eeb62d5 7cb4390295dbc994 3ab78696fa504c11"),
		n: hexInt("8cb91e82a3386d28 0f5d6f7e50e641df 152f7109ed5456b3 1f166e6cac0425a7 cf3ab6af6b7fc310 3b883202e9046565"),

		gx: hexInt("1d1c64f068cf45ff a2a63a81b7c13f6b 8847a3e77ef14fe3 db7fcafe0cbd10e8 e826e03436d646aa ef87b2e247d4af1e"),
		gy: hexInt("8abe1d7520f9c2a4 5cb1eb8e95cfd552 62b70b29feec5864 e19c054ff9912928 0e46462177918111 42820341263c5315"),
	}
)

// isOnCurve tells whether the coordinates are in the field, and the point on the curve. The order is prime and the
// cofactor 1, so that every point but infinity generates the group.
func (w *weierstrass) isOnCurve(x, y *big.Int) bool {
	if x.Sign() < 0 || y.Sign() < 0 || x.Cmp(w.p) >= 0 || y.Cmp(w.p) >= 0 {
		return false
	}
	right := new(big.Int).Mul(x, x)
	right.Add(right, w.a).Mul(right, x).Add(right, w.b).Mod(right, w.p)
	left := new(big.Int).Mul(y, y)
	return left.Mod(left, w.p).Cmp(right) == 0
}

// verify checks an ECDSA signature (SEC 1, section 4.1.4) over a digest, of which the leftmost bits count when the order
// is shorter. The key must be on the curve.
func (w *weierstrass) verify(x, y *big.Int, digest []byte, r, s *big.Int) bool {
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(w.n) >= 0 || s.Cmp(w.n) >= 0 {
		return false
	}
	e := new(big.Int).SetBytes(digest)
	if excess := len(digest)*8 - w.n.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	inverse := new(big.Int).ModInverse(s, w.n)
	u1 := e.Mul(e, inverse).Mod(e, w.n)
	u2 := inverse.Mul(inverse, r).Mod(inverse, w.n)
	sum := w.sumOfMultiples(u1, jacobian{w.gx, w.gy, big.NewInt(1)}, u2, jacobian{x, y, big.NewInt(1)})
	if sum.z.Sign() == 0 {
		return false
	}
	z := new(big.Int).ModInverse(sum.z, w.p)
	affine := z.Mul(z, z).Mul(z, sum.x).Mod(z, w.p)
	return affine.Mod(affine, w.n).Cmp(r) == 0
}

// jacobian is the point (x/z², y/z³), infinity when z is 0.
type jacobian struct{ x, y, z *big.Int }

// sumOfMultiples gives u1·g + u2·q, both scalars bit by bit at once.
func (w *weierstrass) sumOfMultiples(u1 *big.Int, g jacobian, u2 *big.Int, q jacobian) jacobian {
	both := w.add(g, q)
	sum := jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	for i := max(u1.BitLen(), u2.BitLen()) - 1; i >= 0; i-- {
		sum = w.double(sum)
		switch u1.Bit(i) | u2.Bit(i)<<1 {
		case 1:
			sum = w.add(sum, g)
		case 2:
			sum = w.add(sum, q)
		case 3:
			sum = w.add(sum, both)
		}
	}
	return sum
}

// double is dbl-2007-bl of the Explicit-Formulas Database, for any a.
func (w *weierstrass) double(p jacobian) jacobian {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	xx, yy, zz := w.mul(p.x, p.x), w.mul(p.y, p.y), w.mul(p.z, p.z)
	yyyy := w.mul(yy, yy)
	s := w.mul(p.x, yy)
	s.Lsh(s, 2)
	m := new(big.Int).Mul(xx, big.NewInt(3))
	m.Add(m, w.mul(w.a, w.mul(zz, zz)))
	x := w.mul(m, m)
	x.Sub(x, new(big.Int).Lsh(s, 1)).Mod(x, w.p)
	y := w.mul(m, s.Sub(s, x))
	y.Sub(y, yyyy.Lsh(yyyy, 3)).Mod(y, w.p)
	z := w.mul(p.y, p.z)
	z.Lsh(z, 1).Mod(z, w.p)
	return jacobian{x, y, z}
}

// add is add-1998-cmo-2 of the Explicit-Formulas Database, with the cases that it leaves out.
func (w *weierstrass) add(p, q jacobian) jacobian {
	if p.z.Sign() == 0 {
		return q
	}
	if q.z.Sign() == 0 {
		return p
	}
	pzz, qzz := w.mul(p.z, p.z), w.mul(q.z, q.z)
	u1, u2 := w.mul(p.x, qzz), w.mul(q.x, pzz)
	s1, s2 := w.mul(p.y, w.mul(q.z, qzz)), w.mul(q.y, w.mul(p.z, pzz))
	h, r := u2.Sub(u2, u1), s2.Sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return w.double(p)
		}
		return jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)}
	}
	hh := w.mul(h, h)
	hhh := w.mul(h, hh)
	v := w.mul(u1, hh)
	x := w.mul(r, r)
	x.Sub(x, hhh).Sub(x, new(big.Int).Lsh(v, 1)).Mod(x, w.p)
	y := w.mul(r, v.Sub(v, x))
	y.Sub(y, w.mul(s1, hhh)).Mod(y, w.p)
	return jacobian{x, y, w.mul(w.mul(p.z, q.z), h)}
}

func (w *weierstrass) mul(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, w.p)
}
