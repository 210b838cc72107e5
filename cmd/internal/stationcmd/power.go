package stationcmd

import (
	"strings"

	"joulepay/cmd/internal/cli"
	"joulepay/meter/sim"
	"joulepay/wallet/money"
)

// parsePower reads what a person types, "50kW", "3.6 kW", "7400W" or "1.2MW", and gives milliwatts.
func parsePower(text string) (int64, error) {
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
		return 0, cli.Usage("write a number and its unit: 50kW, 7400W or 1.2MW", "--power %q is not a power", text)
	}
	power, err := value.MulDiv(scale, money.Nano)
	if err != nil || power <= 0 || power > sim.PowerMilliwattsMax {
		return 0, cli.Usage("for example --power 50kW", "--power %q: want more than 0 and at most 10MW", text)
	}
	return int64(power), nil
}
