package proof

import (
	"errors"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/settle"
)

// Errors of a light client.
var (
	// ErrOlder means that a state is older than one that is known: somebody shows the past as the present.
	ErrOlder = errors.New("proof: older than the latest final checkpoint that is known")
	// ErrTwoFinals means that two checkpoints of one number are final. It cannot be unless witnesses of more than a third
	// of the weight lied; a *TwoFinals names them.
	ErrTwoFinals = errors.New("proof: two checkpoints of one number are final")
)

// TwoFinals is the error of a fork that was certified, with the evidence.
type TwoFinals struct {
	Number  uint64
	Against []Evidence // may be short: more certificates would name more
}

// Error implements error.
func (e *TwoFinals) Error() string {
	return fmt.Sprintf("%v: checkpoint %d, %d witnesses contradict themselves", ErrTwoFinals, e.Number, len(e.Against))
}

// Unwrap implements errors.Unwrap: ErrTwoFinals.
func (e *TwoFinals) Unwrap() error { return ErrTwoFinals }

// Light is a light client: the genesis and the latest final checkpoint that it has seen are all that it holds. It
// believes nobody else, whichever node it asks. It is not safe for concurrent use.
type Light struct {
	network *Network
	latest  Final
}

// NewLight makes a light client that knows nothing beyond the genesis.
func NewLight(n *Network) *Light { return &Light{network: n} }

// Network gives what it trusts.
func (l *Light) Network() *Network { return l.network }

// Latest gives the latest final checkpoint that it has seen; false when there was none yet.
func (l *Light) Latest() (Final, bool) { return l.latest, len(l.latest.Certificate.Votes) > 0 }

// Slot verifies what a slot held in a final state that is not older than the latest one that is known, and remembers
// that state as the latest.
func (l *Light) Slot(p Slot) error {
	if err := p.Verify(l.network); err != nil {
		return err
	}
	return l.take(p.Final, true)
}

// Vertex verifies what was decided about a vertex. That is for good, so it may be older than the latest checkpoint.
func (l *Light) Vertex(p Vertex) error {
	if err := p.Verify(l.network); err != nil {
		return err
	}
	return l.take(p.Final, false)
}

// take remembers a verified final checkpoint when it is the latest, and looks for contradictions with the one before.
func (l *Light) take(f Final, mustBeCurrent bool) error {
	latest := l.latest.Checkpoint
	switch number := f.Checkpoint.Number; {
	case number == latest.Number && f.Checkpoint != latest:
		return &TwoFinals{number, Culprits(l.network, []Certificate{l.latest.Certificate, f.Certificate})}
	case number < latest.Number && mustBeCurrent:
		return fmt.Errorf("%w: checkpoint %d, known is %d", ErrOlder, number, latest.Number)
	case number > latest.Number:
		if f.Checkpoint.Height < latest.Height || f.Checkpoint.Time < latest.Time {
			return fmt.Errorf("%w: checkpoint %d goes back in height or time", ErrOlder, number)
		}
		l.latest = f
	}
	return nil
}

const lightVersion = 1

// Encode gives what to keep between runs: the network's id and the latest final checkpoint.
func (l *Light) Encode() []byte {
	b := append([]byte{lightVersion}, l.network.ID[:]...)
	return l.latest.appendTo(b)
}

// LoadLight reads what Encode gave, and verifies it like everything else.
func LoadLight(n *Network, raw []byte) (*Light, error) {
	r := layout.NewReader(raw)
	r.Version(lightVersion)
	var id [32]byte
	r.Fixed(id[:])
	final := readFinal(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: light client: %w", settle.ErrEncoding, err)
	}
	if id != n.ID {
		return nil, fmt.Errorf("%w: kept for network %x, the genesis is %s", settle.ErrEncoding, id[:8], n.ID)
	}
	l := NewLight(n)
	if len(final.Certificate.Votes) == 0 {
		return l, nil
	}
	if err := final.Verify(n); err != nil {
		return nil, err
	}
	l.latest = final
	return l, nil
}
