package client

import (
	"context"
	"net/url"
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
	Since time.Time // zero: the beginning of the station's day
	Until time.Time // zero: one day after Since
}

// Prices lists what the server's stations ask for in each quarter of an hour, oldest first, as far as it is known.
func (c *Client) Prices(ctx context.Context, q PriceQuery) (Page[PriceSlot], error) {
	v := q.values()
	setTime(v, "since", q.Since)
	setTime(v, "until", q.Until)
	return list[PriceSlot](ctx, c, "/v1/prices", v)
}

// setTime leaves absent what is zero.
func setTime(v url.Values, key string, t time.Time) {
	if !t.IsZero() {
		v.Set(key, t.UTC().Format(time.RFC3339Nano))
	}
}
