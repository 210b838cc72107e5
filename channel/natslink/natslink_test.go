package natslink_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/internal/natsd"
	"joulepay/wallet"
)

// patience ends a test that would hang; no test waits for it to pass.
const patience = time.Minute

func start(t testing.TB, options natsd.Options) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(t testing.TB, s *natsd.Server, options natsd.DialOptions) *nats.Conn {
	t.Helper()
	conn, err := natsd.Dial(s.ClientURL(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func newDID() wallet.DID { return wallet.DIDOf(wallet.GenerateKey().Public()) }

func listenStation(t testing.TB, conn *nats.Conn, did wallet.DID, onError func(error)) link.Link {
	t.Helper()
	l, err := natslink.ListenStation(conn, did, onError)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dialPeer(t testing.TB, conn *nats.Conn, token natslink.Token) link.Link {
	t.Helper()
	l, err := natslink.DialPeer(conn, token, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func await[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

func flush(t testing.TB, conn *nats.Conn) {
	t.Helper()
	if err := conn.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, from link.Link, to link.Addr, text string) {
	t.Helper()
	if err := from.Send(to, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, at link.Link, from link.Addr, text string) {
	t.Helper()
	if d := await(t, at.Receive()); d.From != from || string(d.Payload) != text {
		t.Fatalf("got %q from %s, want %q from %s", d.Payload, d.From, text, from)
	}
}

func TestStationAndPeersReachEachOther(t *testing.T) {
	s := start(t, natsd.Options{})
	did := newDID()
	station := listenStation(t, dial(t, s, natsd.DialOptions{}), did, nil)
	one := dialPeer(t, dial(t, s, natsd.DialOptions{}), natslink.NewToken())
	two := dialPeer(t, dial(t, s, natsd.DialOptions{}), natslink.NewToken())
	for i := range 100 {
		for _, peer := range []link.Link{one, two} {
			question, answer := fmt.Sprint("question ", i), fmt.Sprint("answer ", i)
			send(t, peer, station.Local(), question)
			expect(t, station, peer.Local(), question)
			send(t, station, peer.Local(), answer)
			expect(t, peer, natslink.StationAddr(did), answer)
		}
	}
	largest := strings.Repeat("x", link.PayloadMax)
	send(t, one, station.Local(), largest)
	expect(t, station, one.Local(), largest)
}

func TestALinkRefusesWhatItCannotCarry(t *testing.T) {
	s := start(t, natsd.Options{PayloadMaxBytes: 4096})
	conn := dial(t, s, natsd.DialOptions{})
	station := listenStation(t, conn, newDID(), nil)
	peer := dialPeer(t, conn, natslink.NewToken())
	for _, size := range []int{4097, link.PayloadMax, link.PayloadMax + 1} {
		if err := peer.Send(station.Local(), make([]byte, size)); !errors.Is(err, link.ErrTooLarge) {
			t.Errorf("%d bytes: %v, want ErrTooLarge", size, err)
		}
	}
	for range 2 {
		if err := peer.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, open := <-peer.Receive(); open {
		t.Error("a closed link received")
	}
	if err := peer.Send(station.Local(), nil); !errors.Is(err, link.ErrClosed) {
		t.Errorf("closed: %v, want ErrClosed", err)
	}
	conn.Close()
	if _, open := await2(t, station.Receive()); open {
		t.Error("received without a connection")
	}
	if err := station.Send(peer.Local(), nil); !errors.Is(err, link.ErrClosed) {
		t.Errorf("connection closed: %v, want ErrClosed", err)
	}
	if _, err := natslink.ListenStation(conn, newDID(), nil); !errors.Is(err, link.ErrClosed) {
		t.Errorf("on a closed connection: %v, want ErrClosed", err)
	}
}

func await2[T any](t testing.TB, from <-chan T) (v T, open bool) {
	t.Helper()
	select {
	case v, open = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v, open
}

func TestALinkSurvivesARestartOfTheServer(t *testing.T) {
	s := start(t, natsd.Options{})
	parsed, err := url.Parse(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		t.Fatal(err)
	}
	lost, back := make(chan error, 10), make(chan struct{}, 10)
	options := natsd.DialOptions{
		OnError:     func(err error) { lost <- err },
		OnReconnect: func() { back <- struct{}{} },
	}
	did := newDID()
	stationConn := dial(t, s, options)
	station := listenStation(t, stationConn, did, nil)
	peerConn := dial(t, s, options)
	peer := dialPeer(t, peerConn, natslink.NewToken())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := await(t, lost); !errors.Is(err, natsd.ErrDisconnected) {
			t.Fatal(err)
		}
	}
	if err := peer.Send(station.Local(), []byte("lost")); !errors.Is(err, link.ErrDown) {
		t.Errorf("without a server: %v, want ErrDown", err)
	}
	start(t, natsd.Options{Port: port})
	await(t, back)
	await(t, back)
	flush(t, stationConn) // the subscriptions are back too
	flush(t, peerConn)
	send(t, peer, station.Local(), "back")
	expect(t, station, peer.Local(), "back")
	send(t, station, peer.Local(), "welcome")
	expect(t, peer, natslink.StationAddr(did), "welcome")
}

func TestAnOverrunIsReportedOnce(t *testing.T) {
	s := start(t, natsd.Options{})
	reports := make(chan error, 10)
	conn := dial(t, s, natsd.DialOptions{})
	station := listenStation(t, conn, newDID(), func(err error) { reports <- err })
	peerConn := dial(t, s, natsd.DialOptions{})
	peer := dialPeer(t, peerConn, natslink.NewToken())
	overrun := func(n int) {
		for range n {
			send(t, peer, station.Local(), "x")
		}
		flush(t, peerConn)
	}
	overrun(link.QueueMax + 10)
	if err := await(t, reports); !errors.Is(err, link.ErrOverrun) {
		t.Errorf("%v, want ErrOverrun", err)
	}
	for range link.QueueMax {
		await(t, station.Receive())
	}
	overrun(1)
	expect(t, station, peer.Local(), "x")
	if len(reports) != 0 {
		t.Errorf("reported again: %v", <-reports)
	}
}

func TestNoAddressWidensASubject(t *testing.T) {
	s := start(t, natsd.Options{})
	conn := dial(t, s, natsd.DialOptions{})
	did := newDID()
	station := listenStation(t, conn, did, nil)
	peer := dialPeer(t, conn, natslink.NewToken())
	everything, err := conn.SubscribeSync("joulepay.>")
	if err != nil {
		t.Fatal(err)
	}
	token := natslink.NewToken().String()
	hostile := []string{
		"", "*", ">", ".", "a.b", " ", token + ".x", token + " x", token + "\r\nPUB x 0\r\n\r\n", token[1:], token[1:] + "*",
		token[1:] + ">", strings.ToUpper(token[1:]) + "A", did.String() + ".>", did.String() + ".in.*", "did:joule:*",
		"did:joule:>", "did:joule:", did.DIDKey(), strings.TrimPrefix(did.String(), "did:joule:"),
		did.String()[:len(did.String())-1] + "*", did.String()[:len(did.String())-1] + ".",
		did.String()[:len(did.String())-1] + " ", did.String()[:len(did.String())-1] + "0",
		strings.Repeat("x", 1<<20),
	}
	for _, text := range hostile {
		for _, l := range []link.Link{station, peer} {
			if err := l.Send(link.Addr(text), []byte("x")); !errors.Is(err, link.ErrAddress) {
				t.Errorf("%s sends to %.60q: %v, want ErrAddress", l.Local(), text, err)
			} else if len(err.Error()) > 500 {
				t.Errorf("the error repeats %d bytes", len(err.Error()))
			}
		}
	}
	flush(t, conn)
	if n, _, err := everything.Pending(); err != nil || n != 0 {
		t.Errorf("%d hostile datagrams went out (%v)", n, err)
	}
}

func TestForeignMessagesAreIgnored(t *testing.T) {
	s := start(t, natsd.Options{})
	conn := dial(t, s, natsd.DialOptions{})
	did := newDID()
	multibase := strings.TrimPrefix(did.String(), "did:joule:")
	station := listenStation(t, conn, did, nil)
	token := natslink.NewToken()
	peer := dialPeer(t, conn, token)
	publish := func(subject string, size int) {
		if err := conn.Publish(subject, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	inbox := "joulepay.v1.station." + multibase + ".in."
	publish(inbox+"nobody", 1)
	publish(inbox+strings.Repeat("f", 33), 1)
	publish(inbox+token.String(), link.PayloadMax+1)
	publish("joulepay.v1.peer."+token.String()+".nobody", 1)
	publish("joulepay.v1.peer."+token.String()+"."+multibase+"x", 1)
	publish("joulepay.v1.peer."+token.String()+"."+multibase, link.PayloadMax+1)
	send(t, peer, station.Local(), "real")
	expect(t, station, peer.Local(), "real")
	send(t, station, peer.Local(), "real")
	expect(t, peer, natslink.StationAddr(did), "real")
}

// TestThePermissionsAreEnoughAndNoMore lets a broker enforce who uses which subject.
func TestThePermissionsAreEnoughAndNoMore(t *testing.T) {
	did := newDID()
	stationKey := wallet.GenerateKey()
	policy := func(c natsd.Client) (natsd.Permissions, error) {
		if c.Key == stationKey.Public() {
			return natslink.StationPermissions(did), nil
		}
		return natslink.PeerPermissions(natslink.TokenOf(c.Key)), nil
	}
	s := start(t, natsd.Options{Verify: natslink.VerifyConnect, Authorize: policy})
	forbidden := make(chan error, 100)
	connect := func(key wallet.PrivateKey) *nats.Conn {
		return dial(t, s, natsd.DialOptions{Key: natslink.ConnectKey(key), OnError: func(err error) { forbidden <- err }})
	}
	peerKey, otherKey := wallet.GenerateKey(), wallet.GenerateKey()
	stationConn, peerConn, otherConn := connect(stationKey), connect(peerKey), connect(otherKey)

	station := listenStation(t, stationConn, did, nil)
	peer := dialPeer(t, peerConn, natslink.TokenOf(peerKey.Public()))
	send(t, peer, station.Local(), "hello")
	expect(t, station, peer.Local(), "hello")
	send(t, station, peer.Local(), "welcome")
	expect(t, peer, station.Local(), "welcome")
	announcer, err := natslink.NewAnnouncer(stationConn, did)
	if err != nil {
		t.Fatal(err)
	}
	if err := announcer.Publish([]byte("here")); err != nil {
		t.Fatal(err)
	}
	found, err := natslink.Discover(t.Context(), peerConn, natslink.TokenOf(peerKey.Public()), patience,
		func(natslink.Announcement) bool { return true })
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v (%v)", found, err)
	}
	if len(forbidden) != 0 {
		t.Fatalf("too little is allowed: %v", <-forbidden)
	}

	// Another vehicle can neither listen to this one nor speak as it, nor as a station.
	multibase := strings.TrimPrefix(did.String(), "did:joule:")
	token := natslink.TokenOf(peerKey.Public()).String()
	for _, subject := range []string{
		"joulepay.v1.station." + multibase + ".in." + token,
		"joulepay.v1.peer." + token + "." + multibase,
		"joulepay.v1.announce." + multibase,
		"joulepay.v1.found." + token + "." + multibase,
		"joulepay.v1.discover." + token,
	} {
		if err := otherConn.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := await(t, forbidden); !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", subject, err)
		}
	}
	for _, subject := range []string{">", "joulepay.v1.peer.>", "joulepay.v1.station.*.in.*", "joulepay.v1.discover.*"} {
		if _, err := otherConn.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		if err := await(t, forbidden); !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", subject, err)
		}
	}
}

func TestI8_AConnectionProvesItsKeyInADomainOfItsOwn(t *testing.T) {
	key := wallet.GenerateKey()
	nonce := []byte("a nonce of the broker's choice")
	proof := natslink.ConnectKey(key)
	signature := proof.Sign(nonce)
	if err := natslink.VerifyConnect(proof.Public, nonce, signature); err != nil {
		t.Fatal(err)
	}
	claim := key.Sign(wallet.DomainClaim, wallet.NetworkID{}, nonce)
	other := natslink.ConnectKey(wallet.GenerateKey())
	tests := map[string]error{
		"a claim's signature": natslink.VerifyConnect(proof.Public, nonce, claim[:]),
		"another nonce":       natslink.VerifyConnect(proof.Public, nonce[1:], signature),
		"another key":         natslink.VerifyConnect(other.Public, nonce, signature),
		"no key":              natslink.VerifyConnect([natsd.KeySize]byte{}, nonce, signature),
		"no signature":        natslink.VerifyConnect(proof.Public, nonce, nil),
		"a long signature":    natslink.VerifyConnect(proof.Public, nonce, append(signature, 0)),
	}
	for name, err := range tests {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTokensAreStrict(t *testing.T) {
	token := natslink.NewToken()
	if again, err := natslink.ParseToken(token.String()); err != nil || again != token {
		t.Errorf("%s: %s, %v", token, again, err)
	}
	if token == natslink.NewToken() {
		t.Error("two tokens are equal")
	}
	one, two := natslink.TokenOf([32]byte{1}), natslink.TokenOf([32]byte{2})
	if one == two || one != natslink.TokenOf([32]byte{1}) {
		t.Error("a key and its token do not belong together")
	}
}

func FuzzParseToken(f *testing.F) {
	for _, seed := range []string{"", "*", natslink.NewToken().String(), strings.Repeat("F", 32), strings.Repeat("0", 33)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := natslink.ParseToken(text)
		if err == nil && token.String() != text {
			t.Errorf("%q became %q", text, token)
		}
		if err != nil && !errors.Is(err, link.ErrAddress) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func sorted(found []natslink.Announcement) (texts []string) {
	for _, a := range found {
		texts = append(texts, a.Station.String()+" "+string(a.Payload))
	}
	slices.Sort(texts)
	return texts
}
