package stationcmd

import (
	"joulepay/cmd/internal/cli"
	"joulepay/meter"
)

// parsePower reads what a person types after --power, "50kW", "3.6 kW", "7400W" or "1.2MW", and gives milliwatts.
func parsePower(text string) (int64, error) {
	power, err := meter.ParsePower(text)
	if err != nil {
		return 0, cli.Usage("write a number and its unit: --power 50kW, 7400W or 1.2MW", "--power: %w", err)
	}
	return power, nil
}
