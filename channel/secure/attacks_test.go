package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/flynn/noise"

	"joulepay/channel/link"
	"joulepay/wallet"
)

// TestEveryAttackIsRefusedByItsOwnError is what a broker, a stranger or a station that is not the one can try. None of it
// ends a connection or keeps an honest handshake from its end.
func TestEveryAttackIsRefusedByItsOwnError(t *testing.T) {
	attacks := []struct {
		name   string
		attack func(w *world) error
		want   error
	}{
		{"a replayed first message", replayFirst, ErrHandshakeReplayed},
		{"a third message of an open connection that is not its own", forgeThirdOfConnection, ErrHandshakeReplayed},
		{"a recorded handshake, played to a station that started again", replayAfterRestart, ErrHandshake},
		{"a second message for a handshake that is over", replaySecond, ErrHandshakeReplayed},
		{"a tampered second message", tamperSecond, ErrHandshake},
		{"a tampered third message", tamperThird, ErrHandshake},
		{"an ephemeral key of small order in the first message", smallOrderFirst, ErrHandshake},
		{"an ephemeral key of small order in the second message", smallOrderSecond, ErrHandshake},
		{"a broker that answers as itself", answerAsAnother("mallory", "mallory"), ErrPeer},
		{"a broker that answers with the station's proof and a key of its own", answerAsAnother("station", "mallory"), ErrProof},
		{"a vehicle that takes another's proof", stolenProof, ErrProof},
		{"a proof of another network", proofOfNetwork, ErrProof},
		{"a proof about a key of another purpose", proofOfPurpose, ErrProof},
		{"a proof of another version", proofOfVersion, ErrProof},
		{"a handshake of another network", handshakeOfNetwork, ErrHandshake},
		{"a handshake that was meant for another station", handshakeForAnother, ErrHandshake},
		{"a version that is not spoken", unknownVersion, ErrVersion},
		{"a version that a broker lowered", downgrade, ErrHandshake},
		{"a vehicle whose key was rotated away", retiredVehicle, ErrNotAdmitted},
		{"a station whose key was rotated away", retiredStation, ErrNotAdmitted},
		{"a vehicle that the station does not admit", refusedVehicle, ErrRefused},
		{"more half-open handshakes than an address may have", floodOfOne, ErrHalfOpen},
		{"more half-open handshakes than a station bears", floodOfMany, ErrHalfOpen},
		{"a truncated datagram", func(w *world) error { return w.stationHears(sealedBy(w)[:Overhead-1]) }, ErrFrame},
		{"an empty datagram", func(w *world) error { return w.stationHears(nil) }, ErrFrame},
		{"an oversize datagram", func(w *world) error { return w.stationHears(append(sealedBy(w), make([]byte, link.PayloadMax)...)) }, ErrFrame},
		{"a frame of an unknown kind", func(w *world) error { b := sealedBy(w); b[1] = 99; return w.stationHears(b) }, ErrFrame},
		{"a frame for the other side", func(w *world) error { return w.stationHears(encode(kindUnknown, ID{}, nil)) }, ErrFrame},
		{"a first message under another's name", renamedFirst, ErrFrame},
		{"a datagram of no connection", func(w *world) error { return w.stationHears(flipped(sealedBy(w), 3)) }, ErrUnknown},
		{"a datagram with a changed counter", func(w *world) error { return w.stationHears(flipped(sealedBy(w), headerSize+counterSize-1)) }, ErrForged},
		{"a datagram with a changed payload", func(w *world) error { return w.stationHears(flipped(sealedBy(w), headerSize+counterSize)) }, ErrForged},
		{"a datagram with a changed tag", func(w *world) error { b := sealedBy(w); return w.stationHears(flipped(b, len(b)-1)) }, ErrForged},
		{"a datagram played back to who sealed it", reflect, ErrForged},
		{"a replayed datagram", replayDatagram, ErrReplayed},
		{"a datagram that was held back for long", holdBack, ErrStale},
		{"a counter far ahead", farAhead, ErrAhead},
		{"an injected word that the connection is unknown", func(w *world) error { return w.vehicleHears(encode(kindUnknown, w.id(), nil)) }, ErrUnknown},
		{"an injected refusal of the key", forgedRefusal, ErrForged},
		{"a session message that nobody sealed", func(w *world) error { return w.vehicleHears(append([]byte{1, 10}, make([]byte, 60)...)) }, ErrFrame},
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			w := connected(t)
			wants(t, a.name, a.attack(w), a.want)
			w.works()
		})
	}
}

