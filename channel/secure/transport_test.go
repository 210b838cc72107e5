package secure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel/link"
)

func TestTheWindowTakesEachCounterOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		taken, next := map[uint64]bool{}, uint64(0)
		counter := uint64(0)
		for range rapid.IntRange(1, 400).Draw(t, "datagrams") {
			step := rapid.SampledFrom([]int{1, 1, 1, 3, 64, 70, windowSize - 1, windowSize, windowSize + 1, 5 * windowSize, -1, -1, -2, -63, -64, -65, -windowSize + 1, -windowSize, -windowSize - 1}).Draw(t, "step")
			counter = uint64(max(int64(counter)+int64(step), 0))
			want := error(nil)
			switch {
			case counter+windowSize < next:
				want = ErrStale
			case taken[counter]:
				want = ErrReplayed
			}
			if err := w.take(counter); !errors.Is(err, want) {
				t.Fatalf("%d, the newest being %d: %v, want %v", counter, int64(next)-1, err, want)
			}
			taken[counter] = true
			next = max(next, counter+1)
		}
	})
}

// transports gives both ends of a connection.
func transports(t testing.TB) (vehicle, station *transport) {
	w := connected(t)
	return w.vehicle.lines[addrOf("station")].current, w.station.connections[w.id()].transport
}

func opens(t *transport, sealed []byte) ([]byte, error) {
	f, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	return t.open(f)
}

