package pricing

import (
	"fmt"
	"math/big"
	"strings"

	"joulepay/wallet/money"
)

// Exact is a number without rounding: a sum of money, a volume or a price. The zero value is a number that is not stated
// (Known is false), such as a sum after tax where the tariff states no tax. It is immutable and safe to copy.
type Exact struct {
	num *big.Int
	den *big.Int // positive; shared, never written
}

var (
	bigOne      = big.NewInt(1)
	bigNano     = big.NewInt(money.Nano)
	bigFixed    = big.NewInt(fixedOne)
	bigQuantity = big.NewInt(quantityOne)
	zeroExact   = Exact{new(big.Int), costScale}
)

func (v fixed) exact() Exact    { return Exact{big.NewInt(int64(v)), bigFixed} }
func (q quantity) exact() Exact { return Exact{big.NewInt(int64(q)), bigQuantity} }

// Known tells whether the number is stated.
func (x Exact) Known() bool { return x.num != nil }

// Rat gives a copy as a fraction, or nil when the number is not stated.
func (x Exact) Rat() *big.Rat {
	if !x.Known() {
		return nil
	}
	return new(big.Rat).SetFrac(x.num, x.den)
}

// Sign is -1, 0 or +1; 0 also for a number that is not stated.
func (x Exact) Sign() int {
	if !x.Known() {
		return 0
	}
	return x.num.Sign()
}

// Cmp compares two known numbers: -1, 0 or +1. A number that is not stated comes before every other.
func (x Exact) Cmp(y Exact) int {
	switch {
	case !x.Known() || !y.Known():
		return boolInt(x.Known()) - boolInt(y.Known())
	case x.den == y.den:
		return x.num.Cmp(y.num)
	}
	return new(big.Int).Mul(x.num, y.den).Cmp(new(big.Int).Mul(y.num, x.den))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// add is x+y, not stated unless both are.
func (x Exact) add(y Exact) Exact {
	switch {
	case !x.Known() || !y.Known():
		return Exact{}
	case x.den == y.den:
		return Exact{new(big.Int).Add(x.num, y.num), x.den}
	case x.num.Sign() == 0:
		return y
	case y.num.Sign() == 0:
		return x
	}
	num := new(big.Int).Mul(x.num, y.den)
	sum := Exact{num.Add(num, new(big.Int).Mul(y.num, x.den)), new(big.Int).Mul(x.den, y.den)}
	if sum.den.BitLen() > reduceAbove {
		r := sum.Rat() // in lowest terms
		sum = Exact{r.Num(), r.Denom()}
	}
	return sum
}

// reduceAbove is the size of a denominator, in bits, from which a sum is brought to lowest terms.
const reduceAbove = 512

// Sub is x−y, not stated unless both are.
func (x Exact) Sub(y Exact) Exact { return x.add(y.neg()) }

func (x Exact) neg() Exact {
	if !x.Known() {
		return x
	}
	return Exact{new(big.Int).Neg(x.num), x.den}
}

// atLeast and atMost bind x by a limit; a limit that is not stated does not bind.
func (x Exact) atLeast(limit Exact) Exact {
	if x.Known() && limit.Known() && x.Cmp(limit) < 0 {
		return limit
	}
	return x
}

func (x Exact) atMost(limit Exact) Exact {
	if x.Known() && limit.Known() && x.Cmp(limit) > 0 {
		return limit
	}
	return x
}

type rounding uint8

const (
	roundDown rounding = iota // toward minus infinity
	roundUp                   // toward plus infinity
	roundHalfEven
	roundHalfAway
)

// scaled gives x×scale as an integer, rounded.
func (x Exact) scaled(scale *big.Int, how rounding) *big.Int {
	quotient, rest := new(big.Int).DivMod(new(big.Int).Mul(x.num, scale), x.den, new(big.Int))
	if rest.Sign() == 0 || how == roundDown {
		return quotient // Euclidean division by a positive number is the floor
	}
	twice := rest.Lsh(rest, 1).Cmp(x.den)
	up := how == roundUp || twice > 0
	if twice == 0 {
		switch how {
		case roundHalfEven:
			up = quotient.Bit(0) == 1
		case roundHalfAway:
			up = quotient.Sign() >= 0 // the floor of a negative tie is the one away from zero
		}
	}
	if up {
		quotient.Add(quotient, bigOne)
	}
	return quotient
}

// amount rounds to 10⁻⁹ of the currency.
func (x Exact) amount(how rounding) (money.Amount, error) {
	if !x.Known() {
		return 0, nil
	}
	nano := x.scaled(bigNano, how)
	if !nano.IsInt64() {
		return 0, fmt.Errorf("%w: %s", ErrAmount, x)
	}
	return money.Amount(nano.Int64()), nil
}

// String gives decimal text with as many of 12 places as it needs, half-even beyond; "" when the number is not stated.
func (x Exact) String() string {
	text := x.places(decimals, roundHalfEven)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Cents gives two decimals, rounded half away from zero, for display; "" when the number is not stated.
func (x Exact) Cents() string { return x.places(2, roundHalfAway) }

func (x Exact) places(places int, how rounding) string {
	if !x.Known() {
		return ""
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	value := x.scaled(scale, how)
	digits := fmt.Sprintf("%0*d", places+1, new(big.Int).Abs(value))
	sign := ""
	if value.Sign() < 0 {
		sign = "-"
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// MarshalJSON gives the decimal text as a JSON string, or null when the number is not stated.
func (x Exact) MarshalJSON() ([]byte, error) {
	if !x.Known() {
		return []byte("null"), nil
	}
	return []byte(`"` + x.String() + `"`), nil
}