// id gives the vehicle's connection.
func (w *world) id() ID { return w.vehicle.lines[addrOf("station")].current.id }

// sealedBy gives a datagram of the vehicle that the station did not hear yet.
func sealedBy(w *world) []byte {
	w.say("claim")
	return w.takeToStation()
}

// fresh makes the world's vehicle one that shakes hands anew, and gives its first message.
func (w *world) fresh(name string) []byte {
	w.vehicle = NewDialer(identityOf(name))
	w.say("hello")
	return w.takeToStation()
}

func replayFirst(w *world) error {
	first := w.fresh("vehicle")
	w.stationHears(first)
	w.carry()
	return w.stationHears(first)
}

func forgeThirdOfConnection(w *world) error {
	return w.stationHears(encode(kindThird, w.id(), make([]byte, thirdSize-headerSize)))
}

func replayAfterRestart(w *world) error {
	var heard [][]byte
	heard = append(heard, w.fresh("vehicle"))
	w.stationHears(heard[0])
	w.vehicleHears(w.takeToVehicle())
	heard = append(heard, w.takeToStation())
	w.carry()
	w.station = NewListener(identityOf("station"))
	w.stationHears(heard[0])
	w.toVehicle = nil
	err := w.stationHears(heard[1])
	w.now = w.now.Add(renewEvery)
	return err
}

func replaySecond(w *world) error {
	w.stationHears(w.fresh("vehicle"))
	second := w.takeToVehicle()
	w.vehicleHears(second)
	w.carry()
	return w.vehicleHears(second)
}

// tamperSecond changes every part of the second message; the true one still ends the handshake.
func tamperSecond(w *world) error {
	w.stationHears(w.fresh("vehicle"))
	second := w.takeToVehicle()
	for _, i := range []int{headerSize, headerSize + keySize, headerSize + keySize + keySize + tagSize, len(second) - 1} {
		if err := w.vehicleHears(flipped(second, i)); !errors.Is(err, ErrHandshake) {
			return fmt.Errorf("byte %d: %w", i, err)
		}
	}
	w.dropped = nil
	if err := w.vehicleHears(second); err != nil {
		return fmt.Errorf("the true one: %v", err)
	}
	return ErrHandshake
}

// tamperThird changes every part of the third message; the true one still ends the handshake.
func tamperThird(w *world) error {
	w.stationHears(w.fresh("vehicle"))
	w.vehicleHears(w.takeToVehicle())
	third := w.takeToStation()
	for _, i := range []int{headerSize, headerSize + keySize + tagSize, len(third) - 1} {
		if err := w.stationHears(flipped(third, i)); !errors.Is(err, ErrHandshake) {
			return fmt.Errorf("byte %d: %w", i, err)
		}
	}
	if err := w.stationHears(third); err != nil {
		return fmt.Errorf("the true one: %v", err)
	}
	return ErrHandshake
}

func smallOrderFirst(w *world) error {
	point := make([]byte, keySize) // the point of order 4: every secret gives zero
	return w.stationHears(encode(kindFirst, idOf(point), point))
}

func smallOrderSecond(w *world) error {
	w.stationHears(w.fresh("vehicle"))
	second := w.takeToVehicle()
	forged := bytes.Clone(second)
	clear(forged[headerSize : headerSize+keySize])
	err := w.vehicleHears(forged)
	if err := w.vehicleHears(second); err != nil {
		return fmt.Errorf("the true one: %v", err)
	}
	return err
}

// answerAsAnother has a broker answer the vehicle in the station's place, with the proof of one wallet and the Noise key of
// another. The station's own answer comes after it.
func answerAsAnother(proof, key string) func(*world) error {
	return func(w *world) error {
		first := w.fresh("vehicle")
		mallory := NewListener(Identity{
			did: walletOf("station").DID(), network: testNetwork, proof: identityOf(proof).proof, static: identityOf(key).static,
		})
		e := mallory.Receive(w.now, link.Datagram{From: at, Payload: first})
		err := w.vehicleHears(e.Transmit[0].Payload)
		w.stationHears(first)
		return err
	}
}

