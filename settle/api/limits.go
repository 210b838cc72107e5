package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"joulepay/settle/client"
)

// Limits of requests.
const (
	// requestSizeMax bounds a body: a vertex in base64 is the largest that is taken.
	requestSizeMax = client.VertexSizeMax*4/3 + 1024
	// headerSizeMax bounds a request's head: a token, a cursor and a path fit many times.
	headerSizeMax = 16 << 10
	// headTimeout and bodyTimeout end slow senders. A vertex of 64 KiB needs 35 kbit/s.
	headTimeout = 5 * time.Second
	bodyTimeout = 15 * time.Second
	// idleTimeout frees connections that nobody uses.
	idleTimeout = 2 * time.Minute
	// requestTimeout bounds the work for one request; one that waits for finality waits longer.
	requestTimeout = 10 * time.Second
	// writeTimeout ends slow readers. A receipt of 16 MiB needs 2 Mbit/s.
	writeTimeout = client.WaitMax + 60*time.Second
	// clientsMax bounds each of the two generations of the table of rates: 100 bytes a client.
	clientsMax = 4096
	// metricsReadersMax is more scrapers than anybody runs.
	metricsReadersMax = 4
)

// Rate is what one client may ask: so many requests a second, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// RateDefault lets a dashboard and a program poll without a thought, and costs a server of two cores a tenth of one.
var RateDefault = Rate{PerSecond: 200, Burst: 400}

// Server gives an http.Server for the handler, with the limits that belong to a connection. When the context ends, so do
// requests that wait or follow events; Shutdown then returns soon.
func Server(ctx context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler:           handler,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerSizeMax,
	}
}

// limiter holds a token bucket for each client, in two generations: when the young one is full it becomes the old
// one, and who is not seen again is forgotten with it.
type limiter struct {
	rate Rate

	mu    sync.Mutex // guards both generations
	young map[netip.Prefix]*rate.Limiter
	old   map[netip.Prefix]*rate.Limiter
}

func newLimiter(r Rate) *limiter {
	return &limiter{rate: r, young: map[netip.Prefix]*rate.Limiter{}}
}

// allow takes one request from a client's bucket.
func (l *limiter) allow(remote string, now time.Time) bool {
	key := clientKey(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.young[key]
	if bucket == nil {
		if bucket = l.old[key]; bucket == nil {
			bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		}
		if len(l.young) >= clientsMax {
			l.old, l.young = l.young, map[netip.Prefix]*rate.Limiter{}
		}
		l.young[key] = bucket
	}
	return bucket.AllowN(now, 1)
}

// clientKey is the address of an IPv4 client and the /64 network of an IPv6 one, of which anybody has as many addresses
// as they like. All that is not an address shares one bucket.
func clientKey(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

func (s *server) limitRate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.limiter.allow(r.RemoteAddr, s.Now()) {
			w.Header().Set("Retry-After", "1")
			writeProblem(w, client.NewProblem(client.ErrRateLimited,
				fmt.Sprintf("more than %g requests a second", s.Rate.PerSecond), "wait a second"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody makes reading more than requestSizeMax an error, and reading for longer than bodyTimeout too. The server's own
// timeout begins with the connection; this one with the request.
func (s *server) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(s.Now().Add(bodyTimeout)) // a test's recorder has none
		}
		r.Body = http.MaxBytesReader(w, r.Body, requestSizeMax)
		next.ServeHTTP(w, r)
	})
}
