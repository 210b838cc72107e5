package natsd_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"joulepay/internal/freeport"
	"joulepay/internal/natsd"
)

// clusterPatience is for elections, of which each takes up to nine seconds.
const clusterPatience = 2 * time.Minute

func freeAddresses(t *testing.T, count int) (addresses []string) {
	t.Helper()
	for range count {
		address, err := freeport.Next()
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, address)
	}
	return addresses
}

func clusterOptions(t *testing.T, name, address string, routes []string, secret string) natsd.Options {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return natsd.Options{
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
		Cluster: &natsd.Cluster{Name: "test", Server: name, Port: tcp.Port, Routes: routes, Secret: secret},
	}
}

func TestThreeServersKeepAStreamTogether(t *testing.T) {
	routes := freeAddresses(t, 3)
	secret := natsd.NewSecret()
	var urls []string
	var servers []*natsd.Server
	for i, address := range routes {
		s := start(t, clusterOptions(t, string(rune('a'+i)), address, routes, secret))
		if s.ClusterAddress() != address {
			t.Errorf("listens on %s for servers, want %s", s.ClusterAddress(), address)
		}
		servers, urls = append(servers, s), append(urls, s.ClientURL())
	}
	conn := dial(t, strings.Join(urls, ","), natsd.DialOptions{InboxPrefix: "inbox.mine"})
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), clusterPatience)
	defer cancel()
	config := jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3}
	until(ctx, t, "a stream", func(ctx context.Context) error { _, err := js.CreateOrUpdateStream(ctx, config); return err })
	for i, s := range servers {
		if !s.ClusterReady() {
			t.Errorf("server %d says that it is not ready", i)
		}
	}
	until(ctx, t, "an acknowledgement", func(ctx context.Context) error { _, err := js.Publish(ctx, "s", []byte("one")); return err })
	if err := servers[0].Close(); err != nil {
		t.Fatal(err)
	}
	until(ctx, t, "an acknowledgement with two of three", func(ctx context.Context) error {
		_, err := js.Publish(ctx, "s", []byte("two"))
		return err
	})
}

// until tries again while an election may be the reason: meanwhile nobody answers.
func until(ctx context.Context, t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		err := try(once)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// A server without the secret has a cluster of its own, which has no majority.
func TestAServerWithoutTheSecretIsNoneOfTheCluster(t *testing.T) {
	routes := freeAddresses(t, 2)
	good := start(t, clusterOptions(t, "a", routes[0], routes, "right"))
	bad := start(t, clusterOptions(t, "b", routes[1], routes, "wrong"))
	inside := dial(t, good.ClientURL(), natsd.DialOptions{})
	outside := dial(t, bad.ClientURL(), natsd.DialOptions{})
	sub := subscribe(t, inside, "x")
	publish(t, outside, "x", "from outside")
	publish(t, inside, "x", "from inside")
	expect(t, sub, "from inside")
	if good.ClusterReady() || bad.ClusterReady() {
		t.Error("ready without the other")
	}
}

func TestOptionsOfAClusterAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		cluster natsd.Cluster
		want    error
	}{
		"no name":          {natsd.Cluster{Server: "a"}, natsd.ErrCluster},
		"no server name":   {natsd.Cluster{Name: "c"}, natsd.ErrCluster},
		"a name with dots": {natsd.Cluster{Name: "c", Server: "a.b"}, natsd.ErrCluster},
		"no port":          {natsd.Cluster{Name: "c", Server: "a", Routes: []string{"host"}}, natsd.ErrCluster},
		"port 0":           {natsd.Cluster{Name: "c", Server: "a", Routes: []string{"host:0"}}, natsd.ErrCluster},
		"too many":         {natsd.Cluster{Name: "c", Server: "a", Routes: make([]string, 100)}, natsd.ErrCluster},
		"two lines":        {natsd.Cluster{Name: "c", Server: "a", Secret: "a\nb"}, natsd.ErrCluster},
		"open to all":      {natsd.Cluster{Name: "c", Server: "a", Host: "0.0.0.0"}, natsd.ErrExposed},
	} {
		if _, err := natsd.Start(natsd.Options{Cluster: &c.cluster}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersComeOnTheSubjectsOfTheirOwner(t *testing.T) {
	s := start(t, natsd.Options{})
	conn := dial(t, s.ClientURL(), natsd.DialOptions{InboxPrefix: "inbox.mine"})
	if got := conn.NewInbox(); !strings.HasPrefix(got, "inbox.mine.") {
		t.Errorf("inbox %s", got)
	}
	_, err := conn.Subscribe("question", func(m *nats.Msg) { _ = m.Respond([]byte(m.Reply)) })
	if err != nil {
		t.Fatal(err)
	}
	answer, err := conn.Request("question", nil, patience)
	if err != nil || !strings.HasPrefix(string(answer.Data), "inbox.mine.") {
		t.Errorf("asked for an answer at %s, %v", answer.Data, err)
	}
}

func TestATakenAddressForServersIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nothing to lose
	address := l.Addr().String()
	if _, err := natsd.Start(clusterOptions(t, "a", address, []string{address}, "")); !errors.Is(err, natsd.ErrStart) {
		t.Errorf("got %v", err)
	}
}
