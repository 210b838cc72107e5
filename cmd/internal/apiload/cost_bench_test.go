package apiload

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"joulepay/wallet"
)

// BenchmarkCost asks for each page one after the other, which shows what it costs on a machine that does other work too.
func BenchmarkCost(b *testing.B) {
	w := start(b, func(dir string, own *wallet.Wallet) { visits(b, dir, own, sizeOf("JOULEPAY_SESSIONS", 10_000), 60) })
	accounts := w.fillLedger(b, sizeOf("JOULEPAY_VERTICES", 100_000))
	urls := w.lists(b, accounts, w.drive(b))
	urls["readings"] = urls["readings"][:1]
	clients := make([]*http.Client, 100)
	for i := range clients {
		clients[i] = w.from(b, 100+i)
	}
	for _, list := range slices.Sorted(keysOf(urls)) {
		for _, at := range urls[list] {
			parsed, err := url.Parse(at)
			fatal(b, err, at)
			name := strings.NewReplacer(parsed.Scheme+"://"+parsed.Host, "").Replace(at)
			b.Run(name, func(b *testing.B) {
				before, n := processor(), 0
				for b.Loop() {
					fatal(b, get(clients[n%len(clients)], at, nil), at)
					n++
				}
				b.ReportMetric(float64((processor()-before).Microseconds())/float64(n), "cpu-µs/request")
			})
		}
	}
}

// processor gives the processor time that the process used.
func processor() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // of this process, which exists
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
