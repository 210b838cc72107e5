package demo

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/vehicle"
	"joulepay/internal/natsd"
	"joulepay/meter"
	"joulepay/meter/sim"
	"joulepay/wallet"
)

// TestTheBrokerSeesNothingOfASession records all that two real sessions of one vehicle send over a broker, which wants TLS and
// grants subjects by key, and looks for everything that must be nobody's business but the two parties'. The announcement of
// the station is public.
func TestTheBrokerSeesNothingOfASession(t *testing.T) {
	b := startRecorder(t)
	w := startWorldAt(b.url, b.trusted)
	defer w.end()
	dir := t.TempDir()
	car, ctx := wallet.Generate(), t.Context()
	w.fund(car.DID())
	w.fund(w.station) // what an account may ask of the ledger grows with what it has
	var tokens []string
	for visit := range 2 {
		p, err := party.Open(ctx, party.Options{
			Wallet: car, Dir: dir, NATS: b.url, TLS: b.trusted, Ledger: w.ledgerURL, Log: slog.New(slog.DiscardHandler),
			OnNATS: b.forbids,
		})
		if err != nil {
			t.Fatal(err)
		}
		charge(t, w, p, int64(20_003+visit*7_001))
		tokens = append(tokens, p.Token().String())
		p.Close()
	}
	traffic, clients := b.stop(t)
	if n := b.forbidden.Load(); n != 0 {
		t.Errorf("the vehicle tried %d subjects that are not its own", n)
	}
	if tokens[0] == tokens[1] {
		t.Error("the broker knows the vehicle again by its token")
	}
	secrets := secretsOf(t, w, car, dir)
	announced, sealed := 0, 0
	for _, m := range traffic {
		payload := m.Data
		switch {
		case strings.HasPrefix(m.Subject, "joulepay.v1.announce."), strings.HasPrefix(m.Subject, "joulepay.v1.found."):
			announced++
			payload = nil
		case strings.HasPrefix(m.Subject, "joulepay.v1.station."), strings.HasPrefix(m.Subject, "joulepay.v1.peer."):
			if payload[1] == 4 { // a counter beside random bytes may look like a small number
				sealed++
				payload = payload[18:]
			}
		case strings.HasPrefix(m.Subject, "joulepay.v1.discover."):
		default:
			t.Errorf("something else is sent: %s", m.Subject)
		}
		for what, secret := range secrets {
			if bytes.Contains(payload, []byte(secret)) || strings.Contains(m.Subject, secret) {
				t.Errorf("%s is in a message on %s", what, m.Subject)
			}
		}
	}
	if announced == 0 || sealed < 20 {
		t.Errorf("%d announcements and %d sealed datagrams were recorded", announced, sealed)
	}
	checkClients(t, clients, w, car)
}

// charge takes some energy, mWh, with a battery that is plugged in for it.
func charge(t *testing.T, w world, p *party.Party, energy int64) {
	t.Helper()
	battery := sim.DefaultBattery()
	battery.WantedMilliwattHours = energy
	w.cable.Unplug(time.Time{})
	must(0, w.cable.Plug(must(battery.Load())))
	if _, err := vehicle.Discover(t.Context(), p, vehicle.Wish{Station: w.station}, time.Minute); err != nil {
		t.Fatal(err)
	}
	link, err := p.Dial(func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = link.Close() }() // nothing is lost with it
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	car := agent.NewVehicle(agent.Deps{
		Identity: p.Identity(), Store: p.Store, Link: link, Settler: p.Port, Clock: agent.WallClock{},
		Log: slog.New(slog.DiscardHandler), PulseEvery: 50 * time.Millisecond,
	}, must(sim.NewMeasurement(w.cable, gainPPM)), must(meter.DefaultComparison(meter.SideDC)))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { _ = car.Run(ctx) })
	policy := session.DefaultPayerPolicy()
	policy.Quantity = energy
	for {
		record, err := car.Charge(ctx, agent.Visit{Station: w.station, Addr: secure.AddrOf(w.station), Policy: policy, LedgerTime: time.Now()})
		if err == nil && record.Phase == session.PhaseEnded && record.Quantity >= energy {
			return
		}
		if err != nil || record.Phase != session.PhaseFailed { // the station may still wait for the ledger's word on the visit before
			t.Fatalf("%v: %+v", err, record)
		}
	}
}

