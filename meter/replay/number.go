package replay

import (
	"fmt"
	"strconv"

	"github.com/shopspring/decimal"

	"joulepay/meter/sim"
)

// Decimal places between the tables' units and ours.
const (
	placesWattToMilli = 3
	placesKiloToMilli = 6
	placesPercent     = 1 // % to permille
)

// numberLengthMax bounds the text of a number: the tables print doubles with at most 18 characters.
const numberLengthMax = 32

// scaled reads a plain decimal number, without sign or exponent, and gives it × 10^places, rounded half-even.
func scaled(text, name string, places int32, most int64) (int64, error) {
	if !plainDecimal(text) {
		return 0, fmt.Errorf("%s %q is not a plain decimal number", name, clip(text))
	}
	value, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a number", name, clip(text))
	}
	value = value.Shift(places).RoundBank(0)
	if value.GreaterThan(decimal.NewFromInt(most)) {
		return 0, fmt.Errorf("%s %q is larger than %s", name, clip(text), decimal.NewFromInt(most).Shift(-places))
	}
	return value.IntPart(), nil
}

// plainDecimal accepts digits with at most one point among them.
func plainDecimal(text string) bool {
	points := 0
	for i, c := range []byte(text) {
		switch {
		case c == '.' && points == 0 && i > 0 && i < len(text)-1:
			points++
		case c < '0' || c > '9':
			return false
		}
	}
	return text != "" && len(text) <= numberLengthMax
}

// whole reads a whole number without sign.
func whole(text, name string, most int64) (int64, error) {
	value, err := strconv.ParseUint(text, 10, 63)
	if err != nil || int64(value) > most || (len(text) > 1 && text[0] == '0') {
		return 0, fmt.Errorf("%s %q is not a whole number from 0 to %d", name, clip(text), most)
	}
	return int64(value), nil
}

// energy reads an energy, in mWh.
func energy(text, name string, places int32) (int64, error) {
	return scaled(text, name, places, sim.EnergyMilliwattHoursMax)
}

// power reads a power above 0, in mW.
func power(text, name string, places int32) (int64, error) {
	p, err := scaled(text, name, places, sim.PowerMilliwattsMax)
	if err == nil && p == 0 {
		err = fmt.Errorf("%s is 0", name)
	}
	return p, err
}

// kilo gives milli-units as text in kilo-units, for people.
func kilo(milli int64) string { return decimal.New(milli, -placesKiloToMilli).String() }

func clip(text string) string {
	if len(text) > numberLengthMax {
		return text[:numberLengthMax] + "…"
	}
	return text
}
