package market

import (
	"fmt"
	"math/big"
	"strings"
)

// Decimal is an exact decimal number, such as a price or a factor. The zero value is zero. It is immutable.
type Decimal struct{ rat *big.Rat }

const (
	// numberLengthMax bounds the text of a number: markets publish two decimals, computed averages seldom more than 15 digits.
	numberLengthMax = 32
	// decimalsMax is the finest that a tariff can price.
	decimalsMax = 12
)

// ParseDecimal reads digits with an optional sign and point: "92.85", "-0.01". Exponents are refused.
func ParseDecimal(text string) (Decimal, error) {
	digits := strings.TrimPrefix(text, "-")
	head, tail, point := strings.Cut(digits, ".")
	if len(text) > numberLengthMax || head == "" || point && tail == "" || strings.Trim(head+tail, "0123456789") != "" || len(tail) > decimalsMax {
		return Decimal{}, fmt.Errorf("%w: %.40q", ErrNumber, text)
	}
	rat, ok := new(big.Rat).SetString(text)
	if !ok {
		return Decimal{}, fmt.Errorf("%w: %.40q", ErrNumber, text)
	}
	return Decimal{rat}, nil
}

func whole(n int64) Decimal { return Decimal{new(big.Rat).SetInt64(n)} }

func (d Decimal) value() *big.Rat {
	if d.rat == nil {
		return new(big.Rat)
	}
	return d.rat
}

func (d Decimal) cmp(e Decimal) int     { return d.value().Cmp(e.value()) }
func (d Decimal) abs() Decimal          { return Decimal{new(big.Rat).Abs(d.value())} }
func (d Decimal) add(e Decimal) Decimal { return Decimal{new(big.Rat).Add(d.value(), e.value())} }
func (d Decimal) mul(e Decimal) Decimal { return Decimal{new(big.Rat).Mul(d.value(), e.value())} }

func (d Decimal) over(n int64) Decimal {
	return Decimal{new(big.Rat).Quo(d.value(), new(big.Rat).SetInt64(n))}
}

// rounded gives the decimal text of at most so many places, half away from zero, without trailing zeros.
func (d Decimal) rounded(places int) string {
	text := d.value().FloatString(places)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

// String gives the shortest decimal text of at most 12 places.
func (d Decimal) String() string { return d.rounded(decimalsMax) }
