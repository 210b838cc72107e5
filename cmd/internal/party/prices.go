package party

import (
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// PricesOf gives the estimates of a quote or announcement in the words of the API.
func PricesOf(estimates []quote.Estimate, unit meter.Unit, currency money.Currency) []client.Price {
	var prices []client.Price
	for _, e := range estimates {
		p := client.Price{Unit: unit.String(), Quantity: e.Quantity, Amount: money.Of(e.InclVAT, currency)}
		if unit == meter.MilliwattHours {
			energy := client.Energy(e.Quantity)
			p.EnergyWh = &energy
		}
		for _, part := range e.Parts {
			p.Components = append(p.Components, client.PricePart{
				Type: pricing.ComponentType(part.Component).String(), Amount: money.Of(part.InclVAT, currency),
			})
		}
		prices = append(prices, p)
	}
	return prices
}
