package demo

import (
	"context"
	"net"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/meter/replay"
	"joulepay/meter/sim"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/web"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// startLedger starts broker and ledger node.
func (w *World) startLedger(ctx context.Context, _ net.Listener) error {
	dir, err := w.dir("ledger")
	if err != nil {
		return err
	}
	broker, err := operator.StartBroker(dir, "127.0.0.1:0", nil, w.options.Log)
	if err != nil {
		return err
	}
	w.later(func() { w.fail(broker.Close()) })
	w.NATS = broker.ClientURL()
	w.node, err = operator.StartNode(ctx, operator.Options{Dir: dir, Wallet: wallet.Generate(), Broker: broker, Log: w.options.Log})
	if err != nil {
		return err
	}
	w.later(func() { w.fail(w.node.Close()) })
	return nil
}

// startAPI serves the ledger and, once there is one, the charger on the listener.
func (w *World) startAPI(ctx context.Context, listener net.Listener) error {
	config := w.node.Config()
	w.shown = config.Registry
	config.Claims = api.FirstClaims(&w.served, config.Claims)
	config.Sessions, config.Stations, config.Tariffs = &w.served, &w.served, &w.served
	config.Events, config.Lifetime, config.Dashboard = append(config.Events, &w.served), ctx, web.Handler()
	config.Loopback, config.Now, config.Logger = true, time.Now, w.options.Log
	handler, err := api.New(config)
	if err != nil {
		return err
	}
	server := api.Server(ctx, handler)
	w.work.Go(func() { w.fail(server.Serve(listener)) })
	w.later(func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		w.fail(server.Shutdown(stopping))
	})
	return nil
}

// open makes one of the two parties, with a wallet of its own.
func (w *World) open(ctx context.Context, name string, station bool) (*party.Party, error) {
	dir, err := w.dir(name)
	if err != nil {
		return nil, err
	}
	p, err := party.Open(ctx, party.Options{
		Wallet: wallet.Generate(), Dir: dir, Station: station, NATS: w.NATS, Ledger: w.URL, Name: "demo-" + name, Log: w.options.Log,
	})
	if err != nil {
		return nil, err
	}
	w.later(p.Close)
	return p, nil
}

func (w *World) startCharger(ctx context.Context, _ net.Listener) error {
	p, err := w.open(ctx, "charger", true)
	if err != nil {
		return err
	}
	spec := w.options.Session
	if spec.Kind == 0 {
		spec.Kind = meter.KindSim
	}
	config := station.Default(w.options.Tariff)
	config.Clock = w.clock
	config.Policy.TopUp, config.GiveBack = stationDeposit, w.options.GiveBack
	w.charger, err = station.New(p, config, func(free func() bool) ([]station.Place, error) {
		var maxReturnMw int64
		if config.GiveBack != nil {
			maxReturnMw = config.GiveBack.MaxPowerMw
		}
		connector, closer, err := station.Connect(ctx, p, spec, MaxPowerMw, maxReturnMw, free)
		if err == nil {
			w.later(func() { w.fail(closer.Close()) })
		}
		return station.Only(connector, err)
	}, w.options.Log)
	if err != nil {
		return err
	}
	w.Station = p.Wallet.DID()
	if err := w.fund(ctx, p); err != nil {
		return err
	}
	w.shown.MustRegister(w.charger.Metrics()...)
	w.served.Show(w.charger)
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); w.fail(w.charger.Run(running)) }()
	w.later(func() { cancel(); <-done })
	return nil
}

func (w *World) startVehicle(ctx context.Context, _ net.Listener) error {
	p, err := w.open(ctx, "vehicle", false)
	if err != nil {
		return err
	}
	w.payer, w.Vehicle = p, p.Wallet.DID()
	return w.fund(ctx, p)
}

// fund gives a party its money. The charger needs some too: at a negative price it pays the vehicle.
func (w *World) fund(ctx context.Context, p *party.Party) error {
	did := p.Wallet.DID()
	_, err := w.node.Issue(ctx, client.IssueRequest{
		To: did, Amount: money.Of(funds, p.Ledger.Trusted().Genesis.Currency), Reference: "demo " + did.String(),
	})
	return err
}

// plugIn makes the vehicle of one session.
func (w *World) plugIn() (*vehicle.Vehicle, error) {
	config := vehicle.Config{
		Policy: session.DefaultPayerPolicy(), Measure: meter.Spec{Kind: meter.KindSim}, Clock: w.clock, Report: w.report,
		Battery: battery(w.options.Energy), GainPPM: gainPPM,
	}
	if w.options.Session.Kind == meter.KindReplay {
		recording, err := replay.Open(w.options.Session.Path, w.options.Session.Row)
		if err != nil {
			return nil, err
		}
		config.Policy.Quantity = recording.EnergyMilliwattHours()
	} else {
		config.Policy.Quantity = w.options.Energy
	}
	if w.options.GiveBack != nil {
		w.giveBack(&config)
	}
	return vehicle.New(w.payer, config, w.Station, w.options.Log)
}

// gainPPM is the error of the vehicle's own meter: it measures 0.4 % less than flows.
const gainPPM = -4000

// standing is how long a vehicle that gives back stands at the charger, session time.
const standing = 30 * time.Minute

// giveBack makes a vehicle that arrives with 60 % and gives back down to 40 %, as long as it stands there.
func (w *World) giveBack(c *vehicle.Config) {
	most := w.options.GiveBack.MaxPowerMw
	c.Battery = sim.DefaultBattery()
	c.Battery.StateOfChargePermille, c.Battery.ReturnFloorPermille, c.Battery.RoundTripPPM = 600, 400, 900_000
	c.Battery.MaxReturnMilliwatts = most
	c.Policy.ReturnMw, c.Policy.FullIsTarget, c.Policy.Quantity = most, false, 0
	c.Policy.Until = w.clock.Now().Session.Add(standing)
}

// battery gives one that has room for so much energy.
func battery(energy int64) sim.Battery {
	b := sim.DefaultBattery()
	b.StateOfChargePermille = 200
	needed := (energy*1000 + b.CapacityMilliwattHours - 1) / b.CapacityMilliwattHours
	if most := int64(meter.StateOfChargeMax - b.StateOfChargePermille); needed > most {
		b.CapacityMilliwattHours, needed = energy*1000/most+1, most
	}
	b.TargetPermille = b.StateOfChargePermille + int16(needed)
	return b
}
