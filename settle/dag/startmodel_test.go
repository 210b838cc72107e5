package dag_test

import (
	"fmt"
	"slices"
)

// The smallest model of incarnations, searched whole: four witnesses of the same weight, one of which lies, an orderer that
// may show two streams in every epoch, and whoever likes renews the stream from any certified checkpoint. From every
// state that can come about, an honest orderer and three honest witnesses must bring another checkpoint to final,
// without the liar, by the rules of settle/node.

// startRules are what the model may do without.
type startRules struct {
	limitGrows bool // every epoch allows more checkpoints ahead of the certificates than the one before
	leaveTraps bool // an incarnation whose base nobody leads to is left
	asksPeers  bool // a node that is stuck asks others for what they know to be justified
}

var houseStarts = startRules{limitGrows: true, leaveTraps: true, asksPeers: true}

const (
	modelEpochs  = 2 // with faults
	modelNumbers = 2 // of checkpoints, with faults
	healEpochs   = 4 // more, without
	healNumbers  = 24
)

// spot is a checkpoint: the branch whose log made it, and its number. The genesis is the zero value.
type spot struct{ branch, number uint8 }

// branch is the log of an incarnation as one side of a fork sees it. Branch 0 is the genesis alone.
type branch struct {
	open      bool
	base      spot
	top       uint8
	certified uint8 // number of the last checkpoint whose certificate is in the log
}

// ballot is what a witness sent for a number.
type ballot struct {
	cast           bool
	source, target spot
}

// elector is an honest witness.
type elector struct {
	on        uint8 // its branch
	justified spot  // the highest that it knows to be
}

// electorate is a state of the model. Branches 2e-1 and 2e are the two sides of epoch e; votes are by witness and target
// number.
type electorate struct {
	epoch    uint8
	branches [1 + 2*(modelEpochs+healEpochs)]branch
	electors [modelHonest]elector
	sent     [modelHonest][modelNumbers + 1]ballot
}

func firstElectorate() electorate {
	s := electorate{epoch: 1}
	s.branches[0] = branch{open: true}
	s.branches[1], s.branches[2] = branch{open: true}, branch{open: true}
	return s
}

// holds tells whether a branch's log has a checkpoint.
func (s *electorate) holds(b uint8, c spot) bool {
	for c != (spot{}) {
		if b == c.branch {
			return c.number <= s.branches[b].top
		}
		if b == 0 || s.branches[b].base.number < c.number {
			return false
		}
		if s.branches[b].base == c {
			return true
		}
		b = s.branches[b].base.branch
	}
	return true
}

// at gives the checkpoint of a number on a branch's log.
func (s *electorate) at(b, number uint8) spot {
	for b != 0 && number <= s.branches[b].base.number {
		if s.branches[b].base.number == number {
			return s.branches[b].base
		}
		b = s.branches[b].base.branch
	}
	if number == 0 {
		return spot{}
	}
	return spot{b, number}
}

func (s *electorate) limit(b uint8, r startRules) uint8 {
	if r.limitGrows {
		return s.branches[b].certified + 1 + epochOf(b)
	}
	return s.branches[b].certified + 2
}

// certificates visits what the votes certify, with the liar's help or without.
func (s *electorate) certificates(quorum int, visit func(source, target spot)) {
	for w := range s.sent {
		for _, v := range s.sent[w] {
			same := 0
			for o := range s.sent {
				for _, other := range s.sent[o] {
					if other == v {
						same++
					}
				}
			}
			if v.cast && same >= quorum {
				visit(v.source, v.target)
			}
		}
	}
}

// last gives the highest vote of a witness.
func (s *electorate) last(w int) ballot {
	for n := len(s.sent[w]) - 1; n > 0; n-- {
		if s.sent[w][n].cast {
			return s.sent[w][n]
		}
	}
	return ballot{}
}

// mayVote gives the vote that a witness may send now.
func (s *electorate) mayVote(w int, last ballot) (ballot, bool) {
	e := s.electors[w]
	target := s.at(e.on, s.branches[e.on].top)
	if target.number <= e.justified.number ||
		last.cast && (target.number <= last.target.number || e.justified.number < last.source.number) {
		return ballot{}, false
	}
	return ballot{true, e.justified, target}, true
}

