package client

import (
	"context"
	"encoding/json"
	"time"

	"joulepay/wallet"
	"joulepay/wallet/money"
)

// States of a session.
const (
	SessionPreparing = "preparing" // quote, channel, first claim
	SessionRunning   = "running"
	SessionPaused    = "paused"
	SessionStopping  = "stopping" // no more is delivered; the last claim or its settlement is outstanding
	SessionSettled   = "settled"  // settled on the ledger, not yet final
	SessionFinal     = "final"
	SessionFailed    = "failed"
)

// Session is one visit, as the station or the vehicle that serves this sees it.
type Session struct {
	ID             SessionID      `json:"id"`
	State          string         `json:"state"`
	Reason         string         `json:"reason,omitempty"` // why it paused, stopped or failed
	Vehicle        wallet.DID     `json:"vehicle"`
	Station        wallet.DID     `json:"station"`
	EVSE           string         `json:"evse,omitempty"` // OCPI EVSE id
	Service        string         `json:"service"`        // charging, parking, toll or data
	Channel        ID             `json:"channel,omitzero"`
	Quote          ID             `json:"quote,omitzero"`
	Tariff         string         `json:"tariff,omitempty"` // OCPI id of the tariff
	Start          time.Time      `json:"start"`            // session clock
	End            *time.Time     `json:"end,omitempty"`
	Unit           string         `json:"unit"`                  // mWh, s or count
	Quantity       int64          `json:"quantity,string"`       // in Unit, since the start
	EnergyWh       *Energy        `json:"energy_wh,omitempty"`   // where the unit is mWh
	ReturnedWh     *Energy        `json:"returned_wh,omitempty"` // given back by the vehicle; absent where nothing was
	At             *time.Time     `json:"at,omitempty"`          // of the latest reading, session clock; absent before the first
	PowerW         string         `json:"power_w,omitempty"`     // decimal, latest reading; below zero while the vehicle gives back
	StateOfCharge  string         `json:"soc_percent,omitempty"` // decimal, latest reading
	UnitPrice      *money.Money   `json:"unit_price,omitempty"`  // of one kWh, hour or piece now; absent when it is over
	Amount         money.Money    `json:"amount"`                // claimed so far for this session, VAT included
	Cost           *Total         `json:"cost,omitempty"`        // priced so far
	Currency       money.Currency `json:"currency"`              // of Cost
	AtRisk         *money.Money   `json:"at_risk,omitempty"`     // delivered and not yet claimed
	Claims         uint64         `json:"claims"`                // signed for this session
	LedgerVertices uint64         `json:"ledger_vertices"`       // submitted for this session
	Settlement     *ID            `json:"settlement,omitempty"`  // vertex
	Final          bool           `json:"final"`
}

// SessionQuery filters sessions.
type SessionQuery struct {
	PageQuery
	Span             // when it started
	Party wallet.DID // vehicle or station
	State string
}

// Sessions lists sessions, newest first.
func (c *Client) Sessions(ctx context.Context, q SessionQuery) (Page[Session], error) {
	v := q.values()
	q.addTo(v)
	set(v, "party", q.Party.String())
	set(v, "state", q.State)
	return list[Session](ctx, c, "/v1/sessions", v)
}

// Session reads a session.
func (c *Client) Session(ctx context.Context, id SessionID) (Session, error) {
	return read[Session](ctx, c, "/v1/sessions/"+id.String(), nil)
}

// Receipt reads the receipt of a session as the server wrote it. Package receipt decodes and verifies it.
func (c *Client) Receipt(ctx context.Context, id SessionID) (json.RawMessage, error) {
	return read[json.RawMessage](ctx, c, "/v1/receipts/"+id.String(), nil)
}
