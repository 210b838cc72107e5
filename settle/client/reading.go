package client

import (
	"context"
	"strconv"
	"time"

	"joulepay/wallet/money"
)

// Reading is one moment of a session as its meter told it, with what the session cost by then.
type Reading struct {
	Sequence      uint64       `json:"sequence"` // 0 is the baseline, before anything flowed
	Time          time.Time    `json:"time"`     // session clock
	State         string       `json:"state"`    // what goes on at the connector: meter.State in words
	Quantity      int64        `json:"quantity,string"`
	EnergyWh      *Energy      `json:"energy_wh,omitempty"`   // where the unit is mWh
	ReturnedWh    *Energy      `json:"returned_wh,omitempty"` // given back by the vehicle by then; absent where nothing was
	PowerW        string       `json:"power_w,omitempty"`     // decimal; below zero while the vehicle gives back
	StateOfCharge string       `json:"soc_percent,omitempty"` // decimal
	Amount        money.Money  `json:"amount"`                // what the session cost by this reading; a claim for it owes so much
	UnitPrice     *money.Money `json:"unit_price,omitempty"`  // of one kWh, hour or piece of what flowed since the reading before
	Claimed       bool         `json:"claimed"`               // a claim pays for it
}

// ReadingQuery asks for a part of a session's readings.
type ReadingQuery struct {
	PageQuery
	After *uint64 // only readings with higher sequences, for who has the rest; nil: from the baseline on
}

// Readings lists the readings of a session, oldest first.
func (c *Client) Readings(ctx context.Context, id SessionID, q ReadingQuery) (Page[Reading], error) {
	v := q.values()
	if q.After != nil {
		v.Set("after", strconv.FormatUint(*q.After, 10))
	}
	return list[Reading](ctx, c, "/v1/sessions/"+id.String()+"/readings", v)
}
