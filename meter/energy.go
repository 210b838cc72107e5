package meter

import (
	"errors"
	"fmt"
	"strings"

	"joulepay/wallet/money"
)

// Errors of what a person types.
var (
	ErrEnergy = errors.New("meter: not an energy such as 12kWh, 500Wh or 9.632kWh")
	ErrPower  = errors.New("meter: not a power such as 10kW, 7400W or 1.2MW")
)

// energyMilliwattHoursMax bounds what a person may ask for: 10 MWh, ten times the battery of an electric truck.
const energyMilliwattHoursMax = 10_000_000_000

// ParseEnergy reads what a person types, "12kWh" or "500 Wh", and gives milliwatt-hours. It must be above zero.
func ParseEnergy(text string) (int64, error) {
	number, scale := strings.CutSuffix(text, "kWh")
	unit := int64(1_000_000)
	if !scale {
		if number, scale = strings.CutSuffix(text, "Wh"); !scale {
			return 0, fmt.Errorf("%w: %q", ErrEnergy, clip(text))
		}
		unit = 1000
	}
	// A decimal number is read as an amount is: 9 decimals, no exponent.
	value, err := money.Parse(strings.TrimSpace(number))
	if err != nil {
		return 0, fmt.Errorf("%w: %q", ErrEnergy, clip(text))
	}
	energy, err := value.MulDiv(unit, money.Nano)
	if err != nil || energy <= 0 || energy > energyMilliwattHoursMax {
		return 0, fmt.Errorf("%w: %q is not between 1 mWh and 10 MWh", ErrEnergy, clip(text))
	}
	return int64(energy), nil
}

// powerMilliwattsMax bounds what a person may ask for: 10 MW, above the Megawatt Charging System's 3.75 MW.
const powerMilliwattsMax = 10_000_000_000

// ParsePower reads what a person types, "50kW", "3.6 kW", "7400W" or "1.2MW", and gives milliwatts. It must be above zero.
func ParsePower(text string) (int64, error) {
	number, scale := text, int64(0)
	for _, unit := range []struct {
		suffix     string
		milliwatts int64
	}{{"kW", 1_000_000}, {"MW", 1_000_000_000}, {"W", 1000}} {
		if rest, found := strings.CutSuffix(text, unit.suffix); found {
			number, scale = rest, unit.milliwatts
			break
		}
	}
	// A decimal number is read as an amount is: 9 decimals, no exponent.
	value, err := money.Parse(strings.TrimSpace(number))
	if err != nil || scale == 0 {
		return 0, fmt.Errorf("%w: %q", ErrPower, clip(text))
	}
	power, err := value.MulDiv(scale, money.Nano)
	if err != nil || power <= 0 || power > powerMilliwattsMax {
		return 0, fmt.Errorf("%w: %q is not above 0 and at most 10 MW", ErrPower, clip(text))
	}
	return int64(power), nil
}
