package dag_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"joulepay/internal/campaign"
)

// healing is a state from which on nothing goes wrong: one stream, all honest witnesses, no liar.
type healing struct {
	electorate
	rules startRules
	votes [modelHonest][healNumbers + 1]ballot // by target number
	last  [modelHonest]ballot
	turn  int // which witness acts first where several could
}

// heal lets the witnesses go on by their rules, shown one side of the last epoch, and tells whether another checkpoint
// becomes final.
func (s electorate) heal(side uint8, turn int, r startRules) bool {
	h := healing{electorate: s, rules: r, turn: turn}
	for w := range s.sent {
		copy(h.votes[w][:], s.sent[w][:])
		h.last[w] = s.last(w)
	}
	b := 2*s.epoch - 1 + side
	for range healEpochs + 1 {
		if h.gather(b) && h.goOn(h.electors[0].on) {
			return true
		}
		if h.epoch == modelEpochs+healEpochs {
			return false
		}
		w, ok := h.renewer(b)
		if !ok {
			return false
		}
		base := h.electors[w].justified
		h.epoch++
		b = 2*h.epoch - 1
		h.branches[b] = branch{open: true, base: base, top: base.number, certified: base.number}
	}
	return false
}

// gather shows a branch to all, and tells whether all then have the same log.
func (h *healing) gather(b uint8) bool {
	for range h.electors { // one may have to wait for what another knows
		for w := range h.electors {
			h.join(w, b)
		}
		h.ask()
	}
	for _, e := range h.electors {
		if e.on != h.electors[0].on || epochOf(e.on) != h.epoch {
			return false
		}
	}
	return true
}

// ask tells everybody what one of them knows to be justified, where it is in its log or another one leads there.
func (h *healing) ask() {
	if !h.rules.asksPeers {
		return
	}
	for w := range h.electors {
		for o := range h.electors {
			if h.electors[o].justified.number > h.electors[w].justified.number {
				h.follow(w, o)
			}
		}
	}
}

// goOn makes checkpoints and votes on a branch that all follow, until one more is final or nothing can be done.
func (h *healing) goOn(b uint8) bool {
	br := &h.branches[b]
	for br.top < healNumbers {
		for w := range h.electors {
			if v, ok := h.mayVote(w, h.last[w]); ok {
				h.last[w], h.votes[w][v.target.number] = v, v
			}
		}
		for _, v := range h.votes[0] {
			n := v.target.number
			if !v.cast || h.votes[1][n] != v || h.votes[2][n] != v || n <= br.certified || !h.holds(b, v.target) {
				continue
			}
			h.certify(b, v.target)
			if n == v.source.number+1 && v.source != (spot{}) {
				return true
			}
		}
		h.ask()
		for _, e := range h.electors { // whoever knows a certificate brings it to the log
			if h.holds(b, e.justified) {
				br.certified = max(br.certified, e.justified.number)
			}
		}
		if br.top >= h.limit(b, h.rules) {
			return false
		}
		br.top++
	}
	return false
}

// renewer gives a witness that has a reason to renew the stream: the base is below what it knows, nobody leads there, or
// so many are on the other side of a fork that one of them must be honest.
func (h *healing) renewer(b uint8) (int, bool) {
	for n := range h.electors {
		w := (n + h.turn) % modelHonest
		e, base := h.electors[w], h.branches[b].base
		elsewhere := 0
		for _, o := range h.electors {
			if o.on != e.on {
				elsewhere++
			}
		}
		switch {
		case epochOf(e.on) == epochOf(b) && elsewhere == modelQuorum,
			epochOf(e.on) < epochOf(b) && base.number < e.justified.number,
			epochOf(e.on) < epochOf(b) && h.rules.leaveTraps && !h.available(base):
			return w, true
		}
	}
	return 0, false
}

