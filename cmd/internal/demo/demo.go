// Package demo owns the whole of Joulepay in one process: broker, ledger, API, a charger and a vehicle, on loopback and
// in a directory of its own. It leaves every part to the package that real processes run; only the pace of time is its own.
// It keeps the difference of the two clocks: speed moves the session's time alone, and never past an unpaid claim.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel/session"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	// MaxPowerMw is the power of the demonstration's charger, milliwatts.
	MaxPowerMw = 150_000_000
	// funds is what each of the two is given.
	funds = 50 * money.Nano
	// stationDeposit is what the charger locks when it has to pay back more than it was paid.
	stationDeposit = 10 * money.Nano
)

// Options say what is shown.
type Options struct {
	Dir     string     // of all state
	Energy  int64      // mWh that the simulated vehicle takes
	Speed   float64    // of the session clock, at least 1
	Session meter.Spec // a recording to replay in place of the simulated battery; the zero value: none
	Tariff  *pricing.Tariff
	// GiveBack lets the vehicle stand for half an hour and give energy back; nil: it charges.
	GiveBack *station.GiveBack
	Log      *slog.Logger
	Report   func(session.Progress) // the vehicle's progress
}

// World is everything, running.
type World struct {
	URL     string // of API and dashboard
	NATS    string
	Vehicle wallet.DID
	Station wallet.DID

	options Options
	clock   *clock
	node    *operator.Node
	charger *station.Station
	shown   *prometheus.Registry // of the API
	served  station.Front
	payer   *party.Party
	flowing atomic.Bool // energy may flow: the session clock may move
	work    sync.WaitGroup
	close   []func()
}

// Start brings everything up, gives the vehicle its money, and serves the API on the listener. Close ends it.
func Start(ctx context.Context, o Options, listener net.Listener) (*World, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &World{options: o, clock: newClock(time.Now()), URL: "http://" + listener.Addr().String()}
	w.later(w.work.Wait)
	w.later(cancel)
	for _, start := range []func(context.Context, net.Listener) error{w.startLedger, w.startAPI, w.startCharger, w.startVehicle} {
		if err := start(ctx, listener); err != nil {
			w.Close()
			return nil, err
		}
	}
	return w, nil
}

// Close ends everything, in the reverse order of its start.
func (w *World) Close() {
	for i := len(w.close) - 1; i >= 0; i-- {
		w.close[i]()
	}
	w.close = nil
}

func (w *World) later(f func()) { w.close = append(w.close, f) }

// fail logs what goes wrong beside the session.
func (w *World) fail(err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, context.Canceled) {
		w.options.Log.Error("demo", "error", err)
	}
}

// report notes whether time may pass, and passes progress on.
func (w *World) report(p session.Progress) {
	w.flowing.Store(p.Phase == session.PhaseCharging)
	if w.options.Report != nil {
		w.options.Report(p)
	}
}

// ready tells whether session time may pass.
func (w *World) ready() bool { return w.flowing.Load() && !w.charger.Agent().Outstanding() }

// dir makes a directory for one of the parties.
func (w *World) dir(name string) (string, error) {
	dir := filepath.Join(w.options.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return dir, nil
}
