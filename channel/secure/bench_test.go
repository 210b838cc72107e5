package secure

import (
	"fmt"
	"testing"
)

// BenchmarkHandshake gives what both ends together work for a connection, and what goes over the carrier.
func BenchmarkHandshake(b *testing.B) {
	vehicle, station := identityOf("vehicle"), identityOf("station")
	sent := 0
	for b.Loop() {
		w := newWorld(b)
		w.vehicle, w.station = NewDialer(vehicle), NewListener(station)
		w.say("hello")
		for len(w.toStation)+len(w.toVehicle) > 0 {
			if len(w.toStation) > 0 {
				sent += len(w.toStation[0])
				w.stationHears(w.takeToStation())
			}
			if len(w.toVehicle) > 0 {
				sent += len(w.toVehicle[0])
				w.vehicleHears(w.takeToVehicle())
			}
		}
		if len(w.atStation) != 1 {
			b.Fatal("not connected")
		}
	}
	hello := Overhead + len("hello")
	b.ReportMetric(float64(sent)/float64(b.N)-float64(hello), "bytes")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs-both-ends")
}

// BenchmarkDatagram gives what it costs to seal a datagram and to open it again.
func BenchmarkDatagram(b *testing.B) {
	for _, size := range []int{400, 1200, PayloadMax} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			vehicle, station := transports(b)
			payload := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				sealed, err := vehicle.seal(kindData, payload)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := opens(station, sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
