package ocmf

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Number is a decimal as the meter wrote it. The text is kept: its digits say how exact the meter is. The zero value is
// no number.
type Number struct {
	text  string
	value decimal.Decimal
}

// ParseNumber reads a decimal, with an exponent or without. Leading zeros and spaces around it, which meters write in
// texts, are part of the text and not of the value.
func ParseNumber(text string) (Number, error) {
	digits := strings.Trim(text, " ")
	if len(text) > NumberSizeMax {
		return Number{}, fmt.Errorf("%w: a number of %d characters, at most %d", ErrFormat, len(text), NumberSizeMax)
	}
	if !isDecimal(digits) {
		return Number{}, fmt.Errorf("%w: %s is not a number", ErrFormat, quoted(text))
	}
	value, err := decimal.NewFromString(digits)
	if err != nil {
		return Number{}, fmt.Errorf("%w: %s is not a number", ErrFormat, quoted(text))
	}
	return Number{text: text, value: value}, nil
}

// isDecimal tells whether text is [-]digits[.digits][e[±]digits] with a small exponent.
func isDecimal(text string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if scientific {
		exponent = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-"), "0")
		if len(exponent) > 2 || !allDigits("0"+exponent) || len(exponent) == 2 && exponent > fmt.Sprint(exponentMax) {
			return false
		}
	}
	whole, fraction, hasPoint := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	return whole != "" && allDigits(whole) && allDigits(fraction) && (fraction != "" || !hasPoint)
}

func allDigits(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// WattHours writes a register of 10⁻³ Wh as a number of Wh.
func WattHours(milliwattHours int64) Number {
	value := decimal.New(milliwattHours, -3)
	return Number{text: value.String(), value: value}
}

// Present tells whether there is a number.
func (n Number) Present() bool { return n.text != "" }

// String gives the text as the meter wrote it.
func (n Number) String() string { return n.text }

// Decimal gives the value; zero when there is none.
func (n Number) Decimal() decimal.Decimal { return n.value }
