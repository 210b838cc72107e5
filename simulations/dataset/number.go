package dataset

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// kilo reads a decimal of kW or kWh into milliwatts or milliwatt-hours, rounded half to even as the published figures are
// no finer.
func kilo(text string) (int64, error) { return unsigned(text, 1_000_000) }

// unsigned reads a decimal that is not negative and multiplies it.
func unsigned(text string, scale int64) (int64, error) {
	number, ok := number(text)
	if !ok {
		return 0, fmt.Errorf("%.20q is not a number", text)
	}
	return rounded(number.Mul(number, new(big.Rat).SetInt64(scale)))
}

// digitsMax bounds the text of a number: computed figures have up to twenty digits.
const digitsMax = 40

// number reads digits with at most one point, and an exponent of two digits at most: a longer one would make a short text a
// number that fills the memory.
func number(text string) (*big.Rat, bool) {
	digits, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if len(text) > digitsMax || strings.Trim(digits, "0123456789.") != "" || strings.Trim(digits, ".") == "" {
		return nil, false
	}
	if scientific {
		size := strings.TrimLeft(exponent, "+-")
		if size == "" || len(size) > 2 || len(exponent)-len(size) > 1 || strings.Trim(size, "0123456789") != "" {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

// kiloMax bounds a power or an energy: 10 GW, 10 GWh.
const kiloMax = 10_000_000_000_000

func rounded(number *big.Rat) (int64, error) {
	whole, rest := new(big.Int).QuoRem(number.Num(), number.Denom(), new(big.Int))
	switch twice := rest.Lsh(rest, 1).CmpAbs(number.Denom()); {
	case twice > 0, twice == 0 && whole.Bit(0) == 1:
		whole.Add(whole, big.NewInt(int64(number.Sign())))
	}
	if !whole.IsInt64() || whole.Int64() < 0 || whole.Int64() > kiloMax {
		return 0, errors.New("a number out of range")
	}
	return whole.Int64(), nil
}
