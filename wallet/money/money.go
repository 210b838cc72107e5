// Package money owns amounts of a currency as checked 64-bit integers of 10⁻⁹ unit, and their decimal text.
// It leaves tariffs, rounding of prices and exchange to others: a price becomes an Amount in pricing, once.
// It keeps invariant I10: money is an integer, arithmetic that overflows is an error, and JSON carries decimal text.
//
// Use Parse to read an amount that a person typed, and Amount.String to show one.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Nano is the number of Amount units in one unit of currency.
const Nano = 1_000_000_000

// Amount is a sum of money in units of 10⁻⁹ of the currency. The zero value is nothing owed.
type Amount int64

// Errors of this package.
var (
	ErrOverflow = errors.New("money: amount out of range")
	ErrSyntax   = errors.New("money: not a decimal amount with at most 9 decimals")
	ErrCurrency = errors.New("money: not an ISO 4217 currency code")
	ErrMismatch = errors.New("money: currencies differ")
)

// Add returns a+b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	c := a + b
	if (c > a) != (b > 0) {
		return 0, fmt.Errorf("%w: %d + %d", ErrOverflow, a, b)
	}
	return c, nil
}

// Sub returns a−b, or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) {
	c := a - b
	if (c < a) != (b > 0) {
		return 0, fmt.Errorf("%w: %d - %d", ErrOverflow, a, b)
	}
	return c, nil
}

// Neg returns −a, or ErrOverflow for the one amount that has no opposite.
func (a Amount) Neg() (Amount, error) {
	if a == math.MinInt64 {
		return 0, fmt.Errorf("%w: -(%d)", ErrOverflow, a)
	}
	return -a, nil
}

// MulDiv returns a×num/den rounded toward minus infinity, exact in between (128 bits); den must be positive.
func (a Amount) MulDiv(num, den int64) (Amount, error) {
	if den <= 0 {
		return 0, fmt.Errorf("%w: division by %d", ErrOverflow, den)
	}
	hi, lo := bits.Mul64(magnitude(int64(a)), magnitude(num))
	if hi >= uint64(den) {
		return 0, fmt.Errorf("%w: %d * %d / %d", ErrOverflow, a, num, den)
	}
	quotient, remainder := bits.Div64(hi, lo, uint64(den))
	negative := (a < 0) != (num < 0)
	carry := uint64(0)
	if negative && remainder != 0 {
		quotient, carry = bits.Add64(quotient, 1, 0)
	}
	result, ok := signed(quotient, negative)
	if carry != 0 || !ok {
		return 0, fmt.Errorf("%w: %d * %d / %d", ErrOverflow, a, num, den)
	}
	return result, nil
}

// signed gives ±m, and whether it is in range: −2⁶³ is, 2⁶³ is not.
func signed(m uint64, negative bool) (Amount, bool) {
	if negative {
		return Amount(-m), m <= 1<<63
	}
	return Amount(m), m <= math.MaxInt64
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// Sum adds amounts from the left, or returns ErrOverflow.
func Sum(amounts ...Amount) (Amount, error) {
	var total Amount
	for _, a := range amounts {
		var err error
		if total, err = total.Add(a); err != nil {
			return 0, err
		}
	}
	return total, nil
}

const (
	decimals = 9
	// wholeDigitsMax is the length of 9223372036, the largest whole part; with it 19 digits fit 64 bits.
	wholeDigitsMax = 10
)

// Parse reads decimal text such as "4.82", "-0.5" or "12", with at most nine decimals and no exponent.
func Parse(text string) (Amount, error) {
	rest, negative := strings.CutPrefix(text, "-")
	whole, fraction, hasPoint := strings.Cut(rest, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) || len(fraction) > decimals {
		return 0, fmt.Errorf("%w: %q", ErrSyntax, clip(text))
	}
	if len(whole) > wholeDigitsMax {
		return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(text))
	}
	var value uint64
	for _, c := range []byte(whole + fraction + strings.Repeat("0", decimals-len(fraction))) {
		value = value*10 + uint64(c-'0')
	}
	amount, ok := signed(value, negative)
	if !ok {
		return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(text))
	}
	return amount, nil
}

func isDigits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// String gives the shortest exact decimal text, with at least two decimals: "4.82", "0.001", "-3.00".
func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign = "-"
	}
	m := magnitude(int64(a))
	fraction := strings.TrimRight(fmt.Sprintf("%0*d", decimals, m%Nano), "0")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, m/Nano, fraction)
}

// Cents gives the amount rounded half away from zero to two decimals, for display only.
func (a Amount) Cents() string {
	const perCent = Nano / 100
	m := magnitude(int64(a))
	cents := (m + perCent/2) / perCent
	sign := ""
	if a < 0 && cents != 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

// clip bounds how much of a text that is not ours an error repeats.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
