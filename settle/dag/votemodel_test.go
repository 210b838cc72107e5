package dag_test

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"joulepay/internal/campaign"
)

// The smallest model of finality, searched whole: four witnesses of the same weight, one of which lies. The liar
// votes for everything at once, since votes only ever help to justify. The orderer shows everybody whatever it likes,
// so an honest witness may stand on any branch at any time; whichever incarnations, bases and undos there were, all that
// they can do to votes is this. An honest witness votes from a justified checkpoint of its branch to a later one, by the
// rules that Finality.NextVote keeps.

// voteRules are the rules of honest witnesses, and what final means.
type voteRules struct {
	surround bool // own votes never fall in source
	durable  bool // a vote is stored before it is sent
	crashes  bool // witnesses may crash
	twoPhase bool // final needs the direct child
}

const (
	modelHonest = 3
	modelQuorum = 2 // honest votes that make a certificate together with the liar's
)

// link is a vote's way from one checkpoint to another.
type link struct{ source, target int }

// forks is a tree of checkpoints: branches of one length that leave the genesis. Checkpoint 0 is the genesis.
type forks struct {
	branches, length int
	links            []link
	certifies        [][]int // links by target
}

func newForks(branches, length int) *forks {
	f := &forks{branches: branches, length: length, certifies: make([][]int, 1+branches*length)}
	for b := range branches {
		for target := 1; target <= length; target++ {
			for source := range target {
				l := link{f.at(b, source), f.at(b, target)}
				f.certifies[l.target] = append(f.certifies[l.target], len(f.links))
				f.links = append(f.links, l)
			}
		}
	}
	return f
}

func (f *forks) at(branch, number int) int {
	if number == 0 {
		return 0
	}
	return 1 + branch*f.length + number - 1
}

func (f *forks) number(checkpoint int) int {
	if checkpoint == 0 {
		return 0
	}
	return (checkpoint-1)%f.length + 1
}

func (f *forks) branch(checkpoint int) int { return (checkpoint - 1) / f.length }

func (f *forks) name(checkpoint int) string {
	if checkpoint == 0 {
		return "0"
	}
	return fmt.Sprintf("%c%d", 'A'+f.branch(checkpoint), f.number(checkpoint))
}

// ballots is a state of the model: what the honest witnesses have sent, as sets of links, and what each remembers.
type ballots struct {
	sent [modelHonest]uint32
	last [modelHonest]uint8 // one more than the link that is stored as the last; 0 for none
}

// justified gives the set of checkpoints that certificates lead to.
func (f *forks) justified(s ballots) (set uint32, certified uint32) {
	certified = s.sent[0]&s.sent[1] | s.sent[0]&s.sent[2] | s.sent[1]&s.sent[2]
	set = 1
	for target := 1; target < len(f.certifies); target++ { // sources come before targets
		for _, l := range f.certifies[target] {
			if certified&(1<<l) != 0 && set&(1<<f.links[l].source) != 0 {
				set |= 1 << target
			}
		}
	}
	return set, certified
}

// conflict tells whether two branches have a final checkpoint.
func (f *forks) conflict(s ballots, r voteRules) bool {
	set, certified := f.justified(s)
	branches := 0
	for target := 1; target < len(f.certifies); target++ {
		if set&(1<<target) == 0 {
			continue
		}
		if !r.twoPhase {
			branches |= 1 << f.branch(target)
			continue
		}
		for _, l := range f.certifies[target] {
			source := f.links[l].source
			if certified&(1<<l) != 0 && source != 0 && set&(1<<source) != 0 && f.number(source)+1 == f.number(target) {
				branches |= 1 << f.branch(source)
			}
		}
	}
	return bits.OnesCount(uint(branches)) > 1
}

// may tells whether an honest witness may sign a link after the last one that it remembers.
func (f *forks) may(last uint8, next int, r voteRules) bool {
	if last == 0 {
		return true
	}
	before, after := f.links[last-1], f.links[next]
	return f.number(before.target) < f.number(after.target) &&
		(!r.surround || f.number(before.source) <= f.number(after.source))
}

// steps gives every next state with what happens: a vote is sent, or its witness crashes after it was stored and the
// vote is never sent. Without durability a crash forgets which votes were sent.
func (f *forks) steps(s ballots, r voteRules, visit func(next ballots, witness int, what string)) {
	set, _ := f.justified(s)
	for w := range modelHonest {
		for l, link := range f.links {
			if set&(1<<link.source) == 0 || !f.may(s.last[w], l, r) {
				continue
			}
			next := s
			next.last[w] = uint8(l + 1)
			if r.crashes {
				visit(next, w, "crashes before it sends")
			}
			next.sent[w] |= 1 << l
			visit(next, w, fmt.Sprintf("%s->%s", f.name(link.source), f.name(link.target)))
		}
		if r.crashes && !r.durable && s.last[w] != 0 {
			next := s
			next.last[w] = 0
			visit(next, w, "crashes and forgets")
		}
	}
}

