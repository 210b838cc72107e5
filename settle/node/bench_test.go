package node_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/wallet"
)

// BenchmarkSubmitToFinal drives transfers, one signature each, through JetStream and SQLite, both with fsync, until they
// are final: as fast as they go, and one after the other.
func BenchmarkSubmitToFinal(b *testing.B) {
	for name, senders := range map[string]int{"alone": 1, "senders=512": 512} {
		b.Run(name, func(b *testing.B) { benchmarkFinal(b, senders) })
	}
}

func benchmarkFinal(b *testing.B, senders int) {
	net := newNetwork(b, settle.DefaultLimits())
	server := startNATS(b, b.TempDir(), 0)
	b.Cleanup(func() { _ = server.Close() })
	net.store = openSQLite(b, filepath.Join(b.TempDir(), "ledger.db"))
	b.Cleanup(func() { _ = net.store.Close() })
	net.stream = dialLog(b, server.ClientURL(), net.genesis.NetworkID())
	n := net.start(b)
	accounts := make([]wallet.PrivateKey, senders)
	for i := range accounts {
		accounts[i] = wallet.NewPrivateKey([32]byte{9, byte(i), byte(i >> 8)})
		r := &settle.Issue{Reference: settle.Reference{1, byte(i), byte(i >> 8)}, To: wallet.DIDOf(accounts[i].Public()), Amount: 1_000_000 * eur}
		net.post(b, n, net.issuer, uint64(i)*10, r)
	}
	latencies := make([][]time.Duration, senders)
	b.ResetTimer()
	begin := time.Now()
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for k := i; k < b.N; k += senders {
				start := time.Now()
				if err := payOnce(b.Context(), n, accounts[i], uint64(k/senders+1)); err != nil {
					b.Error(err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(start))
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	b.StopTimer()
	sorted := slices.Concat(latencies...)
	slices.Sort(sorted)
	b.ReportMetric(float64(b.N)/took.Seconds(), "final/s")
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds())/1000, "p99-ms")
}

func payOnce(ctx context.Context, n *node.Node, from wallet.PrivateKey, sequence uint64) error {
	to := wallet.DIDOf(wallet.NewPrivateKey([32]byte{8}).Public())
	r, err := n.Post(ctx, wallet.DIDOf(from.Public()), from, sequence*16, &settle.Transfer{Sequence: sequence, To: to, Amount: 1})
	if err != nil {
		return err
	}
	_, err = n.WaitFinal(ctx, r.ID)
	return err
}
