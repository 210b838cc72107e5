package secure

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"joulepay/channel/link"
	"joulepay/wallet"
)

var testNetwork = wallet.NetworkID{1, 2, 3}

var testWallets sync.Map // a wallet costs some milliseconds

// walletOf gives the wallet of a name, always the same.
func walletOf(name string) *wallet.Wallet {
	if w, ok := testWallets.Load(name); ok {
		return w.(*wallet.Wallet)
	}
	var entropy [wallet.EntropySize]byte
	copy(entropy[:], name)
	w, _ := testWallets.LoadOrStore(name, wallet.FromEntropy(entropy))
	return w.(*wallet.Wallet)
}

func identityOf(name string) Identity { return NewIdentity(walletOf(name), testNetwork) }

func addrOf(name string) link.Addr { return AddrOf(walletOf(name).DID()) }

// at is where a vehicle is on the carrier.
const at link.Addr = "at vehicle"

// world is a vehicle and a station without a carrier: the test carries, and is whatever a broker may be.
type world struct {
	t       testing.TB
	now     time.Time
	vehicle *Dialer
	station *Listener

	toStation [][]byte
	toVehicle [][]byte
	atStation []string // delivered
	atVehicle []string
	dropped   []error // by either
	admitted  func(Peer) error
}

func newWorld(t testing.TB) *world {
	return &world{
		t: t, now: time.Unix(1_800_000_000, 0), vehicle: NewDialer(identityOf("vehicle")), station: NewListener(identityOf("station")),
		admitted: func(p Peer) error { return InceptionOnly(context.Background(), p) },
	}
}

// connected gives a world after its handshake.
func connected(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.say("hello")
	w.carry()
	if len(w.atStation) != 1 || w.atStation[0] != "hello" || len(w.dropped) != 0 || w.vehicle.lines[addrOf("station")].attempt != nil {
		t.Fatalf("not connected: %q, dropped %v", w.atStation, w.dropped)
	}
	w.atStation = nil
	return w
}

// say has the vehicle send; what leaves it waits to be carried.
func (w *world) say(text string) {
	w.t.Helper()
	e, err := w.vehicle.Send(w.now, addrOf("station"), []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.byVehicle(e)
}

// reply has the station send.
func (w *world) reply(text string) {
	w.t.Helper()
	e, err := w.station.Send(w.now, addrOf("vehicle"), []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.byStation(e)
}

func (w *world) byVehicle(e Effects) error {
	for _, out := range e.Transmit {
		w.toStation = append(w.toStation, out.Payload)
	}
	for _, d := range e.Deliver {
		w.atVehicle = append(w.atVehicle, string(d.Payload))
	}
	if e.Check != nil {
		w.byVehicle(w.vehicle.Admitted(w.now, e.Check.ID, w.admitted(e.Check.Peer)))
	}
	if e.Dropped != nil {
		w.dropped = append(w.dropped, e.Dropped)
	}
	return e.Dropped
}

func (w *world) byStation(e Effects) error {
	for _, out := range e.Transmit {
		w.toVehicle = append(w.toVehicle, out.Payload)
	}
	for _, d := range e.Deliver {
		w.atStation = append(w.atStation, string(d.Payload))
	}
	if e.Check != nil {
		w.byStation(w.station.Admitted(w.now, e.Check.ID, w.admitted(e.Check.Peer)))
	}
	if e.Dropped != nil {
		w.dropped = append(w.dropped, e.Dropped)
	}
	return e.Dropped
}

// station hears and vehicle hears: a datagram that somebody puts on the carrier.
func (w *world) stationHears(b []byte) error {
	return w.byStation(w.station.Receive(w.now, link.Datagram{From: at, Payload: b}))
}

func (w *world) vehicleHears(b []byte) error {
	return w.byVehicle(w.vehicle.Receive(w.now, link.Datagram{From: addrOf("station"), Payload: b}))
}

// takeToStation takes one datagram off its way.
func (w *world) takeToStation() []byte {
	w.t.Helper()
	if len(w.toStation) == 0 {
		w.t.Fatal("the vehicle sends nothing")
	}
	b := w.toStation[0]
	w.toStation = w.toStation[1:]
	return b
}

func (w *world) takeToVehicle() []byte {
	w.t.Helper()
	if len(w.toVehicle) == 0 {
		w.t.Fatal("the station sends nothing")
	}
	b := w.toVehicle[0]
	w.toVehicle = w.toVehicle[1:]
	return b
}

// carry brings everything to its receiver until nothing is under way.
func (w *world) carry() {
	for len(w.toStation)+len(w.toVehicle) > 0 {
		if len(w.toStation) > 0 {
			w.stationHears(w.takeToStation())
		}
		if len(w.toVehicle) > 0 {
			w.vehicleHears(w.takeToVehicle())
		}
	}
}

// works fails the test unless both can still talk.
func (w *world) works() {
	w.t.Helper()
	w.carry()
	w.atStation, w.atVehicle = nil, nil
	for range 4 { // a handshake that was pushed aside is repeated
		w.say("question")
		w.carry()
		if len(w.atStation) > 0 {
			break
		}
		w.now = w.now.Add(retryMax)
		w.byVehicle(w.vehicle.Tick(w.now))
		w.carry()
	}
	if len(w.atStation) == 0 || w.atStation[0] != "question" {
		w.t.Fatalf("the station does not hear the vehicle any more: %v", w.dropped)
	}
	w.reply("answer")
	w.carry()
	if len(w.atVehicle) != 1 || w.atVehicle[0] != "answer" {
		w.t.Fatalf("the vehicle does not hear the station any more: %v", w.dropped)
	}
}

// flipped gives a copy with one bit changed.
func flipped(b []byte, i int) []byte {
	c := append([]byte(nil), b...)
	c[i] ^= 0x10
	return c
}

func wants(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
