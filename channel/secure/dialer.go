package secure

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel/link"
	"joulepay/wallet"
)

const (
	// stationsMax bounds the stations that a vehicle is connected with at once; the one that was silent longest is forgotten.
	stationsMax = 16
	// waitingMax bounds the datagrams that wait for a handshake; the oldest are lost, for they are repeated.
	waitingMax = 8
)

// Dialer is the machine of a vehicle's end: it shakes hands with each station that it is asked to send to. Each call is a
// step at a moment of real time; it is used by one goroutine at a time.
type Dialer struct {
	identity Identity
	version  byte
	lines    map[link.Addr]*line
}

// line is a vehicle's connection with one station, through all its handshakes.
type line struct {
	station  wallet.DID
	addr     link.Addr // of the station
	used     time.Time
	attempt  *attempt   // the handshake that is not over
	current  *transport // seals; nil before the first handshake
	previous *transport // opens what the station sealed before it heard of the current one
	waiting  [][]byte
	begun    time.Time // when the last handshake was begun
}

// stage is how far an attempt is.
type stage byte

const (
	awaitsSecond  stage = iota
	checks              // whether the station is admitted
	awaitsConfirm       // the third message is sent, and the line uses the new keys
)

type attempt struct {
	id        ID
	handshake *handshake
	peer      Peer // once it has proven itself
	stage     stage
	message   []byte // repeated until it is answered
	begun     time.Time
	repeat    time.Time // when
	pause     time.Duration
	last      error // why the last answer was dropped
}

// NewDialer makes the machine of a vehicle's end.
func NewDialer(identity Identity) *Dialer {
	return &Dialer{identity: identity, version: Version, lines: map[link.Addr]*line{}}
}

// Send seals a datagram for a station, or keeps it until the handshake that it begins is done. Errors: link.ErrTooLarge,
// link.ErrAddress, and those of a handshake that cannot begin.
func (d *Dialer) Send(now time.Time, to link.Addr, payload []byte) (Effects, error) {
	var e Effects
	if err := checkSize(payload); err != nil {
		return e, err
	}
	l, err := d.line(now, to)
	if err != nil {
		return e, err
	}
	l.used = now
	if l.attempt == nil && (l.current == nil || l.current.usedUp()) {
		if err := d.begin(now, l, &e); err != nil {
			return e, err
		}
	}
	if l.current == nil {
		l.wait(payload)
		return e, nil
	}
	sealed, err := l.current.seal(kindData, payload)
	if err != nil {
		return e, err
	}
	e.transmit(to, sealed)
	return e, nil
}

func checkSize(payload []byte) error {
	if len(payload) > PayloadMax {
		return fmt.Errorf("%w: %d bytes, at most %d are sealed", link.ErrTooLarge, len(payload), PayloadMax)
	}
	return nil
}

// line gives the line of a station, a new one where the station is none of those that are known.
func (d *Dialer) line(now time.Time, to link.Addr) (*line, error) {
	if l := d.lines[to]; l != nil {
		return l, nil
	}
	station, ok := PeerOf(to)
	if !ok || AddrOf(station) != to {
		return nil, fmt.Errorf("%w: a station's DID is wanted", link.ErrAddress)
	}
	if len(d.lines) >= stationsMax {
		var oldest *line
		for _, l := range d.lines {
			if oldest == nil || l.used.Before(oldest.used) {
				oldest = l
			}
		}
		delete(d.lines, oldest.addr)
	}
	l := &line{station: station, addr: to, used: now}
	d.lines[to] = l
	return l, nil
}

func (l *line) wait(payload []byte) {
	if len(l.waiting) == waitingMax {
		l.waiting = l.waiting[1:]
	}
	l.waiting = append(l.waiting, append([]byte(nil), payload...))
}

// begin begins a handshake beside whatever the line has.
func (d *Dialer) begin(now time.Time, l *line, e *Effects) error {
	h := newHandshake(d.identity, l.station, d.version, true)
	if err := h.dial(); err != nil {
		return err
	}
	id := idOf(h.first)
	l.attempt = &attempt{id: id, handshake: h, message: encode(kindFirst, id, h.first), begun: now, pause: retryFirst}
	l.begun = now
	l.repeat(now, e)
	return nil
}

// repeat sends the message that the attempt waits with.
func (l *line) repeat(now time.Time, e *Effects) {
	a := l.attempt
	a.repeat = now.Add(a.pause)
	a.pause = min(2*a.pause, retryMax)
	e.transmit(l.addr, a.message)
}

// Deadline gives the moment by which Tick must be called; zero when there is none.
func (d *Dialer) Deadline() (next time.Time) {
	for _, l := range d.lines {
		if a := l.attempt; a != nil && a.stage != checks && (next.IsZero() || a.repeat.Before(next)) {
			next = a.repeat
		}
	}
	return next
}

// Tick repeats what was not answered, and gives up what was not answered for long.
func (d *Dialer) Tick(now time.Time) Effects {
	var e Effects
	for _, l := range d.lines {
		a := l.attempt
		switch {
		case a == nil || a.stage == checks || now.Before(a.repeat):
		case now.Sub(a.begun) >= attemptMax:
			l.giveUp(&e)
		default:
			l.repeat(now, &e)
		}
	}
	return e
}

// giveUp ends an attempt without answer. What was there before it is used again.
func (l *line) giveUp(e *Effects) {
	e.Dropped = ErrNoAnswer
	if l.attempt.last != nil {
		e.Dropped = fmt.Errorf("%w: %w", ErrNoAnswer, l.attempt.last)
	}
	if l.attempt.stage == awaitsConfirm {
		l.current, l.previous = l.previous, nil
	}
	l.attempt, l.waiting = nil, nil
}

