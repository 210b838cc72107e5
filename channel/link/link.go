// Package link owns the seam between sessions and whatever carries their messages: datagrams that may be lost,
// repeated and reordered. It leaves secrecy to channel/secure, real carriers to packages such as channel/natslink,
// and every retry to the session's machine. It keeps this invariant: nothing above it may count on a delivery, so
// the in-memory Network here loses, repeats and reorders on purpose, and repeats itself exactly for a seed.
package link

import (
	"errors"
	"fmt"
)

// PayloadMax bounds a datagram, in bytes. A quote with its tariff, terms and credential is the largest message and
// needs some 8 KiB; a claim needs less than one. Twice the largest leaves room for secure framing, and a full
// queue of datagrams stays a matter of megabytes.
const PayloadMax = 16 << 10

// QueueMax bounds the datagrams that wait at a link for their receiver; more are lost.
const QueueMax = 1024

// Errors of a link.
var (
	ErrTooLarge = errors.New("link: datagram too large")
	ErrClosed   = errors.New("link: closed")
	ErrAddress  = errors.New("link: not an address of this kind of link")
	ErrTaken    = errors.New("link: the address is taken")
	// ErrDown says that the carrier is unreachable at the moment. The datagram is lost; a retry may pass.
	ErrDown = errors.New("link: the carrier is down")
	// ErrOverrun says that datagrams were lost because their receiver did not keep up.
	ErrOverrun = errors.New("link: receiver overrun, datagrams lost")
)

// Addr is the address of one end of a link. Its meaning belongs to the kind of link; it proves nothing about who
// is there, unless the kind of link says so, as channel/secure does.
type Addr string

// Datagram is what arrives. The receiver owns the payload.
type Datagram struct {
	From    Addr // where an answer goes
	Payload []byte
}

// Link is one end of a datagram carrier. It is safe for concurrent use.
type Link interface {
	// Local gives the address under which others reach this end.
	Local() Addr
	// Send hands a datagram of at most PayloadMax bytes to the carrier; the caller keeps the payload. It does not
	// wait for the receiver, and nil does not mean that anything arrives. Errors: ErrTooLarge, ErrClosed,
	// ErrAddress, and ErrDown, which a sender that retries anyway may ignore.
	Send(to Addr, payload []byte) error
	// Receive gives what arrives, in any order, perhaps twice. The channel is closed when the link is.
	Receive() <-chan Datagram
	// Close ends this end. A second call does nothing.
	Close() error
}

// CheckSize refuses a payload that no link carries.
func CheckSize(payload []byte) error {
	if len(payload) > PayloadMax {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(payload), PayloadMax)
	}
	return nil
}
