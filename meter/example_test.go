package meter_test

import (
	"fmt"
	"time"

	"joulepay/meter"
	"joulepay/wallet"
)

// A station signs what its meter says; a vehicle verifies it, chains it, and compares it with what it measured.
func Example() {
	key, network, session := wallet.NewPrivateKey([32]byte{7}), wallet.NetworkID{1}, [16]byte{2}
	says := func(register int64, minute int) meter.Sample {
		return meter.Sample{
			Time:     time.Date(2026, 5, 1, 8, minute, 0, 0, time.UTC),
			Register: register, Unit: meter.MilliwattHours, State: meter.Charging,
			StateOfChargePermille: meter.StateOfChargeUnknown,
		}
	}

	station, vehicle := meter.NewChain(session), meter.NewChain(session)
	comparison, err := meter.DefaultComparison(meter.SideDC)
	if err != nil {
		fmt.Println(err)
		return
	}
	measured := int64(0)
	for minute, register := range []int64{5_000_000, 6_000_000, 9_000_000} {
		reading, err := station.Next(says(register, minute), meter.AttestedByStation)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := station.Accept(reading); err != nil {
			fmt.Println(err)
			return
		}
		received, err := meter.DecodeSigned(meter.Sign(reading, key, network).Encode())
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := received.Verify(key.Public(), network); err != nil {
			fmt.Println(err)
			return
		}
		if err := vehicle.Accept(received.Reading); err != nil {
			fmt.Println(err)
			return
		}
		claimed := received.Reading.Register - 5_000_000
		fmt.Println(received.Reading.Sequence, claimed, comparison.Check(claimed, measured))
		measured += 1_000_000
	}
	// Output:
	// 0 0 <nil>
	// 1 1000000 <nil>
	// 2 4000000 meter: claimed quantity is more than was measured: claimed 4000000, measured 2000000 (DC side)
}
