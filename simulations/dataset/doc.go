// Package dataset owns what others have recorded: charging sessions and series of prices, powers and intensities, read
// from the files in which they are published. It leaves what becomes of them to simulations/scenario.
// It keeps invariant I9: a file is bounded, a row that cannot be meant is a typed error with its line, and nothing is
// guessed.
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
)

// Bounds of a file.
const (
	FileBytesMax = 64 << 20
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

	EnergyMilliwattHours   int64 // requested where a file tells it, delivered otherwise
	PowerMilliwatts        int64 // the most that was taken; 0: unknown
	CapacityMilliwattHours int64 // of the battery; 0: unknown
	FromPermille           int16 // state of charge; Unknown
	ToPermille             int16
}

// Options say what a file does not.
type Options struct {
	Start  time.Time         // of files that count periods from it; zero where they tell times
	Zone   *time.Location    // of local times without an offset; nil: UTC
	Column map[string]string // of format "csv": names of its columns for id, station, arrives, leaves, energy, power, …
}