// available tells whether an honest witness has a checkpoint in its log.
func (s *electorate) available(c spot) bool {
	return slices.ContainsFunc(s.electors[:], func(e elector) bool { return s.holds(e.on, c) })
}

// steps gives every next state, faults and all.
func (s electorate) steps(r startRules, visit func(next electorate, what string)) {
	for _, b := range []uint8{2*s.epoch - 1, 2 * s.epoch} {
		if top := s.branches[b].top; top < s.limit(b, r) && top < modelNumbers {
			next := s
			next.branches[b].top++
			visit(next, fmt.Sprintf("mark %d on %d", top+1, b))
		}
	}
	s.certificates(modelQuorum, func(_, target spot) {
		for w, e := range s.electors {
			if target.number > e.justified.number && s.holds(e.on, target) {
				next := s
				next.electors[w].justified = target
				visit(next, fmt.Sprintf("W%d hears of %v", w+1, target))
			}
		}
		for b := range s.branches {
			if s.branches[b].open && b > 0 && s.holds(uint8(b), target) && target.number > s.branches[b].certified {
				next := s
				next.certify(uint8(b), target)
				visit(next, fmt.Sprintf("certificate of %v on %d", target, b))
			}
		}
	})
	for w := range s.electors {
		if v, ok := s.mayVote(w, s.last(w)); ok {
			next := s
			next.sent[w][v.target.number] = v
			visit(next, fmt.Sprintf("W%d votes %v to %v", w+1, v.source, v.target))
		}
	}
	s.renewals(visit)
	s.joins(visit)
}

// renewals gives a new epoch whose sides begin at any certified checkpoints.
func (s electorate) renewals(visit func(next electorate, what string)) {
	if s.epoch == modelEpochs {
		return
	}
	bases := []spot{{}}
	s.certificates(modelQuorum, func(_, target spot) {
		if !slices.Contains(bases, target) {
			bases = append(bases, target)
		}
	})
	for _, one := range bases {
		for _, other := range bases {
			next := s
			next.epoch++
			for side, base := range []spot{one, other} {
				next.branches[int(next.epoch)*2-1+side] = branch{open: true, base: base, top: base.number, certified: base.number}
			}
			visit(next, fmt.Sprintf("epoch %d from %v and %v", next.epoch, one, other))
		}
	}
}

// certify puts a certificate into a log, where all who follow it find it.
func (s *electorate) certify(b uint8, target spot) {
	s.branches[b].certified = target.number
	for w := range s.electors {
		if e := &s.electors[w]; e.on == b && target.number > e.justified.number {
			e.justified = target
		}
	}
}

// joins gives what witnesses do who meet a Start, or hear that another one knows more.
func (s electorate) joins(visit func(next electorate, what string)) {
	for w, e := range s.electors {
		for o, other := range s.electors {
			if other.justified.number > e.justified.number {
				next := s
				next.follow(w, o)
				visit(next, fmt.Sprintf("W%d asks W%d", w+1, o+1))
			}
		}
		for _, b := range []uint8{2*s.epoch - 1, 2 * s.epoch} {
			next := s
			if next.join(w, b) {
				visit(next, fmt.Sprintf("W%d meets the Start of %d", w+1, b))
			}
		}
	}
}

// follow has a witness take what another one knows to be justified, and its branch if need be.
func (s *electorate) follow(w, o int) {
	e, other := &s.electors[w], s.electors[o]
	if e.justified = other.justified; !s.holds(e.on, e.justified) {
		e.on = other.on
	}
}

// join has a witness meet the Start of a later epoch: it follows unless the base is below what it knows, or nobody leads
// there.
func (s *electorate) join(w int, b uint8) bool {
	e, base := &s.electors[w], s.branches[b].base
	switch {
	case epochOf(e.on) >= epochOf(b), base.number < e.justified.number:
		return false
	case s.available(base):
		*e = elector{on: b, justified: s.at(b, s.branches[b].certified)}
		return true
	}
	return false
}

func epochOf(b uint8) uint8 { return (b + 1) / 2 }
