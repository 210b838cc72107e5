package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"joulepay/internal/freeport"
	"joulepay/internal/natsd"
	"joulepay/settle/jetstream"
	"joulepay/settle/stream"
)

// electionPatience ends a test that would hang: after a server fails, elections take up to nine seconds each.
const electionPatience = 3 * time.Minute

// cluster is three servers on loopback that can be stopped and started.
type cluster struct {
	t       testing.TB
	options []natsd.Options
	servers []*natsd.Server
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var routes []string
	for range 6 { // for servers, then for clients
		address, err := freeport.Next()
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, address)
	}
	for i, address := range routes[:3] {
		c.options = append(c.options, natsd.Options{
			Port: portOf(t, routes[3+i]), JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
			Cluster: &natsd.Cluster{Name: "test", Server: fmt.Sprint("server-", i), Port: portOf(t, address), Routes: routes[:3], Secret: "secret"},
		})
	}
	c.servers = make([]*natsd.Server, 3)
	return c
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return tcp.Port
}

func (c *cluster) start(i int) {
	c.t.Helper()
	s, err := natsd.Start(c.options[i])
	if err != nil {
		c.t.Fatal(err)
	}
	c.servers[i] = s
	c.t.Cleanup(func() { _ = s.Close() })
}

func (c *cluster) stop(i int) {
	c.t.Helper()
	if err := c.servers[i].Close(); err != nil {
		c.t.Error(err)
	}
}

func (c *cluster) log() *jetstream.Log {
	c.t.Helper()
	var urls []string
	for _, o := range c.options {
		urls = append(urls, fmt.Sprint("nats://127.0.0.1:", o.Port))
	}
	conn, err := natsd.Dial(strings.Join(urls, ","), natsd.DialOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	l, err := jetstream.New(conn, jetstream.WithAppendTimeout(jetstream.Options{Network: network, SizeMax: 1 << 20}, time.Second))
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// complete tells whether every server has a current copy of the stream.
func (c *cluster) complete(l *jetstream.Log, js natsjs.JetStream) error {
	if _, err := l.Head(c.t.Context()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, l.StreamName())
	if err != nil {
		return fmt.Errorf("%w: %w", stream.ErrUnavailable, err)
	}
	info := s.CachedInfo().Cluster
	if len(info.Replicas) != len(c.servers)-1 {
		c.t.Fatalf("%d other copies", len(info.Replicas))
	}
	for _, copy := range info.Replicas {
		if info.Leader == "" || !copy.Current || copy.Offline {
			return fmt.Errorf("%w: %s", stream.ErrUnavailable, copy.Name)
		}
	}
	return nil
}

// eventually tries until it works; what fails meanwhile must say that the log is not available now.
func eventually[T any](t testing.TB, what string, try func() (T, error)) T {
	t.Helper()
	for limit := time.After(electionPatience); ; {
		got, err := try()
		if err == nil {
			return got
		}
		if !errors.Is(err, stream.ErrUnavailable) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-limit:
			t.Fatalf("%s: %v", what, err)
		default:
		}
	}
}

// placed appends a bundle until it has a place. Each try appends it anew: a log may have it several times.
func (c *cluster) placed(l *jetstream.Log, bundle string) stream.Position {
	c.t.Helper()
	return eventually(c.t, bundle, func() (stream.Position, error) { return l.Append(c.t.Context(), []byte(bundle)) })
}

func TestThreeServersLoseNothingWhenOneFailsAndComeBackWhenTwoDo(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel()
	c := startCluster(t)
	for i := range c.servers {
		c.start(i)
	}
	l := c.log()
	start := eventually(t, "head", func() (stream.Position, error) { return l.Head(t.Context()) })
	heard := c.follow(l, start)
	acknowledged := []string{"all"}
	c.placed(l, "all")

	c.stop(0)
	c.placed(l, "two of three")
	acknowledged = append(acknowledged, "two of three")

	c.stop(1)
	if at, err := l.Append(t.Context(), []byte("one of three")); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("one server alone took a bundle at %d: %v", at.Sequence, err)
	}
	if placed, err := l.AppendAll(t.Context(), [][]byte{{1}, {2}}); !errors.Is(err, stream.ErrUnavailable) || len(placed) > 0 {
		t.Errorf("one server alone took %d bundles: %v", len(placed), err)
	}

	c.start(1)
	c.placed(l, "two again")
	c.start(0)
	c.placed(l, "all again")
	acknowledged = append(acknowledged, "two again", "all again")
	now := eventually(t, "head", func() (stream.Position, error) { return l.Head(t.Context()) })
	if now.Incarnation != start.Incarnation {
		t.Errorf("%+v: the log began anew, though it lost nothing", now)
	}
	for limit := time.After(electionPatience); len(acknowledged) > 0; {
		select {
		case bundle := <-heard:
			if bundle == acknowledged[0] {
				acknowledged = acknowledged[1:]
			}
		case <-limit:
			t.Fatalf("never delivered: %q", acknowledged)
		}
	}
}

// follow reads on whatever happens, as a node does.
func (c *cluster) follow(l *jetstream.Log, at stream.Position) <-chan string {
	ctx, stop := context.WithCancel(c.t.Context())
	heard, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			err := l.Read(ctx, at, func(d stream.Delivery) error {
				at = d.Position
				heard <- string(d.Bundle)
				return nil
			})
			if ctx.Err() == nil && !errors.Is(err, stream.ErrUnavailable) {
				c.t.Errorf("read: %v", err)
				return
			}
		}
	}()
	c.t.Cleanup(func() { stop(); <-ended })
	return heard
}

func TestAStreamIsRenewedWhileOneServerOfThreeIsAway(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel()
	c := startCluster(t)
	for i := range c.servers {
		c.start(i)
	}
	l := c.log()
	start := eventually(t, "head", func() (stream.Position, error) { return l.Head(t.Context()) })
	c.placed(l, "before")
	c.stop(2)
	renewed := eventually(t, "renew", func() (stream.Position, error) { return l.Renew(t.Context(), start.Incarnation) })
	if renewed.Incarnation == start.Incarnation || renewed.Sequence != 0 {
		t.Errorf("renewed to %+v", renewed)
	}
	if at := c.placed(l, "after"); at.Incarnation != renewed.Incarnation {
		t.Errorf("placed at %+v", at)
	}
	c.start(2)
	js := adminOf(t, c.servers[0])
	eventually(t, "all copies", func() (bool, error) { return true, c.complete(l, js) })
	c.stop(1) // the one that was away has caught up
	head := eventually(t, "head", func() (stream.Position, error) { return l.Head(t.Context()) })
	if head.Incarnation != renewed.Incarnation {
		t.Errorf("head %+v", head)
	}
	c.placed(l, "later")
}
