package client

import (
	"context"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// PriceSlot is what one unit costs in a quarter of an hour, fees and limits of the tariff aside.
type PriceSlot struct {
	Station wallet.DID  `json:"station"`
	Tariff  string      `json:"tariff"` // OCPI id
	Start   time.Time   `json:"start"`
	End     time.Time   `json:"end"`
	Per     string      `json:"per"`   // what is priced: kWh, h or piece
	Price   money.Money `json:"price"` // VAT included where the tariff states it
	// MarketPerMWh is the day-ahead price from which the tariff was made, EUR/MWh before VAT; absent where there is none.
	MarketPerMWh string `json:"market_per_mwh,omitempty"`
}

// What PriceSlot.Per can be.
const (
	PerKilowattHour = "kWh"
	PerHour         = "h"
	PerPiece        = "piece"
)

// PriceSpanMax is the longest span of time that is priced at once.
const PriceSpanMax = 8 * 24 * time.Hour

// PriceQuery asks for the prices of a span of time.
type PriceQuery struct {
	PageQuery
	Span // Since is the beginning of the station's day when zero, Until one day later
}

// Prices lists what the server's stations ask for in each quarter of an hour, oldest first, as far as it is known.
func (c *Client) Prices(ctx context.Context, q PriceQuery) (Page[PriceSlot], error) {
	v := q.values()
	q.addTo(v)
	return list[PriceSlot](ctx, c, "/v1/prices", v)
}
