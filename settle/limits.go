package settle

import (
	"encoding/binary"
	"fmt"
	"time"

	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

// Limits are the rules of a network that its operators choose.
type Limits struct {
	// ParentWindow is how many vertices back a parent may lie. It bounds what every node holds in memory.
	ParentWindow uint32
	// Heartbeat is how often a checkpoint is made while a channel is open, though nothing else happens.
	Heartbeat time.Duration
	// StepMax is the most that one checkpoint moves the clock of challenge windows: an outage, in which nobody
	// could answer a close, does not use up its window.
	StepMax time.Duration
	// WindowCheckpoints is how many certified checkpoints a challenge window must see besides its time.
	WindowCheckpoints uint32

	// CreditInterval is how long one unit of the currency takes to earn one credit. Zero: vertices need no credit.
	CreditInterval time.Duration
	// CreditCap is for how long credit is saved up: an account stops earning when it has what it earns in that time.
	CreditCap time.Duration
	// RegistrationCredit is what it costs to make an account for somebody else, and what the new account begins with.
	RegistrationCredit uint32
	// AccountLock is the least balance with which an account is left or made, unless it is emptied whole.
	AccountLock money.Amount
	// ChannelLock is the least first deposit of a channel.
	ChannelLock money.Amount
}

// DefaultLimits are good for a network of machines on mobile links, in a currency whose unit buys about a coffee.
//
// A unit earns a credit in ten seconds and saves for a hundred: a machine with 50 may do five payments a second, and 500
// in a burst, while money for one vertex a second is money that somebody must lend the attacker. A new account begins
// with enough to open two channels and to pay a few times. The locks make a million accounts cost 10,000, and a million
// channels 100,000, for as long as they are there: about a kilobyte of every node's disk each.
func DefaultLimits() Limits {
	return Limits{
		ParentWindow: 1 << 16, Heartbeat: 5 * time.Second, StepMax: 10 * time.Second, WindowCheckpoints: 3,
		CreditInterval: 10 * time.Second, CreditCap: 100 * time.Second, RegistrationCredit: 64,
		AccountLock: money.Nano / 100, ChannelLock: money.Nano / 10,
	}
}

// Bounds of the limits.
const (
	parentWindowMin = 16
	parentWindowMax = 1 << 20 // about 100 MB of a node's memory
	heartbeatMin    = 10 * time.Millisecond
	heartbeatMax    = time.Hour
	creditTimeMax   = 30 * 24 * time.Hour // fits the encoding, and nobody waits longer
)

// Check returns ErrGenesis when no network can run under the limits.
func (l Limits) Check() error {
	switch {
	case l.ParentWindow < parentWindowMin || l.ParentWindow > parentWindowMax:
		return fmt.Errorf("%w: parent window %d, want %d to %d", ErrGenesis, l.ParentWindow, parentWindowMin, parentWindowMax)
	case l.Heartbeat < heartbeatMin || l.Heartbeat > heartbeatMax || l.Heartbeat%time.Millisecond != 0:
		return fmt.Errorf("%w: heartbeat %s, want %s to %s", ErrGenesis, l.Heartbeat, heartbeatMin, heartbeatMax)
	case l.StepMax < l.Heartbeat || l.StepMax > heartbeatMax || l.StepMax%time.Millisecond != 0:
		return fmt.Errorf("%w: step %s, want heartbeat %s to %s", ErrGenesis, l.StepMax, l.Heartbeat, heartbeatMax)
	case l.WindowCheckpoints == 0:
		return fmt.Errorf("%w: windows need a checkpoint", ErrGenesis)
	case l.AccountLock < 0 || l.ChannelLock < 0:
		return fmt.Errorf("%w: account lock %s, channel lock %s", ErrGenesis, l.AccountLock, l.ChannelLock)
	}
	return l.checkCredit()
}

func (l Limits) checkCredit() error {
	for _, d := range []time.Duration{l.CreditInterval, l.CreditCap} {
		if d < 0 || d > creditTimeMax || d%time.Millisecond != 0 {
			return fmt.Errorf("%w: credit time %s, want whole milliseconds up to %s", ErrGenesis, d, creditTimeMax)
		}
	}
	if l.CreditInterval > 0 && l.CreditCap == 0 {
		return fmt.Errorf("%w: credit that is never saved up", ErrGenesis)
	}
	return nil
}

func (l Limits) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, l.ParentWindow)
	b = appendMillis(b, l.Heartbeat)
	b = appendMillis(b, l.StepMax)
	b = binary.BigEndian.AppendUint32(b, l.WindowCheckpoints)
	b = appendMillis(b, l.CreditInterval)
	b = appendMillis(b, l.CreditCap)
	b = binary.BigEndian.AppendUint32(b, l.RegistrationCredit)
	return appendAmounts(b, l.AccountLock, l.ChannelLock)
}

func (l *Limits) readFrom(r *layout.Reader) {
	l.ParentWindow = r.Uint32()
	l.Heartbeat = readMillis(r)
	l.StepMax = readMillis(r)
	l.WindowCheckpoints = r.Uint32()
	l.CreditInterval = readMillis(r)
	l.CreditCap = readMillis(r)
	l.RegistrationCredit = r.Uint32()
	readAmounts(r, &l.AccountLock, &l.ChannelLock)
}

func appendMillis(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(d/time.Millisecond))
}

func readMillis(r *layout.Reader) time.Duration { return time.Duration(r.Uint32()) * time.Millisecond }
