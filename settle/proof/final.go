package proof

import (
	"fmt"
	"time"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/wallet"
)

// Network is all that a light client must know and trust: the genesis.
type Network struct {
	ID        wallet.NetworkID
	Genesis   settle.Genesis
	Witnesses *WitnessSet
}

// NewNetwork reads a genesis vertex.
func NewNetwork(genesis *settle.Vertex) (*Network, error) {
	g, ok := genesis.Payload().(*settle.Genesis)
	if !ok {
		return nil, fmt.Errorf("%w: a %s vertex", settle.ErrGenesis, genesis.Payload().Kind())
	}
	set, err := NewWitnessSet(g.Witnesses)
	if err != nil {
		return nil, err
	}
	return &Network{ID: genesis.NetworkID(), Genesis: *g, Witnesses: set}, nil
}

// Final is a checkpoint with what proves it final: its direct child is certified from it. An honest witness votes
// only from a checkpoint that is justified, so one certificate shows both phases.
type Final struct {
	Checkpoint  Checkpoint
	Certificate Certificate // from Checkpoint to its direct child
}

// Verify checks the proof against the network's witnesses.
func (f Final) Verify(n *Network) error {
	if f.Certificate.Source != f.Checkpoint.Ref() || f.Certificate.Target.Number != f.Checkpoint.Number+1 {
		return ErrNotFinal
	}
	if f.Checkpoint.Witnesses != n.Witnesses.Hash() {
		return fmt.Errorf("%w: of another witness set", ErrNotFinal)
	}
	return f.Certificate.Verify(n.Witnesses, n.ID)
}

// CertifiedAt gives the time of the witnesses' clocks when they made the checkpoint final: the state that it proves
// was the current one at about that time. It means something only after Verify.
func (f Final) CertifiedAt(n *Network) time.Time { return f.Certificate.Time(n.Witnesses).Time() }

func (f Final) appendTo(b []byte) []byte {
	return layout.AppendBytes(append(b, f.Checkpoint.Encode()...), f.Certificate.Encode())
}

// certificateSizeMax is a certificate of WitnessesMax votes, rounded up.
const certificateSizeMax = 128 + settle.WitnessesMax*(1+8+wallet.SignatureSize)

func readFinal(r *layout.Reader) Final {
	f := Final{Checkpoint: readCheckpoint(r)}
	raw := r.Bytes(certificateSizeMax)
	if r.Err() != nil {
		return Final{}
	}
	c, err := DecodeCertificate(raw)
	if err != nil {
		r.Fail(err)
	}
	f.Certificate = c
	return f
}

// Encode gives the canonical bytes.
func (f Final) Encode() []byte { return f.appendTo(nil) }

// DecodeFinal reads what Encode gives. It checks the form, not the signatures.
func DecodeFinal(raw []byte) (Final, error) {
	r := layout.NewReader(raw)
	f := readFinal(r)
	if err := r.Close(); err != nil {
		return Final{}, fmt.Errorf("%w: final checkpoint: %w", settle.ErrEncoding, err)
	}
	return f, nil
}
