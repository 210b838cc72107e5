package node

import (
	"time"

	"joulepay/settle/proof"
)

const (
	// turnStep is how much later each witness publishes what the one before it should have.
	turnStep = 25 * time.Millisecond
	// openMax is how long a checkpoint may wait for its votes before the next one is made without it.
	openMax = time.Second
	// resendAfter is when an open vote is sent again.
	resendAfter = 500 * time.Millisecond
	// doubtMax is how long nothing is justified, while others vote for other checkpoints of the same numbers, before the
	// stream is taken for forked and started anew; and how long nobody leads to the base of an incarnation before it is
	// left. Each time takes twice as long as the one before, until something is justified.
	doubtMax = 10 * time.Second
	// doubtings bounds the doubling: some five minutes.
	doubtings = 5
	// askAfter is the least time between questions to peers.
	askAfter = 2 * time.Second
)

// turn is a certificate that this node publishes at a time, unless another one did before.
type turn struct {
	due         time.Time
	certificate proof.Certificate
}

// turnWait gives how long this node leaves it to others to publish the mark or certificate of a number.
func (c *Core) turnWait(number uint64) time.Duration {
	n := uint64(c.network.Witnesses.Len())
	if c.decides || n == 1 {
		return 0
	}
	if c.self < 0 {
		return time.Duration(n) * turnStep
	}
	return time.Duration((uint64(c.self)+n-number%n)%n) * turnStep
}

// takeTurns queues the certificates that nobody else published in time.
func (c *Core) takeTurns(now time.Time) {
	kept := c.later[:0]
	for _, t := range c.later {
		switch {
		case t.certificate.Target.Number <= c.state.Head().Certified:
		case t.due.After(now):
			kept = append(kept, t)
		default:
			c.queueCertificate(t.certificate)
		}
	}
	c.later = kept
}

// openWait tells when to look again at what others leave open; zero for not at all.
func (c *Core) openWait(now time.Time) time.Duration {
	var wait time.Duration
	for _, t := range c.later {
		wait = sooner(wait, t.due.Sub(now))
	}
	if !c.decides && (c.finality.Open() || c.finality.Waiting()) {
		wait = sooner(wait, resendAfter)
	}
	return wait
}

// lookAfter sends an open vote again, asks peers whether they are further or elsewhere, and has the stream started anew
// when honest logs seem to differ.
func (c *Core) lookAfter(now time.Time) []Effect {
	if c.decides || c.starting() {
		return nil
	}
	var out []Effect
	if c.finality.Open() && c.self >= 0 && now.Sub(c.voteSent) >= resendAfter {
		c.voteSent = now
		out = append(out, SendVote{c.voted})
	}
	if c.finality.Justified().Number == c.state.LastCheckpoint().Number && !c.finality.Waiting() {
		c.doubt = doubt{}
		return out
	}
	grown := c.doubt.grown(now, c.finality.Justified().Number)
	if now.Sub(c.doubt.since) >= askAfter && now.Sub(c.asked) >= askAfter {
		c.asked = now
		out = append(out, AskPeers{})
	}
	if grown && c.self >= 0 && (c.finality.Disputed(c.began) || c.clogged()) {
		c.doubt.acted(now)
		out = append(out, Renew{c.position.Incarnation})
	}
	return out
}

// clogged tells whether the log can make no checkpoint before it has another certificate. The votes for that may be split
// for good, its target may lie too far back, or the others may have no reason to vote, their logs being others. Another
// incarnation begins with a certificate, and all have its log.
func (c *Core) clogged() bool { return !c.state.MayMark() }

// doubt grows while nothing is justified. The zero value has not begun.
type doubt struct {
	since     time.Time // session time
	justified uint64    // number, at that time
	times     int       // that it was acted upon
}

// grown begins a doubt, or begins it anew when something was justified, and tells whether it is time to act.
func (d *doubt) grown(now time.Time, justified uint64) bool {
	if d.since.IsZero() || justified != d.justified {
		*d = doubt{since: now, justified: justified}
	}
	return now.Sub(d.since) >= doubtMax<<min(d.times, doubtings)
}

func (d *doubt) acted(now time.Time) {
	d.since = now
	d.times++
}

// sooner gives the shorter of two waits, zero being none.
func sooner(a, b time.Duration) time.Duration {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return min(a, b)
}
