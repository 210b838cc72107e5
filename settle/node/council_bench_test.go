package node_test

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/jetstream"
	"joulepay/settle/natsgossip"
	"joulepay/settle/node"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

const (
	councilSize    = 4
	councilServers = 3
	// councilSenders wait for their vertices on all nodes together.
	councilSenders = 4096
)

// BenchmarkCouncilSubmitToFinal drives four nodes with a witness each, over a cluster of three NATS servers that keep three
// copies of the log (SyncAlways) and four SQLite stores (FULL), all in this process and on one disk. Each vertex is submitted
// to one node, in turn, and is done when that node says that it is final. Every node verifies every signature.
func BenchmarkCouncilSubmitToFinal(b *testing.B) {
	b.Run("offered=500", func(b *testing.B) { benchmarkCouncil(b, offeredAccounts, offeredEach) })
	b.Run("saturated", func(b *testing.B) { benchmarkCouncil(b, councilSenders, 0) })
}

func benchmarkCouncil(b *testing.B, accounts int, each time.Duration) {
	accounts = min(accounts, b.N)
	c := startCouncilBench(b)
	single := &bench{node: c.running[0], accounts: make([]wallet.PrivateKey, accounts), funded: make([]settle.VertexID, accounts)}
	var all sync.WaitGroup
	for i := range accounts {
		single.accounts[i] = wallet.NewPrivateKey([32]byte{9, byte(i), byte(i >> 8)})
		all.Go(func() {
			p := &settle.Issue{Reference: settle.Reference{1, byte(i), byte(i >> 8)}, To: wallet.DIDOf(single.accounts[i].Public()), Amount: 100_000 * eur}
			r, err := single.node.Post(b.Context(), wallet.DIDOf(c.issuer.Public()), c.issuer, uint64(i)*10, p)
			if err != nil {
				b.Error(err)
				return
			}
			single.funded[i] = r.ID
			if _, err := single.node.WaitFinal(b.Context(), r.ID); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	vertices := single.transfers(b, b.N)
	place := make(map[*byte]int, len(vertices))
	for k := range vertices {
		place[&vertices[k][0]] = k % accounts % councilSize
	}
	submit := func(ctx context.Context, raw []byte) error {
		n := c.running[place[&raw[0]]]
		r, err := n.Submit(ctx, raw)
		if err != nil {
			return err
		}
		_, err = n.WaitFinal(ctx, r.ID)
		return err
	}
	took := make([]time.Duration, len(vertices))
	b.ResetTimer()
	before := processCPU(b)
	if each > 0 {
		offer(b, vertices, each, took, submit)
	} else {
		saturate(b, vertices, accounts, took, submit)
	}
	cpu := processCPU(b) - before
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "final/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/vertex")
	c.agree()
}

func startCouncilBench(b *testing.B) *council {
	c := newCouncil(b, councilSize)
	dir := b.TempDir()
	urls := startCluster(b, filepath.Join(dir, "nats"))
	network := c.genesis.NetworkID()
	for i := range councilSize {
		c.stores[i] = openSQLite(b, filepath.Join(dir, string(rune('a'+i))+".db"))
		conn := dialCluster(b, urls)
		var log stream.Log
		var err error
		if log, err = jetstream.New(conn, jetstream.Options{Network: network, Replicas: councilServers}); err != nil {
			b.Fatal(err)
		}
		n, err := node.Start(context.Background(), node.Options{
			CoreOptions: node.CoreOptions{Witness: c.keys[i]}, Genesis: c.genesis, Store: c.stores[i], Stream: log,
			Gossip: natsgossip.New(conn, natsgossip.Options{Network: network, Place: i}), Clock: time.Now,
		})
		if err != nil {
			b.Fatal(err)
		}
		c.running[i] = n
	}
	return c
}

func dialCluster(b *testing.B, urls string) *nats.Conn {
	conn, err := natsd.Dial(urls, natsd.DialOptions{Name: "ledger"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	return conn
}

// startCluster gives the URLs of servers that keep streams together.
func startCluster(b *testing.B, dir string) string {
	return strings.Join(startServers(b, dir, freeAddresses(b)), ",")
}

// freeAddresses gives addresses on which nobody listens.
func freeAddresses(b *testing.B) (addresses []string) {
	for range councilServers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = l.Close() }() // after all are taken, so that they differ
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

func startServers(b *testing.B, dir string, routes []string) (urls []string) {
	secret := natsd.NewSecret()
	for i, route := range routes {
		address, err := net.ResolveTCPAddr("tcp", route)
		if err != nil {
			b.Fatal(err)
		}
		name := string(rune('a' + i))
		s, err := natsd.Start(natsd.Options{
			JetStream: true, StoreDir: filepath.Join(dir, name), SyncAlways: true,
			Cluster: &natsd.Cluster{Name: "bench", Server: name, Port: address.Port, Routes: routes, Secret: secret},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		urls = append(urls, s.ClientURL())
	}
	return urls
}
