package sqlite

import (
	"fmt"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/settle/dag"
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
