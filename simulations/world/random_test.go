package world_test

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"joulepay/internal/campaign"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/world"
)

// drawn gives the world of a seed, as `simulate run random-world --seed N` does.
func drawn(t testing.TB, seed uint64) *scenario.Scenario {
	t.Helper()
	s, err := open(t, "random-world").Expand(seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// worldFaults and worldAttacks must have happened in a thousand worlds before they prove anything.
var (
	worldFaults = append([]string{
		"partition", "power cut", "process without power", "delay", "crash of the broker", "message without a broker",
		"message across a partition", "bundle that waited for the broker",
	}, faults...)
	worldAttacks = []string{
		"attack: stop-signing", "attack: stale-close", "attack: over-claim", "attack: double-spend", "attack: grief", "attack: half-open",
		"attack: spam", "attack: stop-delivering", "attack: over-ask", "attack: inflate",
		"malformed datagram", "vertex beyond credit", "second spend refused", givenBack,
	}
)

// givenBack counts the sessions in which energy flowed both ways.
const givenBack = "session that gave energy back"

// worldsForAll is how many worlds show every kind of fault and attack.
const worldsForAll = 1000

func TestI1_I2_I3_I4_I5_I6_I7_HoldInRandomWorldsWithFaultsAndAttackers(t *testing.T) {
	c := campaign.New(t)
	seeds := uint64(c.Size("seeds", 24))
	fired, struck := map[string]int{}, map[string]int{}
	var next atomic.Uint64
	var mu sync.Mutex // guards what all worlds add to
	var worlds sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		worlds.Go(func() {
			for seed := next.Add(1) - 1; seed < seeds; seed = next.Add(1) - 1 {
				summary, err := try(t, drawn(t, seed), seed)
				mu.Lock()
				if err != nil {
					t.Errorf("`simulate run random-world --seed %d`: %v", seed, err)
				} else {
					add(c, summary, fired, struck)
					c.Count("attackers", len(summary.Attackers))
					for _, x := range summary.Sessions {
						if x.Returned > 0 {
							fired[givenBack]++
						}
					}
				}
				mu.Unlock()
			}
		})
	}
	worlds.Wait()
	for _, kind := range append(worldFaults, worldAttacks...) {
		if c.Count(kind, fired[kind]); fired[kind] == 0 && seeds >= worldsForAll {
			t.Errorf("no %q in %d worlds", kind, seeds)
		}
	}
	for _, invariant := range []string{"I1", "I2", "I3", "I4", "I5", "I6", "I7", "settled", "spend", "price"} {
		if struck[invariant] == 0 {
			t.Errorf("%s was never checked", invariant)
		}
	}
}

func TestAWorldThatIsNotDrawnIsRefused(t *testing.T) {
	if _, err := world.New(open(t, "random-world"), world.Options{}); !errors.Is(err, world.ErrUndrawn) {
		t.Error(err)
	}
}

func TestARandomWorldRepeatsItselfExactly(t *testing.T) {
	const seeds = 4
	var first [seeds][]byte
	for seed := range first {
		first[seed] = bytesOf(t, run(t, drawn(t, uint64(seed)), uint64(seed)))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for seed := range first {
		if again := bytesOf(t, run(t, drawn(t, uint64(seed)), uint64(seed))); !bytes.Equal(first[seed], again) {
			t.Errorf("seed %d gives another report the second time", seed)
		}
		if seed > 0 && bytes.Equal(first[seed], first[seed-1]) {
			t.Errorf("seeds %d and %d give the same report", seed-1, seed)
		}
	}
}

// attackerOf gives the line of an attacker, by its name.
func attackerOf(t *testing.T, s *report.Summary, name string) report.Attacker {
	t.Helper()
	for _, a := range s.Attackers {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("%s is not among the attackers: %+v", name, s.Attackers)
	return report.Attacker{}
}
