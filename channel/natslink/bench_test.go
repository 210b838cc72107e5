package natslink_test

import (
	"fmt"
	"testing"

	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
)

// BenchmarkDatagrams gives what NATS on loopback carries from a vehicle's connection to a station's: the ceiling of
// every rate above it. The window is the number of datagrams under way.
func BenchmarkDatagrams(b *testing.B) {
	const claimBytes = 400
	for _, window := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			s := start(b, natsd.Options{})
			station := listenStation(b, dial(b, s, natsd.DialOptions{}), newDID(), func(err error) { b.Error(err) })
			peer := dialPeer(b, dial(b, s, natsd.DialOptions{}), natslink.NewToken())
			payload := make([]byte, claimBytes)
			room := make(chan struct{}, window)
			b.ResetTimer()
			go func() {
				for range b.N {
					room <- struct{}{}
					if err := peer.Send(station.Local(), payload); err != nil {
						b.Error(err)
						return
					}
				}
			}()
			for range b.N {
				await(b, station.Receive())
				<-room
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
		})
	}
}

// BenchmarkRoundTrip gives the time of a question and its answer, each in flight alone.
func BenchmarkRoundTrip(b *testing.B) {
	s := start(b, natsd.Options{})
	station := listenStation(b, dial(b, s, natsd.DialOptions{}), newDID(), nil)
	peer := dialPeer(b, dial(b, s, natsd.DialOptions{}), natslink.NewToken())
	for b.Loop() {
		send(b, peer, station.Local(), "question")
		d := await(b, station.Receive())
		send(b, station, d.From, "answer")
		await(b, peer.Receive())
	}
}
