package settle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"joulepay/channel"
	"joulepay/internal/layout"
	"joulepay/wallet/money"
)

// SettleClaimsMax bounds the claims in one vertex, and so the signatures that one vertex can make a node verify.
const SettleClaimsMax = 64

// partSizeMax bounds a part of a payload whose layout another package owns. The largest, a co-signed withdrawal,
// has fewer than 256 bytes.
const partSizeMax = 512

// Open locks the opener's deposit in a new channel. The issuer is the opener.
type Open struct {
	Sequence uint64
	Opening  channel.Opening
}

// Kind implements Payload.
func (*Open) Kind() Kind { return KindOpen }

// SpendSequence implements Spend.
func (p *Open) SpendSequence() uint64 { return p.Sequence }

// Check implements Payload.
func (p *Open) Check() error { return firstError(checkSequence(p.Sequence), p.Opening.Check()) }

func (p *Open) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	return layout.AppendBytes(b, p.Opening.Encode())
}

func (p *Open) readFrom(r *layout.Reader) {
	p.Sequence = r.Uint64()
	p.Opening = readPart(r, channel.DecodeOpening)
}

// TopUp adds to one party's deposit, and may move the expiry later. The issuer is that party, or for the partner
// its pay-out account.
type TopUp struct {
	Sequence uint64
	Channel  channel.ID
	Party    channel.Party
	Amount   money.Amount // may be zero when only the expiry moves
	Expiry   time.Time    // whole seconds, UTC; the zero time leaves it
}

// Kind implements Payload.
func (*TopUp) Kind() Kind { return KindTopUp }

// SpendSequence implements Spend.
func (p *TopUp) SpendSequence() uint64 { return p.Sequence }

// Check implements Payload.
func (p *TopUp) Check() error {
	switch {
	case p.Party > channel.Partner:
		return fmt.Errorf("%w: party %d", ErrPayload, p.Party)
	case p.Amount < 0:
		return fmt.Errorf("%w: amount %s", ErrPayload, p.Amount)
	case p.Amount == 0 && p.Expiry.IsZero():
		return fmt.Errorf("%w: a top-up of nothing", ErrPayload)
	case !p.Expiry.IsZero() && (p.Expiry.Unix() <= 0 || p.Expiry.Nanosecond() != 0):
		return fmt.Errorf("%w: expiry %s is not a whole second after 1970", ErrPayload, p.Expiry)
	}
	return checkSequence(p.Sequence)
}

func (p *TopUp) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	b = append(b, p.Channel[:]...)
	b = append(b, byte(p.Party))
	b = layout.AppendInt64(b, int64(p.Amount))
	return appendUnix(b, p.Expiry)
}

func (p *TopUp) readFrom(r *layout.Reader) {
	p.Sequence = r.Uint64()
	r.Fixed(p.Channel[:])
	p.Party = channel.Party(r.Uint8())
	p.Amount = money.Amount(r.Int64())
	p.Expiry = readUnix(r)
}

// Settle raises the lane maxima that the ledger knows; it moves no money. It may serve several channels, and anybody
// may issue it. Inside a challenge window it is the challenge.
type Settle struct {
	Claims []channel.Best // at most one a lane, rising by channel and lane
}

// Kind implements Payload.
func (*Settle) Kind() Kind { return KindSettle }

// Check implements Payload.
func (p *Settle) Check() error {
	if len(p.Claims) == 0 {
		return fmt.Errorf("%w: no claims to settle", ErrPayload)
	}
	return checkClaims(p.Claims, SettleClaimsMax)
}

func (p *Settle) appendTo(b []byte) []byte { return appendClaims(b, p.Claims) }

func (p *Settle) readFrom(r *layout.Reader) { p.Claims = readClaims(r, SettleClaimsMax) }

// SortClaims puts claims into the order that Settle and CloseRequest demand.
func SortClaims(claims []channel.Best) { slices.SortFunc(claims, compareClaims) }

// Withdraw pays out of an open channel what both parties agreed.
type Withdraw struct {
	Signed channel.SignedWithdrawal
}

// Kind implements Payload.
func (*Withdraw) Kind() Kind { return KindWithdraw }

// Check implements Payload.
func (p *Withdraw) Check() error { return p.Signed.Withdrawal.Check() }

func (p *Withdraw) appendTo(b []byte) []byte { return layout.AppendBytes(b, p.Signed.Encode()) }

func (p *Withdraw) readFrom(r *layout.Reader) { p.Signed = readPart(r, channel.DecodeSignedWithdrawal) }

