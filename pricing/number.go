package pricing

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fixed is a decimal number in units of 10⁻¹²: prices, limits, kW, A and VAT per cent as a tariff states them.
type fixed int64

const (
	fixedOne = 1_000_000_000_000
	// decimals is the precision of fixed, and of every decimal text that this package writes.
	decimals = 12
	// numberLengthMax bounds the text of a number: 12 digits, a point, 12 decimals and an exponent, with room for zeros.
	numberLengthMax = 48
	// exponentMax bounds an exponent before any arithmetic: more could only name zero or a number out of range.
	exponentMax = 30
)

// quantity is an amount of kWh, hours or fees in units of 1/(9×10¹²): a milliwatt-hour (9×10⁶), a second (2.5×10⁹) and the
// twelfth decimal of a kWh or hour (9) are all whole numbers of it, so that volumes add without rounding.
type quantity int64

const (
	quantityOne            = 9 * fixedOne // one kWh, one hour, one fee
	quantityMilliwattHour  = quantityOne / 1_000_000
	quantityWattHour       = quantityOne / 1_000
	quantitySecond         = quantityOne / 3_600
	quantityPerFixed       = quantityOne / fixedOne
	quantityMax            = math.MaxInt64 / 8 // 128,000 kWh or hours: sums of a few stay far from overflow
	energyMilliwattHourMax = 100_000_000_000   // 100 MWh a session: no vehicle or ship takes more at one visit
	secondsMax             = 31 * 86_400       // one month; longer stays are several sessions
)

// parseFixed reads a JSON number exactly.
func parseFixed(text string) (fixed, error) { return parseDecimal(text, false) }

// parseVolume reads what was measured, to the twelfth decimal, half up: programs write an hour's twelfth as
// 0.08333333333333333.
func parseVolume(text string) (fixed, error) { return parseDecimal(text, true) }

// parseDecimal bounds exponents before anything is computed.
func parseDecimal(text string, round bool) (fixed, error) {
	if len(text) > numberLengthMax {
		return 0, fmt.Errorf("%w: %d characters", ErrNumber, len(text))
	}
	mantissa, exponent, err := splitExponent(text)
	if err != nil {
		return 0, err
	}
	rest, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(rest, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	shift := decimals - len(fraction) + exponent
	for shift < 0 && strings.HasSuffix(digits, "0") {
		digits, shift = digits[:len(digits)-1], shift+1
	}
	var up int64
	if round && shift < 0 {
		digits, up = cut(digits, -shift)
		shift = 0
	}
	if shift < 0 || len(digits)+shift > 19 && digits != "" {
		return 0, fmt.Errorf("%w: %s", ErrNumber, text)
	}
	value := up
	if digits != "" {
		whole, err := strconv.ParseInt(digits+strings.Repeat("0", shift), 10, 64)
		if err != nil || whole > math.MaxInt64-up {
			return 0, fmt.Errorf("%w: %s", ErrNumber, text)
		}
		value += whole
	}
	if negative {
		value = -value
	}
	return fixed(value), nil
}

// cut takes the last digits away, and gives what half up adds to the rest.
func cut(digits string, last int) (rest string, up int64) {
	keep := len(digits) - last
	if keep < 0 {
		return "", 0
	}
	if digits[keep] >= '5' {
		up = 1
	}
	return digits[:keep], up
}

func splitExponent(text string) (mantissa string, exponent int, err error) {
	at := strings.IndexAny(text, "eE")
	if at < 0 {
		return text, 0, nil
	}
	exponent, err = strconv.Atoi(strings.TrimPrefix(text[at+1:], "+"))
	if err != nil || exponent > exponentMax || exponent < -exponentMax {
		return "", 0, fmt.Errorf("%w: %s", ErrNumber, text)
	}
	return text[:at], exponent, nil
}

// decimalPlaces counts the decimals of a number as it is written, trailing zeros aside.
func decimalPlaces(v fixed) int {
	places := decimals
	for places > 0 && v%10 == 0 {
		v, places = v/10, places-1
	}
	return places
}

// String gives the shortest decimal text.
func (v fixed) String() string {
	sign, magnitude := "", uint64(v)
	if v < 0 {
		sign, magnitude = "-", -uint64(v)
	}
	text := fmt.Sprintf("%s%d.%012d", sign, magnitude/fixedOne, magnitude%fixedOne)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// quantity of a volume in kWh or hours, or of a limit in kWh.
func (v fixed) quantity() (quantity, error) {
	switch {
	case v < 0:
		return 0, fmt.Errorf("%w: %s is negative", ErrLimit, v)
	case v > quantityMax/quantityPerFixed:
		return 0, fmt.Errorf("%w: %s", ErrLimit, v)
	}
	return quantity(v) * quantityPerFixed, nil
}

// snapHours gives the time that an hour figure stands for. Hours are written with few decimals, sessions last whole seconds:
// a figure that is a whole second rounded or cut to the decimals it is written with means that second (0.083333 h is 300 s);
// any other figure stands for itself (0.0834 h is 300.24 s).
func snapHours(v fixed) (quantity, error) {
	exact, err := v.quantity()
	if err != nil {
		return 0, err
	}
	unit := quantity(quantityPerFixed)
	for range decimals - decimalPlaces(v) {
		unit *= 10
	}
	second := (exact + quantitySecond/2) / quantitySecond * quantitySecond
	if gap := second - exact; gap >= -unit/2 && gap < unit {
		return second, nil
	}
	return exact, nil
}