// proves plays a vehicle with an identity up to the station's judgement.
func (w *world) proves(i Identity) error {
	mallory := NewDialer(i)
	e, err := mallory.Send(w.now, addrOf("station"), []byte("hello"))
	if err != nil {
		return err
	}
	answer := w.station.Receive(w.now, link.Datagram{From: "at mallory", Payload: e.Transmit[0].Payload})
	e = mallory.Receive(w.now, link.Datagram{Payload: answer.Transmit[0].Payload})
	if e.Dropped != nil {
		return e.Dropped
	}
	e = mallory.Admitted(w.now, e.Check.ID, nil)
	answer = w.station.Receive(w.now, link.Datagram{From: "at mallory", Payload: e.Transmit[0].Payload})
	if answer.Check == nil {
		return answer.Dropped
	}
	answer = w.station.Admitted(w.now, answer.Check.ID, w.admitted(answer.Check.Peer))
	return answer.Dropped
}

func stolenProof(w *world) error {
	i := identityOf("mallory")
	i.did, i.proof = walletOf("vehicle").DID(), identityOf("vehicle").proof
	return w.proves(i)
}

func proofOfNetwork(w *world) error {
	i := identityOf("mallory")
	i.proof = NewIdentity(walletOf("mallory"), wallet.NetworkID{9}).proof
	return w.proves(i)
}

func proofOfPurpose(w *world) error {
	i, owner := identityOf("mallory"), walletOf("mallory")
	i.proof = encodeProof(owner.Account().Public(), owner.Bind(testNetwork, wallet.PurposeNATS, 0, [32]byte(i.static().Public)))
	return w.proves(i)
}

func proofOfVersion(w *world) error {
	i := identityOf("mallory")
	i.proof[0]++
	return w.proves(i)
}

func handshakeOfNetwork(w *world) error {
	first := w.fresh("vehicle")
	elsewhere := NewListener(NewIdentity(walletOf("station"), wallet.NetworkID{9}))
	e := elsewhere.Receive(w.now, link.Datagram{From: at, Payload: first})
	err := w.vehicleHears(e.Transmit[0].Payload)
	w.stationHears(first)
	return err
}

func handshakeForAnother(w *world) error {
	first := w.fresh("vehicle")
	e := NewListener(identityOf("another station")).Receive(w.now, link.Datagram{From: at, Payload: first})
	err := w.vehicleHears(e.Transmit[0].Payload)
	w.stationHears(first)
	return err
}

func unknownVersion(w *world) error {
	b := sealedBy(w)
	b[0] = Version + 1
	return w.stationHears(b)
}

// downgrade is a vehicle of the next version, whose frames a broker makes look like those of this one.
func downgrade(w *world) error {
	newer := NewDialer(identityOf("vehicle"))
	newer.version = Version + 1
	e, err := newer.Send(w.now, addrOf("station"), []byte("hello"))
	if err != nil {
		return err
	}
	answer := w.station.Receive(w.now, link.Datagram{From: at, Payload: e.Transmit[0].Payload})
	return newer.Receive(w.now, link.Datagram{Payload: answer.Transmit[0].Payload}).Dropped
}

// rotated gives an identity whose proof is signed by another account key than the one that named the DID.
func rotated(name string) Identity {
	i := identityOf(name)
	account := wallet.GenerateKey()
	b := wallet.Binding{DID: i.did, Purpose: wallet.PurposeNoiseStatic, Key: [32]byte(i.static().Public)}
	body := append(append(bytes.Clone(b.DID[:]), byte(b.Purpose), 0, 0, 0, 0), b.Key[:]...)
	b.Signature = account.Sign(wallet.DomainKeyBinding, testNetwork, body)
	i.proof = encodeProof(account.Public(), b)
	return i
}

func retiredVehicle(w *world) error { return w.proves(rotated("mallory")) }

func retiredStation(w *world) error {
	first := w.fresh("vehicle")
	e := NewListener(rotated("station")).Receive(w.now, link.Datagram{From: at, Payload: first})
	w.vehicleHears(e.Transmit[0].Payload)
	err := w.dropped[0]
	w.stationHears(first)
	return err
}

