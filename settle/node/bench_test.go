package node_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/node"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// The benchmarks drive one node over JetStream (SyncAlways) and SQLite (FULL), both in a folder of b.TempDir, whose
// file system they print. Every vertex is signed before the clock starts and carries one signature of its issuer.
//
// final/s counts vertices from submission to finality; p50-ms and p99-ms are the time of one. cpu-µs/vertex is the
// whole process, NATS server and load generator included; generator-% is the share that the generator alone takes,
// measured with the same load against nothing.

// Loads of the benchmarks.
const (
	saturatingSenders = 8192 // each waits for its vertex to be final before it submits the next
	settlingSenders   = 32
	offeredEach       = 2 * time.Millisecond
	offeredAccounts   = 2048 // so that a payment is decided long before the next of its account
	claimsEach        = settle.SettleClaimsMax
)

func BenchmarkSubmitToFinal(b *testing.B) {
	b.Run("alone", func(b *testing.B) { benchmarkTransfers(b, 1, 0) })
	b.Run("offered=500", func(b *testing.B) { benchmarkTransfers(b, offeredAccounts, offeredEach) })
	b.Run("saturated", func(b *testing.B) { benchmarkTransfers(b, saturatingSenders, 0) })
}

// BenchmarkSettleToFinal settles claimsEach channels with each vertex; their claims carry a signature each, all stand
// above their lanes, and every sender has channels of its own.
func BenchmarkSettleToFinal(b *testing.B) {
	senders := min(settlingSenders, b.N)
	bench := startBench(b, senders)
	bench.run(b, bench.settlements(b, b.N), senders, 0)
	b.ReportMetric(float64(claimsEach*b.N)/b.Elapsed().Seconds(), "claims/s")
}

func benchmarkTransfers(b *testing.B, accounts int, each time.Duration) {
	accounts = min(accounts, b.N)
	bench := startBench(b, accounts)
	bench.run(b, bench.transfers(b, b.N), accounts, each)
}

// bench is a running node with funded accounts.
type bench struct {
	node     *node.Node
	accounts []wallet.PrivateKey
	funded   []settle.VertexID     // the vertex that funded each account
	beside   func(context.Context) // with each vertex that is submitted, or nil
}

