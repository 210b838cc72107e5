// Package secure owns the secrecy of sessions: a Noise XX handshake between a vehicle and a station, and the sealed
// datagrams after it, as a link.Link over any other one. It leaves the carrier to channel/link and channel/natslink, what
// the datagrams say to channel/wire, and whether a key is still its owner's to an Admit that it is given.
// It keeps this invariant: only what was sealed by a peer that proved its DID reaches the layer above, once; nothing that
// is not authenticated ends a session, moves an address or changes a key.
//
// A vehicle calls Dial, a station Listen. Both give addresses that are DIDs: PeerOf reads who is there.
//
// # Handshake
//
// Noise_XX_25519_ChaChaPoly_SHA256 (the Noise Protocol Framework, revision 34). ChaCha20-Poly1305 is fast and constant in
// time on processors without AES instructions, which chargers and vehicles have; SHA-256 is the one hash that the rest of
// the protocol trusts already, and has instructions on most of them. The vehicle is the initiator, so its DID is sent
// only to a station that has proven its own.
//
// Dialer and Listener are machines without clock, goroutine or I/O; Link drives either of them over a carrier. Cipher state
// lives in memory only. A process that starts again shakes hands again, and the session resumes inside, by its id.
package secure

import (
	"context"
	"errors"
	"strings"
	"time"

	"joulepay/channel/link"
	"joulepay/wallet"
)

// Errors. All but ErrClosed of package link are reasons for which a datagram was dropped, or a handshake; each is counted.
var (
	// ErrFrame says that a datagram is truncated, oversize or of an unknown kind.
	ErrFrame = errors.New("secure: malformed frame")
	// ErrVersion says that a datagram is of a version that this end does not speak.
	ErrVersion = errors.New("secure: unknown version")
	// ErrUnknown says that a datagram is of a connection that this end does not have (any more).
	ErrUnknown = errors.New("secure: unknown connection")
	// ErrHandshake says that a handshake message does not decrypt: it was changed, or made for another version, network or
	// station.
	ErrHandshake = errors.New("secure: the handshake does not fit")
	// ErrHandshakeReplayed says that a handshake message belongs to a handshake that is over.
	ErrHandshakeReplayed = errors.New("secure: handshake message of a connection that exists")
	// ErrProof says that the peer does not show that its Noise key belongs to its DID on this network.
	ErrProof = errors.New("secure: the peer's key is not bound to its DID")
	// ErrPeer says that the peer proved a DID, and not that of the station that was dialled.
	ErrPeer = errors.New("secure: another station than the one that was dialled")
	// ErrNotAdmitted says that Admit refused the peer's key; its reason is wrapped.
	ErrNotAdmitted = errors.New("secure: the peer's key is not admitted")
	// ErrRefused says that the station, which has proven who it is, does not admit this vehicle's key.
	ErrRefused = errors.New("secure: the station does not admit this key")
	// ErrNoAnswer says that a handshake was given up.
	ErrNoAnswer = errors.New("secure: the station does not answer the handshake")
	// ErrHalfOpen says that a handshake was dropped, the oldest of its address or of all, because too many were half-open.
	ErrHalfOpen = errors.New("secure: too many half-open handshakes")
	// ErrEvicted says that the connection that was silent longest was dropped, because there were too many.
	ErrEvicted = errors.New("secure: too many connections")
	// ErrForged says that a sealed datagram is not authentic.
	ErrForged = errors.New("secure: the datagram is not authentic")
	// ErrReplayed says that an authentic datagram came before.
	ErrReplayed = errors.New("secure: the datagram was received before")
	// ErrStale says that a datagram is older than the window in which repetitions are noticed, or sealed under a key that is
	// gone.
	ErrStale = errors.New("secure: the datagram is too old")
	// ErrAhead says that a datagram claims a key so far ahead that deriving it would be work for nothing.
	ErrAhead = errors.New("secure: the datagram is too far ahead")
	// ErrExhausted says that a connection has sealed as many datagrams as it may: only a new handshake goes on.
	ErrExhausted = errors.New("secure: the connection is used up")
	// ErrNoConnection says that nobody with that DID is connected.
	ErrNoConnection = errors.New("secure: no connection with the peer")
	// ErrOverrun says that authentic datagrams were lost because their receiver did not keep up.
	ErrOverrun = errors.New("secure: receiver overrun, datagrams lost")
)

// Peer is what an end proved in a handshake.
type Peer struct {
	DID wallet.DID
	// Account is the key that signed the proof. Until the DID's key was rotated it is the inception key.
	Account wallet.PublicKey
	// Static is the X25519 key of the handshake, which the account key bound to the DID.
	Static [32]byte
}

// Admit decides whether a peer's account key is the current one of its DID, and not retired or deactivated: the proof by
// itself shows only that the key once was. It may ask a ledger; nil admits. It is called from many goroutines.
type Admit func(context.Context, Peer) error

// InceptionOnly admits a peer whose account key is the one that named its DID: right as long as no key was ever rotated,
// and all that can be known without a ledger.
func InceptionOnly(_ context.Context, p Peer) error {
	if p.Account != p.DID.InceptionKey() {
		return errors.New("not the key that named the DID")
	}
	return nil
}

// didPrefix begins the address of an authenticated peer.
const didPrefix = "did:joule:"

// AddrOf gives the address of an authenticated peer.
func AddrOf(did wallet.DID) link.Addr { return link.Addr(did.String()) }

// PeerOf reads who an address of a secure link names. It tells false for an address of another kind of link, which proves
// nothing.
func PeerOf(addr link.Addr) (wallet.DID, bool) {
	if !strings.HasPrefix(string(addr), didPrefix) {
		return wallet.DID{}, false
	}
	did, err := wallet.ParseDID(string(addr))
	return did, err == nil
}

// Effects are what a machine asks for, in this order.
type Effects struct {
	Transmit []Transmit
	Deliver  []link.Datagram // from the address of an authenticated peer
	Check    *Check          // answered by Admitted
	Dropped  error           // why the datagram, or a handshake, was dropped
}

// Transmit is a datagram for the carrier.
type Transmit struct {
	To      link.Addr
	Payload []byte
}

// Check asks whether a peer is admitted.
type Check struct {
	ID   ID
	Peer Peer
}

func (e *Effects) transmit(to link.Addr, payload []byte) {
	e.Transmit = append(e.Transmit, Transmit{to, payload})
}

// Times of handshakes, real time.
const (
	// retryFirst is the pause before a handshake message is repeated, doubled up to retryMax: a mobile link answers within it.
	retryFirst = 250 * time.Millisecond
	retryMax   = 2 * time.Second
	// attemptMax ends a handshake without answer; the layer above, which repeats what it wants, begins another.
	attemptMax = 30 * time.Second
	// renewEvery is the pause between two handshakes that datagrams of others can cause.
	renewEvery = time.Second
)
