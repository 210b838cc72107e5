package node_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"joulepay/settle"
	"joulepay/wallet"
)

// BenchmarkHonestBesideJunk offers 500 payments a second, alone and with nine times as much junk beside them: vertices
// of strangers, forged ones, and ones with sequences that are used or far away. p50-ms and p99-ms are those of the honest.
func BenchmarkHonestBesideJunk(b *testing.B) {
	b.Run("honest", func(b *testing.B) { benchmarkTransfers(b, offeredAccounts, offeredEach) })
	b.Run("junk=90%", func(b *testing.B) {
		accounts := min(offeredAccounts, b.N)
		bench := startBench(b, accounts+1)
		poor, victim := bench.accounts[accounts], bench.accounts[0]
		bench.accounts = bench.accounts[:accounts]
		used := &settle.Transfer{Sequence: 1, To: wallet.DIDOf(victim.Public()), Amount: eur}
		if _, err := bench.node.Post(b.Context(), wallet.DIDOf(poor.Public()), poor, 1, used); err != nil {
			b.Fatal(err)
		}
		honest := bench.transfers(b, b.N)
		rubbish := junk(b, bench.node, poor, victim, junkEach*b.N)
		var next atomic.Int64
		var all sync.WaitGroup
		bench.beside = func(ctx context.Context) {
			k := int(next.Add(1)) - 1
			for _, raw := range rubbish[k*junkEach : (k+1)*junkEach] {
				all.Go(func() {
					if _, err := bench.node.Submit(ctx, raw); err == nil {
						b.Error("junk was accepted")
					}
				})
			}
		}
		bench.run(b, honest, accounts, offeredEach)
		all.Wait()
	})
}

// junkEach is how many vertices of junk come with an honest one.
const junkEach = 9