func startBench(b *testing.B, accounts int) *bench {
	net := newNetwork(b, settle.DefaultLimits())
	dir := b.TempDir()
	b.Logf("file system of %s: %s", dir, fileSystem(b, dir))
	server := startNATS(b, filepath.Join(dir, "nats"), 0)
	b.Cleanup(func() { _ = server.Close() })
	net.store = openSQLite(b, filepath.Join(dir, "ledger.db"))
	b.Cleanup(func() { _ = net.store.Close() })
	net.stream = dialLog(b, server.ClientURL(), net.genesis.NetworkID())
	n := &bench{node: net.start(b), accounts: make([]wallet.PrivateKey, accounts), funded: make([]settle.VertexID, accounts)}
	var all sync.WaitGroup
	for i := range accounts {
		n.accounts[i] = wallet.NewPrivateKey([32]byte{9, byte(i), byte(i >> 8)})
		all.Go(func() {
			p := &settle.Issue{Reference: settle.Reference{1, byte(i), byte(i >> 8)}, To: wallet.DIDOf(n.accounts[i].Public()), Amount: 100_000 * eur}
			r, err := n.node.Post(b.Context(), wallet.DIDOf(net.issuer.Public()), net.issuer, uint64(i)*10, p)
			if err != nil {
				b.Error(err)
			}
			n.funded[i] = r.ID
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return n
}

func fileSystem(b *testing.B, dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		b.Fatal(err)
	}
	switch s.Type {
	case unix.TMPFS_MAGIC:
		return "tmpfs: fsync costs nothing here, the figures are not those of a disk"
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	}
	return fmt.Sprintf("type %#x", s.Type)
}

// transfers signs payments, round robin over the accounts. Each references the account's two vertices before it.
func (n *bench) transfers(b *testing.B, count int) [][]byte {
	to := wallet.DIDOf(wallet.NewPrivateKey([32]byte{8}).Public())
	before := make([][]settle.VertexID, len(n.accounts))
	for i := range before {
		before[i] = []settle.VertexID{settle.VertexID(n.node.Network().ID), n.funded[i]}
	}
	out := make([][]byte, count)
	for k := range out {
		i := k % len(n.accounts)
		p := &settle.Transfer{Sequence: uint64(k/len(n.accounts) + 1), To: to, Amount: settle.DefaultLimits().AccountLock}
		v := n.sign(b, n.accounts[i], before[i], 0, p)
		before[i] = []settle.VertexID{before[i][1], v.ID()}
		out[k] = v.Encode()
	}
	return out
}

func (n *bench) sign(b *testing.B, by wallet.PrivateKey, parents []settle.VertexID, nonce uint64, p settle.Payload) *settle.Vertex {
	v, err := settle.Sign(settle.Draft{
		Network: n.node.Network().ID, Issuer: wallet.DIDOf(by.Public()), Parents: parents, Nonce: nonce, Payload: p,
	}, by)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// settlements opens channels for every account and signs vertices that each raise one lane of each of an account's.
func (n *bench) settlements(b *testing.B, count int) [][]byte {
	network := n.node.Network().ID
	keys := make([][]wallet.PrivateKey, len(n.accounts))
	channels := make([][]channel.ID, len(n.accounts))
	var all sync.WaitGroup
	for i := range n.accounts {
		all.Go(func() { keys[i], channels[i] = n.openChannels(b, i) })
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	parents := n.node.Tips()
	out := make([][]byte, count)
	for k := range out {
		i, round := k%len(n.accounts), k/len(n.accounts)+1
		claims := make([]channel.Best, claimsEach)
		for j := range claims {
			claim := channel.Claim{Channel: channels[i][j], Sequence: uint64(round), Amount: money.Amount(round)}
			claims[j].Signed = channel.SignClaim(claim, network, keys[i][j])
		}
		slices.SortFunc(claims, func(a, b channel.Best) int {
			return slices.Compare(a.Signed.Claim.Channel[:], b.Signed.Claim.Channel[:])
		})
		out[k] = n.sign(b, n.accounts[i], parents, uint64(k), &settle.Settle{Claims: claims}).Encode()
	}
	return out
}

// openChannels opens claimsEach channels of an account with one payee.
func (n *bench) openChannels(b *testing.B, account int) (keys []wallet.PrivateKey, ids []channel.ID) {
	payer, payee := n.accounts[account], wallet.DIDOf(wallet.NewPrivateKey([32]byte{7}).Public())
	for i := range claimsEach {
		key := wallet.NewPrivateKey([32]byte{6, byte(account), byte(i)})
		opening := channel.Opening{
			Network: n.node.Network().ID, Opener: wallet.DIDOf(payer.Public()), Partner: payee,
			OpenerKey: key.Public(), PartnerKey: wallet.NewPrivateKey([32]byte{5}).Public(), Payout: payee, Deposit: eur,
			Terms: channel.Terms{Currency: money.Currency{'E', 'U', 'R'}, Window: time.Minute, Expiry: time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()},
		}
		open := &settle.Open{Sequence: uint64(i + 1), Opening: opening}
		if _, err := n.node.Post(b.Context(), opening.Opener, payer, uint64(i)*10, open); err != nil {
			b.Error(err)
			return keys, ids
		}
		keys, ids = append(keys, key), append(ids, opening.ID())
	}
	return keys, ids
}

// run submits the vertices and reports. With each it offers one each so long, ready or not, and counts from the moment
// when it was due; else every sender submits its next when its last is final.
func (n *bench) run(b *testing.B, vertices [][]byte, senders int, each time.Duration) {
	drive := func(submit func(context.Context, []byte) error) ([]time.Duration, time.Duration) {
		before, took := processCPU(b), make([]time.Duration, len(vertices))
		if each > 0 {
			offer(b, vertices, each, took, submit)
		} else {
			saturate(b, vertices, senders, took, submit)
		}
		return took, processCPU(b) - before
	}
	_, generator := drive(func(context.Context, []byte) error { return nil })
	if each > 0 {
		generator = 0 // it sleeps; what it costs is in the noise
	}
	b.ResetTimer()
	latencies, cpu := drive(n.submit)
	b.StopTimer()
	slices.Sort(latencies)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "final/s")
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N), "cpu-µs/vertex")
	b.ReportMetric(100*float64(generator)/float64(cpu), "generator-%")
}

func (n *bench) submit(ctx context.Context, raw []byte) error {
	if n.beside != nil {
		n.beside(ctx)
	}
	r, err := n.node.Submit(ctx, raw)
	if err != nil {
		return err
	}
	_, err = n.node.WaitFinal(ctx, r.ID)
	return err
}

func saturate(b *testing.B, vertices [][]byte, senders int, took []time.Duration, submit func(context.Context, []byte) error) {
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for k := i; k < len(vertices); k += senders {
				start := time.Now()
				if err := submit(b.Context(), vertices[k]); err != nil {
					b.Error(err)
					return
				}
				took[k] = time.Since(start)
			}
		})
	}
	all.Wait()
}

func offer(b *testing.B, vertices [][]byte, each time.Duration, took []time.Duration, submit func(context.Context, []byte) error) {
	var all sync.WaitGroup
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	start := time.Now()
	for next := 0; next < len(vertices); <-ticker.C {
		for ; next < len(vertices) && time.Since(start) >= time.Duration(next)*each; next++ { // a late tick stands for several
			k, due := next, start.Add(time.Duration(next)*each)
			all.Go(func() {
				if err := submit(b.Context(), vertices[k]); err != nil {
					b.Error(err)
				}
				took[k] = time.Since(due)
			})
		}
	}
	all.Wait()
}

// processCPU gives the processor time of all threads so far.
func processCPU(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
