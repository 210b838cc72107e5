package secure

import (
	"bytes"
	"container/list"
	"fmt"
	"slices"
	"time"

	"joulepay/channel/link"
)

const (
	// halfOpenMax bounds the handshakes that wait for their third message, some 2 KiB each; halfOpenPerAddress those of one
	// address, which is one honest vehicle that tries again a few times.
	halfOpenMax        = 1024
	halfOpenPerAddress = 4
	// connectionsMax bounds the connections of a station, some 1 KiB each; connectionsPerPeer those of one DID: a vehicle that
	// starts again leaves one behind.
	connectionsMax     = 4096
	connectionsPerPeer = 4
	// idleMax ends a connection that was silent: longer than the longest claim interval, so that keys do not outlive visits.
	idleMax = 4 * time.Hour
)

// Listener is the machine of a station's end. It answers handshakes, and reaches each vehicle by the connection on which it
// was heard last. It has no timer: who wants something from it repeats it. It is used by one goroutine at a time.
type Listener struct {
	identity Identity
	version  byte

	half    map[ID]*halfOpen
	begun   *list.List // of *halfOpen, oldest first
	address map[link.Addr]int

	connections map[ID]*connection
	heard       *list.List                  // of *connection, silent longest first
	peers       map[link.Addr][]*connection // by the peer's DID; the one that was heard last is the last
}

// halfOpen is a handshake that waits for its third message, or for its vehicle's admission.
type halfOpen struct {
	id        ID
	from      link.Addr
	handshake *handshake
	second    []byte // the frame, repeated when it is asked for again
	since     time.Time
	entry     *list.Element

	checked *connection // once the third message was good: its admission is asked for
	early   []link.Datagram
}

// connection is one with a vehicle that proved its DID.
type connection struct {
	transport *transport
	peer      link.Addr // the address that the layer above has of it: its DID
	addr      link.Addr // where its newest datagram came from
	third     []byte    // the handshake message that began it, to know its repetition by
	last      time.Time
	entry     *list.Element
}

// NewListener makes the machine of a station's end.
func NewListener(identity Identity) *Listener {
	return &Listener{
		identity: identity, version: Version,
		half: map[ID]*halfOpen{}, begun: list.New(), address: map[link.Addr]int{},
		connections: map[ID]*connection{}, heard: list.New(), peers: map[link.Addr][]*connection{},
	}
}

// Send seals a datagram for a vehicle that is connected. Errors: link.ErrTooLarge, link.ErrAddress, ErrNoConnection, and
// ErrExhausted until the vehicle shakes hands again.
func (s *Listener) Send(_ time.Time, to link.Addr, payload []byte) (Effects, error) {
	var e Effects
	if err := checkSize(payload); err != nil {
		return e, err
	}
	all := s.peers[to]
	if len(all) == 0 {
		if _, ok := PeerOf(to); !ok {
			return e, fmt.Errorf("%w: a vehicle's DID is wanted", link.ErrAddress)
		}
		return e, ErrNoConnection
	}
	return e, s.seal(all[len(all)-1], kindData, payload, &e)
}

func (s *Listener) seal(c *connection, k kind, payload []byte, e *Effects) error {
	sealed, err := c.transport.seal(k, payload)
	if err == nil {
		e.transmit(c.addr, sealed)
	}
	return err
}

// Deadline implements machine: a listener has none.
func (s *Listener) Deadline() time.Time { return time.Time{} }

// Tick implements machine.
func (s *Listener) Tick(time.Time) Effects { return Effects{} }

// Receive takes a datagram from the carrier.
func (s *Listener) Receive(now time.Time, in link.Datagram) Effects {
	var e Effects
	f, err := parse(in.Payload)
	if err == nil {
		err = s.receive(now, in.From, f, &e)
	}
	e.Dropped = err
	return e
}

func (s *Listener) receive(now time.Time, from link.Addr, f frame, e *Effects) error {
	switch f.kind {
	case kindFirst:
		return s.first(now, from, f, e)
	case kindThird:
		return s.third(from, f, e)
	case kindData:
		return s.data(now, from, f, e)
	}
	return fmt.Errorf("%w: a station takes no frame of kind %d", ErrFrame, f.kind)
}

// first begins a handshake, or repeats the answer to one that is half-open.
func (s *Listener) first(now time.Time, from link.Addr, f frame, e *Effects) error {
	if s.connections[f.id] != nil {
		return ErrHandshakeReplayed
	}
	if h := s.half[f.id]; h != nil {
		e.transmit(from, h.second)
		return nil
	}
	dropped := s.makeRoom(now, from)
	h := newHandshake(s.identity, s.identity.did, s.version, false)
	second, err := h.answer(f.body)
	if err != nil {
		return err
	}
	open := &halfOpen{id: f.id, from: from, handshake: h, second: encode(kindSecond, f.id, second), since: now}
	open.entry = s.begun.PushBack(open)
	s.half[f.id] = open
	s.address[from]++
	e.transmit(from, open.second)
	return dropped
}

// makeRoom forgets handshakes that nobody finished: those that are old, then the oldest of the address or of all.
func (s *Listener) makeRoom(now time.Time, from link.Addr) error {
	for oldest := s.begun.Front(); oldest != nil && now.Sub(oldest.Value.(*halfOpen).since) >= attemptMax; oldest = s.begun.Front() {
		s.forget(oldest.Value.(*halfOpen))
	}
	if s.address[from] >= halfOpenPerAddress {
		for entry := s.begun.Front(); entry != nil; entry = entry.Next() {
			if h := entry.Value.(*halfOpen); h.from == from {
				s.forget(h)
				return fmt.Errorf("%w: of %s", ErrHalfOpen, from)
			}
		}
	}
	if s.begun.Len() >= halfOpenMax {
		s.forget(s.begun.Front().Value.(*halfOpen))
		return ErrHalfOpen
	}
	return nil
}

