package meter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSpec is returned for text that names no meter.
var ErrSpec = errors.New("meter: want sim, replay:FILE#ROW, exec:COMMAND or ocpp")

// Bounds of a specification.
const (
	// specLengthMax bounds what a flag may say: a path (at most 4096 bytes on Linux) and a little more.
	specLengthMax = 8192
	// rowMax bounds a row number far above any file that meter/replay reads.
	rowMax = 10_000_000
)

// Kind says which adapter a Spec asks for. The zero value is none.
type Kind byte

// Kinds.
const (
	KindSim    Kind = 1 // meter/sim
	KindReplay Kind = 2 // meter/replay
	KindExec   Kind = 3 // meter/execmeter
	KindOCPP   Kind = 4 // meter/ocpp
)

// String gives "sim", "replay", "exec" or "ocpp".
func (k Kind) String() string { return nameOf([]string{"", "sim", "replay", "exec", "ocpp"}, byte(k)) }

// Spec is a parsed --meter or --measure flag.
type Spec struct {
	Kind    Kind
	Path    string   // of a replay: the recording
	Row     int      // of a replay: the zero-based data row
	Command []string // of exec: the program and its arguments
}

// ParseSpec reads "sim", "replay:FILE#ROW", "replay:FILE" (row 0), "exec:COMMAND ARGUMENT…" or "ocpp". The row
// follows the last "#". A command is split at spaces and no shell sees it. ParseSpec opens and runs nothing.
func ParseSpec(text string) (Spec, error) {
	if len(text) > specLengthMax {
		return Spec{}, fmt.Errorf("%w: %d characters, at most %d", ErrSpec, len(text), specLengthMax)
	}
	kind, rest, hasRest := strings.Cut(text, ":")
	switch {
	case text == "sim":
		return Spec{Kind: KindSim}, nil
	case text == "ocpp":
		return Spec{Kind: KindOCPP}, nil
	case kind == "replay" && hasRest:
		return parseReplay(rest)
	case kind == "exec" && hasRest:
		if command := strings.Fields(rest); len(command) > 0 {
			return Spec{Kind: KindExec, Command: command}, nil
		}
		return Spec{}, fmt.Errorf("%w: no command in %q", ErrSpec, clip(text))
	}
	return Spec{}, fmt.Errorf("%w: %q", ErrSpec, clip(text))
}

func parseReplay(rest string) (Spec, error) {
	path, row := rest, 0
	if i := strings.LastIndexByte(rest, '#'); i >= 0 {
		n, err := strconv.ParseUint(rest[i+1:], 10, 32)
		if err != nil || n > rowMax {
			return Spec{}, fmt.Errorf("%w: %q is not a row number", ErrSpec, clip(rest[i+1:]))
		}
		path, row = rest[:i], int(n)
	}
	if path == "" {
		return Spec{}, fmt.Errorf("%w: no file in %q", ErrSpec, clip(rest))
	}
	return Spec{Kind: KindReplay, Path: path, Row: row}, nil
}

// String gives the text that ParseSpec reads as this Spec, with single spaces in a command.
func (s Spec) String() string {
	switch s.Kind {
	case KindReplay:
		return fmt.Sprintf("replay:%s#%d", s.Path, s.Row)
	case KindExec:
		return "exec:" + strings.Join(s.Command, " ")
	}
	return s.Kind.String()
}
