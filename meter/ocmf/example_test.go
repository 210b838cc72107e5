package ocmf_test

import (
	"fmt"
	"time"

	"joulepay/meter/ocmf"
)

// A meter signs a begin and an end; whoever has its public key can check what flowed between them.
func Example() {
	key, err := ocmf.GeneratePrivateKey(ocmf.P256)
	if err != nil {
		panic(err)
	}
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reading := func(t time.Time, event ocmf.Event, milliwattHours int64) ocmf.Reading {
		return ocmf.Reading{
			Time: t, Sync: ocmf.Synchronised, Event: event, Value: ocmf.WattHours(milliwattHours),
			Register: "1-0:1.8.0", Unit: "Wh", Current: "AC", Status: ocmf.Good,
		}
	}
	payload := ocmf.Payload{
		Version: "1.0", Page: ocmf.Page{Context: ocmf.Transactional, Number: 32}, Meter: ocmf.Meter{Serial: "METER-1"},
		Readings: []ocmf.Reading{
			reading(begin, ocmf.Begin, 10_000_000),
			reading(begin.Add(time.Hour), ocmf.End, 21_000_500),
		},
	}
	record, err := ocmf.Sign(payload, key)
	if err != nil {
		panic(err)
	}

	received, err := ocmf.Parse(record.Raw())
	if err != nil {
		panic(err)
	}
	verified, err := received.Verify(key.Public(), ocmf.Quirks{})
	if err != nil {
		panic(err)
	}
	transaction, err := ocmf.CheckTransaction([]ocmf.Verified{verified})
	if err != nil {
		panic(err)
	}
	fmt.Println(received)
	fmt.Println(transaction.Imported, "Wh in", transaction.Duration())
	// Output:
	// OCMF T32 of meter "METER-1"
	// 11000.5 Wh in 1h0m0s
}
