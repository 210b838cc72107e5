package sqlite

import (
	"encoding/binary"
	"fmt"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/settle"
	"joulepay/settle/dag"
	"joulepay/settle/stream"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func encodeParties(parties []wallet.DID) []byte {
	b := make([]byte, 0, 32*len(parties))
	for _, p := range parties {
		b = append(b, p[:]...)
	}
	return b
}

func decodeParties(raw []byte) ([]wallet.DID, error) {
	var out []wallet.DID
	r := layout.NewReader(raw)
	for r.Len() > 0 && r.Err() == nil {
		var d wallet.DID
		r.Fixed(d[:])
		out = append(out, d)
	}
	return out, closed(r)
}

// encodeEffects gives for each: channel (32), parties (64), state (1), six amounts (48).
func encodeEffects(effects []dag.ChannelEffect) []byte {
	var b []byte
	for _, e := range effects {
		b = append(b, e.Channel[:]...)
		b = append(b, e.Parties[0][:]...)
		b = append(b, e.Parties[1][:]...)
		b = append(b, byte(e.State))
		for _, pair := range [][2]money.Amount{e.Maxima, e.Deposited, e.Paid} {
			b = layout.AppendInt64(b, int64(pair[0]))
			b = layout.AppendInt64(b, int64(pair[1]))
		}
	}
	return b
}

func decodeEffects(raw []byte) ([]dag.ChannelEffect, error) {
	var out []dag.ChannelEffect
	r := layout.NewReader(raw)
	pair := func() [2]money.Amount { return [2]money.Amount{money.Amount(r.Int64()), money.Amount(r.Int64())} }
	for r.Len() > 0 && r.Err() == nil {
		var e dag.ChannelEffect
		r.Fixed(e.Channel[:])
		r.Fixed(e.Parties[0][:])
		r.Fixed(e.Parties[1][:])
		e.State = channel.State(r.Uint8())
		e.Maxima, e.Deposited, e.Paid = pair(), pair(), pair()
		out = append(out, e)
	}
	return out, closed(r)
}

// encodeHead gives what the columns of head hold of a Head in one value.
func encodeHead(h dag.Head) []byte {
	b := append([]byte(nil), h.Log[:]...)
	for _, n := range []uint64{h.Height, h.Decided, h.Accepted, uint64(h.Time), uint64(h.Paused), h.Certified, h.Epoch} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, h.Incarnation[:]...)
	if h.Changed {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodeHead(raw []byte) (dag.Head, error) {
	var h dag.Head
	r := layout.NewReader(raw)
	r.Fixed(h.Log[:])
	h.Height, h.Decided, h.Accepted = r.Uint64(), r.Uint64(), r.Uint64()
	h.Time, h.Paused = settle.LedgerTime(r.Int64()), r.Int64()
	h.Certified, h.Epoch = r.Uint64(), r.Uint64()
	r.Fixed(h.Incarnation[:])
	h.Changed = r.Uint8() != 0
	return h, closed(r)
}

func encodePosition(p stream.Position) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), p.Incarnation[:]...), p.Sequence)
}

func decodePosition(raw []byte) (stream.Position, error) {
	var p stream.Position
	r := layout.NewReader(raw)
	r.Fixed(p.Incarnation[:])
	p.Sequence = r.Uint64()
	return p, closed(r)
}

func closed(r *layout.Reader) error {
	if err := r.Close(); err != nil {
		return fmt.Errorf("%w: %w", dag.ErrCorrupt, err)
	}
	return nil
}

// fixed copies a column of 32 bytes.
func fixed(dst *[32]byte, raw []byte, what string) error {
	if len(raw) != len(dst) {
		return fmt.Errorf("%w: %s of %d bytes", dag.ErrCorrupt, what, len(raw))
	}
	*dst = [32]byte(raw)
	return nil
}
