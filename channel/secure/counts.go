package secure

import (
	"iter"
	"maps"
)

// Counts say what a link did since it was opened. They rise only.
type Counts struct {
	Delivered int           // datagrams handed to the layer above
	Dropped   map[error]int // datagrams and handshakes that were not, by the errors of this package
}

// reasons are the errors that are counted, the first that fits, each with the name that programs know it by. A name is never
// given to something else.
var reasons = []struct {
	err  error
	name string
}{
	{ErrNotAdmitted, "not-admitted"}, {ErrRefused, "refused"}, {ErrNoAnswer, "no-answer"}, {ErrFrame, "malformed"},
	{ErrVersion, "version"}, {ErrHandshakeReplayed, "handshake-replayed"}, {ErrHandshake, "handshake"}, {ErrProof, "proof"},
	{ErrPeer, "peer"}, {ErrHalfOpen, "half-open"}, {ErrEvicted, "evicted"}, {ErrForged, "forged"}, {ErrReplayed, "replayed"},
	{ErrStale, "stale"}, {ErrAhead, "ahead"}, {ErrOverrun, "overrun"}, {ErrUnknown, "unknown"},
}

// Reasons gives every reason by name, in a fixed order, with what was dropped for it: none is left out for being zero. A
// collector of metrics makes a label of the name; a rise of forged, replayed or proof is somebody at work.
func (c Counts) Reasons() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for _, reason := range reasons {
			if !yield(reason.name, c.Dropped[reason.err]) {
				return
			}
		}
	}
}

// Counts gives the counts so far. It is cheap, and safe to call from anywhere.
func (l *Link) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Counts{Delivered: l.counts.Delivered, Dropped: maps.Clone(l.counts.Dropped)}
}
