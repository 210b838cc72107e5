package grid

import "time"

// Signal is a limit that a source sets on a circuit for a time.
type Signal struct {
	Source     string // who says so, for example "grid operator"; a name of a Source, or anything
	Circuit    int
	Start, End time.Duration // since the start of the run; End 0: for good

	LimitMilliwatts int64 // drawn; 0 allows nothing, Unlimited lifts the source's earlier signals
}

// Source is somebody whose signals must be heard all the time: while it is silent for longer than it is patient, its
// failsafe holds on its circuit (as § 14a EnWG and VDE-AR-E 2829-6 ask of controllable consumers).
type Source struct {
	Name               string
	Circuit            int
	FailsafeMilliwatts int64
	Patience           time.Duration
	Silences           []Silence // in the order of their times; signals that begin in one are heard at its end
}

// Silence is a time in which nothing is heard of a source.
type Silence struct{ Start, End time.Duration }

// Limits is what sources say about a site's circuits, over time. The least of all that holds at a time counts, a
// circuit's own limit included.
type Limits struct {
	site    *Site
	signals []Signal
	sources []Source
	changes []time.Duration
}

// NewLimits arranges signals and the sources that must be heard, or says what is wrong with them.
func NewLimits(site *Site, signals []Signal, sources []Source) (*Limits, error) { panic("to follow") }

// At writes the limit in force on every circuit at a time, in milliwatts; Unlimited where there is none.
func (l *Limits) At(now time.Duration, into []int64) { panic("to follow") }

// Next gives the first time after now at which a limit changes; false when none does.
func (l *Limits) Next(now time.Duration) (time.Duration, bool) { panic("to follow") }