func (s *Listener) forget(h *halfOpen) {
	s.begun.Remove(h.entry)
	delete(s.half, h.id)
	if s.address[h.from]--; s.address[h.from] == 0 {
		delete(s.address, h.from)
	}
}

// third takes the vehicle's proof. One that does not fit is dropped, and the true one waited for.
func (s *Listener) third(from link.Addr, f frame, e *Effects) error {
	if c := s.connections[f.id]; c != nil {
		if bytes.Equal(c.third, f.body) {
			return s.seal(c, kindData, nil, e) // the vehicle did not hear that it was taken
		}
		return ErrHandshakeReplayed
	}
	h := s.half[f.id]
	if h == nil {
		return s.unknown(from, f, e)
	}
	if h.checked != nil {
		return nil // the answer follows
	}
	proof, k, err := h.handshake.readThird(f.body)
	if err != nil {
		return err
	}
	peer, err := readProof(proof, h.handshake.peerStatic(), s.identity.network)
	if err != nil {
		s.forget(h) // who holds the keys of this handshake has no better proof
		return err
	}
	h.handshake = nil // its secrets are not needed any more
	h.checked = &connection{
		transport: newTransport(f.id, k.toVehicle, k.toStation), peer: AddrOf(peer.DID), addr: from, third: bytes.Clone(f.body),
	}
	noteKeys(f.id, k)
	e.Check = &Check{ID: f.id, Peer: peer}
	return nil
}

// Admitted answers a Check: nil connects the vehicle.
func (s *Listener) Admitted(now time.Time, id ID, refusal error) Effects {
	var e Effects
	h := s.half[id]
	if h == nil || h.checked == nil {
		return e // it was forgotten meanwhile
	}
	s.forget(h)
	c := h.checked
	if refusal != nil {
		_ = s.seal(c, kindRefused, nil, &e) // its first datagram
		e.Dropped = fmt.Errorf("%w: %w", ErrNotAdmitted, refusal)
		return e
	}
	e.Dropped = s.connect(now, c)
	_ = s.seal(c, kindData, nil, &e) // its first datagram
	for _, d := range h.early {
		if f, err := parse(d.Payload); err == nil {
			_ = s.data(now, d.From, f, &e) // what is not authentic is dropped without a word
		}
	}
	return e
}

// keep keeps a datagram that came before its vehicle was admitted, which takes as long as a look at a ledger.
func (h *halfOpen) keep(from link.Addr, f frame) {
	if len(h.early) < waitingMax {
		h.early = append(h.early, link.Datagram{From: from, Payload: append(bytes.Clone(f.header), f.body...)})
	}
}

// connect enters a connection, and drops one where there are too many.
func (s *Listener) connect(now time.Time, c *connection) (dropped error) {
	for silent := s.heard.Front(); silent != nil && now.Sub(silent.Value.(*connection).last) >= idleMax; silent = s.heard.Front() {
		s.disconnect(silent.Value.(*connection))
	}
	if same := s.peers[c.peer]; len(same) >= connectionsPerPeer {
		s.disconnect(same[0]) // what a process before left behind
	} else if s.heard.Len() >= connectionsMax {
		s.disconnect(s.heard.Front().Value.(*connection))
		dropped = ErrEvicted
	}
	c.last, c.entry = now, s.heard.PushBack(c)
	s.connections[c.transport.id] = c
	s.peers[c.peer] = append(s.peers[c.peer], c)
	return dropped
}

func (s *Listener) disconnect(c *connection) {
	s.heard.Remove(c.entry)
	delete(s.connections, c.transport.id)
	others := slices.DeleteFunc(s.peers[c.peer], func(o *connection) bool { return o == c })
	if len(others) == 0 {
		delete(s.peers, c.peer)
		return
	}
	s.peers[c.peer] = others
}

// data opens a datagram of a vehicle. Where it came from is where answers go, when it is the newest.
func (s *Listener) data(now time.Time, from link.Addr, f frame, e *Effects) error {
	c := s.connections[f.id]
	if h := s.half[f.id]; h != nil && h.checked != nil {
		h.keep(from, f)
		return nil
	}
	if c == nil {
		// Also while its handshake is half-open: somebody may have played an old first message of this very connection, and a
		// vehicle that has only just begun does not listen.
		return s.unknown(from, f, e)
	}
	payload, err := c.transport.open(f)
	if err != nil {
		return err
	}
	if f.counter+1 == c.transport.in.window.next {
		c.addr, c.last = from, now
		s.heard.MoveToBack(c.entry)
		s.prefer(c)
	}
	if len(payload) > 0 {
		e.Deliver = append(e.Deliver, link.Datagram{From: c.peer, Payload: payload})
	}
	return nil
}

// prefer makes a connection the one by which its peer is reached.
func (s *Listener) prefer(c *connection) {
	all := s.peers[c.peer]
	last := len(all) - 1
	if all[last] == c {
		return
	}
	i := slices.Index(all, c)
	copy(all[i:], all[i+1:])
	all[last] = c
}

// unknown tells a vehicle that its connection is not known here, as after a restart. It proves nothing, and is smaller than
// what caused it.
func (s *Listener) unknown(from link.Addr, f frame, e *Effects) error {
	e.transmit(from, encode(kindUnknown, f.id, nil))
	return fmt.Errorf("%w: %s", ErrUnknown, f.id)
}
