package settle

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"

	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

// Credit is what an account may still ask of the ledger: it grows with what the account has and the time for which it
// has it, and every vertex that changes something costs its issuer some. It is no money and moves to nobody.
type Credit struct {
	Units    uint64
	Fraction uint64     // of the next unit, in 10⁻⁹ currency units times milliseconds: nothing that was earned is lost
	Since    LedgerTime // up to when it is counted
}

// At gives the credit at a later time, for an account that had the same wealth all the while. In how many steps one
// gets there makes no difference. Credit above the cap, from when the account was richer, is kept and does not grow.
func (c Credit) At(now LedgerTime, wealth money.Amount, l Limits) Credit {
	if l.CreditInterval == 0 || now <= c.Since {
		return c
	}
	elapsed := uint64(now - c.Since)
	c.Since = now
	most := l.CreditMax(wealth)
	if c.Units >= most {
		c.Fraction = 0
		return c
	}
	unit := l.creditUnit()
	earned, fraction := divide(uint64(wealth), elapsed, c.Fraction, unit)
	if earned >= most-c.Units {
		return Credit{Units: most, Since: now}
	}
	return Credit{Units: c.Units + earned, Fraction: fraction, Since: now}
}

// Wait gives how long an account of some wealth waits for an amount of credit, as of the time to which it is counted;
// false when that is never or later than anybody waits.
func (c Credit) Wait(units uint64, wealth money.Amount, l Limits) (time.Duration, bool) {
	if units <= c.Units || l.CreditInterval == 0 {
		return 0, true
	}
	if wealth <= 0 || units > l.CreditMax(wealth) {
		return 0, false
	}
	high, low := bits.Mul64(units-c.Units, l.creditUnit())
	low, borrow := bits.Sub64(low, c.Fraction, 0)
	high -= borrow
	if high >= uint64(wealth) {
		return 0, false
	}
	millis, rest := bits.Div64(high, low, uint64(wealth))
	if rest > 0 {
		millis++
	}
	if millis > uint64(creditTimeMax/time.Millisecond) {
		return 0, false
	}
	return time.Duration(millis) * time.Millisecond, true
}

// CreditMax gives how much credit an account of some wealth saves up: what it earns in CreditCap, but no less than a
// new account begins with.
func (l Limits) CreditMax(wealth money.Amount) uint64 {
	if l.CreditInterval == 0 {
		return 0
	}
	most, _ := divide(uint64(wealth), uint64(l.CreditCap/time.Millisecond), 0, l.creditUnit())
	return max(most, uint64(l.RegistrationCredit))
}

// creditUnit is one credit in 10⁻⁹ currency units times milliseconds: below 2⁶².
func (l Limits) creditUnit() uint64 { return money.Nano * uint64(l.CreditInterval/time.Millisecond) }

// divide gives (a·b + c) / d, capped, and the rest.
func divide(a, b, c, d uint64) (quotient, rest uint64) {
	high, low := bits.Mul64(a, b)
	low, carry := bits.Add64(low, c, 0)
	high += carry
	if high >= d {
		return math.MaxUint64, 0
	}
	return bits.Div64(high, low, d)
}

func (c Credit) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, c.Units)
	b = binary.BigEndian.AppendUint64(b, c.Fraction)
	return layout.AppendInt64(b, int64(c.Since))
}

func (c *Credit) readFrom(r *layout.Reader) {
	c.Units = r.Uint64()
	c.Fraction = r.Uint64()
	c.Since = LedgerTime(r.Int64())
}

// Prepaid says which vertices of a channel its opening has paid for. Who uses one of them first is free.
type Prepaid uint8

// What an opening pays for. Challenges are kept apart for the parties, so that neither can use up the other's.
const (
	PrepaidSettle Prepaid = 1 << iota
	PrepaidWithdraw
	PrepaidOpenerChallenge
	PrepaidPartnerChallenge
	PrepaidClose
	PrepaidFinalise

	PrepaidAll = PrepaidSettle | PrepaidWithdraw | PrepaidOpenerChallenge | PrepaidPartnerChallenge | PrepaidClose | PrepaidFinalise
)

// The work of vertices in credit: about one for each signature that a node verifies and each slot that it makes.
const (
	WorkVertex   = 1 // its own signature, and the few slots that every payload changes
	WorkClaim    = 1 // a claim that stands above its lane
	WorkCosigned = 2 // the signatures of both parties
	WorkRequest  = 1 // the signature of one

	// WorkIdentity is a vertex, the signatures of a DID's keys, and its slot.
	WorkIdentity = WorkVertex + WorkCosigned + 1

	// PayoutCredit is what a new pay-out account begins with: enough to redeem and to move what it was paid, and less
	// than it takes to open a channel.
	PayoutCredit = 8

	// WorkOpen is a vertex, the slots of channel and pay-out account, the credit of the latter, and what PrepaidAll names
	// with two claims each.
	WorkOpen = WorkVertex + 2 + PayoutCredit + // slots
		WorkVertex + 2*WorkClaim + // settle
		WorkVertex + WorkCosigned + // withdraw
		2*(WorkVertex+2*WorkClaim) + // challenges
		WorkVertex + WorkRequest + 2*WorkClaim + // close
		WorkVertex // finalise
)