// Receive takes a datagram from the carrier.
func (d *Dialer) Receive(now time.Time, in link.Datagram) Effects {
	var e Effects
	f, err := parse(in.Payload)
	if err != nil {
		e.Dropped = err
		return e
	}
	for _, l := range d.lines {
		if l.has(f.id) {
			e.Dropped = d.receive(now, l, f, &e)
			return e
		}
	}
	e.Dropped = fmt.Errorf("%w: %s", ErrUnknown, f.id)
	return e
}

// has tells whether a connection is one of the line's.
func (l *line) has(id ID) bool {
	return l.attempt != nil && l.attempt.id == id || l.current != nil && l.current.id == id || l.previous != nil && l.previous.id == id
}

func (d *Dialer) receive(now time.Time, l *line, f frame, e *Effects) error {
	switch f.kind {
	case kindSecond:
		return d.second(now, l, f, e)
	case kindData, kindRefused:
		return l.sealed(now, f, e)
	case kindUnknown:
		return d.renew(now, l, e)
	}
	return fmt.Errorf("%w: a vehicle takes no frame of kind %d", ErrFrame, f.kind)
}

// second takes the station's proof. An answer that does not fit is dropped, and the true one waited for.
func (d *Dialer) second(now time.Time, l *line, f frame, e *Effects) error {
	a := l.attempt
	switch {
	case a == nil || a.id != f.id || a.stage == checks:
		return ErrHandshakeReplayed
	case a.stage == awaitsConfirm: // the station did not hear the third message
		l.repeat(now, e)
		return nil
	}
	proof, err := a.handshake.readSecond(f.body)
	var peer Peer
	if err == nil {
		peer, err = readProof(proof, a.handshake.peerStatic(), d.identity.network)
	}
	if err == nil && peer.DID != l.station {
		err = fmt.Errorf("%w: %s in place of %s", ErrPeer, peer.DID, l.station)
	}
	if err != nil {
		a.last = err
		return err
	}
	a.stage, a.peer = checks, peer
	e.Check = &Check{ID: a.id, Peer: peer}
	return nil
}

// Admitted answers a Check: nil goes on with the handshake.
func (d *Dialer) Admitted(now time.Time, id ID, refusal error) Effects {
	var e Effects
	for _, l := range d.lines {
		if a := l.attempt; a != nil && a.id == id && a.stage == checks {
			e.Dropped = l.admitted(now, refusal, &e)
		}
	}
	return e
}

func (l *line) admitted(now time.Time, refusal error, e *Effects) error {
	a := l.attempt
	if refusal != nil {
		a.stage, a.last = awaitsSecond, fmt.Errorf("%w: %w", ErrNotAdmitted, refusal)
		a.repeat = now.Add(a.pause)
		return a.last
	}
	third, k, err := a.handshake.writeThird()
	if err != nil {
		a.stage, a.last = awaitsSecond, err
		return err
	}
	a.stage, a.message, a.pause = awaitsConfirm, encode(kindThird, a.id, third), retryFirst
	a.handshake = nil // its secrets are not needed any more
	l.previous, l.current = l.current, newTransport(a.id, k.toStation, k.toVehicle)
	l.current.peer = a.peer
	noteKeys(a.id, k)
	l.repeat(now, e)
	for _, payload := range l.waiting {
		if sealed, err := l.current.seal(kindData, payload); err == nil {
			e.transmit(l.addr, sealed)
		}
	}
	l.waiting = nil
	return nil
}

// sealed opens a datagram. The first one under new keys confirms them.
func (l *line) sealed(now time.Time, f frame, e *Effects) error {
	t := l.current
	if t == nil || t.id != f.id {
		t = l.previous
	}
	if t == nil || t.id != f.id {
		return fmt.Errorf("%w: %s has no keys yet", ErrUnknown, f.id)
	}
	payload, err := t.open(f)
	if err != nil {
		return err
	}
	l.used = now
	if f.kind == kindRefused {
		return l.refused(f.id)
	}
	if l.attempt != nil && l.attempt.id == f.id {
		l.attempt = nil
	}
	if len(payload) > 0 {
		e.Deliver = append(e.Deliver, link.Datagram{From: l.addr, Payload: payload})
	}
	return nil
}

// refused ends a handshake that the station, by its own seal, does not admit. The line keeps what it had before.
func (l *line) refused(id ID) error {
	if l.attempt != nil && l.attempt.id == id {
		l.current, l.previous, l.attempt, l.waiting = l.previous, nil, nil, nil
	}
	return ErrRefused
}

// Peer gives who proved itself at the other end of the connection with a station; false where there is none.
func (d *Dialer) Peer(station link.Addr) (Peer, bool) {
	l := d.lines[station]
	if l == nil || l.current == nil {
		return Peer{}, false
	}
	return l.current.peer, true
}

// renew shakes hands again, beside the connection that somebody says is unknown: it stays until the station has proven
// itself anew, so that an injected frame costs a handshake a second at most.
func (d *Dialer) renew(now time.Time, l *line, e *Effects) error {
	if l.attempt != nil && l.attempt.stage != awaitsConfirm || now.Sub(l.begun) < renewEvery {
		return ErrUnknown
	}
	if l.attempt != nil { // the station forgot the handshake before it was confirmed
		l.current, l.previous, l.attempt = l.previous, nil, nil
	}
	return errors.Join(ErrUnknown, d.begin(now, l, e))
}