func refusedVehicle(w *world) error {
	admit := w.admitted
	w.admitted = func(p Peer) error {
		if p.DID == walletOf("vehicle").DID() {
			return errors.New("deactivated")
		}
		return admit(p)
	}
	w.stationHears(w.fresh("vehicle"))
	w.vehicleHears(w.takeToVehicle())
	w.stationHears(w.takeToStation())
	err := w.vehicleHears(w.takeToVehicle())
	w.admitted, w.toStation = admit, nil
	return err
}

// firsts gives a first message that nobody sent before.
func firsts(n int) []byte {
	key := make([]byte, keySize)
	binary.BigEndian.PutUint64(key, uint64(n))
	key[31] = 1
	return encode(kindFirst, idOf(key), key)
}

func floodOfOne(w *world) error {
	var err error
	for n := range halfOpenPerAddress + 1 {
		err = w.station.Receive(w.now, link.Datagram{From: "flooder", Payload: firsts(n)}).Dropped
	}
	if len(w.station.half) != halfOpenPerAddress {
		return fmt.Errorf("%d half-open", len(w.station.half))
	}
	return err
}

func floodOfMany(w *world) error {
	var err error
	for n := range halfOpenMax + 10 {
		from := link.Addr(fmt.Sprint("flooder ", n/halfOpenPerAddress))
		err = w.station.Receive(w.now, link.Datagram{From: from, Payload: firsts(n)}).Dropped
	}
	if len(w.station.half) != halfOpenMax || w.station.begun.Len() != halfOpenMax || len(w.station.address) > halfOpenMax/halfOpenPerAddress+1 {
		return fmt.Errorf("%d half-open of %d addresses", len(w.station.half), len(w.station.address))
	}
	w.stationHears(w.fresh("vehicle")) // an honest vehicle gets through all the same
	w.carry()
	if len(w.atStation) == 0 {
		return errors.New("an honest vehicle is kept out")
	}
	w.now = w.now.Add(attemptMax)
	w.stationHears(w.fresh("another vehicle"))
	if len(w.station.half) != 1 {
		return fmt.Errorf("%d half-open after their time", len(w.station.half))
	}
	w.toVehicle = nil
	w.fresh("vehicle")
	w.byVehicle(w.vehicle.Tick(w.now.Add(retryFirst)))
	return err
}

func renamedFirst(w *world) error {
	b := firsts(1)
	return w.stationHears(flipped(b, 2))
}

func reflect(w *world) error {
	w.reply("demand")
	err := w.stationHears(w.toVehicle[0])
	return err
}

func replayDatagram(w *world) error {
	b := sealedBy(w)
	w.stationHears(b)
	c := w.station.connections[w.id()]
	err := w.byStation(w.station.Receive(w.now, link.Datagram{From: "somewhere else", Payload: b}))
	if c.addr != at {
		return fmt.Errorf("the vehicle was moved to %s", c.addr)
	}
	if len(w.atStation) != 1 {
		return fmt.Errorf("it was delivered %d times", len(w.atStation))
	}
	return err
}

func holdBack(w *world) error {
	b := sealedBy(w)
	for range windowSize {
		w.stationHears(sealedBy(w))
	}
	return w.stationHears(b)
}

func farAhead(w *world) error {
	b := sealedBy(w)
	binary.BigEndian.PutUint64(b[headerSize:], (keysAheadMax+1)*datagramsPerKey)
	return w.stationHears(b)
}

func forgedRefusal(w *world) error {
	b := encode(kindRefused, w.id(), make([]byte, counterSize+tagSize))
	return w.vehicleHears(b)
}

func TestAnInjectedUnknownCostsOneHandshakeASecondAtMost(t *testing.T) {
	w := connected(t)
	begun := 0
	for range 100 {
		w.vehicleHears(encode(kindUnknown, w.id(), nil))
		for len(w.toStation) > 0 {
			if kind(w.toStation[0][1]) == kindFirst {
				begun++
			}
			w.stationHears(w.takeToStation())
			w.carry()
		}
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if begun == 0 || begun > 10 {
		t.Errorf("%d handshakes in ten seconds", begun)
	}
	w.works()
}

func TestASmallOrderKeyIsRefusedByTheLibrary(t *testing.T) {
	if _, err := noise.DH25519.DH(bytes.Repeat([]byte{7}, keySize), make([]byte, keySize)); err == nil {
		t.Error("the shared secret of a point of small order is taken")
	}
}