// canonical gives one state for all that differ only in the names of witnesses and branches.
func (f *forks) canonical(s ballots) ballots {
	best := order(s)
	if f.branches == 2 {
		swapped := ballots{}
		for w := range modelHonest {
			half := len(f.links) / 2
			swapped.sent[w] = s.sent[w]>>half | s.sent[w]&(1<<half-1)<<half
			if l := int(s.last[w]); l > half {
				swapped.last[w] = uint8(l - half)
			} else if l > 0 {
				swapped.last[w] = uint8(l + half)
			}
		}
		if swapped = order(swapped); less(swapped, best) {
			return swapped
		}
	}
	return best
}

func less(a, b ballots) bool {
	return slices.Compare(a.sent[:], b.sent[:]) < 0 || a.sent == b.sent && slices.Compare(a.last[:], b.last[:]) < 0
}

// order sorts the witnesses.
func order(s ballots) ballots {
	swap := func(i, j int) {
		if s.sent[j] < s.sent[i] || s.sent[j] == s.sent[i] && s.last[j] < s.last[i] {
			s.sent[i], s.sent[j] = s.sent[j], s.sent[i]
			s.last[i], s.last[j] = s.last[j], s.last[i]
		}
	}
	swap(0, 1)
	swap(1, 2)
	swap(0, 1)
	return s
}

// search visits every reachable state, the nearest first, until two branches have a final checkpoint. It gives the
// shortest way there, and how many states it saw.
func (f *forks) search(r voteRules) (trace []string, states int) {
	type seen struct{ from int }
	var queue []ballots
	var came []seen
	known := map[ballots]struct{}{}
	add := func(s ballots, from int) bool {
		s = f.canonical(s)
		if _, ok := known[s]; ok {
			return false
		}
		known[s] = struct{}{}
		queue, came = append(queue, s), append(came, seen{from})
		return f.conflict(s, r)
	}
	add(ballots{}, -1)
	for at := 0; at < len(queue); at++ {
		found := false
		f.steps(queue[at], r, func(next ballots, _ int, _ string) { found = found || add(next, at) })
		if !found {
			continue
		}
		for n := len(queue) - 1; !f.conflict(queue[n], r); n-- { // others of this step may have come after it
			queue = queue[:n]
		}
		var path []ballots
		for n := len(queue) - 1; n >= 0; n = came[n].from {
			path = append(path, queue[n])
		}
		slices.Reverse(path)
		return f.tell(path, r), len(known)
	}
	return nil, len(known)
}

// tell puts a way through canonical states into words.
func (f *forks) tell(path []ballots, r voteRules) []string {
	var trace []string
	s := path[0]
	for _, canonical := range path[1:] {
		var reached ballots
		said := ""
		f.steps(s, r, func(next ballots, w int, what string) {
			if said == "" && f.canonical(next) == canonical {
				reached, said = next, fmt.Sprintf("W%d %s", w+1, what)
			}
		})
		s = reached
		trace = append(trace, said)
	}
	return trace
}

func TestI7_NoTwoConflictingCheckpointsBecomeFinalWhateverTheOrdererShows(t *testing.T) {
	run := campaign.New(t)
	house := voteRules{surround: true, durable: true, twoPhase: true}
	crashing := house
	crashing.crashes = true
	models := []struct {
		branches, length int
		rules            voteRules
	}{{2, 4, house}, {2, 3, crashing}, {3, 3, crashing}}
	if run.Size("model", 1) > 1 {
		models = append(models, models[0])
		models[3].rules = crashing
	}
	for _, m := range models {
		trace, states := newForks(m.branches, m.length).search(m.rules)
		if trace != nil {
			t.Errorf("%d branches of %d: %s", m.branches, m.length, strings.Join(trace, "; "))
		}
		run.Count(fmt.Sprintf("states of %d branches of %d", m.branches, m.length), states)
	}
}

// The counter-examples: every rule is needed. Each trace is a shortest one.
func TestWithoutEachRuleOfFinalityTheModelFindsConflictingCheckpoints(t *testing.T) {
	for name, test := range map[string]struct {
		rules  voteRules
		length int
		want   string
	}{
		// The orderer equivocates and only the liar and two others see A. One of them goes on elsewhere, correctly.
		"one phase makes final": {
			voteRules{surround: true, durable: true, crashes: true}, 2,
			"W1 0->A1; W2 0->A1; W3 0->B2; W1 0->B2",
		},
		"votes may surround": {
			voteRules{durable: true, twoPhase: true, crashes: true}, 4,
			"W1 0->A1; W2 0->A1; W3 A1->A2; W1 A1->A2; W2 0->B3; W3 0->B3; W1 B3->B4; W2 B3->B4",
		},
		"votes are sent before they are stored": {
			voteRules{surround: true, twoPhase: true, crashes: true}, 2,
			"W1 0->A1; W2 0->A1; W3 0->B1; W1 A1->A2; W2 A1->A2; W1 crashes and forgets; W1 0->B1; W3 B1->B2; W1 B1->B2",
		},
	} {
		trace, _ := newForks(2, test.length).search(test.rules)
		if got := strings.Join(trace, "; "); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
