package ocmfsign_test

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
	"joulepay/meter/ocmfsign"
	"joulepay/meter/sim"
)

// A simulated outlet signs what it delivered, and anybody who knows its key verifies it.
func Example() {
	key, _ := ocmf.GeneratePrivateKey(ocmf.P256)
	cable, _ := sim.NewCable(36_000_000, 0)
	load, _ := sim.NewLoad([]sim.Step{{EnergyMicrojoules: 360_000_000_000, PowerMilliwatts: 36_000_000}}, meter.StateOfChargeUnknown, meter.StateOfChargeUnknown)
	if err := cable.Plug(load); err != nil {
		fmt.Println(err)
		return
	}
	outlet := ocmfsign.Wrap(sim.NewConnector(cable), key, ocmfsign.Options{Serial: "1"})
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	if err := outlet.Start(at, 36_000_000); err != nil {
		fmt.Println(err)
		return
	}
	if err := outlet.Stop(at.Add(time.Minute)); err != nil {
		fmt.Println(err)
		return
	}
	sample, _ := outlet.Sample(at.Add(time.Minute))
	signed, err := ocmf.CheckEvidence([]byte(sample.Evidence), key.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	energy, err := signed.EnergyMilliwattHours()
	fmt.Println(energy, "mWh", err)
	// Output: 100000 mWh <nil>
}
