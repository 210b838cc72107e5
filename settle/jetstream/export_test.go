package jetstream

import "time"

// WithAppendTimeout makes an unanswered append fail sooner.
func WithAppendTimeout(o Options, d time.Duration) Options {
	o.appendTimeout = d
	return o
}

// StreamName gives the name of the stream of the last Head.
func (l *Log) StreamName() string { return l.name(l.known().epoch) }

// EpochMax is the last epoch.
const EpochMax = epochMax
