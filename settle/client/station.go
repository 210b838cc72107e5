package client

import (
	"context"
	"encoding/json"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Station is a charger, or another machine that sells, as it announces itself.
type Station struct {
	DID       wallet.DID  `json:"did"`
	Service   string      `json:"service"` // charging, parking, toll or data
	EVSE      string      `json:"evse"`
	MaxPowerW string      `json:"max_power_w,omitempty"` // decimal
	UnitPrice money.Money `json:"unit_price"`            // of one kWh, hour or piece of a typical session now, VAT included
	Tariff    string      `json:"tariff"`                // in words
	Free      bool        `json:"free"`                  // no session is running
	Seen      time.Time   `json:"seen"`                  // of the announcement
}

// Tariff is a tariff that a station offers.
type Tariff struct {
	ID       string          `json:"id"`
	Currency money.Currency  `json:"currency"`
	TimeZone string          `json:"time_zone"` // IANA name; the tariff's local times are in it
	Words    string          `json:"words"`
	OCPI     json.RawMessage `json:"ocpi"` // the OCPI tariff object as the operator wrote it
}

// Stations lists the stations that the server knows, by DID.
func (c *Client) Stations(ctx context.Context, q PageQuery) (Page[Station], error) {
	return list[Station](ctx, c, "/v1/stations", q.values())
}

// Tariffs lists the tariffs that the server's stations offer, by id.
func (c *Client) Tariffs(ctx context.Context, q PageQuery) (Page[Tariff], error) {
	return list[Tariff](ctx, c, "/v1/tariffs", q.values())
}
