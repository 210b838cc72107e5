package demo

import (
	"context"
	"errors"
	"sync"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/vehicle"
	"joulepay/settle/receipt"
)

// settleMax is how long a finished session may take to become final.
const settleMax = 30 * time.Second

// Charge runs one session from plugging in to the final receipt. When polite ends first, the vehicle stops early and pays
// for what it has.
func (w *World) Charge(ctx, polite context.Context) (receipt.Receipt, error) {
	car, err := w.plugIn()
	if err != nil {
		return receipt.Receipt{}, err
	}
	record, err := w.drive(ctx, polite, car)
	if err := errors.Join(err, car.Close()); err != nil {
		return receipt.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleMax)
	defer cancel()
	return w.payer.AwaitReceipt(ctx, record.ID)
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
