package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// readers are the formats of sessions, by name.
var readers = map[string]func([]byte, Options) ([]Session, error){
	"acn-sim": readACNSim,
}

// Formats gives the names of the formats of sessions.
func Formats() []string { return slices.Sorted(maps.Keys(readers)) }

// Sessions reads a file of recorded sessions, in the order of their arrival.
func Sessions(format string, data []byte, o Options) ([]Session, error) {
	read, known := readers[format]
	if !known {
		return nil, fmt.Errorf("%w %.40q: known are %s", ErrFormat, format, strings.Join(Formats(), ", "))
	}
	if len(data) > FileBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), FileBytesMax)
	}
	all, err := read(data, o)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Session) int { return a.Arrives.Compare(b.Arrives) })
	return all, nil
}
