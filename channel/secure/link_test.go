package secure_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/channel/link"
	"joulepay/channel/secure"
	"joulepay/wallet"
)

var network = wallet.NetworkID{1, 2, 3}

var wallets sync.Map // a wallet costs some milliseconds

// walletOf gives the wallet of a name, always the same.
func walletOf(name string) *wallet.Wallet {
	if w, ok := wallets.Load(name); ok {
		return w.(*wallet.Wallet)
	}
	var entropy [wallet.EntropySize]byte
	copy(entropy[:], name)
	w, _ := wallets.LoadOrStore(name, wallet.FromEntropy(entropy))
	return w.(*wallet.Wallet)
}

func identityOf(name string) secure.Identity { return secure.NewIdentity(walletOf(name), network) }

func didOf(name string) wallet.DID { return walletOf(name).DID() }

func addrOf(name string) link.Addr { return secure.AddrOf(didOf(name)) }

func join(t testing.TB, n *link.Network, addr link.Addr) link.Link {
	t.Helper()
	l, err := n.Join(addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func listen(t testing.TB, n *link.Network, name string, o secure.Options) *secure.Link {
	t.Helper()
	return closing(t, secure.Listen(join(t, n, addrOf(name)), identityOf(name), o))
}

func dial(t testing.TB, n *link.Network, name string, o secure.Options) *secure.Link {
	t.Helper()
	return closing(t, secure.Dial(join(t, n, link.Addr("at "+name)), identityOf(name), o))
}

func closing(t testing.TB, l *secure.Link) *secure.Link {
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// sendUntil repeats a datagram, as the layer above does, until it is there.
func sendUntil(t testing.TB, from link.Link, to link.Addr, text string, at link.Link) link.Datagram {
	t.Helper()
	for range 1000 {
		_ = from.Send(to, []byte(text))
		select {
		case d := <-at.Receive():
			if string(d.Payload) == text {
				return d
			}
		case <-time.After(500 * time.Millisecond):
		}
	}
	t.Fatalf("%q never arrived", text)
	return link.Datagram{}
}

func TestAVehicleAndAStationTalkInSecretAndKnowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{})
		station, vehicle := listen(t, n, "station", secure.Options{}), dial(t, n, "vehicle", secure.Options{})
		d := sendUntil(t, vehicle, addrOf("station"), "hello", station)
		if peer, ok := secure.PeerOf(d.From); !ok || peer != didOf("vehicle") {
			t.Errorf("the station heard %s, not the vehicle", d.From)
		}
		if d = sendUntil(t, station, d.From, "offer", vehicle); d.From != addrOf("station") {
			t.Errorf("the vehicle heard %s, not the station", d.From)
		}
		if err := vehicle.Send(addrOf("station"), make([]byte, secure.PayloadMax)); err != nil {
			t.Errorf("the largest: %v", err)
		}
		if d := <-station.Receive(); len(d.Payload) != secure.PayloadMax {
			t.Errorf("the largest came as %d bytes", len(d.Payload))
		}
		if err := vehicle.Send(addrOf("station"), make([]byte, secure.PayloadMax+1)); !errors.Is(err, link.ErrTooLarge) {
			t.Errorf("larger: %v", err)
		}
		if err := vehicle.Send("station", nil); !errors.Is(err, link.ErrAddress) {
			t.Errorf("no DID: %v", err)
		}
		if err := station.Send(addrOf("stranger"), nil); !errors.Is(err, link.ErrDown) || !errors.Is(err, secure.ErrNoConnection) {
			t.Errorf("to nobody: %v", err)
		}
	})
}

func TestALossyCarrierDelaysAndNeverBreaks(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			n := link.NewImmediateNetwork(seed, link.Faults{Loss: 0.3, Duplicate: 0.3, Reorder: 0.3})
			station, vehicle := listen(t, n, "station", secure.Options{}), dial(t, n, "vehicle", secure.Options{})
			for i := range 20 {
				d := sendUntil(t, vehicle, addrOf("station"), fmt.Sprint("claim ", i), station)
				sendUntil(t, station, d.From, fmt.Sprint("demand ", i), vehicle)
			}
		})
	}
}

func TestAProcessThatStartsAgainShakesHandsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{Loss: 0.1})
		station, vehicle := listen(t, n, "station", secure.Options{}), dial(t, n, "vehicle", secure.Options{})
		for i := range 3 {
			d := sendUntil(t, vehicle, addrOf("station"), fmt.Sprint("before ", i), station)
			sendUntil(t, station, d.From, fmt.Sprint("answer ", i), vehicle)
			if err := station.Close(); err != nil {
				t.Fatal(err)
			}
			station = listen(t, n, "station", secure.Options{})
			d = sendUntil(t, vehicle, addrOf("station"), fmt.Sprint("after the station's restart ", i), station)
			sendUntil(t, station, d.From, fmt.Sprint("again ", i), vehicle)
			if err := vehicle.Close(); err != nil {
				t.Fatal(err)
			}
			vehicle = dial(t, n, "vehicle", secure.Options{})
			d = sendUntil(t, vehicle, addrOf("station"), fmt.Sprint("after the vehicle's restart ", i), station)
			if peer, _ := secure.PeerOf(d.From); peer != didOf("vehicle") {
				t.Errorf("heard %s", d.From)
			}
			sendUntil(t, station, d.From, fmt.Sprint("once more ", i), vehicle)
		}
	})
}

func TestWhatComesBeforeTheAdmissionIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{})
		slow := secure.Options{Admit: func(_ context.Context, p secure.Peer) error {
			time.Sleep(3 * time.Second) // as a look at a ledger
			return nil
		}}
		station, vehicle := listen(t, n, "station", slow), dial(t, n, "vehicle", slow)
		for _, text := range []string{"one", "two"} {
			if err := vehicle.Send(addrOf("station"), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{"one", "two"} {
			if d := <-station.Receive(); string(d.Payload) != text || d.From != addrOf("vehicle") {
				t.Errorf("%q from %s, want %q", d.Payload, d.From, text)
			}
		}
	})
}

func TestAPeerThatIsNotAdmittedSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{})
		deactivated := errors.New("deactivated")
		atStation, atVehicle := make(chan error, 100), make(chan error, 100)
		station := listen(t, n, "station", secure.Options{Admit: func(_ context.Context, p secure.Peer) error {
			if p.DID == didOf("vehicle") && p.Account == didOf("vehicle").InceptionKey() && p.Static != [32]byte{} {
				return deactivated
			}
			return nil
		}, OnDrop: func(err error) { atStation <- err }})
		vehicle := dial(t, n, "vehicle", secure.Options{OnDrop: func(err error) { atVehicle <- err }})
		if err := vehicle.Send(addrOf("station"), []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := <-atStation; !errors.Is(err, secure.ErrNotAdmitted) || !errors.Is(err, deactivated) {
			t.Errorf("the station: %v", err)
		}
		if err := <-atVehicle; !errors.Is(err, secure.ErrRefused) {
			t.Errorf("the vehicle: %v", err)
		}
		if len(station.Receive()) != 0 {
			t.Error("it is heard all the same")
		}
		if c := station.Counts(); c.Dropped[secure.ErrNotAdmitted] != 1 || c.Delivered != 0 {
			t.Errorf("%+v", c)
		}
		welcome := dial(t, n, "another vehicle", secure.Options{})
		sendUntil(t, welcome, addrOf("station"), "hello", station)
	})
}

func TestALinkThatIsClosedLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{})
		station := listen(t, n, "station", secure.Options{Admit: func(ctx context.Context, _ secure.Peer) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		vehicle := dial(t, n, "vehicle", secure.Options{})
		if err := vehicle.Send(addrOf("station"), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 {
			if err := errors.Join(station.Close(), vehicle.Close()); err != nil {
				t.Error(err)
			}
		}
		if _, open := <-station.Receive(); open {
			t.Error("a closed link received")
		}
		if err := vehicle.Send(addrOf("station"), nil); !errors.Is(err, link.ErrClosed) {
			t.Errorf("sent on a closed link: %v", err)
		}
	})
}

func TestManySendAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := link.NewImmediateNetwork(1, link.Faults{})
		station := listen(t, n, "station", secure.Options{})
		const vehicles, each = 8, 100
		var all sync.WaitGroup
		var connected []link.Link
		for i := range vehicles {
			vehicle := dial(t, n, fmt.Sprint("vehicle ", i), secure.Options{})
			sendUntil(t, vehicle, addrOf("station"), "hello", station)
			connected = append(connected, vehicle)
		}
		for _, vehicle := range connected {
			all.Go(func() {
				for range each {
					if err := vehicle.Send(addrOf("station"), []byte("x")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range vehicles * each {
			if d, ok := <-station.Receive(); !ok || string(d.Payload) != "x" {
				t.Fatalf("%q", d.Payload)
			}
		}
		all.Wait()
	})
}
