package secure

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/flynn/noise"
	"golang.org/x/crypto/curve25519"

	"joulepay/wallet"
)

// suite is that of Noise_XX_25519_ChaChaPoly_SHA256.
var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256)

// prologueTag separates this use of Noise from every other.
const prologueTag = "joulepay/secure\x00"

// prologue is what both ends must agree on without sending it: version, network, and the station that is dialled. A broker
// that rewrites the version of a frame, or hands it to another network's or another station's end, spoils the handshake.
func prologue(version byte, network wallet.NetworkID, station wallet.DID) []byte {
	b := append([]byte(prologueTag), version)
	b = append(b, network[:]...)
	return append(b, station[:]...)
}

// keyPair gives the key pair of an X25519 secret, which is clamped on use.
func keyPair(secret [32]byte) noise.DHKey {
	public, err := curve25519.X25519(secret[:], curve25519.Basepoint)
	if err != nil {
		panic("secure: the base point is refused: " + err.Error())
	}
	return noise.DHKey{Private: secret[:], Public: public}
}

// handshake is one end of a Noise XX handshake. A message that does not fit leaves the state of the library spoilt: keys that
// were mixed in are not taken back. So it is made anew from the same ephemeral key before the next message is tried, and
// what anybody can inject costs work, never the handshake. Messages come out byte for byte the same each time.
type handshake struct {
	config    noise.Config
	ephemeral []byte
	first     []byte // Noise message 1; of the station's end: as received
	payload   []byte // of the message that this end sends with its static key
	state     *noise.HandshakeState
	spoilt    bool
}

// keys are what a handshake ends with, one for each direction.
type keys struct{ toStation, toVehicle *noise.CipherState }

func newHandshake(identity Identity, station wallet.DID, version byte, initiator bool) *handshake {
	h := &handshake{
		config: noise.Config{
			CipherSuite: suite, Pattern: noise.HandshakeXX, Initiator: initiator,
			Prologue: prologue(version, identity.network, station), StaticKeypair: identity.static(),
		},
		ephemeral: make([]byte, keySize), payload: identity.proof,
	}
	_, _ = rand.Read(h.ephemeral) // never fails since Go 1.24
	return h
}

// start gives a fresh state with the ephemeral key of this handshake.
func (h *handshake) start() error {
	h.config.Random = bytes.NewReader(h.ephemeral)
	state, err := noise.NewHandshakeState(h.config)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	h.state, h.spoilt = state, false
	return nil
}

// dial begins a handshake on the vehicle's side: h.first is the message to send.
func (h *handshake) dial() error {
	if err := h.start(); err != nil {
		return err
	}
	message, _, _, err := h.state.WriteMessage(nil, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	h.first = message
	return nil
}

// readSecond reads the station's answer and gives its proof.
func (h *handshake) readSecond(message []byte) (proof []byte, err error) {
	if h.spoilt {
		if err := h.dial(); err != nil {
			return nil, err
		}
	}
	h.spoilt = true // until a third message follows
	proof, _, _, err = h.state.ReadMessage(nil, message)
	if err != nil {
		return nil, fmt.Errorf("%w: second message: %w", ErrHandshake, err)
	}
	return proof, nil
}

// writeThird ends a handshake on the vehicle's side.
func (h *handshake) writeThird() (message []byte, k keys, err error) {
	message, k.toStation, k.toVehicle, err = h.state.WriteMessage(nil, h.payload)
	if err != nil {
		return nil, k, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	return message, k, nil
}

// answer begins a handshake on the station's side, and gives the second message.
func (h *handshake) answer(first []byte) (second []byte, err error) {
	if err := h.start(); err != nil {
		return nil, err
	}
	h.first = first
	if _, _, _, err := h.state.ReadMessage(nil, first); err != nil {
		return nil, fmt.Errorf("%w: first message: %w", ErrHandshake, err)
	}
	second, _, _, err = h.state.WriteMessage(nil, h.payload)
	if err != nil {
		return nil, fmt.Errorf("%w: first message: %w", ErrHandshake, err) // a key of small order
	}
	return second, nil
}

// readThird ends a handshake on the station's side, and gives the vehicle's proof.
func (h *handshake) readThird(message []byte) (proof []byte, k keys, err error) {
	if h.spoilt {
		if _, err := h.answer(h.first); err != nil {
			return nil, k, err
		}
	}
	h.spoilt = true
	proof, k.toStation, k.toVehicle, err = h.state.ReadMessage(nil, message)
	if err != nil {
		return nil, k, fmt.Errorf("%w: third message: %w", ErrHandshake, err)
	}
	return proof, k, nil
}

// peerStatic gives the peer's key, once a message with it was read.
func (h *handshake) peerStatic() []byte { return h.state.PeerStatic() }
