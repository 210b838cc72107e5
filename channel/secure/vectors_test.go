package secure

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/flynn/noise"

	"joulepay/internal/shared"
)

// hexBytes is a byte string that JSON holds in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*h = decoded
	return err
}

// vector is one of cacophony's.
type vector struct {
	Name       string     `json:"protocol_name"`
	Prologue   hexBytes   `json:"init_prologue"`
	PSKs       []hexBytes `json:"init_psks"`
	Ephemeral  hexBytes   `json:"init_ephemeral"`
	Static     hexBytes   `json:"init_static"`
	Remote     hexBytes   `json:"init_remote_static"`
	Ephemeral2 hexBytes   `json:"resp_ephemeral"`
	Static2    hexBytes   `json:"resp_static"`
	Remote2    hexBytes   `json:"resp_remote_static"`
	Hash       hexBytes   `json:"handshake_hash"`
	Messages   []struct {
		Payload    hexBytes `json:"payload"`
		Ciphertext hexBytes `json:"ciphertext"`
	} `json:"messages"`
}

var patterns = map[string]noise.HandshakePattern{
	"NN": noise.HandshakeNN, "KN": noise.HandshakeKN, "NK": noise.HandshakeNK, "KK": noise.HandshakeKK, "NX": noise.HandshakeNX,
	"KX": noise.HandshakeKX, "XN": noise.HandshakeXN, "IN": noise.HandshakeIN, "XK": noise.HandshakeXK, "IK": noise.HandshakeIK,
	"XX": noise.HandshakeXX, "IX": noise.HandshakeIX, "N": noise.HandshakeN, "K": noise.HandshakeK, "X": noise.HandshakeX,
}

var ciphers = map[string]noise.CipherFunc{"AESGCM": noise.CipherAESGCM, "ChaChaPoly": noise.CipherChaChaPoly}

var hashes = map[string]noise.HashFunc{
	"SHA256": noise.HashSHA256, "SHA512": noise.HashSHA512, "BLAKE2b": noise.HashBLAKE2b, "BLAKE2s": noise.HashBLAKE2s,
}

// config gives both ends of a vector, and false for what the library has not: curve 448 and the deferred patterns.
func (v vector) config() (initiator, responder noise.Config, ok bool) {
	parts := strings.Split(v.Name, "_")
	name, placement, _ := strings.Cut(parts[1], "psk")
	pattern, known := patterns[name]
	if !known || parts[2] != "25519" {
		return initiator, responder, false
	}
	initiator = noise.Config{
		CipherSuite: noise.NewCipherSuite(noise.DH25519, ciphers[parts[3]], hashes[parts[4]]),
		Pattern:     pattern, Prologue: v.Prologue, Initiator: true,
	}
	if len(v.PSKs) > 0 {
		initiator.PresharedKey, initiator.PresharedKeyPlacement = v.PSKs[0], int(placement[0]-'0')
	}
	responder = initiator
	responder.Initiator = false
	initiator.Random, responder.Random = bytes.NewReader(v.Ephemeral), bytes.NewReader(v.Ephemeral2)
	initiator.StaticKeypair, responder.StaticKeypair = pairOf(v.Static), pairOf(v.Static2)
	initiator.PeerStatic, responder.PeerStatic = v.Remote, v.Remote2
	return initiator, responder, true
}

func pairOf(secret hexBytes) noise.DHKey {
	if len(secret) == 0 {
		return noise.DHKey{}
	}
	return keyPair([32]byte(secret))
}

func TestNoiseVectors(t *testing.T) {
	var file struct{ Vectors []vector }
	shared.ReadJSON(t, "vectors/noise/cacophony.txt", &file)
	ran, ours := 0, 0
	for _, v := range file.Vectors {
		initiator, responder, ok := v.config()
		if !ok {
			continue
		}
		ran++
		if v.Name == "Noise_XX_"+string(suite.Name()) {
			ours++
		}
		if err := v.play(initiator, responder); err != "" {
			t.Errorf("%s: %s", v.Name, err)
		}
	}
	t.Logf("%d of %d vectors; the others are of curve 448 or deferred patterns", ran, len(file.Vectors))
	if ours != 1 || ran != 288 {
		t.Errorf("%d vectors of this suite, %d in all: want 1 and 288", ours, ran)
	}
}

// play runs a vector from both ends and says what differs.
func (v vector) play(one, two noise.Config) string {
	a, errA := noise.NewHandshakeState(one)
	b, errB := noise.NewHandshakeState(two)
	if errA != nil || errB != nil {
		return "no handshake state"
	}
	var sendA, sendB, receiveA, receiveB *noise.CipherState // of the initiator's messages, and of the responder's
	oneWay := len(one.Pattern.Messages) == 1
	for i, m := range v.Messages {
		fromA := i%2 == 0 || oneWay && sendA != nil
		var message, payload []byte
		var err, readErr error
		switch {
		case sendA == nil:
			from, to := a, b
			if !fromA {
				from, to = b, a
			}
			var c1, c2, d1, d2 *noise.CipherState
			message, c1, c2, err = from.WriteMessage(nil, m.Payload)
			payload, d1, d2, readErr = to.ReadMessage(nil, message)
			if c1 != nil {
				if fromA {
					sendA, receiveB, sendB, receiveA = c1, d1, d2, c2
				} else {
					sendA, receiveB, sendB, receiveA = d1, c1, c2, d2
				}
				if !bytes.Equal(a.ChannelBinding(), v.Hash) {
					return "the hash of the handshake differs"
				}
			}
		case fromA:
			message, err = sendA.Encrypt(nil, nil, m.Payload)
			payload, readErr = receiveB.Decrypt(nil, nil, message)
		default:
			message, err = sendB.Encrypt(nil, nil, m.Payload)
			payload, readErr = receiveA.Decrypt(nil, nil, message)
		}
		if err != nil || readErr != nil || !bytes.Equal(message, m.Ciphertext) || !bytes.Equal(payload, m.Payload) {
			return "message " + string(rune('0'+i)) + " differs"
		}
	}
	return ""
}

func TestX25519Vectors(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Tests []struct {
				TcID    int      `json:"tcId"`
				Public  hexBytes `json:"public"`
				Private hexBytes `json:"private"`
				Shared  hexBytes `json:"shared"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	shared.ReadJSON(t, "vectors/x25519/wycheproof_x25519.json", &file)
	ran := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			ran++
			shared, err := noise.DH25519.DH(c.Private, c.Public)
			if zero := bytes.Equal(c.Shared, make([]byte, keySize)); zero != (err != nil) {
				t.Errorf("%d: %v, and the shared secret is %x", c.TcID, err, c.Shared)
			} else if err == nil && !bytes.Equal(shared, c.Shared) {
				t.Errorf("%d: %x, want %x", c.TcID, shared, c.Shared)
			}
		}
	}
	if ran != 518 {
		t.Errorf("%d vectors, want 518", ran)
	}
}
