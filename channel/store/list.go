package store

import (
	"slices"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/wallet"
)

// SessionQuery filters sessions. The zero value of a filter is none.
type SessionQuery struct {
	Before  channel.SessionID // only sessions first stored before this one; zero begins with the newest
	Limit   int
	Peer    wallet.DID
	Phases  []session.Phase
	SinceMs int64 // only those that began at this time or later, session clock, Unix milliseconds
	UntilMs int64 // only those that began before this time
}

// Matches tells whether a session passes the filters, the place in the list aside.
func (q SessionQuery) Matches(r session.SessionRecord) bool {
	began := BeganMs(r)
	return (q.Peer.IsZero() || q.Peer == r.Peer) && (len(q.Phases) == 0 || slices.Contains(q.Phases, r.Phase)) &&
		began >= q.SinceMs && (q.UntilMs == 0 || began < q.UntilMs)
}

// BeganMs gives when a session began: when its quote was made, until the first reading says it better.
func BeganMs(r session.SessionRecord) int64 {
	if r.StartedMs != 0 {
		return r.StartedMs
	}
	signed, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return 0
	}
	return signed.Quote.IssuedAtMs
}
