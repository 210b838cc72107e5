package node_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// BenchmarkByAccounts pays between random accounts of ledgers of different sizes, which begin from a made-up snapshot.
// A vertex should cost the same in all of them: compare cpu-µs/vertex.
func BenchmarkByAccounts(b *testing.B) {
	for _, accounts := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			bench := startGrown(b, accounts)
			bench.run(b, bench.payments(b, b.N), saturatingSenders, 0)
		})
	}
}

// BenchmarkMillion runs as many vertices as it is told to (-benchtime=1000000x), stops, and starts again. bytes/vertex
// is the memory that the node needs more than before; disk-bytes/vertex is what its files take.
func BenchmarkMillion(b *testing.B) {
	bench := startGrown(b, 10_000)
	vertices := bench.payments(b, b.N)
	before := heap()
	bench.run(b, vertices, saturatingSenders, 0)
	perVertex := func(n uint64) float64 { return float64(n) / float64(b.N) }
	b.ReportMetric(perVertex(heap())-perVertex(before), "bytes/vertex")
	runtime.KeepAlive(vertices) // which both weigh
	if err := bench.node.Close(); err != nil {
		b.Fatal(err)
	}
	if err := bench.net.store.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(perVertex(sizeOf(b, bench.path)+sizeOf(b, bench.path+"-wal"))-perVertex(bench.begun), "disk-bytes/vertex")
	bench.restart(b)
	bench.prune(b)
}

// prune deletes all that may be, and tells how long a step holds up the writer and how fast it goes.
func (g *grown) prune(b *testing.B) {
	var longest time.Duration
	steps, start := 0, time.Now()
	for done := false; !done; steps++ {
		begun := time.Now()
		var err error
		if done, err = g.net.store.Prune(b.Context(), 1<<62); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(begun))
	}
	stored, err := g.net.store.Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(stored.Pruned)/time.Since(start).Seconds(), "pruned/s")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-step-ms")
}

// BenchmarkRestart starts a node with so many accounts, without vertices.
func BenchmarkRestart(b *testing.B) {
	for _, accounts := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			bench := startGrown(b, accounts)
			if err := bench.node.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := bench.net.store.Close(); err != nil {
					b.Fatal(err)
				}
				bench.restart(b)
			}
		})
	}
}

// grown is a bench that began with many accounts, of which the first ones pay.
type grown struct {
	*bench
	net   *network
	path  string
	begun uint64 // bytes of the file at the beginning
	all   []wallet.DID
}

// restart opens the store and starts the node, until it answers.
func (g *grown) restart(b *testing.B) {
	runtime.GC() // a new process has nothing to collect
	start := time.Now()
	g.net.store = openSQLite(b, g.path)
	n := g.net.start(b)
	took := time.Since(start)
	b.ReportMetric(took.Seconds(), "restart-s")
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
}

func startGrown(b *testing.B, accounts int) *grown {
	net := newNetwork(b, settle.DefaultLimits())
	dir := b.TempDir()
	b.Logf("file system of %s: %s", dir, fileSystem(b, dir))
	server := startNATS(b, filepath.Join(dir, "nats"), 0)
	b.Cleanup(func() { _ = server.Close() })
	g := &grown{bench: &bench{}, net: net, path: filepath.Join(dir, "ledger.db")}
	for i := range min(accounts, saturatingSenders) {
		g.accounts = append(g.accounts, wallet.NewPrivateKey([32]byte{9, byte(i), byte(i >> 8)}))
		g.all = append(g.all, wallet.DIDOf(g.accounts[i].Public()))
	}
	for i := len(g.all); i < accounts; i++ {
		g.all = append(g.all, wallet.DID(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))))
	}
	file := openSQLite(b, g.path)
	if err := file.Begin(b.Context(), g.base(b)); err != nil {
		b.Fatal(err)
	}
	g.begun = sizeOf(b, g.path) + sizeOf(b, g.path+"-wal")
	net.store = file
	b.Cleanup(func() { _ = net.store.Close() })
	net.stream = dialLog(b, server.ClientURL(), net.genesis.NetworkID())
	g.node = net.start(b)
	return g
}

