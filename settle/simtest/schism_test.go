package simtest

import (
	"context"
	"maps"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/settle/proof"
	"joulepay/settle/store"
)

// certificates gives all that a node has stored.
func (m *machine) certificates(t *testing.T) []proof.Certificate {
	rows, err := m.disk.Checkpoints(context.Background(), store.Page{Limit: store.PageMax})
	if err != nil {
		t.Fatal(err)
	}
	var out []proof.Certificate
	for _, row := range rows {
		if row.Certificate != nil {
			out = append(out, *row.Certificate)
		}
	}
	return out
}

func TestLiarsWithMoreThanAThirdLeaveEvidenceThatNamesThem(t *testing.T) {
	run := campaign.New(t)
	seeds := max(20, run.Size("seeds", 20)/50)
	conflicts := 0
	for seed := range uint64(seeds) {
		w := newWorld(seed+1, shape{witnesses: 4, liars: 2}, false)
		w.faulty, w.oracle.expects = false, true
		for _, l := range w.liars {
			l.colludes = true
		}
		w.run(w.now.Add(4*time.Second), nil)
		w.orderer.split()
		w.run(w.now.Add(time.Minute), func() bool { return w.oracle.conflict })
		if w.failed != nil {
			t.Fatalf("seed %d: %v", seed+1, w.failed)
		}
		if !w.oracle.conflict {
			continue
		}
		conflicts++
		var all []proof.Certificate
		for _, m := range w.honest() {
			all = append(all, m.certificates(t)...)
		}
		evidence := proof.Culprits(w.network, all)
		if len(evidence) != len(w.liars) {
			t.Errorf("seed %d: conflicting final checkpoints, and evidence against %d witnesses", seed+1, len(evidence))
		}
		for _, e := range evidence {
			if err := e.Verify(w.network); err != nil || w.machines[e.Witness()] != nil {
				t.Errorf("seed %d: evidence against witness %d: %v", seed+1, e.Witness(), err)
			}
		}
	}
	run.Count("conflicting final checkpoints", conflicts)
	if 2*conflicts < seeds {
		t.Errorf("liars brought about %d conflicts in %d runs", conflicts, seeds)
	}
}

func TestOneSeedRunsAgainExactly(t *testing.T) {
	for _, seed := range []uint64{3, 17} {
		first, err := runSeed(seed, true)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		again, err := runSeed(seed, true)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if first.trace.String() != again.trace.String() || !maps.Equal(first.fired, again.fired) {
			t.Errorf("seed %d is not the same twice", seed)
		}
	}
}
