package stationcmd

import (
	"errors"
	"testing"

	"joulepay/cmd/internal/cli"
)

func TestPowerIsReadWithItsUnit(t *testing.T) {
	for text, want := range map[string]int64{
		"50kW": 50_000_000, "3.6 kW": 3_600_000, "7400W": 7_400_000, "1.2MW": 1_200_000_000, "0.001W": 1, "10MW": 10_000_000_000,
	} {
		if got, err := parsePower(text); err != nil || got != want {
			t.Errorf("%q: %d mW, %v, want %d", text, got, err, want)
		}
	}
}

func TestI9_PowerThatIsNoneIsWrongUse(t *testing.T) {
	for _, text := range []string{"", "50", "kW", "50kwh", "-1kW", "0W", "0.0001W", "10.1MW", "1e3W", "99999999999MW"} {
		_, err := parsePower(text)
		var said *cli.Error
		if !errors.As(err, &said) || said.Code != cli.ExitUsage || said.Hint == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
