package apiload

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"joulepay/channel/session"
	"joulepay/cmd/internal/demo"
	"joulepay/pricing"
)

// BenchmarkSessionsWhileManyFollow runs a session as fast as its claims allow while so many follow the events, each on a connection
// of its own. A session's time is that of its claims, one after the other.
func BenchmarkSessionsWhileManyFollow(b *testing.B) {
	for _, followers := range []int{0, 500} {
		b.Run(fmt.Sprint(followers), func(b *testing.B) { sessionsWhile(b, followers) })
	}
}

func sessionsWhile(b *testing.B, followers int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(b, err, "listen")
	var pace pacer
	w, err := demo.Start(context.Background(), demo.Options{
		Dir: b.TempDir(), Energy: 5_000_000, Speed: 100_000, Tariff: pricing.Default(), Log: slog.New(slog.DiscardHandler),
		Report: func(p session.Progress) { pace.note(p.Claims) },
	}, listener)
	fatal(b, err, "demo")
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var heard atomic.Uint64
	var all, ready sync.WaitGroup
	for n := range followers {
		ready.Add(1)
		all.Go(func() { follow(b, ctx, w.URL, n, &heard, ready.Done) })
	}
	ready.Wait()
	began := time.Now()
	for b.Loop() {
		_, err := w.Charge(ctx, ctx)
		fatal(b, err, "session")
	}
	took := time.Since(began)
	cancel()
	all.Wait()
	slices.Sort(pace.between)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(pace.between[len(pace.between)/2]), "p50-ms/claim")
	b.ReportMetric(ms(pace.between[len(pace.between)*99/100]), "p99-ms/claim")
	if followers > 0 {
		b.ReportMetric(float64(heard.Load())/float64(followers)/took.Seconds(), "events/s-each")
	}
}

// pacer measures the time from one claim of a session to the next.
type pacer struct {
	mu      sync.Mutex // guards what follows
	claims  uint64
	last    time.Time
	between []time.Duration
}

func (p *pacer) note(claims uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if claims == p.claims+1 && p.claims > 0 {
		p.between = append(p.between, now.Sub(p.last))
	}
	if claims != p.claims {
		p.claims, p.last = claims, now
	}
}

// follow reads events until ctx ends.
func follow(b *testing.B, ctx context.Context, url string, n int, heard *atomic.Uint64, ready func()) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(n%200+1))}}
	c := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	defer c.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events", nil)
	if err != nil {
		b.Error(err)
	}
	resp, err := c.Do(r)
	ready()
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(lines.Bytes()) > 5 && string(lines.Bytes()[:5]) == "data:" {
			heard.Add(1)
		}
	}
}
