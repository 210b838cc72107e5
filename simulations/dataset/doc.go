// Package dataset owns what others have recorded: charging sessions and series of prices, powers and intensities, read
// from the files in which they are published. It leaves what becomes of them to simulations/scenario and
// simulations/draft.
// It keeps invariant I9: a file is bounded, packed or not; a row that cannot be meant is counted and named with its line,
// and refused unless the caller lets it be skipped; nothing is guessed.
//
// Read reads sessions, Prices and Column and Profile series. Formats lists what Read knows.
package dataset

import (
	"errors"
	"time"
)

// Errors of this package.
var (
	ErrFormat = errors.New("dataset: unknown format")
	ErrRow    = errors.New("dataset: a row that cannot be read")
	ErrLimit  = errors.New("dataset: larger than is accepted")
	ErrOption = errors.New("dataset: an option that does not fit")
)

// Bounds of a file.
const (
	FileBytesMax = 64 << 20 // also of what is packed in it
	SessionsMax  = 1_000_000
)

// Unknown is a state of charge that a file does not tell.
const Unknown = -1

// Session is one visit that somebody recorded.
type Session struct {
	ID      string
	Station string
	Arrives time.Time // UTC
	Leaves  time.Time
	Says    time.Time // when the driver said that it would leave; zero: nothing said

	EnergyMilliwattHours    int64 // requested where a file tells it, delivered otherwise
	DeliveredMilliwattHours int64 // requested where a file does not tell it
	PowerMilliwatts         int64 // the most that was taken; 0: unknown
	CapacityMilliwattHours  int64 // of the battery; 0: unknown
	FromPermille            int16 // state of charge; Unknown
	ToPermille              int16
}

// Options say what a file does not.
type Options struct {
	Start     time.Time         // of files that count periods from it; zero where they tell times
	Zone      *time.Location    // of local times without an offset; nil: that of the format, or UTC
	Column    map[string]string // of tables: the column of a role, in place of the format's; see Roles
	Separator rune              // of the fields of a table; 0: that of the format, or what its head has
	Dates     string            // order of dates with slashes: DatesDayFirst or DatesMonthFirst; empty: they are refused
	SkipBad   bool              // rows that cannot be meant are counted and left out, in place of the refusal of the file
	Delivered bool              // what was delivered counts as what was wanted, where a file tells both
}

// Orders of dates with slashes.
const (
	DatesDayFirst   = "day-first"
	DatesMonthFirst = "month-first"
)
