package meter

import (
	"errors"
	"fmt"
	"strings"

	"joulepay/wallet/money"
)

// ErrEnergy is returned for text that is not an energy.
var ErrEnergy = errors.New("meter: not an energy such as 12kWh, 500Wh or 9.632kWh")

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
