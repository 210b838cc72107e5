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
	// disputeMax is how long checkpoints may be open, while others vote for other ones of their numbers, before the
	// stream is taken for forked and started anew.
	disputeMax = 10 * time.Second
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

// lookAfter sends an open vote again, asks peers when their votes say that they are further or elsewhere, and has the
// stream started anew when honest logs seem to differ.
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
		c.doubtful = time.Time{}
		return out
	}
	if c.doubtful.IsZero() {
		c.doubtful = now
	}
	if now.Sub(c.doubtful) >= askAfter && now.Sub(c.asked) >= askAfter && (c.finality.Elsewhere() || c.finality.Behind()) {
		c.asked = now
		out = append(out, AskPeers{})
	}
	if now.Sub(c.doubtful) >= disputeMax && c.finality.Disputed(c.began) {
		c.doubtful = now
		out = append(out, Renew{c.position.Incarnation})
	}
	return out
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
