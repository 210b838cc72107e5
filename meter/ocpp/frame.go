package ocpp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Kind is the first number of a frame.
type Kind int

// Kinds of frames (OCPP-J 1.6, section 4.2).
const (
	Call       Kind = 2
	CallResult Kind = 3
	CallError  Kind = 4
)

// Frame is one message: a call, its result, or its error.
type Frame struct {
	Kind    Kind
	ID      string
	Action  string          // of a Call
	Payload json.RawMessage // of a Call and a CallResult: one JSON object
	Code    string          // of a CallError
	Detail  string          // of a CallError: its description
}

// DecodeFrame reads a frame. It returns ErrFrame; with it the Frame has the ID, where one could be read.
func DecodeFrame(raw []byte) (Frame, error) {
	if len(raw) > FrameSizeMax {
		return Frame{}, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, len(raw), FrameSizeMax)
	}
	if !utf8.Valid(raw) {
		return Frame{}, fmt.Errorf("%w: not UTF-8", ErrFrame)
	}
	if err := checkDepth(raw); err != nil {
		return Frame{}, err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return Frame{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if len(parts) < 3 || len(parts) > 5 {
		return Frame{}, fmt.Errorf("%w: %d elements", ErrFrame, len(parts))
	}
	var f Frame
	if err := json.Unmarshal(parts[0], &f.Kind); err != nil {
		return Frame{}, fmt.Errorf("%w: message type", ErrFrame)
	}
	if err := readText(parts[1], idMax, &f.ID); err != nil || f.ID == "" {
		return Frame{}, fmt.Errorf("%w: message id", ErrFrame)
	}
	err := f.read(parts[2:])
	return f, err
}

// read takes what follows the id.
func (f *Frame) read(rest []json.RawMessage) error {
	switch {
	case f.Kind == Call && len(rest) == 2:
		if err := readText(rest[0], actionMax, &f.Action); err != nil || f.Action == "" {
			return fmt.Errorf("%w: action", ErrFrame)
		}
		return f.take(rest[1])
	case f.Kind == CallResult && len(rest) == 1:
		return f.take(rest[0])
	case f.Kind == CallError && len(rest) >= 2:
		if err := readText(rest[0], textMax, &f.Code); err != nil {
			return fmt.Errorf("%w: error code", ErrFrame)
		}
		if err := readText(rest[1], textMax, &f.Detail); err != nil {
			return fmt.Errorf("%w: error description", ErrFrame)
		}
		return nil
	}
	return fmt.Errorf("%w: message type %d with %d elements", ErrFrame, f.Kind, len(rest)+2)
}

func (f *Frame) take(payload json.RawMessage) error {
	if payload = bytes.TrimSpace(payload); len(payload) == 0 || payload[0] != '{' {
		return fmt.Errorf("%w: the payload is no object", ErrFrame)
	}
	f.Payload = payload
	return nil
}

// Encode gives the frame as it is sent.
func (f Frame) Encode() ([]byte, error) {
	switch f.Kind {
	case Call:
		return json.Marshal([]any{f.Kind, f.ID, f.Action, f.Payload})
	case CallResult:
		return json.Marshal([]any{f.Kind, f.ID, f.Payload})
	case CallError:
		return json.Marshal([]any{f.Kind, f.ID, f.Code, f.Detail, struct{}{}})
	}
	return nil, fmt.Errorf("%w: message type %d", ErrFrame, f.Kind)
}

// checkDepth bounds the nesting before anything recursive looks at a frame.
func checkDepth(raw []byte) error {
	depth, text, escaped := 0, false, false
	for _, c := range raw {
		switch {
		case escaped:
			escaped = false
		case text:
			escaped, text = c == '\\', c != '"'
		case c == '"':
			text = true
		case c == '[' || c == '{':
			if depth++; depth > DepthMax {
				return fmt.Errorf("%w: nested deeper than %d", ErrFrame, DepthMax)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

func readText(raw json.RawMessage, most int, out *string) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if len(*out) > most {
		return fmt.Errorf("%w: text of %d bytes, at most %d", ErrFrame, len(*out), most)
	}
	return nil
}
