package quote

import (
	"strings"

	"joulepay/meter"
	"joulepay/pricing"
)

// TariffWords tells a tariff to a person who buys in a unit: of pieces, what is a fee for a session elsewhere is the price of each.
func TariffWords(t *pricing.Tariff, unit string) string {
	if unit != meter.Count.String() {
		return t.Describe()
	}
	return strings.ReplaceAll(t.Describe(), " once a session", " a piece")
}
