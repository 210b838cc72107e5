package simtest

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/settle/dag"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone; 0 for the campaign")
	storyFlag = flag.Bool("story", false, "print what happens, for one seed")
)

const (
	// troubleLasts is the virtual time with faults.
	troubleLasts = 16 * time.Second
	// recoveryMax is the virtual time in which everything must become final once faults have ended.
	recoveryMax = 4 * time.Minute
)

// trouble plans the faults of a run.
func (w *world) trouble() {
	w.every(2500*time.Millisecond, func() {
		if w.faulty {
			w.orderer.lie()
		}
	})
	w.every(4*time.Second, func() {
		if w.faulty {
			w.orderer.copy()
		}
	})
	w.every(3*time.Second, func() {
		if !w.faulty {
			return
		}
		m := pick(w, w.honest())
		switch w.rng.IntN(5) {
		case 0:
			if m.core != nil {
				w.fire("power cut")
				m.cutPower()
			}
		case 1:
			m.disk.writes, m.disk.kept = 1+w.rng.IntN(4), w.chance(50)
		case 2:
			m.disk.cut = 1 + w.rng.IntN(6)
		case 3:
			w.fire("partition")
			w.links.partition()
			w.after(w.upTo(8*time.Second), w.links.heal)
		case 4:
			w.fire("stream out of reach")
			if w.chance(30) {
				w.orderer.down = true
			} else {
				w.links.away[m.place] = true
			}
			w.after(w.upTo(4*time.Second), w.links.heal)
		}
	})
}

// lastStraw makes one more trouble just before the faults end, so that they do not always end calmly.
func (w *world) lastStraw() {
	switch w.rng.IntN(4) {
	case 0:
		w.orderer.split()
		w.run(w.now.Add(w.upTo(3*time.Second)), nil)
		w.orderer.apart = false
	case 1:
		for _, l := range w.liars {
			incarnation := w.orderer.renew(l.place, w.orderer.view(l.place).incarnation).Incarnation
			if trap, ok := l.trap(incarnation); ok {
				w.fire("liar sets a trap")
				w.orderer.append(l.place, bundleOf(dag.Entry{Start: trap}))
			}
		}
	}
}

// heal ends all faults. Liars go on to lie to peers and to vote, or fall silent.
func (w *world) heal() {
	w.note("faults end")
	w.faulty = false
	w.orderer.omitted = 0
	w.orderer.join()
	w.links.heal()
	for _, l := range w.liars {
		l.silent = w.chance(50)
	}
	for _, m := range w.honest() {
		m.disk.writes, m.disk.cut = 0, 0
		m.boot()
	}
}

// live is one whole run.
func (w *world) live() (failed error) {
	defer func() {
		if p := recover(); p != nil {
			failed = fmt.Errorf("panic: %v\n%s", p, stack())
		}
	}()
	w.trouble()
	w.run(w.now.Add(troubleLasts), nil)
	w.lastStraw()
	w.heal()
	if !w.run(w.now.Add(recoveryMax), w.clients.done) && w.failed == nil {
		w.fail("no end: %s", w.standing())
	}
	return w.failed
}

func stack() []byte {
	buffer := make([]byte, 1<<14)
	return buffer[:runtime.Stack(buffer, false)]
}

// standing says how far everybody is.
func (w *world) standing() string {
	s := ""
	for _, m := range w.honest() {
		if m.core == nil {
			s += fmt.Sprintf("\n  node %d is off", m.place)
			continue
		}
		head, f := m.core.State().Head(), m.core.Finality()
		s += fmt.Sprintf("\n  node %d: height %d, last %d, certified %d, justified %d, final %d, at %d/%d, open %v, epoch %d",
			m.place, head.Height, m.core.State().LastCheckpoint().Number, head.Certified, f.Justified().Number,
			f.Final().Checkpoint.Number, m.at.Incarnation[7], m.at.Sequence, f.Open(), m.core.State().Head().Epoch)
		for _, p := range w.clients.payer {
			s += fmt.Sprintf(", %d of %d", w.clients.account(m, p).Sequence, len(p.spends))
		}
	}
	return s
}

// shapeOf gives the witnesses of a seed: four with one liar, mostly.
func shapeOf(seed uint64) shape {
	switch seed % 10 {
	case 7:
		return shape{witnesses: 7, liars: 2}
	case 8:
		return shape{witnesses: 5, liars: 1, weights: []uint32{3, 3, 2, 2, 3}}
	case 9:
		return shape{witnesses: 4}
	}
	return shape{witnesses: 4, liars: 1}
}

func runSeed(seed uint64, traced bool) (*world, error) {
	w := newWorld(seed, shapeOf(seed), traced)
	for _, m := range w.honest() {
		m.disk.fired = w.fire
	}
	return w, w.live()
}

// Seeds of a short run, and from how many on every kind of fault must have fired: the seldom ones do once in some thirty.
const (
	seedsHere   = 100
	seedsForAll = 500
)

func TestI7_NodesAgreeOnWhatIsFinalThroughLiesAndPowerCuts(t *testing.T) {
	if *seedFlag != 0 {
		w, err := runSeed(*seedFlag, *storyFlag)
		if w.trace != nil {
			t.Log("\n" + w.trace.String())
		}
		if err != nil {
			t.Fatalf("seed %d: %v", *seedFlag, err)
		}
		t.Logf("%d events, %v", w.oracle.events, w.fired)
		return
	}
	run := campaign.New(t)
	seeds := run.Size("seeds", seedsHere)
	var next atomic.Uint64
	var mu sync.Mutex // guards what follows
	fired := map[string]int{}
	failures := 0
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				seed := next.Add(1)
				if seed > uint64(seeds) {
					return
				}
				w, err := runSeed(seed, false)
				mu.Lock()
				for kind, n := range w.fired {
					fired[kind] += n
				}
				if err != nil && failures < 5 {
					failures++
					t.Errorf("%v\n  again: go test ./settle/simtest -run %s -seed %d -story -v", err, t.Name(), seed)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, kind := range slices.Sorted(maps.Keys(fired)) {
		run.Count(kind, fired[kind])
	}
	for _, kind := range faultKinds {
		if seeds >= seedsForAll && fired[kind] == 0 {
			t.Errorf("fault never fired: %s", kind)
		}
	}
}

// faultKinds are the faults that a campaign must have seen.
var faultKinds = []string{
	"power cut", "power cut between effects", "power cut before a commit", "power cut after a commit",
	"power cut before a rollback", "power cut after a rollback",
	"partition", "message lost in a partition", "message lost", "message delayed", "message duplicated",
	"stream out of reach", "acknowledgement lost", "orderer omits", "stream renewed",
	"liar votes", "liar gives a standing", "liar serves nothing", "liar serves wrong entries", "liar publishes a true Start",
	"liar sets a trap", "liar changes a signature",
	"rebase", "rebase to a known base", "rebase without a good peer", "contradiction noticed",
}
