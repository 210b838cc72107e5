package channel

import "fmt"

// State is where a channel stands on the ledger. The zero value is no channel.
type State uint8

// States. The numbers are part of the ledger's slots.
const (
	Open    State = 1
	Closing State = 2 // a lone close or the expiry started the challenge window
	Closed  State = 3 // paid out
)

// String gives "open", "closing" or "closed".
func (s State) String() string {
	switch s {
	case Open:
		return "open"
	case Closing:
		return "closing"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("unknown(%d)", uint8(s))
}
