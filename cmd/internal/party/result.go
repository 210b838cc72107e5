package party

import (
	"context"
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
	"joulepay/wallet/money"
)

// ErrNotFinal is returned when a session did not become final in time.
var ErrNotFinal = errors.New("party: the session is not final yet")

// Result is what a session came to: the object that commands print of it.
type Result struct {
	Session        string         `json:"session"`
	Vehicle        string         `json:"vehicle"`
	Station        string         `json:"station"`
	Service        string         `json:"service"`
	Unit           string         `json:"unit"`                  // mWh, s or count
	Quantity       int64          `json:"quantity,string"`       // in Unit
	EnergyWh       *client.Energy `json:"energy_wh,omitempty"`   // where the unit is mWh
	ReturnedWh     *client.Energy `json:"returned_wh,omitempty"` // what the vehicle gave back
	Amount         money.Money    `json:"amount"`
	Claims         uint64         `json:"claims"`
	LedgerVertices int            `json:"ledger_vertices"`
	Settlement     string         `json:"settlement"`
	Final          bool           `json:"final"`
}

// ResultOf gives the result that a receipt proves.
func ResultOf(r receipt.Receipt) Result {
	s := r.Summary
	return Result{
		Session: s.Session, Vehicle: s.Vehicle.String(), Station: s.Station.String(), Service: s.Service, Unit: s.Unit,
		Quantity: s.Quantity, EnergyWh: EnergyOf(s.Unit, s.Quantity), ReturnedWh: returnedOf(s.Returned), Amount: s.Paid, Claims: s.Claims, LedgerVertices: s.Vertices, Settlement: s.Settlement, Final: s.Final,
	}
}

// ResultKnown gives what a vehicle itself knows of a session whose receipt cannot be had yet.
func (p *Party) ResultKnown(r session.SessionRecord) Result {
	unit := unitOf(r.Service).String()
	return Result{
		Session: r.ID.String(), Vehicle: p.Wallet.DID().String(), Station: r.Peer.String(), Service: r.Service, Unit: unit,
		Quantity: r.Quantity, EnergyWh: EnergyOf(unit, r.Quantity), ReturnedWh: returnedOf(r.Returned), Amount: money.Of(r.Paid, p.Ledger.Trusted().Genesis.Currency), Claims: r.Claims,
	}
}

// returnedOf gives what was given back; nil for nothing.
func returnedOf(milliwattHours int64) *client.Energy {
	if milliwattHours == 0 {
		return nil
	}
	energy := client.Energy(milliwattHours)
	return &energy
}

// receiptEvery is how often AwaitReceipt looks.
const receiptEvery = 100 * time.Millisecond

// AwaitReceipt waits until the ledger has certified a session, and verifies its receipt as anybody would. When the context
// ends first, it returns ErrNotFinal with what stood in the way.
func (p *Party) AwaitReceipt(ctx context.Context, id channel.SessionID) (receipt.Receipt, error) {
	ticker := time.NewTicker(receiptEvery)
	defer ticker.Stop()
	for {
		r, err := p.Receipt(ctx, id)
		if err == nil && r.Summary.Final {
			_, err = receipt.Verify(r, receipt.Options{Network: p.Ledger.Trusted().ID})
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("%w: %w", ErrNotFinal, errors.Join(err, ctx.Err()))
		case <-ticker.C:
		}
	}
}

// Receipt gives the receipt of a session as far as the ledger is.
func (p *Party) Receipt(ctx context.Context, id channel.SessionID) (receipt.Receipt, error) {
	raw, err := p.Port.Receipt(ctx, p.Store, id)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return receipt.Parse(raw)
}