// secretsOf gives all that nobody may read on the way, in the forms that it might take.
func secretsOf(t *testing.T, w world, car *wallet.Wallet, dir string) map[string]string {
	t.Helper()
	secrets := map[string]string{}
	key := func(what string, raw []byte) {
		secrets[what+", bytes"] = string(raw)
		secrets[what+", beginning"] = string(raw[:8])
		secrets[what+", hexadecimal"] = hex.EncodeToString(raw)
		secrets[what+", base64"] = base64.RawStdEncoding.EncodeToString(raw)
		secrets[what+", base64url"] = base64.RawURLEncoding.EncodeToString(raw)
	}
	did := car.DID()
	secrets["the vehicle's DID"], secrets["its multibase"] = did.String(), strings.TrimPrefix(did.String(), "did:joule:")
	key("the vehicle's DID", did[:])
	natsKey := car.NATS().Public()
	key("the vehicle's key for brokers", natsKey[:])
	number := func(what string, n int64) {
		secrets[what+", big-endian"] = string(binary.BigEndian.AppendUint64(nil, uint64(n)))
		secrets[what+", little-endian"] = string(binary.LittleEndian.AppendUint64(nil, uint64(n)))
		if text := strconv.FormatInt(n, 10); len(text) >= 6 { // fewer digits come by chance
			secrets[what+", decimal"] = text
		}
	}
	record := func(what string, raw []byte) { // with its state of charge, and whatever else is in it
		const piece = 12
		for at := 0; at+piece <= len(raw); at += piece {
			secrets[fmt.Sprintf("%s, from byte %d", what, at)] = string(raw[at : at+piece])
		}
	}
	store := must(party.OpenStore(t.Context(), dir, party.AccessRead))
	defer func() { _ = store.Close() }()
	sessions := must(store.Sessions(t.Context(), channel.SessionID{}, 10))
	if len(sessions) < 2 {
		t.Fatalf("%d sessions are stored", len(sessions))
	}
	for _, s := range sessions {
		record("session "+s.ID.String()+": its id", append(s.ID[:], 0)[:12])
		record("session "+s.ID.String()+": its quote", s.Quote)
		number("energy of session "+s.ID.String(), s.Quantity)
		number("cost of session "+s.ID.String(), int64(s.Cost))
		for i, r := range must(store.Readings(t.Context(), s.ID)) {
			what := fmt.Sprintf("reading %d of session %s", i, s.ID)
			record(what, r.Signed)
			signed := must(meter.DecodeSigned(r.Signed))
			number(what+": register", signed.Reading.Register)
			if signed.Reading.StateOfChargePermille == meter.StateOfChargeUnknown {
				t.Errorf("%s tells no state of charge: nothing would be found", what)
			}
		}
	}
	for _, c := range must(store.Channels(t.Context())) {
		record("channel "+c.ID.String(), c.ID[:])
		number("what channel "+c.ID.String()+" paid", int64(c.Side.Out.Owed()))
		number("deposit of channel "+c.ID.String(), int64(c.Side.Opening.Deposit))
		record("claim of channel "+c.ID.String(), c.Side.Out.Encode())
	}
	return secrets
}

// checkClients sees that the vehicle came under a fresh key each time, and proved nothing.
func checkClients(t *testing.T, clients []natsd.Client, w world, car *wallet.Wallet) {
	t.Helper()
	seen := map[[natsd.KeySize]byte]bool{}
	proofs := 0
	for _, c := range clients {
		if c.Key == car.NATS().Public() || seen[c.Key] {
			t.Errorf("key %x is not fresh", c.Key)
		}
		seen[c.Key] = true
		if c.Proof != "" {
			proofs++
			if c.Key != w.charger.Wallet.NATS().Public() {
				t.Error("somebody else than the station proves a DID to the broker")
			}
		}
	}
	if len(clients) != 5 || proofs != 1 { // the station; the vehicle twice each visit, to look for stations and to talk to one
		t.Errorf("%d connections, %d with a proof", len(clients), proofs)
	}
}

// recorder is a broker that writes down everything.
type recorder struct {
	url       string
	trusted   *tls.Config
	forbidden atomic.Int64

	mu      sync.Mutex // guards below
	traffic []*nats.Msg
	clients []natsd.Client
	stop    func(*testing.T) ([]*nats.Msg, []natsd.Client)
}

// forbids counts what the broker forbids; other trouble of a busy machine is no concern here.
func (r *recorder) forbids(err error) {
	if errors.Is(err, natsd.ErrForbidden) {
		r.forbidden.Add(1)
	}
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	cert, key := selfSigned(t)
	r.trusted = must(natsd.Trust(cert))
	auditor, granted := wallet.GenerateKey(), natslink.Policy(natslink.InceptionOnly)
	server := must(natsd.Start(natsd.Options{
		TLS: must(natsd.Certificate(cert, key)), Verify: natslink.VerifyConnect,
		Authorize: func(c natsd.Client) (natsd.Permissions, error) {
			if c.Key == auditor.Public() {
				return natsd.Permissions{Subscribe: []string{">"}}, nil
			}
			r.mu.Lock()
			r.clients = append(r.clients, c)
			r.mu.Unlock()
			return granted(c)
		},
	}))
	t.Cleanup(func() { _ = server.Close() })
	r.url = "tls://" + strings.TrimPrefix(strings.TrimPrefix(server.ClientURL(), "nats://"), "tls://")
	conn := must(natsd.Dial(r.url, natsd.DialOptions{Key: natslink.ConnectKey(auditor), TLS: r.trusted}))
	t.Cleanup(conn.Close)
	must(conn.Subscribe(">", func(m *nats.Msg) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.traffic = append(r.traffic, m)
	}))
	must(0, conn.Flush())
	r.stop = func(t *testing.T) ([]*nats.Msg, []natsd.Client) {
		t.Helper()
		closed := make(chan struct{})
		conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
		must(0, errors.Join(conn.Flush(), conn.Drain()))
		<-closed // what was sent is written down
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.traffic, r.clients
	}
	return r
}

// selfSigned makes a certificate for loopback and its key, and gives their files.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw := must(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(0, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	must(0, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))}), 0o600))
	return cert, key
}