func TestDatagramsCrossARekeyReorderedAndRepeated(t *testing.T) {
	vehicle, station := transports(t)
	random := rand.New(rand.NewPCG(1, 2))
	const around = 600 // fewer than the window holds
	for vehicle.out.next < datagramsPerKey-around {
		if _, err := vehicle.seal(kindData, nil); err != nil {
			t.Fatal(err)
		}
	}
	for key := range 3 {
		var under []string
		var sealed [][]byte
		for i := range 2 * around {
			text := fmt.Sprint(key, " ", i)
			b, err := vehicle.seal(kindData, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			under, sealed = append(under, text), append(sealed, b, b)
		}
		random.Shuffle(len(sealed), func(i, j int) { sealed[i], sealed[j] = sealed[j], sealed[i] })
		var got []string
		for _, b := range sealed {
			payload, err := opens(station, b)
			if err == nil {
				got = append(got, string(payload))
			} else if !errors.Is(err, ErrReplayed) {
				t.Fatalf("around key %d: %v", key+1, err)
			}
		}
		slices.Sort(got)
		slices.Sort(under)
		if !slices.Equal(got, under) {
			t.Fatalf("around key %d: %d of %d arrived", key+1, len(got), len(under))
		}
		if station.in.epoch != uint64(key)+1 {
			t.Errorf("the station is at key %d, not %d", station.in.epoch, key+1)
		}
		for vehicle.out.next%datagramsPerKey != datagramsPerKey-around {
			if _, err := vehicle.seal(kindData, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAKeyThatWasLostWholeIsCaughtUpWith(t *testing.T) {
	vehicle, station := transports(t)
	before, err := vehicle.seal(kindData, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	for vehicle.out.next < 2*datagramsPerKey {
		if _, err := vehicle.seal(kindData, nil); err != nil {
			t.Fatal(err)
		}
	}
	after, err := vehicle.seal(kindData, []byte("after"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opens(station, flipped(after, len(after)-1)); !errors.Is(err, ErrForged) || station.in.epoch != 0 {
		t.Errorf("a forged datagram ahead: %v, and the station is at key %d", err, station.in.epoch)
	}
	if got, err := opens(station, after); err != nil || string(got) != "after" {
		t.Errorf("two keys ahead: %q, %v", got, err)
	}
	if _, err := opens(station, before); !errors.Is(err, ErrStale) {
		t.Errorf("under a key that is gone: %v", err)
	}
}

func TestAConnectionIsUsedUpAndAnotherTakesItsPlace(t *testing.T) {
	w := connected(t)
	c := w.station.connections[w.id()]
	c.transport.out.next = datagramsMax
	if _, err := w.station.Send(w.now, addrOf("vehicle"), []byte("one too many")); !errors.Is(err, ErrExhausted) {
		t.Errorf("%v, want ErrExhausted", err)
	}
	before := w.id()
	w.vehicle.lines[addrOf("station")].current.in.window.next = datagramsMax / 2
	w.works()
	if w.id() == before {
		t.Error("the vehicle goes on with a connection that is used up")
	}
}

func TestTheSilentConnectionGoesFirst(t *testing.T) {
	w := connected(t)
	first := w.id()
	for range connectionsPerPeer {
		w.fresh("vehicle")
		w.byVehicle(w.vehicle.Tick(w.now.Add(retryFirst)))
		w.carry()
	}
	if len(w.station.connections) != connectionsPerPeer || w.station.connections[first] != nil {
		t.Errorf("%d connections of one vehicle", len(w.station.connections))
	}
	w.works()
	w.now = w.now.Add(idleMax)
	w.vehicle = NewDialer(identityOf("another vehicle"))
	w.say("hello")
	w.carry()
	if len(w.station.connections) != 1 || len(w.station.peers) != 1 || w.station.heard.Len() != 1 {
		t.Errorf("%d connections after the others were silent for %s", len(w.station.connections), idleMax)
	}
}

func TestAVehicleGivesUpAndTriesAgain(t *testing.T) {
	w := newWorld(t)
	w.say("hello")
	w.toStation = nil
	sent := 0
	for len(w.dropped) == 0 {
		w.now = w.vehicle.Deadline()
		w.byVehicle(w.vehicle.Tick(w.now))
		sent += len(w.toStation)
		w.toStation = nil
	}
	wants(t, "after thirty seconds", w.dropped[0], ErrNoAnswer)
	if sent < 10 || sent > 25 || !w.vehicle.Deadline().IsZero() {
		t.Errorf("%d repetitions", sent)
	}
	w.dropped = nil
	w.works()
}

func TestHandshakeMessagesAreRepeatedByteForByte(t *testing.T) {
	w := newWorld(t)
	w.say("hello")
	first := w.takeToStation()
	w.now = w.vehicle.Deadline()
	w.byVehicle(w.vehicle.Tick(w.now))
	if again := w.takeToStation(); string(again) != string(first) {
		t.Error("the first message differs")
	}
	w.stationHears(first)
	w.stationHears(first)
	second := w.takeToVehicle()
	if again := w.takeToVehicle(); string(again) != string(second) || len(w.station.half) != 1 {
		t.Error("the second message differs")
	}
	w.vehicleHears(second)
	third := w.toStation[0]
	w.toStation = nil // with the hello
	w.vehicleHears(second)
	if again := w.takeToStation(); string(again) != string(third) {
		t.Error("the third message differs")
	}
	w.stationHears(third)
	w.toVehicle = nil // its confirmation is lost
	w.now = w.vehicle.Deadline()
	w.byVehicle(w.vehicle.Tick(w.now))
	w.carry()
	if w.vehicle.lines[addrOf("station")].attempt != nil {
		t.Error("the handshake is not confirmed")
	}
	w.works()
}

func TestAVehicleKnowsManyStationsAndForgetsTheOldest(t *testing.T) {
	d := NewDialer(identityOf("vehicle"))
	w := newWorld(t)
	for i := range stationsMax + 1 {
		w.now = w.now.Add(1)
		if _, err := d.Send(w.now, addrOf(fmt.Sprint("station ", i)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.lines) != stationsMax || d.lines[addrOf("station 0")] != nil {
		t.Errorf("%d stations are kept", len(d.lines))
	}
	if _, err := d.Send(w.now, "did:joule:nobody", nil); !errors.Is(err, link.ErrAddress) {
		t.Errorf("a DID that is none: %v", err)
	}
}

func TestOnlyTheNewestAuthenticDatagramMovesAnAddress(t *testing.T) {
	w := connected(t)
	hears := func(from link.Addr, b []byte) {
		w.byStation(w.station.Receive(w.now, link.Datagram{From: from, Payload: b}))
	}
	old, newest := sealedBy(w), sealedBy(w)
	c := w.station.connections[w.id()]
	hears("forger", flipped(newest, len(newest)-1))
	hears("elsewhere", newest)
	if c.addr != "elsewhere" {
		t.Errorf("the vehicle is at %s, not where its newest datagram came from", c.addr)
	}
	hears("where it was", old)
	if c.addr != "elsewhere" {
		t.Errorf("a datagram that was held back moved the vehicle to %s", c.addr)
	}
}
