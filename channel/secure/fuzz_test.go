package secure

import (
	"bytes"
	"testing"

	"joulepay/channel/link"
)

// FuzzFrame cuts what anybody can send: never a panic, and what is taken is what would be written.
func FuzzFrame(f *testing.F) {
	w := newWorld(f)
	w.say("hello")
	for len(w.toStation)+len(w.toVehicle) > 0 {
		if len(w.toStation) > 0 {
			f.Add(w.toStation[0])
			w.stationHears(w.takeToStation())
		}
		if len(w.toVehicle) > 0 {
			f.Add(w.toVehicle[0])
			w.vehicleHears(w.takeToVehicle())
		}
	}
	f.Add(encode(kindUnknown, ID{1}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		cut, err := parse(b)
		if err != nil {
			return
		}
		again := encode(cut.kind, cut.id, b[headerSize:])
		if !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x", b, again)
		}
		if cut.kind == kindData && !bytes.Equal(append(bytes.Clone(cut.header), cut.body...), b) {
			t.Errorf("%x is cut into %x and %x", b, cut.header, cut.body)
		}
	})
}

// FuzzProof reads the payload of a handshake message, which its sender chose.
func FuzzProof(f *testing.F) {
	i := identityOf("vehicle")
	static := i.static().Public
	f.Add(i.proof)
	f.Add(identityOf("station").proof)
	f.Add(i.proof[:proofSize-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		peer, err := readProof(b, static, testNetwork)
		if err == nil && (peer.DID != i.did || !bytes.Equal(b[:proofSize-64], i.proof[:proofSize-64])) {
			t.Errorf("%x proves %s", b, peer.DID)
		}
	})
}

// FuzzMachines gives both ends of an open connection what anybody can send: whatever it is, they go on.
func FuzzMachines(f *testing.F) {
	w := connected(f)
	w.say("claim")
	f.Add(w.toStation[0])
	f.Add(firsts(1))
	f.Add(encode(kindUnknown, w.id(), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := connected(t)
		w.stationHears(b)
		w.vehicleHears(b)
		w.byStation(w.station.Receive(w.now, link.Datagram{From: "elsewhere", Payload: b}))
		if len(w.atStation)+len(w.atVehicle) != 0 {
			t.Errorf("%x was delivered", b)
		}
		w.works()
	})
}
