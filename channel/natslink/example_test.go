package natslink_test

import (
	"context"
	"fmt"
	"time"

	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// A vehicle finds a station and sends it a datagram. Errors are left out for brevity.
func Example() {
	server, _ := natsd.Start(natsd.Options{Port: natsd.PortNone})
	defer server.Close()

	stationConn, _ := server.Dial(natsd.DialOptions{Name: "station"})
	defer stationConn.Close()
	did := wallet.DIDOf(wallet.GenerateKey().Public())
	station, _ := natslink.ListenStation(stationConn, did, nil)
	announcer, _ := natslink.NewAnnouncer(stationConn, did)
	_ = announcer.Publish([]byte("0.59 EUR/kWh"))

	vehicleConn, _ := server.Dial(natsd.DialOptions{Name: "vehicle"})
	defer vehicleConn.Close()
	token := natslink.NewToken()
	vehicle, _ := natslink.DialPeer(vehicleConn, token, nil)
	theFirst := func(natslink.Announcement) bool { return true }
	found, _ := natslink.Discover(context.Background(), vehicleConn, token, 5*time.Second, theFirst)
	fmt.Printf("found a station at %s\n", found[0].Payload)
	_ = vehicle.Send(natslink.StationAddr(found[0].Station), []byte("hello"))

	hello := <-station.Receive()
	fmt.Printf("%s from the vehicle: %t\n", hello.Payload, hello.From == natslink.PeerAddr(token))
	// Output:
	// found a station at 0.59 EUR/kWh
	// hello from the vehicle: true
}
