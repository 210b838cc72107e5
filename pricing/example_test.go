package pricing_test

import (
	"fmt"
	"time"

	"joulepay/pricing"
)

// A charger prices its session again at every reading, and once more at the stop.
func Example() {
	tariff, err := pricing.ParseTariff([]byte(`{"id":"18","currency":"EUR","elements":[{"price_components":[
		{"type":"FLAT","price":0.50,"vat":20,"step_size":1},
		{"type":"ENERGY","price":0.25,"vat":10,"step_size":1},
		{"type":"PARKING_TIME","price":2.00,"vat":20,"step_size":900}]}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2025, 6, 2, 9, 0, 0, 0, time.UTC)
	run, err := pricing.NewRun(tariff, start, time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sample := range []pricing.Sample{
		{Time: start, State: pricing.Charging},
		{Time: start.Add(30 * time.Minute), EnergyMilliwattHours: 11_000_000, State: pricing.Charging},
		{Time: start.Add(60 * time.Minute), EnergyMilliwattHours: 20_000_000, State: pricing.Idle},
		{Time: start.Add(100 * time.Minute), EnergyMilliwattHours: 20_000_000, State: pricing.Idle},
	} {
		if err := run.Add(sample); err != nil {
			fmt.Println(err)
			return
		}
		cost, err := run.Cost()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("claim", cost.Payable(), cost.Currency)
	}
	final, err := run.Final()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range final.Lines() {
		fmt.Printf("%-12s %s at %s: %s\n", line.Type, line.Volume, line.Price, line.InclVAT)
	}
	fmt.Println("payable", final.Payable(), final.Currency)
	// Output:
	// claim 0.00 EUR
	// claim 3.625 EUR
	// claim 6.10 EUR
	// claim 7.70 EUR
	// ENERGY       20 at 0.25: 5.5
	// FLAT         1 at 0.5: 0.6
	// PARKING_TIME 0.75 at 2: 1.8
	// payable 7.90 EUR
}
