package apiload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// sizeOf takes a size of the benchmark from the environment, so that a look at the code of it is short.
func sizeOf(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return usual
}

// payer is an account of the benchmark.
type payer struct {
	key      wallet.PrivateKey
	did      wallet.DID
	sequence uint64
}

func payerNumber(i int) *payer {
	key := wallet.NewPrivateKey([32]byte{8, byte(i), byte(i >> 8)})
	return &payer{key: key, did: wallet.DIDOf(key.Public())}
}

const payers = 200

// fillLedger posts vertices of all kinds, mostly payments, until there are so many.
func (w *world) fillLedger(t testing.TB, vertices int) []*payer {
	t.Helper()
	accounts := make([]*payer, payers)
	for i := range accounts {
		accounts[i] = payerNumber(i)
		w.issue(t, accounts[i].did, 1000*money.Nano)
	}
	network, err := w.client.Network(t.Context())
	fatal(t, err, "network")
	const writers = 50
	var all sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(vertices))
	for n := range writers {
		c, err := client.New(w.URL, client.Options{HTTP: w.from(t, n)})
		fatal(t, err, "client")
		own := accounts[n*payers/writers : (n+1)*payers/writers]
		all.Go(func() {
			tips := network.Tips
			for left.Add(-1) >= 0 {
				p := own[rand.IntN(len(own))]
				if rand.IntN(100) == 0 {
					if n, err := c.Network(context.Background()); err == nil {
						tips = n.Tips
					}
				}
				if err := p.post(c, network.Network, tips, p.payload(w.wallet.DID(), network.Network)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return accounts
}

// payload gives what an account posts next.
func (p *payer) payload(station wallet.DID, network wallet.NetworkID) settle.Payload {
	switch n := rand.IntN(1000); {
	case n < 20:
		p.sequence++
		return &settle.Open{Sequence: p.sequence, Opening: channel.Opening{
			Network: network, Opener: p.did, Partner: station, OpenerKey: p.key.Public(), PartnerKey: payerNumber(9999).key.Public(), Payout: station,
			Deposit: money.Nano / 10, Nonce: [16]byte{byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int())},
			Terms: channel.Terms{Currency: eur, Window: time.Minute, Expiry: time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()},
		}}
	case n < 22:
		p.sequence++
		return &settle.Redeem{Sequence: p.sequence, Issuer: station, Amount: money.Nano / 100}
	case n < 24: // which is refused
		return &settle.Transfer{Sequence: p.sequence + 9, To: station, Amount: 1}
	case n < 60:
		return &settle.Anchor{Hash: [32]byte{byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int())}}
	default:
		p.sequence++
		return &settle.Transfer{Sequence: p.sequence, To: payerNumber(rand.IntN(payers)).did, Amount: 1}
	}
}

func (p *payer) post(c *client.Client, network wallet.NetworkID, tips []client.ID, payload settle.Payload) error {
	parents := make([]settle.VertexID, len(tips))
	for i, id := range tips {
		parents[i] = settle.VertexID(id)
	}
	v, err := settle.Sign(settle.Draft{Network: network, Issuer: p.did, Parents: parents, Nonce: rand.Uint64(), Payload: payload}, p.key)
	if err != nil {
		return err
	}
	for {
		_, err := c.PostVertex(context.Background(), v.Encode())
		if errors.Is(err, client.ErrRateLimited) || errors.Is(err, client.ErrUnavailable) {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if errors.Is(err, client.ErrStaleSequence) {
			return nil // on purpose
		}
		return err
	}
}

// lists are the lists that are asked for, with filters that find many, few and nothing.
func (w *world) lists(t testing.TB, accounts []*payer, driving wallet.DID) map[string][]string {
	t.Helper()
	channels, err := w.client.Channels(t.Context(), client.ChannelQuery{})
	fatal(t, err, "channels")
	sessions, err := w.client.Sessions(t.Context(), client.SessionQuery{PageQuery: client.PageQuery{Limit: 20}, State: client.SessionFinal})
	fatal(t, err, "sessions")
	busy, quiet := url.QueryEscape(w.wallet.DID().String()), url.QueryEscape(accounts[3].did.String())
	nobody := url.QueryEscape(vehicleNumber(9999).String())
	soon, late := url.QueryEscape(time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)), url.QueryEscape(time.Now().Add(-10*time.Second).UTC().Format(time.RFC3339))
	lists := map[string][]string{
		"vertices": {"", "party=" + busy, "party=" + quiet, "issuer=" + quiet, "kind=redeem", "kind=open&state=final", "state=refused", "state=pending",
			"since=" + soon + "&until=" + late, "party=" + busy + "&kind=redeem", "party=" + nobody, "channel=" + channels.Items[0].ID.String()},
		"transfers":   {"", "party=" + quiet, "party=" + busy, "until=" + late},
		"settlements": {"", "party=" + busy, "party=" + url.QueryEscape(driving.String())},
		"issues":      {"", "party=" + quiet, "party=" + nobody},
		"redemptions": {"", "party=" + quiet},
		"checkpoints": {"", "state=final", "since=" + soon + "&until=" + late},
		"channels":    {"", "state=open", "state=closed", "party=" + quiet, "party=" + busy, "party=" + busy + "&state=closed", "since=" + soon + "&until=" + late},
		"sessions":    {"", "state=running", "state=failed", "state=settled", "party=" + url.QueryEscape(vehicleNumber(5).String()), "party=" + nobody, "until=" + url.QueryEscape(time.Now().Add(-100*time.Hour).UTC().Format(time.RFC3339))},
		"stations":    {"", "state=free"},
		"tariffs":     {""},
		"estimates":   {""},
		"prices":      {"limit=96"},
	}
	urls := map[string][]string{}
	for list, queries := range lists {
		for _, q := range queries {
			urls[list] = append(urls[list], w.URL+"/v1/"+list+"?"+q)
		}
		if next := w.second(t, urls[list][0]); next != "" {
			urls[list] = append(urls[list], next)
		}
	}
	for _, s := range sessions.Items {
		urls["readings"] = append(urls["readings"], w.URL+"/v1/sessions/"+s.ID.String()+"/readings")
	}
	return urls
}

// second gives the address of the second page.
func (w *world) second(t testing.TB, first string) string {
	t.Helper()
	var page client.Page[any]
	fatal(t, get(http.DefaultClient, first, &page), first)
	if page.Next == "" {
		return ""
	}
	return first + "&cursor=" + page.Next
}

// BenchmarkLists asks for every list 500 times a second while a session runs and others post to the ledger, of 10,000 sessions
// and 100,000 vertices: `go test -run xxx -bench Lists -benchtime 1x ./cmd/internal/apiload`. JOULEPAY_VERTICES and
// JOULEPAY_SESSIONS make it smaller, JOULEPAY_SECONDS longer.
func BenchmarkLists(b *testing.B) {
	const rate = 500
	w := start(b, func(dir string, own *wallet.Wallet) { visits(b, dir, own, sizeOf("JOULEPAY_SESSIONS", 10_000), 60) })
	began := time.Now()
	accounts := w.fillLedger(b, sizeOf("JOULEPAY_VERTICES", 100_000))
	b.Logf("filled in %s", time.Since(began).Round(time.Second))
	driving := w.drive(b)
	urls := w.lists(b, accounts, driving)
	b.Cleanup(w.writing(b, accounts))
	clients := make([]*http.Client, 20)
	for i := range clients {
		clients[i] = w.from(b, 100+i)
	}
	var mixed []string
	seconds := time.Duration(sizeOf("JOULEPAY_SECONDS", 3)) * time.Second
	for _, list := range slices.Sorted(keysOf(urls)) {
		mixed = append(mixed, urls[list]...)
		b.Run(list, func(b *testing.B) {
			for range b.N {
				offered(b, clients, urls[list], rate, seconds)
			}
		})
	}
	b.Run("all", func(b *testing.B) {
		for range b.N {
			offered(b, clients, mixed, rate, 3*seconds)
		}
	})
}

func keysOf(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// writing posts fifty vertices a second until what it gives is called.
func (w *world) writing(t testing.TB, accounts []*payer) func() {
	t.Helper()
	network, err := w.client.Network(t.Context())
	fatal(t, err, "network")
	c, err := client.New(w.URL, client.Options{HTTP: w.from(t, 90)})
	fatal(t, err, "client")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			p := accounts[rand.IntN(len(accounts))]
			if err := p.post(c, network.Network, network.Tips, p.payload(w.wallet.DID(), network.Network)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// offered asks at a steady rate, whether answers come or not, and reports the time from when a request was due to its end.
func offered(b *testing.B, clients []*http.Client, urls []string, rate int, during time.Duration) {
	count := int(during.Seconds() * float64(rate))
	took := make([]time.Duration, count)
	worst := map[string]time.Duration{}
	var mu sync.Mutex // guards worst
	var all sync.WaitGroup
	begin := time.Now().Add(10 * time.Millisecond)
	for i := range count {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		at := urls[i%len(urls)]
		all.Go(func() {
			if err := get(clients[i%len(clients)], at, nil); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			worst[at] = max(worst[at], took[i])
		})
	}
	all.Wait()
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "max-ms")
	b.ReportMetric(0, "ns/op")
	if testing.Verbose() {
		for at, d := range worst {
			if d > 20*time.Millisecond {
				b.Logf("%6.1f ms at worst: %s", ms(d), at)
			}
		}
	}
}

func get(c *http.Client, at string, into any) error {
	resp, err := c.Get(at)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s: %d %s", at, resp.StatusCode, text)
	}
	if into == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	return decode(resp.Body, into)
}
