package demo

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"path/filepath"
	"time"

	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/sqlite"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/settle/port"
	"joulepay/settle/receipt"
	"joulepay/wallet"
)

// A vehicle maker embeds the library: open a wallet, buy energy, print the receipt. Nothing of cmd is used between the two
// marks; what stands outside them is the charger and the ledger that a real vehicle finds in the world.
func Example_embedding() {
	world := startWorld()
	defer world.end()

	// embedding: begin
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w := wallet.Generate() // or wallet.Open(file, password)
	world.fund(w.DID())
	api := must(client.New(world.ledgerURL, client.Options{}))
	ledger := must(api.Pin(ctx, wallet.NetworkID{})) // keep the id: name it from now on
	key := wallet.GenerateKey()                      // a fresh one, by which the broker does not know the vehicle again
	conn := must(natslink.Connect(world.natsURL, "", key, nil))
	defer conn.Close()
	carrier := must(natslink.DialPeer(conn, natslink.TokenOf(key.Public()), nil))
	link := secure.Dial(carrier, secure.NewIdentity(w, ledger.Trusted().ID), secure.Options{})
	store := must(sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(world.dir, "vehicle.db")}))
	defer store.Close()
	settler := port.New(ledger, w)
	car := agent.NewVehicle(agent.Deps{
		Identity: agent.Identity{Wallet: w, Network: ledger.Trusted().ID}, Store: store, Link: link, Settler: settler,
		Clock: agent.WallClock{}, Log: slog.New(slog.DiscardHandler), PulseEvery: 50 * time.Millisecond,
	}, world.inlet, must(meter.DefaultComparison(meter.SideDC))) // world.inlet is your own meter
	go car.Run(ctx)

	policy := session.DefaultPayerPolicy()
	policy.Quantity = must(meter.ParseEnergy("30Wh"))
	record := must(car.Charge(ctx, agent.Visit{
		Station: world.station, Addr: secure.AddrOf(world.station), Policy: policy, LedgerTime: time.Now(),
	}))
	proof := must(receipt.Parse(must(settler.Receipt(ctx, store, record.ID))))
	must(receipt.Verify(proof, receipt.Options{}))
	fmt.Println(proof.Summary.EnergyWh, "Wh for", proof.Summary.Paid)
	// embedding: end

	// Output: 30 Wh for 0.017493 EUR
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
