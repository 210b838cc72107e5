package simtest

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// genesisTime is where virtual time begins.
var genesisTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is one run: everything that happens is an event at an instant, in one goroutine.
type world struct {
	rng    *rand.Rand
	now    time.Time
	events eventHeap
	count  uint64 // of events that were planned

	genesis  *settle.Vertex
	network  *proof.Network
	keys     []wallet.PrivateKey // of witnesses, by place
	machines []*machine          // honest nodes, by place; nil for liars
	liars    []*liar
	orderer  *orderer
	links    *links
	clients  *clients
	oracle   *oracle

	faulty bool           // faults may still happen
	fired  map[string]int // faults, by kind
	failed error          // the first thing that should not be
	trace  *strings.Builder
}

// event is something planned.
type event struct {
	at    time.Time
	order uint64 // among those of one instant
	do    func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].order < h[j].order
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// after plans something.
func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{w.now.Add(d), w.count, do})
}

// every does something again and again, at intervals up to twice the given one.
func (w *world) every(d time.Duration, do func()) {
	w.after(w.upTo(2*d), func() {
		do()
		w.every(d, do)
	})
}

// fail ends the run.
func (w *world) fail(format string, args ...any) {
	if w.failed == nil {
		w.failed = fmt.Errorf(format, args...)
		w.note("FAILED: %v", w.failed)
	}
}

// note adds a line to the trace.
func (w *world) note(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%9.3f %s\n", w.now.Sub(genesisTime).Seconds(), fmt.Sprintf(format, args...))
	}
}

// fire counts a fault.
func (w *world) fire(kind string) { w.fired[kind]++ }

// chance is true with a probability in percent.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// upTo gives a duration below another, and at least a millisecond.
func (w *world) upTo(d time.Duration) time.Duration {
	return time.Millisecond + time.Duration(w.rng.Int64N(int64(d)))
}

// pick gives one of some.
func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

// shape says how large a world is.
type shape struct {
	witnesses int
	liars     int
	weights   []uint32 // nil for equal ones
}

// newWorld makes the machines, and plans their start.
func newWorld(seed uint64, s shape, traced bool) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), now: genesisTime.Add(time.Second), fired: map[string]int{}, faulty: true}
	if traced {
		w.trace = &strings.Builder{}
	}
	w.makeNetwork(s)
	w.oracle = newOracle(w)
	w.orderer = newOrderer(w)
	w.links = newLinks(w)
	lies := map[int]bool{}
	for len(lies) < s.liars {
		lies[w.rng.IntN(s.witnesses)] = true
	}
	w.machines = make([]*machine, s.witnesses)
	for i := range s.witnesses {
		if lies[i] {
			w.liars = append(w.liars, newLiar(w, i))
			continue
		}
		w.machines[i] = newMachine(w, i)
	}
	w.clients = newClients(w)
	for _, m := range w.honest() {
		w.after(w.upTo(time.Second), m.boot)
	}
	return w
}

// honest gives the honest nodes.
func (w *world) honest() []*machine {
	var out []*machine
	for _, m := range w.machines {
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}

// up gives the honest nodes that run.
func (w *world) up() []*machine {
	var out []*machine
	for _, m := range w.honest() {
		if m.core != nil {
			out = append(out, m)
		}
	}
	return out
}

var issuerKey = wallet.NewPrivateKey([32]byte{1})

func (w *world) makeNetwork(s shape) {
	limits := settle.DefaultLimits()
	limits.CreditInterval, limits.AccountLock, limits.ChannelLock = 0, 0, 0
	limits.Heartbeat, limits.StepMax = 20*time.Second, 20*time.Second
	g := settle.Genesis{
		Name: "simulation", Currency: money.Currency{'E', 'U', 'R'}, Time: genesisTime, Limits: limits,
		Issuers: []settle.Issuer{{DID: wallet.DIDOf(issuerKey.Public()), Cap: 1_000_000 * money.Nano}},
	}
	byKey := map[wallet.PublicKey]wallet.PrivateKey{}
	for i := range s.witnesses {
		key, weight := wallet.NewPrivateKey([32]byte{2, byte(i)}), uint32(1)
		if s.weights != nil {
			weight = s.weights[i]
		}
		byKey[key.Public()] = key
		g.Witnesses = append(g.Witnesses, settle.Witness{DID: wallet.DIDOf(key.Public()), Key: key.Public(), Weight: weight})
	}
	settle.SortWitnesses(g.Witnesses)
	for _, witness := range g.Witnesses {
		w.keys = append(w.keys, byKey[witness.Key])
	}
	var err error
	if w.genesis, err = settle.NewGenesis(g); err != nil {
		panic(err)
	}
	if w.network, err = proof.NewNetwork(w.genesis); err != nil {
		panic(err)
	}
}

// run lets everything happen up to an instant, or until something should not be or enough is true.
func (w *world) run(until time.Time, enough func() bool) bool {
	for w.failed == nil && len(w.events) > 0 && !w.events[0].at.After(until) {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
		w.oracle.look()
		if enough != nil && enough() {
			return true
		}
	}
	w.now = until
	return false
}
