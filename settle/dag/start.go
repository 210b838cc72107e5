package dag

import (
	"encoding/binary"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/settle/proof"
)

// Start says from which justified checkpoint an incarnation of the stream goes on. It stands alone in the first bundle
// of the incarnation that counts.
type Start struct {
	Incarnation [16]byte // for which it is good; its first eight bytes are the epoch
	Base        proof.Checkpoint
	Certificate proof.Certificate // justifies the base; empty for the genesis
}

const startVersion = 1

func (s *Start) appendTo(b []byte) []byte {
	b = append(append(b, startVersion), s.Incarnation[:]...)
	b = layout.AppendBytes(b, s.Base.Encode())
	return layout.AppendBytes(b, s.Certificate.Encode())
}

// startPartMax bounds each part of a Start: a certificate of all witnesses is the larger.
const startPartMax = entrySizeMax

func decodeStart(raw []byte) (Start, error) {
	var s Start
	r := layout.NewReader(raw)
	r.Version(startVersion)
	r.Fixed(s.Incarnation[:])
	base, certificate := r.Bytes(startPartMax), r.Bytes(startPartMax)
	if err := r.Close(); err != nil {
		return Start{}, fmt.Errorf("%w: start: %w", settle.ErrEncoding, err)
	}
	var err error
	if s.Base, err = proof.DecodeCheckpoint(base); err != nil {
		return Start{}, err
	}
	s.Certificate, err = proof.DecodeCertificate(certificate)
	return s, err
}

// Verify checks that the base is justified: by the certificate, or because it is the genesis checkpoint given.
func (s *Start) Verify(network *proof.Network, genesis proof.Ref) error {
	if s.Base.Number == 0 {
		if s.Base.Ref() != genesis || len(s.Certificate.Votes) > 0 {
			return fmt.Errorf("%w: not this network's first checkpoint", proof.ErrNotJustified)
		}
		return nil
	}
	return VerifyJustified(network, s.Base, s.Certificate)
}

// VerifyJustified checks that a certificate justifies a checkpoint. That its source is justified needs no check: an
// honest witness votes from nothing else.
func VerifyJustified(network *proof.Network, c proof.Checkpoint, by proof.Certificate) error {
	if by.Target != c.Ref() || c.Witnesses != network.Witnesses.Hash() {
		return fmt.Errorf("%w: the certificate is for another checkpoint", proof.ErrNotJustified)
	}
	return by.Verify(network.Witnesses, network.ID)
}

// Epoch gives the number of the incarnation.
func (s *Start) Epoch() uint64 { return binary.BigEndian.Uint64(s.Incarnation[:]) }

// applyStart goes on in another incarnation. The state must be the base's; otherwise it changes nothing, and who drives
// the state has to bring it there first.
func (s *State) applyStart(e Entry) (Result, error) {
	base := e.Start.Base
	if s.head.Height != base.Height || s.last != base || e.Start.Verify(s.network, s.first) != nil {
		return Result{}, nil
	}
	s.head.Incarnation = e.Start.Incarnation
	s.head.Epoch = e.Start.Epoch()
	height := s.log(e.ID(), settle.Applied)
	var err error
	if m := s.findMark(base.Ref()); !m.certified {
		err = s.certify(m, e.Start.Certificate)
	}
	return Result{Logged: true, Height: height}, err
}