// CooperativeClose pays out and ends a channel at the lanes that both parties signed.
type CooperativeClose struct {
	Signed channel.SignedClose
}

// Kind implements Payload.
func (*CooperativeClose) Kind() Kind { return KindCooperativeClose }

// Check implements Payload.
func (p *CooperativeClose) Check() error { return p.Signed.Close.Check() }

func (p *CooperativeClose) appendTo(b []byte) []byte { return layout.AppendBytes(b, p.Signed.Encode()) }

func (p *CooperativeClose) readFrom(r *layout.Reader) {
	p.Signed = readPart(r, channel.DecodeSignedClose)
}

// CloseRequest starts the challenge window of a channel for one party alone, and settles its claims at once.
type CloseRequest struct {
	Signed channel.SignedCloseRequest
	Claims []channel.Best // of this channel, at most one a lane, rising by lane
}

// Kind implements Payload.
func (*CloseRequest) Kind() Kind { return KindCloseRequest }

// Check implements Payload.
func (p *CloseRequest) Check() error {
	if p.Signed.Request.By > channel.Partner {
		return fmt.Errorf("%w: party %d", ErrPayload, p.Signed.Request.By)
	}
	for _, c := range p.Claims {
		if c.Signed.Claim.Channel != p.Signed.Request.Channel {
			return fmt.Errorf("%w: claim of another channel", ErrPayload)
		}
	}
	return checkClaims(p.Claims, 2)
}

func (p *CloseRequest) appendTo(b []byte) []byte {
	return appendClaims(layout.AppendBytes(b, p.Signed.Encode()), p.Claims)
}

func (p *CloseRequest) readFrom(r *layout.Reader) {
	p.Signed = readPart(r, channel.DecodeSignedCloseRequest)
	p.Claims = readClaims(r, 2)
}

// Finalise pays out and ends a channel whose challenge window is over. Anybody may issue it.
type Finalise struct {
	Channel channel.ID
}

// Kind implements Payload.
func (*Finalise) Kind() Kind { return KindFinalise }

// Check implements Payload.
func (*Finalise) Check() error { return nil }

func (p *Finalise) appendTo(b []byte) []byte { return append(b, p.Channel[:]...) }

func (p *Finalise) readFrom(r *layout.Reader) { r.Fixed(p.Channel[:]) }

// readPart reads a length-prefixed part whose layout its own package decodes.
func readPart[T any](r *layout.Reader, decode func([]byte) (T, error)) T {
	var zero T
	raw := r.Bytes(partSizeMax)
	if r.Err() != nil {
		return zero
	}
	part, err := decode(raw)
	if err != nil {
		r.Fail(err)
		return zero
	}
	return part
}

func appendClaims(b []byte, claims []channel.Best) []byte {
	b = append(b, byte(len(claims)))
	for _, c := range claims {
		b = append(b, c.Encode()...)
	}
	return b
}

func readClaims(r *layout.Reader, limit int) []channel.Best {
	n := int(r.Uint8())
	if n > limit {
		r.Fail(fmt.Errorf("%w: %d claims, at most %d", layout.ErrTooLong, n, limit))
	}
	var claims []channel.Best
	raw := make([]byte, channel.BestSize)
	for i := 0; i < n && r.Err() == nil; i++ {
		r.Fixed(raw)
		if r.Err() != nil {
			return nil
		}
		claim, err := channel.DecodeBest(raw)
		if err != nil {
			r.Fail(err)
			return nil
		}
		claims = append(claims, claim)
	}
	return claims
}

func checkClaims(claims []channel.Best, limit int) error {
	if len(claims) > limit {
		return fmt.Errorf("%w: %d claims, at most %d", ErrPayload, len(claims), limit)
	}
	for i, c := range claims {
		if err := c.Signed.Claim.Check(); err != nil {
			return err
		}
		if i > 0 && compareClaims(claims[i-1], c) >= 0 {
			return fmt.Errorf("%w: claims do not rise by channel and lane", ErrPayload)
		}
	}
	return nil
}

func compareClaims(a, b channel.Best) int {
	x, y := a.Signed.Claim, b.Signed.Claim
	if c := bytes.Compare(x.Channel[:], y.Channel[:]); c != 0 {
		return c
	}
	return int(x.Lane) - int(y.Lane)
}

func appendUnix(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return layout.AppendInt64(b, 0)
	}
	return layout.AppendInt64(b, t.Unix())
}

func readUnix(r *layout.Reader) time.Time {
	seconds := r.Int64()
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
