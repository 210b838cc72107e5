package client

import (
	"context"
	"encoding/json"
	"net/url"
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
	// Estimates are what typical quantities cost now, as the station announces them.
	Estimates []Price `json:"estimates,omitempty"`
}

// Price is what a quantity costs now at full power, VAT included where the tariff states it.
type Price struct {
	Unit       string      `json:"unit"`                // mWh, s or count
	Quantity   int64       `json:"quantity,string"`     // in Unit
	EnergyWh   *Energy     `json:"energy_wh,omitempty"` // where the unit is mWh
	Amount     money.Money `json:"amount"`
	Components []PricePart `json:"components,omitempty"` // what each contributes, limits aside
}

// PricePart is what one component of a tariff contributes to a price.
type PricePart struct {
	Type   string      `json:"type"` // ENERGY, TIME, PARKING_TIME or FLAT
	Amount money.Money `json:"amount"`
}

// Estimate is the price shown before a session (AFIR, article 5): what a session that starts now at full power, takes a
// quantity of energy and leaves at once would cost in the end.
type Estimate struct {
	Station    wallet.DID       `json:"station"`
	EVSE       string           `json:"evse"`
	Tariff     string           `json:"tariff"` // OCPI id
	At         time.Time        `json:"at"`     // when the session starts, session clock
	PowerW     string           `json:"power_w"`
	EnergyWh   Energy           `json:"energy_wh"`
	Currency   money.Currency   `json:"currency"`
	Total      Sums             `json:"total"` // limits of the tariff applied
	Components []EstimateOfPart `json:"components"`
	LimitedBy  string           `json:"limited_by,omitempty"` // min_price or max_price, where one changed the total
}

// EstimateOfPart is what one component contributes to an estimate, limits aside.
type EstimateOfPart struct {
	Type string `json:"type"` // ENERGY, TIME, PARKING_TIME or FLAT
	Sums
}

// Sums are exact sums before and after tax: decimal text of up to 12 places, left out where the tariff does not state it.
type Sums struct {
	ExclVAT string `json:"excl_vat,omitempty"`
	InclVAT string `json:"incl_vat,omitempty"`
}

// Tariff is a tariff that a station offers.
type Tariff struct {
	ID       string          `json:"id"`
	Currency money.Currency  `json:"currency"`
	TimeZone string          `json:"time_zone"` // IANA name; the tariff's local times are in it
	Words    string          `json:"words"`
	OCPI     json.RawMessage `json:"ocpi"` // the OCPI tariff object as the operator wrote it
}

// States of a station, for StationQuery.
const (
	StationFree  = "free"
	StationTaken = "taken"
)

// StationQuery filters stations.
type StationQuery struct {
	PageQuery
	Party wallet.DID // the station itself
	State string
}

// Stations lists the stations that the server knows, by DID and EVSE.
func (c *Client) Stations(ctx context.Context, q StationQuery) (Page[Station], error) {
	v := q.values()
	set(v, "party", q.Party.String())
	set(v, "state", q.State)
	return list[Station](ctx, c, "/v1/stations", v)
}

// OfferQuery filters tariffs and estimates.
type OfferQuery struct {
	PageQuery
	Party wallet.DID // the station that offers it
	At    time.Time  // of sessions that begin then; zero: now
}

func (q OfferQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "party", q.Party.String())
	setTime(v, "at", q.At)
	return v
}

// Tariffs lists the tariffs that the server's stations offer, by id.
func (c *Client) Tariffs(ctx context.Context, q OfferQuery) (Page[Tariff], error) {
	return list[Tariff](ctx, c, "/v1/tariffs", q.values())
}

// Estimates lists what typical sessions cost at the server's stations, by station and energy.
func (c *Client) Estimates(ctx context.Context, q OfferQuery) (Page[Estimate], error) {
	return list[Estimate](ctx, c, "/v1/estimates", q.values())
}