// second is a vertex of the made-up ledger beside the genesis, because every other needs two parents.
var second = settle.VertexID{1}

// base makes up a ledger in which everybody has a million.
func (g *grown) base(b *testing.B) store.Base {
	state, err := dag.New(g.net.genesis)
	if err != nil {
		b.Fatal(err)
	}
	const each = 1_000_000 * eur
	slots := state.Slots()
	total := money.Amount(len(g.all)) * each
	slots[0].Content = settle.Totals{Issued: total}.Encode()
	for _, did := range g.all {
		a := settle.NewAccount(did)
		a.Balance = each
		slots = append(slots, dag.SlotChange{Index: uint32(len(slots)), Key: settle.AccountKey(did), Content: a.Encode()})
	}
	var root proof.Fold
	for _, s := range slots {
		root.Add(proof.SlotLeaf(s.Key, s.Content))
	}
	first := state.LastCheckpoint()
	mark := dag.Entry{Mark: 1}
	items := []store.Item{{Kind: dag.EntryVertex, ID: g.net.genesis.ID()}, {Height: 1, Kind: dag.EntryVertex, ID: second}, {Height: 2, Kind: dag.EntryMark, ID: mark.ID()}}
	head := state.Head()
	head.Height, head.Decided, head.Accepted = 2, 2, 2
	head.Log = proof.NextLog(proof.NextLog(head.Log, second, settle.Applied), mark.ID(), settle.Applied)
	made := first
	made.Number, made.Previous, made.Height, made.Log, made.State = 1, first.Hash(), 2, head.Log, root.Root()
	network := state.Network()
	vote, err := network.Witnesses.SignVote(proof.Vote{Source: made.Ref(), Target: proof.Ref{Number: 2}, Time: head.Time}, network.ID, g.net.witness)
	if err != nil {
		b.Fatal(err)
	}
	by, err := network.Witnesses.SignVote(proof.Vote{Source: first.Ref(), Target: made.Ref(), Time: head.Time}, network.ID, g.net.witness)
	if err != nil {
		b.Fatal(err)
	}
	justified := proof.NewCertificate([]proof.SignedVote{by})
	return store.Base{
		Genesis: g.net.genesis, Head: head, Justified: &justified, Final: proof.Final{Checkpoint: made, Certificate: proof.NewCertificate([]proof.SignedVote{vote})},
		Marks:  []dag.StoredMark{{Checkpoint: first, Certified: true}, {Checkpoint: made}},
		Window: all(items), Slots: all(slots),
	}
}

func all[T any](list []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// payments signs payments of the accounts that have keys, in turn, to accounts drawn from all.
func (g *grown) payments(b *testing.B, count int) [][]byte {
	random := rand.New(rand.NewPCG(1, 1))
	before := make([][]settle.VertexID, len(g.accounts))
	out := make([][]byte, count)
	for k := range out {
		i := k % len(g.accounts)
		parents := before[i]
		if len(parents) < 2 {
			parents = []settle.VertexID{settle.VertexID(g.node.Network().ID), second}
		}
		p := &settle.Transfer{Sequence: uint64(k/len(g.accounts) + 1), To: g.all[random.IntN(len(g.all))], Amount: 1}
		if p.To == g.all[i] {
			p.To = g.all[(i+1)%len(g.all)]
		}
		v := g.sign(b, g.accounts[i], parents, 0, p)
		before[i] = append(slices.Clone(before[i][max(0, len(before[i])-1):]), v.ID())
		out[k] = v.Encode()
	}
	return out
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first made ready to be freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func sizeOf(b *testing.B, path string) uint64 {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		b.Fatal(err)
	}
	return uint64(info.Size())
}
