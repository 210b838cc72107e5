package faults_test

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/chacha20poly1305"

	"joulepay/channel"
	"joulepay/channel/natslink"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// tap overhears what charger and vehicle say to each other: what is acknowledged or signed for others to see must be in
// the speaker's store from then on, whatever happens to its process. The programs are built to give it their keys, and the
// embedded broker to let it listen; it opens the datagrams by itself, from what docs/protocol.md says of them.
type tap struct {
	w *world

	mu       sync.Mutex                // guards below
	keys     map[string][2]cipher.AEAD // by connection: towards the station, and towards the vehicle
	accepted map[channel.SessionID]money.Amount
	claimed  map[channel.ID]channel.Best
	awaited  map[string]chan struct{} // closed at the next message of that kind
}

// newTap listens on the broker, and again whenever it is back.
func newTap(w *world) *tap {
	w.t.Helper()
	p := &tap{w: w, keys: map[string][2]cipher.AEAD{}, accepted: map[channel.SessionID]money.Amount{}, claimed: map[channel.ID]channel.Best{}, awaited: map[string]chan struct{}{}}
	var conn *nats.Conn
	w.eventually("the broker lets the test listen", func() bool { // it gives a client two seconds to prove its key
		var err error
		conn, err = natslink.Connect(w.natsURL(), "tap", wallet.Generate().NATS(), nil)
		return err == nil
	})
	w.t.Cleanup(conn.Close)
	for direction, subject := range [...]string{"joulepay.v1.station.>", "joulepay.v1.peer.>"} {
		if _, err := conn.Subscribe(subject, func(m *nats.Msg) { p.heard(m.Data, direction) }); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// Directions of a datagram.
const (
	towardsStation = 0
	towardsVehicle = 1
)

func (p *tap) heard(datagram []byte, direction int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payload, err := p.open(datagram, direction)
	if err != nil {
		p.w.breaks("a datagram does not open: %v", err)
	}
	if len(payload) == 0 {
		return // a handshake, or an answer to one
	}
	frame, err := wire.Decode(payload)
	if err != nil {
		p.w.breaks("a message does not decode: %v", err)
		return
	}
	kind := kindOf(frame.Message)
	if heard := p.awaited[kind]; heard != nil {
		close(heard)
		delete(p.awaited, kind)
	}
	if direction == towardsStation {
		p.heardVehicle(frame)
	} else {
		p.heardStation(frame)
	}
}

// Of a datagram: version (1), kind (1), connection (8), and of a sealed one counter (8), ciphertext and tag.
const (
	sealed       = 4
	connectionAt = 2
	counterAt    = 10
	ciphertextAt = 18
)

// open gives the payload of a sealed datagram, and nothing for others. No session of these tests is long enough for a second
// key.
func (p *tap) open(b []byte, direction int) ([]byte, error) {
	if len(b) < ciphertextAt || b[1] != sealed {
		return nil, nil
	}
	id := hex.EncodeToString(b[connectionAt:counterAt])
	if p.keys[id][direction] == nil {
		if err := p.readKeys(); err != nil {
			return nil, err
		}
	}
	opener := p.keys[id][direction]
	if opener == nil {
		return nil, fmt.Errorf("no keys of connection %s", id)
	}
	nonce := make([]byte, chacha20poly1305.NonceSize)
	binary.LittleEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(b[counterAt:]))
	return opener.Open(nil, nonce, b[ciphertextAt:], b[:ciphertextAt])
}

// keysFileKey names the file of keys to the programs, and keysFile it in a world's folder.
const (
	keysFileKey = "JOULEPAY_TEST_KEYS_FILE"
	keysFile    = "keys"
)

// readKeys reads the keys of all connections so far: both ends write them, before they use them.
func (p *tap) readKeys() error {
	raw, err := os.ReadFile(p.w.folder(keysFile))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is just being written, and not used yet
		}
		var id, toStation, toVehicle string
		if _, err := fmt.Sscan(line, &id, &toStation, &toVehicle); err != nil {
			return fmt.Errorf("keys %q: %w", line, err)
		}
		var pair [2]cipher.AEAD
		for i, text := range []string{toStation, toVehicle} {
			key, err := hex.DecodeString(text)
			if err != nil {
				return err
			}
			if pair[i], err = chacha20poly1305.New(key); err != nil {
				return err
			}
		}
		p.keys[id] = pair
	}
	return nil
}

// kinds are the messages between charger and vehicle, by the names that next knows.
var kinds = []string{"hello", "offer", "accept", "demand", "claim", "stop", "final demand", "done", "withdraw"}

func kindOf(m wire.Message) string {
	if d, ok := m.(wire.Demand); ok && d.Final {
		return "final demand"
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "wire."))
}

// next gives a channel that is closed when the next message of a kind is heard.
func (p *tap) next(kind string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awaited[kind] == nil {
		p.awaited[kind] = make(chan struct{})
	}
	return p.awaited[kind]
}

func (p *tap) heardStation(f wire.Frame) {
	accepted := money.Amount(0)
	switch m := f.Message.(type) {
	case wire.Demand:
		accepted = m.Accepted
	case wire.Done:
		accepted = m.Accepted
	}
	if accepted > p.accepted[f.Session] {
		p.accepted[f.Session] = accepted
		p.w.recorders["charger"].heard(promise{session: f.Session, accepted: accepted})
	}
}

func (p *tap) heardVehicle(f wire.Frame) {
	m, ok := f.Message.(wire.Claim)
	if !ok {
		return
	}
	best, err := channel.DecodeBest(m.Best)
	if err != nil {
		p.w.breaks("the vehicle sends a claim that does not decode: %v", err)
		return
	}
	p.w.books.body(p.w, "sent by the vehicle", best)
	p.w.recorders["vehicle"].heard(promise{claim: best})
	p.claimed[best.Signed.Claim.Channel] = channel.Join(p.claimed[best.Signed.Claim.Channel], best)
}

// soFar gives what was acknowledged and claimed up to now.
func (p *tap) soFar() (accepted map[channel.SessionID]money.Amount, claimed map[channel.ID]channel.Best) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.accepted), maps.Clone(p.claimed)
}
