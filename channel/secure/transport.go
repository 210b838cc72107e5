package secure

import (
	"encoding/binary"
	"fmt"

	"github.com/flynn/noise"
)

const (
	// datagramsPerKey is the fixed multiple at which each direction moves on to its next key (Noise specification, section 4.2,
	// Rekey). Far below what ChaCha20-Poly1305 bears, so that a key that leaks opens little, and a session a day sees some.
	datagramsPerKey = 1 << 16
	// datagramsMax bounds what a connection seals in one direction: thousands of sessions. A vehicle shakes hands again at half.
	datagramsMax = 1 << 32
	// keysAheadMax bounds how many keys ahead a datagram may be: so many times datagramsPerKey may be lost in a row.
	keysAheadMax = 2
)

// transport is a connection after its handshake: a sealing direction and an opening one.
type transport struct {
	id   ID
	peer Peer // who proved itself in the handshake; kept by a vehicle's end
	out  sealer
	in   opener
}

func newTransport(id ID, out, in *noise.CipherState) *transport {
	return &transport{id: id, out: sealer{cipher: *out}, in: opener{cipher: *in}}
}

type sealer struct {
	cipher noise.CipherState
	next   uint64 // counter of the next datagram
}

// seal gives the frame of a payload of at most PayloadMax bytes. It fails with ErrExhausted.
func (t *transport) seal(k kind, payload []byte) ([]byte, error) {
	s := &t.out
	if s.next >= datagramsMax {
		return nil, ErrExhausted
	}
	if s.next > 0 && s.next%datagramsPerKey == 0 {
		s.cipher.Rekey()
	}
	b := make([]byte, 0, Overhead+len(payload))
	b = append(b, Version, byte(k))
	b = append(b, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, s.next)
	b = s.cipher.Cipher().Encrypt(b, s.next, b, payload)
	s.next++
	return b, nil
}

type opener struct {
	cipher   noise.CipherState // of the newest key
	epoch    uint64            // its number
	previous *noise.CipherState
	window   window
}

// open gives the payload of a sealed frame. Nothing of the connection changes unless the frame is authentic; whether it is a
// repetition is asked after that. Errors: ErrForged, ErrReplayed, ErrStale, ErrAhead.
func (t *transport) open(f frame) ([]byte, error) {
	o := &t.in
	epoch := f.counter / datagramsPerKey
	cipher, err := o.key(epoch)
	if err != nil {
		return nil, err
	}
	payload, err := cipher.Cipher().Decrypt(nil, f.counter, f.header, f.body)
	if err != nil {
		return nil, fmt.Errorf("%w: counter %d", ErrForged, f.counter)
	}
	o.move(epoch, cipher)
	if err := o.window.take(f.counter); err != nil {
		return nil, fmt.Errorf("%w: counter %d", err, f.counter)
	}
	return payload, nil
}

// key gives the key of an epoch: the newest, the one before, for what comes late, or one ahead.
func (o *opener) key(epoch uint64) (*noise.CipherState, error) {
	switch {
	case epoch == o.epoch:
		return &o.cipher, nil
	case epoch+1 == o.epoch:
		return o.previous, nil
	case epoch < o.epoch:
		return nil, fmt.Errorf("%w: key %d of %d", ErrStale, epoch, o.epoch)
	case epoch > o.epoch+keysAheadMax || epoch >= datagramsMax/datagramsPerKey:
		return nil, fmt.Errorf("%w: key %d of %d", ErrAhead, epoch, o.epoch)
	}
	ahead := o.cipher
	for range epoch - o.epoch {
		ahead.Rekey()
	}
	return &ahead, nil
}

// move makes the key of an authentic datagram the newest, when it is ahead. The one before it is kept for stragglers.
func (o *opener) move(epoch uint64, cipher *noise.CipherState) {
	if epoch <= o.epoch {
		return
	}
	before := o.cipher
	for range epoch - 1 - o.epoch {
		before.Rekey()
	}
	o.previous, o.cipher, o.epoch = &before, *cipher, epoch
}

// usedUp tells whether a new handshake is due.
func (t *transport) usedUp() bool {
	return t.out.next >= datagramsMax/2 || t.in.window.next >= datagramsMax/2
}
