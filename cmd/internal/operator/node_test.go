package operator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/clitest"
	"joulepay/internal/natsd"
	"joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/jetstream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

var (
	eur = money.Currency{'E', 'U', 'R'}
	car = wallet.DIDOf(wallet.NewPrivateKey([32]byte{1}).Public())
)

func startBroker(t *testing.T, dir string, port int) *Broker {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Port: port, JetStream: true, StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a second close does nothing
	return &Broker{Server: s}
}

func startNode(t *testing.T, o Options) *Node {
	t.Helper()
	n, err := StartNode(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() }) // tests that care close themselves
	return n
}

func issue(t *testing.T, n *Node, reference string, value money.Amount) client.Issue {
	t.Helper()
	done, err := n.Issue(t.Context(), client.IssueRequest{To: car, Amount: money.Of(value*money.Nano, eur), Reference: reference})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// serveNode gives the address of the node's API.
func serveNode(t *testing.T, n *Node) string {
	t.Helper()
	c := n.Config()
	c.Loopback = true
	handler, err := api.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func pin(t *testing.T, url string) *client.Pinned {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := c.Pin(t.Context(), wallet.NetworkID{})
	if err != nil {
		t.Fatal(err)
	}
	return pinned
}

func balance(t *testing.T, c *client.Pinned, did wallet.DID) money.Amount {
	t.Helper()
	account, err := c.Account(t.Context(), did)
	if err != nil {
		t.Fatal(err)
	}
	return account.Balance.Amount / money.Nano
}

func TestI4_ANodeGoesOnFromItsDisk(t *testing.T) {
	broker := startBroker(t, t.TempDir(), natsd.PortNone)
	o := Options{Dir: filepath.Join(t.TempDir(), "made"), Wallet: wallet.Generate(), Broker: broker}
	n := startNode(t, o)
	if !n.Fresh() || !n.IsIssuer() {
		t.Errorf("fresh %v, issuer %v", n.Fresh(), n.IsIssuer())
	}
	first, network := issue(t, n, "a", 50), n.Network().ID
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Err(); err != nil {
		t.Errorf("a node that was closed says %v", err)
	}

	n = startNode(t, o)
	if n.Fresh() || n.Network().ID != network {
		t.Errorf("fresh %v, network %s, want %s", n.Fresh(), n.Network().ID, network)
	}
	if again := issue(t, n, "a", 50); again.Vertex != first.Vertex {
		t.Errorf("issued again in %s, first in %s", again.Vertex, first.Vertex)
	}
	issue(t, n, "b", 7)
	if got := balance(t, pin(t, serveNode(t, n)), car); got != 57 {
		t.Errorf("balance %d, want 57", got)
	}
}

func TestOnlyAnIssuersWalletIssues(t *testing.T) {
	issuer, witness := wallet.Generate(), wallet.Generate()
	g := DevGenesis(issuer.DID(), time.Now())
	g.Witnesses = DevGenesis(witness.DID(), time.Now()).Witnesses
	genesis, err := settle.NewGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	broker := startBroker(t, t.TempDir(), natsd.PortNone)
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: witness, Genesis: genesis, Broker: broker})
	if _, err := n.Issue(t.Context(), client.IssueRequest{}); !errors.Is(err, ErrNotIssuer) {
		t.Errorf("issue by a witness: %v", err)
	}
	if n.Config().Issuer != nil {
		t.Error("the API offers to issue")
	}
}

// TestReadinessNamesWhatIsNotWell also shows that a node outlives a broker that goes and comes back.
func TestReadinessNamesWhatIsNotWell(t *testing.T) {
	dir := t.TempDir()
	broker := startBroker(t, dir, 0)
	address, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(broker.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: wallet.Generate(), NATS: broker.ClientURL()})
	url := serveNode(t, n)
	if code, body := get(t, url+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	issue(t, n, "a", 1)
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, url+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "not well: stream") {
		t.Errorf("readyz without a broker: %d %s", code, body)
	}
	if got := balance(t, pin(t, url), car); got != 1 {
		t.Errorf("balance %d without a broker", got)
	}
	startBroker(t, dir, address.Port)
	issue(t, n, "b", 2)
	if got := balance(t, pin(t, url), car); got != 3 {
		t.Errorf("balance %d, want 3", got)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // read only
	body, err := readAllBounded(answer.Body, url, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestMetricsFollowTheLedger(t *testing.T) {
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: wallet.Generate(), Broker: startBroker(t, t.TempDir(), natsd.PortNone)})
	issue(t, n, "a", 1)
	_, body := get(t, serveNode(t, n)+"/metrics")
	if !strings.Contains(body, "\njoulepay_ledger_vertices_accepted 2\n") {
		t.Errorf("no two accepted vertices in\n%s", body)
	}
}

