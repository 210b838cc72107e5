package ocpp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// codeOf gives the error code of OCPP-J for what is wrong with a call. The two versions spell one of them differently.
func codeOf(err error) string {
	switch {
	case errors.Is(err, ErrAction):
		return "NotImplemented"
	case errors.Is(err, ErrPayload):
		return "TypeConstraintViolation"
	}
	return "InternalError"
}

// answer answers one call of the station. The answer never repeats what the station sent.
func (st *Station) answer(d dialect, f Frame) Frame {
	st.mu.Lock()
	defer st.mu.Unlock()
	result, err := d.handle(st, f.Action, f.Payload)
	if err == nil {
		err = st.keep() // what is acknowledged is not said again
	}
	if err == nil {
		if !st.alive {
			st.alive = true
			for _, o := range st.outlets {
				o.returned()
			}
			st.kick()
		}
		var payload json.RawMessage
		if payload, err = json.Marshal(result); err == nil {
			return Frame{Kind: CallResult, ID: f.ID, Payload: payload}
		}
	}
	st.report(Event{Kind: EventProtocol, Err: fmt.Errorf("%.64q: %w", f.Action, err)})
	return Frame{Kind: CallError, ID: f.ID, Code: codeOf(err), Detail: "see the central system's log"}
}

// decode reads a payload. Unknown fields are let pass: stations add their own.
func decode(payload []byte, out any) error {
	if err := json.Unmarshal(payload, out); err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return nil
}

// bounded checks texts that are kept.
func bounded(texts ...*string) error {
	for _, t := range texts {
		if len(*t) > textMax {
			return fmt.Errorf("%w: a text of %d bytes", ErrPayload, len(*t))
		}
		*t = strings.ToValidUTF8(*t, "")
	}
	return nil
}

// accepted is the answer that asks for nothing more.
type accepted struct {
	Status string `json:"status"`
}

// refusedUnless turns a status that is not one of those wanted into ErrCallRefused.
func refusedUnless(action, status string, wanted ...string) error {
	for _, w := range wanted {
		if status == w {
			return nil
		}
	}
	return fmt.Errorf("%s: %w: %.40q", action, ErrCallRefused, status)
}
