package meter

import (
	"errors"
	"fmt"
)

// Verdicts of a chain on a reading that does not continue it.
var (
	ErrSession      = errors.New("meter: reading of another session")
	ErrRepeated     = errors.New("meter: reading is the last one again")
	ErrGap          = errors.New("meter: reading does not follow the last one by one")
	ErrChain        = errors.New("meter: reading names another predecessor")
	ErrRegisterFell = errors.New("meter: register fell")
	ErrTimeFell     = errors.New("meter: time fell")
	ErrUnitChanged  = errors.New("meter: unit or attestation changed")
	ErrEnded        = errors.New("meter: session has ended")
)

// Chain follows the readings of one session: each continues the last by sequence, hash, register and time.
// It is complete with the last reading alone, so that a session resumes from what is stored. It is a value:
// a copy is a trial that leaves the original as it was.
type Chain struct {
	session [16]byte
	last    Reading
	hash    [32]byte
	started bool
}

// NewChain waits for the baseline reading of a session.
func NewChain(session [16]byte) Chain { return Chain{session: session} }

// ResumeChain continues after a reading that was accepted, and stored, before.
func ResumeChain(last Reading) (Chain, error) {
	if err := last.Validate(); err != nil {
		return Chain{}, err
	}
	last = last.Canonical()
	return Chain{session: last.Session, last: last, hash: last.Hash(), started: true}, nil
}

// Last gives the last accepted reading; false before the baseline.
func (c *Chain) Last() (Reading, bool) { return c.last, c.started }

// Hash gives the hash of the last accepted reading; zero before the baseline.
func (c *Chain) Hash() [32]byte { return c.hash }

// Check tells whether a reading continues the chain, and changes nothing.
func (c *Chain) Check(r Reading) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.Session != c.session {
		return fmt.Errorf("%w: %x, want %x", ErrSession, r.Session, c.session)
	}
	if !c.started {
		if r.Sequence != 0 {
			return fmt.Errorf("%w: sequence %d, want the baseline", ErrGap, r.Sequence)
		}
		return nil
	}
	return c.checkNext(r)
}

func (c *Chain) checkNext(r Reading) error {
	switch {
	case r.Sequence == c.last.Sequence && r.Hash() == c.hash:
		return fmt.Errorf("%w: sequence %d", ErrRepeated, r.Sequence)
	case c.last.State == Ended:
		return fmt.Errorf("%w: at sequence %d", ErrEnded, c.last.Sequence)
	case r.Sequence != c.last.Sequence+1 || r.Sequence == 0:
		return fmt.Errorf("%w: sequence %d after %d", ErrGap, r.Sequence, c.last.Sequence)
	case r.Previous != c.hash:
		return fmt.Errorf("%w: %x, want %x", ErrChain, r.Previous, c.hash)
	case r.Unit != c.last.Unit || !r.Attestation.Within(c.last.Attestation) && !c.last.Attestation.Within(r.Attestation):
		return fmt.Errorf("%w: %v by %v after %v by %v", ErrUnitChanged, r.Unit, r.Attestation, c.last.Unit, c.last.Attestation)
	case r.Register < c.last.Register:
		return fmt.Errorf("%w: %d after %d", ErrRegisterFell, r.Register, c.last.Register)
	case r.Exported < c.last.Exported:
		return fmt.Errorf("%w: %d flowed back after %d", ErrRegisterFell, r.Exported, c.last.Exported)
	case r.Time.UnixMilli() < c.last.Time.UnixMilli():
		return fmt.Errorf("%w: %v after %v", ErrTimeFell, r.Time, c.last.Time)
	}
	return nil
}

// Accept checks a reading and makes it the last one; a refused reading changes nothing.
func (c *Chain) Accept(r Reading) error {
	if err := c.Check(r); err != nil {
		return err
	}
	c.last = r.Canonical()
	c.hash = c.last.Hash()
	c.started = true
	return nil
}

// Next makes of a sample the reading that continues the chain. It does not accept it: store and sign first.
func (c *Chain) Next(s Sample, by Attestation) (Reading, error) {
	r := Reading{
		Session:               c.session,
		Register:              s.Register,
		Exported:              s.Exported,
		Unit:                  s.Unit,
		Time:                  canonicalTime(s.Time),
		State:                 s.State,
		PowerMilliwatts:       s.PowerMilliwatts,
		StateOfChargePermille: s.StateOfChargePermille,
		Attestation:           by,
	}
	if c.started {
		r.Sequence = c.last.Sequence + 1
		r.Previous = c.hash
	}
	if err := c.Check(r); err != nil {
		return Reading{}, err
	}
	return r, nil
}
