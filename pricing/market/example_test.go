package market_test

import (
	"fmt"
	"time"

	"joulepay/pricing"
	"joulepay/pricing/market"
)

// A charger sells at the market price and ten per cent, plus five cents.
func Example() {
	series, err := market.Parse([]byte("start_utc,start_local,eur_per_mwh\n" +
		"2025-11-03T12:00:00Z,2025-11-03T13:00:00+01:00,80\n" +
		"2025-11-03T12:15:00Z,2025-11-03T13:15:00+01:00,-20\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	factor, _ := market.ParseDecimal("1.1")
	margin, _ := market.ParseDecimal("0.05")
	zone, _ := pricing.LoadLocation("Europe/Berlin")
	at := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	tariff, err := series.TariffAt(market.Terms{Location: zone, Factor: factor, Margin: margin}, at)
	if err != nil {
		fmt.Println(err)
		return
	}
	cost, err := pricing.Estimate(tariff, at, zone, 10_000_000, 20_000_000) // 10 kWh at 20 kW: both quarter hours
	fmt.Println(cost.ExclVAT, cost.Currency, err)
	// Output: 0.83 EUR <nil>
}
