package simcable

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/wallet"
)

var (
	pole = wallet.FromEntropy([wallet.EntropySize]byte{1}).DID()
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func connect(t *testing.T) func() *nats.Conn {
	t.Helper()
	broker, err := natsd.Start(natsd.Options{Port: natsd.PortNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	return func() *nats.Conn {
		conn, err := broker.Dial(natsd.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
}

func serve(t *testing.T, conn *nats.Conn, free *bool) *Outlet {
	t.Helper()
	cable, err := sim.NewCable(50_000_000, 1000)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Serve(conn, pole, sim.NewConnector(cable), false, func() bool { return *free })
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAVehiclePlugsInWhereAnOutletIsAndNoOtherCharges(t *testing.T) {
	dial := connect(t)
	vehicle := dial()
	if _, err := PlugIn(vehicle, pole, "car", sim.DefaultBattery(), 0); !errors.Is(err, ErrNoOutlet) {
		t.Fatalf("no outlet: %v", err)
	}
	free := true
	outlet := serve(t, dial(), &free)
	plug := func(name string) error {
		p, err := PlugIn(vehicle, pole, name, sim.DefaultBattery(), 0)
		if err != nil {
			return err
		}
		return p.Unplug()
	}
	for _, name := range []string{"car", "car", "van"} { // whoever comes while no session runs
		if err := plug(name); err != nil || !outlet.Plugged() {
			t.Fatalf("%s: %v", name, err)
		}
	}
	free = false
	if err := plug("van"); err != nil {
		t.Errorf("the vehicle that charges: %v", err)
	}
	if err := plug("car"); !errors.Is(err, ErrInUse) {
		t.Errorf("another vehicle: %v", err)
	}
	broken := sim.DefaultBattery()
	broken.CapacityMilliwattHours = 0
	if _, err := PlugIn(vehicle, pole, "van", broken, 0); err == nil {
		t.Error("a battery without capacity is plugged in")
	}
}

func TestTheVehicleSeesWhatFlowsBeforeTheReadingIsOut(t *testing.T) {
	dial := connect(t)
	free := true
	outlet := serve(t, dial(), &free)
	vehicle := dial()
	p, err := PlugIn(vehicle, pole, "car", sim.DefaultBattery(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sample(noon); !errors.Is(err, meter.ErrNoSample) {
		t.Errorf("before the first sample: %v", err)
	}
	if err := outlet.Start(noon, 36_000_000); err != nil {
		t.Fatal(err)
	}
	shown, err := outlet.Sample(noon.Add(time.Second)) // 36 kW for a second: 10 Wh
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(outlet.conn.Flush(), vehicle.Flush()); err != nil {
		t.Fatal(err)
	}
	for {
		seen, err := p.Sample(noon)
		if errors.Is(err, meter.ErrNoSample) {
			continue // on its way from the connection to the subscription
		}
		if err != nil || seen.Register != 11_000 || seen.Register != shown.Register {
			t.Fatalf("sees %+v, %v; the outlet shows %+v", seen, err, shown)
		}
		return
	}
}

func TestAVehicleThatIsPluggedInAgainHasWhatItTook(t *testing.T) {
	battery := sim.DefaultBattery()
	battery.WantedMilliwattHours = 5_000_000
	p := &Plug{request: plug{Battery: battery}, now: battery}
	p.seen(sim.CableState{Register: 1_000_000, StateOfChargePermille: 200, Plugged: true})
	p.seen(sim.CableState{Register: 4_000_000, StateOfChargePermille: 250, Plugged: true})
	p.seen(sim.CableState{Register: 4_000_000, StateOfChargePermille: meter.StateOfChargeUnknown, Plugged: true})
	if p.now.StateOfChargePermille != 250 || p.now.WantedMilliwattHours != 2_000_000 {
		t.Errorf("%+v", p.now)
	}
	p.seen(sim.CableState{Register: 9_000_000, StateOfChargePermille: 999, Plugged: true})
	if p.now.StateOfChargePermille != battery.TargetPermille || p.now.WantedMilliwattHours != 1 {
		t.Errorf("%+v", p.now)
	}
	if _, err := p.now.Load(); err != nil {
		t.Errorf("a battery that nothing can be plugged in with: %v", err)
	}
}