// canonical gives one state for many that differ only in the names of witnesses and of the sides of forks.
func (s electorate) canonical() electorate {
	for e := uint8(1); e <= s.epoch; e++ {
		if a, b := s.branches[2*e-1], s.branches[2*e]; bytes.Compare(sideKey(a), sideKey(b)) < 0 {
			s.swapSides(2*e-1, 2*e)
		}
	}
	before := func(i, j int) bool {
		a, b := key(s.electors[i], s.sent[i]), key(s.electors[j], s.sent[j])
		return bytes.Compare(a[:], b[:]) < 0
	}
	swap := func(i, j int) {
		if before(j, i) {
			s.electors[i], s.electors[j] = s.electors[j], s.electors[i]
			s.sent[i], s.sent[j] = s.sent[j], s.sent[i]
		}
	}
	swap(0, 1)
	swap(1, 2)
	swap(0, 1)
	return s
}

func sideKey(b branch) []byte { return []byte{b.top, b.certified, b.base.number, b.base.branch} }

// swapSides exchanges the names of two branches.
func (s *electorate) swapSides(a, b uint8) {
	rename := func(n *uint8) {
		switch *n {
		case a:
			*n = b
		case b:
			*n = a
		}
	}
	s.branches[a], s.branches[b] = s.branches[b], s.branches[a]
	for i := range s.branches {
		rename(&s.branches[i].base.branch)
	}
	for w := range s.electors {
		rename(&s.electors[w].on)
		rename(&s.electors[w].justified.branch)
		for n := range s.sent[w] {
			rename(&s.sent[w][n].source.branch)
			rename(&s.sent[w][n].target.branch)
		}
	}
}

// key orders witnesses.
func key(e elector, sent [modelNumbers + 1]ballot) (k [3 + 4*(modelNumbers+1)]byte) {
	k[0], k[1], k[2] = e.on, e.justified.branch, e.justified.number
	for n, v := range sent {
		k[3+4*n], k[4+4*n] = v.source.branch, v.source.number
		k[5+4*n], k[6+4*n] = v.target.branch, v.target.number
	}
	return k
}

// searchStarts visits every reachable state until one does not heal; it gives the way there.
func searchStarts(r startRules) (trace []string, states int) {
	type seen struct {
		state electorate
		from  int
		what  string
	}
	queue := []seen{{firstElectorate(), -1, ""}}
	known := map[electorate]struct{}{queue[0].state: {}}
	for at := 0; at < len(queue); at++ {
		s := queue[at].state
		for side := range uint8(2) {
			for turn := range modelHonest {
				if !s.heal(side, turn, r) {
					for n := at; n > 0; n = queue[n].from {
						trace = append([]string{queue[n].what}, trace...)
					}
					return append(trace, fmt.Sprintf("side %d is shown to all", side+1)), len(known)
				}
			}
		}
		s.steps(r, func(next electorate, what string) {
			next = next.canonical()
			if _, ok := known[next]; !ok {
				known[next] = struct{}{}
				queue = append(queue, seen{next, at, what})
			}
		})
	}
	return nil, len(known)
}

func TestFromEveryStateOfTheModelAnotherCheckpointBecomesFinal(t *testing.T) {
	run := campaign.New(t)
	trace, states := searchStarts(houseStarts)
	if trace != nil {
		t.Errorf("dead: %s", strings.Join(trace, "; "))
	}
	run.Count("states", states)
}

func TestWithoutEachRuleOfIncarnationsTheModelDies(t *testing.T) {
	for name, leave := range map[string]func(*startRules){
		"every epoch has the same limit of checkpoints": func(r *startRules) { r.limitGrows = false },
		"an incarnation with a trap for a base is kept": func(r *startRules) { r.leaveTraps = false },
		"nobody asks what others know to be justified":  func(r *startRules) { r.asksPeers = false },
	} {
		rules := houseStarts
		leave(&rules)
		trace, states := searchStarts(rules)
		if trace == nil {
			t.Errorf("%s: all %d states heal", name, states)
		}
		t.Logf("%s: %s", name, strings.Join(trace, "; "))
	}
}
