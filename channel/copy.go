package channel

import (
	"fmt"
	"math"
)

// A party that continues from a copy of its state (an export, a backup) does not know whether it signed or accepted more
// after the copy was made. So it signs nothing but a request to close alone, until the peer has shown the best claims that it
// holds. If the copy turns out to be the latest word, the channel goes on. If not, the peer's claims are taken over and the
// channel can only be closed: what else was signed since (a withdrawal, a close) no peer has to show.

// copySequenceStretch is how many sequences each copy has for itself. The one that was copied from cannot reach the next
// stretch: at a claim a second it takes 136 years.
const copySequenceStretch = 1 << 32

// CopyStretchMax bounds the number that Copy takes.
const CopyStretchMax = 1 << 20

// Copy gives the content with which a party continues from a copy. stretch is random, from 1 to CopyStretchMax: claims of
// this continuation take their sequences from a stretch of their own, so that no claim that was signed from the original,
// or from another copy, ever has the sequence of one of them, whatever the peer shows (I4).
func (s Snapshot) Copy(stretch uint32) (Snapshot, error) {
	if stretch < 1 || stretch > CopyStretchMax || s.Sequence > math.MaxUint64-(CopyStretchMax+1)*copySequenceStretch {
		return s, fmt.Errorf("%w: stretch %d after sequence %d", ErrOrder, stretch, s.Sequence)
	}
	s.Sequence += uint64(stretch) * copySequenceStretch
	s.Unsynced = true
	return s, nil
}

// Unsynced tells whether this side continues from a copy, and the peer has not shown yet what it holds.
func (s *Side) Unsynced() bool { return s.unsynced }

// Synced ends the state that Copy begins: the peer showed its best claims and they were joined with Adopt and Accept. rose
// tells whether one of them was above what the copy held; then the copy was old, and the channel can only be closed.
// On another side it does nothing.
func (s *Side) Synced(rose bool) {
	if !s.unsynced {
		return
	}
	s.unsynced = false
	s.frozen = s.frozen || rose
}

// continuedElsewhere tells whether a sequence is of a stretch that another continuation has for itself.
func (s *Side) continuedElsewhere(sequence uint64) bool {
	return sequence >= s.sequence && sequence-s.sequence >= copySequenceStretch/2
}

// OnLedger compares a copy that is not synced with what the ledger certifies. If the ledger knows more, the copy is old, and
// can only be closed alone.
func (s *Side) OnLedger(withdrawn PerParty, lanes PerLane) {
	if !s.unsynced {
		return
	}
	known := s.Lanes()
	for p := range withdrawn {
		if withdrawn[p] > s.funds.Withdrawn[p] || lanes[p] > known[p] {
			s.frozen = true
		}
		s.funds.Withdrawn[p] = max(s.funds.Withdrawn[p], withdrawn[p])
	}
}
