package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/vehicle"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
	"joulepay/wallet/money"
)

// settleMax is how long a finished session may take to become final.
const settleMax = 30 * time.Second

// ErrNotFinal is returned when a session did not become final in time.
var ErrNotFinal = errors.New("demo: the session did not become final in time")

// Result is what a session came to: the object of demo --json.
type Result struct {
	Session        string        `json:"session"`
	Vehicle        string        `json:"vehicle"`
	Station        string        `json:"station"`
	EnergyWh       client.Energy `json:"energy_wh"`
	Amount         money.Money   `json:"amount"`
	Claims         uint64        `json:"claims"`
	LedgerVertices int           `json:"ledger_vertices"`
	Settlement     string        `json:"settlement"`
	Final          bool          `json:"final"`

	Receipt receipt.Receipt `json:"-"`
}

// Charge runs one session from plugging in to the final receipt. When polite ends first, the vehicle stops early and pays
// for what it has.
func (w *World) Charge(ctx, polite context.Context) (Result, error) {
	car, err := w.plugIn()
	if err != nil {
		return Result{}, err
	}
	record, err := w.drive(ctx, polite, car)
	if err := errors.Join(err, car.Close()); err != nil {
		return Result{}, err
	}
	r, err := w.receipt(ctx, record)
	if err != nil {
		return Result{}, err
	}
	s := r.Summary
	return Result{
		Session: s.Session, Vehicle: s.Vehicle.String(), Station: s.Station.String(), EnergyWh: client.Energy(s.Quantity),
		Amount: s.Paid, Claims: s.Claims, LedgerVertices: s.Vertices, Settlement: s.Settlement, Final: s.Final, Receipt: r,
	}, nil
}

// drive runs the vehicle's agent, the pace of time and the session, and waits for all of them.
func (w *World) drive(ctx, polite context.Context, car *vehicle.Vehicle) (session.SessionRecord, error) {
	running, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { w.fail(car.Run(running)) })
	work.Go(func() { w.clock.pace(running, w.options.Speed, w.ready, w.charger.Agent(), car.Agent()) })
	stop := context.AfterFunc(polite, func() { car.Agent().Stop(running) })
	defer stop()
	return car.Charge(running, nil)
}

// receipt waits until the ledger has certified the session, and verifies the receipt as anybody would.
func (w *World) receipt(ctx context.Context, record session.SessionRecord) (receipt.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, settleMax)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		raw, err := w.payer.Port.Receipt(ctx, w.payer.Store, record.ID)
		if err == nil {
			r, err := receipt.Parse(raw)
			if err != nil {
				return r, err
			}
			if r.Summary.Final {
				_, err = receipt.Verify(r, receipt.Options{})
				return r, err
			}
		}
		select {
		case <-ctx.Done():
			return receipt.Receipt{}, fmt.Errorf("%w: %w", ErrNotFinal, errors.Join(err, ctx.Err()))
		case <-ticker.C:
		}
	}
}
