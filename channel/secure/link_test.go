package secure_test

import (
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
