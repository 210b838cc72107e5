package demo

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/operator"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/pricing"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// world is what a vehicle finds: a ledger, a broker and a charger at normal speed, with the vehicle plugged in.
type world struct {
	dir       string
	ledgerURL string
	natsURL   string
	station   wallet.DID
	charger   *party.Party
	cable     *sim.Cable
	inlet     meter.Source
	fund      func(wallet.DID)
	end       func()
}

func startWorld() world { return startWorldAt("", nil) }

// startWorldAt starts a world whose sessions go over another broker than the ledger's, where one is named.
func startWorldAt(natsURL string, trusted *tls.Config) world {
	ctx, stop := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	dir := must(os.MkdirTemp("", "joulepay-world-"))
	broker := must(operator.StartBroker(dir, "127.0.0.1:0", nil, log))
	node := must(operator.StartNode(ctx, operator.Options{Dir: dir, Wallet: wallet.Generate(), Broker: broker, Log: log}))
	config := node.Config()
	config.Loopback, config.Now = true, time.Now
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	server := api.Server(ctx, must(api.New(config)))
	go func() { _ = server.Serve(listener) }()

	url := "http://" + listener.Addr().String()
	if natsURL == "" {
		natsURL = broker.ClientURL()
	}
	p := must(party.Open(ctx, party.Options{Wallet: wallet.Generate(), Dir: dir, Station: true, NATS: natsURL, TLS: trusted, Ledger: url, Log: log}))
	small := sim.DefaultBattery() // it takes 30 Wh: from 20 to 40 % of 150 Wh
	small.CapacityMilliwattHours, small.StateOfChargePermille, small.TargetPermille = 150_000, 200, 400
	cable := must(sim.NewCable(MaxPowerMw, 0))
	must(0, cable.Plug(must(small.Load())))
	settings := station.Default(pricing.Default())
	settings.ClaimEvery, settings.PulseEvery = time.Second, 50*time.Millisecond
	settings.Policy = session.DefaultPayeePolicy()
	settings.Policy.SampleEvery = 50 * time.Millisecond
	connector := func(func() bool) ([]station.Place, error) { return station.Only(sim.NewConnector(cable), nil) }
	charger := must(station.New(p, settings, connector, log))
	done := make(chan struct{})
	go func() { defer close(done); _ = charger.Run(ctx) }()

	return world{
		dir: dir, ledgerURL: url, natsURL: natsURL, station: p.Wallet.DID(), charger: p, cable: cable,
		inlet: must(sim.NewMeasurement(cable, gainPPM)),
		fund: func(did wallet.DID) {
			must(node.Issue(ctx, client.IssueRequest{To: did, Amount: money.Of(funds, money.Currency{'E', 'U', 'R'}), Reference: did.String()}))
		},
		end: func() {
			stop()
			<-done
			p.Close()
			_ = server.Close()
			_ = node.Close()
			_ = broker.Close()
			_ = os.RemoveAll(dir)
		},
	}
}
