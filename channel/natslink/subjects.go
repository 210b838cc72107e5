package natslink

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"joulepay/channel/link"
	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// The subjects, <station> being the multibase key of a DID and <token> the random token of a peer:
//
//	joulepay.v1.station.<station>.in.<token>   to a station; the answer goes to the token
//	joulepay.v1.peer.<token>.<station>         to a peer, from that station
//	joulepay.v1.announce.<station>             what a station makes known, from time to time
//	joulepay.v1.discover.<token>               asks every station to make itself known now
//	joulepay.v1.found.<token>.<station>        the answer
//
// Each subject names who may publish on it, so that a broker can enforce it: see StationPermissions.
const (
	stationPrefix  = "joulepay.v1.station."
	stationInfix   = ".in."
	peerPrefix     = "joulepay.v1.peer."
	announcePrefix = "joulepay.v1.announce."
	discoverPrefix = "joulepay.v1.discover."
	foundPrefix    = "joulepay.v1.found."
	didPrefix      = "did:joule:"
)

// tokenSize makes tokens that nobody guesses: 128 bits.
const tokenSize = 16

// Token is the address of a peer that does not say who it is. It is written as 32 small hexadecimal digits.
type Token [tokenSize]byte

// NewToken makes a random token.
func NewToken() (t Token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// TokenOf gives the token that belongs to the key of a NATS connection, so that a broker's policy can grant a fresh
// key its own subjects and no others.
func TokenOf(key [32]byte) (t Token) {
	digest := sha256.Sum256(append([]byte("joulepay/v1 peer token\x00"), key[:]...))
	copy(t[:], digest[:])
	return t
}

// ParseToken reads a token, strictly.
func ParseToken(text string) (t Token, err error) {
	if len(text) != 2*tokenSize || strings.ContainsAny(text, "ABCDEF") {
		return Token{}, fmt.Errorf("%w: not a token", link.ErrAddress)
	}
	if _, err := hex.Decode(t[:], []byte(text)); err != nil {
		return Token{}, fmt.Errorf("%w: not a token", link.ErrAddress)
	}
	return t, nil
}

// String gives the 32 digits.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// StationPermissions are the subjects that a station's connection needs, and no others.
func StationPermissions(did wallet.DID) natsd.Permissions {
	station := stationOf(did)
	return natsd.Permissions{
		Publish:   []string{peerPrefix + "*." + station, announcePrefix + station, foundPrefix + "*." + station},
		Subscribe: []string{stationPrefix + station + stationInfix + "*", discoverPrefix + "*"},
	}
}

// PeerPermissions are the subjects that a vehicle's connection needs, and no others.
func PeerPermissions(token Token) natsd.Permissions {
	peer := token.String()
	return natsd.Permissions{
		Publish:   []string{stationPrefix + "*" + stationInfix + peer, discoverPrefix + peer},
		Subscribe: []string{peerPrefix + peer + ".*", foundPrefix + peer + ".*", announcePrefix + "*"},
	}
}

// stationOf gives the multibase key of a DID, which has no character that NATS gives a meaning to.
func stationOf(did wallet.DID) string { return strings.TrimPrefix(did.String(), didPrefix) }

// StationAddr gives the address of a station for a peer's link.
func StationAddr(did wallet.DID) link.Addr { return link.Addr(did.String()) }

// PeerAddr gives the address of a peer for a station's link.
func PeerAddr(token Token) link.Addr { return link.Addr(token.String()) }

// Form of a multibase Ed25519 key, as wallet writes it.
const (
	multibaseStart  = "z6Mk"
	multibaseLength = 48
	base58Alphabet  = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
)

// isStation tells whether a token of a subject looks like a station's: enough to rule out wildcards and further
// tokens. Whether it is a key is for those to find out who verify a signature; a datagram is not worth a curve point.
func isStation(text string) bool {
	return len(text) == multibaseLength && strings.HasPrefix(text, multibaseStart) &&
		strings.Trim(text, base58Alphabet) == ""
}

func isToken(text string) bool {
	_, err := ParseToken(text)
	return err == nil
}
