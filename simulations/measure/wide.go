package measure

import (
	"math/big"
	"math/bits"
)

// wide is a sum of products of 64-bit numbers, exact in 128 bits: a gigawatt for a thousand years in mW·ns fits.
type wide struct {
	high int64
	low  uint64
}

// add adds a×b.
func (w *wide) add(a, b int64) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	signed := int64(high) - (a>>63)&b - (b>>63)&a
	var carry uint64
	w.low, carry = bits.Add64(w.low, low, 0)
	w.high += signed + int64(carry)
}

// join adds another sum.
func (w *wide) join(o wide) {
	var carry uint64
	w.low, carry = bits.Add64(w.low, o.low, 0)
	w.high += o.high + int64(carry)
}

func (w wide) zero() bool { return w == wide{} }

func larger(a, b wide) wide {
	if a.high > b.high || a.high == b.high && a.low >= b.low {
		return a
	}
	return b
}

func (w wide) big() *big.Int {
	v := big.NewInt(w.high)
	return v.Add(v.Lsh(v, 64), new(big.Int).SetUint64(w.low))
}

// per gives the sum divided by a number, rounded to the nearest.
func (w wide) per(den int64) int64 { return rounded(w.big(), big.NewInt(den)) }