// TestAnEmbeddedBrokerThatIsStuckEndsTheNode: a broker that lost its disk stays broken until the process starts anew.
func TestAnEmbeddedBrokerThatIsStuckEndsTheNode(t *testing.T) {
	broker := startBroker(t, t.TempDir(), natsd.PortNone)
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: wallet.Generate(), Broker: broker, stuckAfter: 50 * time.Millisecond})
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := n.Issue(context.Background(), client.IssueRequest{To: car, Amount: money.Of(money.Nano, eur), Reference: "a"})
		asked <- err
	}()
	<-n.Done()
	if err := n.Err(); !errors.Is(err, ErrStuck) {
		t.Errorf("%v, want ErrStuck", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := <-asked; !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("who waited hears %v, want ErrOutcomeUnknown", err)
	}
}

// TestI4_AFullDiskStopsTheNodeAndLosesNothing fills the disk of the database only.
func TestI4_AFullDiskStopsTheNodeAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	o := Options{Dir: dir, Wallet: wallet.Generate(), Broker: startBroker(t, t.TempDir(), natsd.PortNone)}
	n := startNode(t, o)
	issue(t, n, "a", 50)
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk takes all: %v", err)
	}
	issued, last := money.Amount(50), ""
	for i := 0; ; i++ {
		last = strconv.Itoa(i)
		_, err := n.Issue(t.Context(), client.IssueRequest{To: car, Amount: money.Of(money.Nano, eur), Reference: last})
		issued++
		if err != nil {
			break
		}
	}
	<-n.Done()
	if err := n.Err(); !errors.Is(err, sqlite.ErrDiskFull) {
		t.Errorf("%v, want ErrDiskFull", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, o)
	issue(t, n, last, 1)
	if got := balance(t, pin(t, serveNode(t, n)), car); got != issued {
		t.Errorf("balance %d, want %d", got, issued)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheBrokerKeepsOthersOutOfTheLog(t *testing.T) {
	broker, err := StartBroker(t.TempDir(), "127.0.0.1:0", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broker.Close() }()
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: wallet.Generate(), Broker: broker})
	issue(t, n, "a", 1)

	if _, err := natsd.Dial(broker.ClientURL(), natsd.DialOptions{}); !errors.Is(err, natsd.ErrRefused) {
		t.Errorf("without a key: %v", err)
	}
	heard := make(chan error, 10)
	w := wallet.Generate()
	conn, err := natsd.Dial(broker.ClientURL(), natsd.DialOptions{
		Key: natslink.StationKey(w), OnError: func(err error) { heard <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer := wallet.GenerateKey()
	car, err := natslink.Connect(broker.ClientURL(), "", peer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer car.Close()
	station, err := natslink.ListenStation(conn, w.DID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := natslink.DialPeer(car, natslink.TokenOf(peer.Public()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Send(station.Local(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if d := <-station.Receive(); string(d.Payload) != "hello" {
		t.Errorf("sessions cannot talk: %q", d.Payload)
	}
	for _, subject := range []string{jetstream.Subjects(n.Network().ID), "$JS.API.STREAM.NAMES"} {
		subject = strings.ReplaceAll(subject, "*", "0")
		if err := errors.Join(conn.Publish(subject, []byte("x")), conn.Flush()); err != nil {
			t.Fatal(err)
		}
		if err := <-heard; !errors.Is(err, natsd.ErrForbidden) {
			t.Errorf("publish to %s: %v", subject, err)
		}
	}
}

func TestSubmitBringsASignedVertexOntoTheLedger(t *testing.T) {
	w := wallet.Generate()
	n := startNode(t, Options{Dir: t.TempDir(), Wallet: w, Broker: startBroker(t, t.TempDir(), natsd.PortNone)})
	url, dir := serveNode(t, n), t.TempDir()
	sign := func(network wallet.NetworkID, p settle.Payload) string {
		v, err := settle.Sign(settle.Draft{Network: network, Issuer: w.DID(), Parents: []settle.VertexID{settle.VertexID(network)}, Payload: p}, w.Account())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("%x.vertex", v.ID()))
		if err := os.WriteFile(path, v.Encode(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(path string) clitest.Result {
		return clitest.Do(Root, []string{"HOME=" + dir}, "submit", path, "--ledger", url, "--json")
	}
	mint := &settle.Issue{Reference: settle.ReferenceOf("a"), To: car, Amount: 5 * money.Nano}
	good := sign(n.Network().ID, mint)
	for range 2 { // the same bytes again are harmless
		if r := run(good); r.Code != 0 || !strings.Contains(r.Stdout, `"verdict":"applied"`) || !strings.Contains(r.Stdout, `"final":true`) {
			t.Errorf("%+v", r)
		}
	}
	if got := balance(t, pin(t, url), car); got != 5 {
		t.Errorf("balance %d", got)
	}
	if r := run(sign(wallet.NetworkID{1}, mint)); r.Code != 1 || !strings.Contains(r.Stderr, "for another network") {
		t.Errorf("another network: %+v", r)
	}
	overspend := &settle.Transfer{Sequence: 1, To: car, Amount: 1}
	if r := run(sign(n.Network().ID, overspend)); r.Code != 1 || strings.Count(r.Stderr, "hint: ") != 1 {
		t.Errorf("overspend: %+v", r)
	}
}
