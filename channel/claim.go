package channel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	claimVersion = 1

	// ClaimSize is the length in bytes of a claim's canonical layout.
	ClaimSize = 1 + 32 + 1 + 8 + 8 + 8 + 1 + 32 + 32 + 16 + 32 + 8 + 2
	// SignedClaimSize adds the signature.
	SignedClaimSize = ClaimSize + wallet.SignatureSize
	// TicksMax bounds the hash chain of a claim, and so the work to check a tick.
	TicksMax = 256
)

// Claim says: "I, the payer, owe this lane Amount in total, for this reading under this quote".
type Claim struct {
	Channel   ID
	Lane      Lane
	Sequence  uint64       // strictly rising for one payer
	Amount    money.Amount // cumulative over the channel's life
	Quantity  int64        // cumulative in the session, in Unit
	Unit      uint8        // meter.Unit
	Reading   Hash         // of the signed reading that this pays for
	Quote     Hash
	Session   SessionID
	TickRoot  Hash         // zero when the claim carries no ticks
	TickValue money.Amount // what one tick adds
	TickCount uint16       // length of the chain, at most TicksMax
}

// Check returns a typed error when the claim can never be valid.
func (c Claim) Check() error {
	if !c.Lane.Valid() {
		return fmt.Errorf("%w: lane %d", ErrWrongLane, c.Lane)
	}
	if c.Amount < 0 || c.TickValue < 0 || c.TickCount > TicksMax {
		return fmt.Errorf("%w: amount %s, %d ticks of %s", ErrAmount, c.Amount, c.TickCount, c.TickValue)
	}
	if _, err := c.owed(c.TickCount); err != nil {
		return err
	}
	return nil
}

// owed is the amount with that many ticks released.
func (c Claim) owed(ticks uint16) (money.Amount, error) {
	added, err := c.TickValue.MulDiv(int64(ticks), 1)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAmount, err)
	}
	total, err := c.Amount.Add(added)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAmount, err)
	}
	return total, nil
}

// Encode gives the canonical layout, ClaimSize bytes; these are signed under wallet.DomainClaim.
func (c Claim) Encode() []byte { return c.appendTo(make([]byte, 0, ClaimSize)) }

func (c *Claim) appendTo(b []byte) []byte {
	b = append(b, claimVersion)
	b = append(b, c.Channel[:]...)
	b = append(b, byte(c.Lane))
	b = binary.BigEndian.AppendUint64(b, c.Sequence)
	b = layout.AppendInt64(b, int64(c.Amount))
	b = layout.AppendInt64(b, c.Quantity)
	b = append(b, c.Unit)
	b = append(b, c.Reading[:]...)
	b = append(b, c.Quote[:]...)
	b = append(b, c.Session[:]...)
	b = append(b, c.TickRoot[:]...)
	b = layout.AppendInt64(b, int64(c.TickValue))
	return binary.BigEndian.AppendUint16(b, c.TickCount)
}

func readClaim(r *layout.Reader) Claim {
	var c Claim
	r.Version(claimVersion)
	r.Fixed(c.Channel[:])
	c.Lane = Lane(r.Uint8())
	c.Sequence = r.Uint64()
	c.Amount = money.Amount(r.Int64())
	c.Quantity = r.Int64()
	c.Unit = r.Uint8()
	r.Fixed(c.Reading[:])
	r.Fixed(c.Quote[:])
	r.Fixed(c.Session[:])
	r.Fixed(c.TickRoot[:])
	c.TickValue = money.Amount(r.Int64())
	c.TickCount = r.Uint16()
	return c
}

// Hash gives the SHA-256 hash of the layout: the last criterion of the order of claims.
func (c Claim) Hash() Hash { return sha256.Sum256(c.Encode()) }

// SignedClaim is a claim with the payer's signature.
type SignedClaim struct {
	Claim     Claim
	Signature wallet.Signature
}

// SignClaim signs with the payer's channel key.
func SignClaim(c Claim, network wallet.NetworkID, key wallet.PrivateKey) SignedClaim {
	return SignedClaim{Claim: c, Signature: key.Sign(wallet.DomainClaim, network, c.Encode())}
}

// Verify checks the signature under the payer's channel key, and that the claim can be valid.
func (s SignedClaim) Verify(network wallet.NetworkID, key *wallet.Verifier) error {
	if err := s.Claim.Check(); err != nil {
		return err
	}
	return key.Verify(wallet.DomainClaim, network, s.Claim.Encode(), s.Signature)
}

// Encode gives the claim's layout followed by the signature.
func (s SignedClaim) Encode() []byte { return s.appendTo(make([]byte, 0, SignedClaimSize)) }

func (s *SignedClaim) appendTo(b []byte) []byte {
	return append(s.Claim.appendTo(b), s.Signature[:]...)
}

// DecodeSignedClaim reads what Encode gives. It checks the form, not the signature.
func DecodeSignedClaim(b []byte) (SignedClaim, error) {
	r := layout.NewReader(b)
	s := SignedClaim{Claim: readClaim(r)}
	r.Fixed(s.Signature[:])
	if err := r.Close(); err != nil {
		return SignedClaim{}, fmt.Errorf("%w: claim: %w", ErrEncoding, err)
	}
	return s, nil
}

// Best is the most that a lane is known to owe: a signed claim and, when ticks were released on it, the last
// preimage. The zero value is an untouched lane.
type Best struct {
	Signed   SignedClaim
	Ticks    uint16 // released ticks that Preimage proves
	Preimage Hash   // the chain's element that hashes Ticks times to the claim's TickRoot
}

// BestSize is the length in bytes of the canonical layout of a Best.
const BestSize = SignedClaimSize + 2 + 32

// IsZero tells whether nothing was ever claimed.
func (b Best) IsZero() bool { return b.Signed == SignedClaim{} }

// Owed gives what the lane owes in total, ticks included. It is zero for the zero value.
func (b Best) Owed() money.Amount {
	total, err := b.Signed.Claim.owed(b.Ticks)
	if err != nil {
		return b.Signed.Claim.Amount // unreachable for a Best that passed Verify
	}
	return total
}

// Verify checks the claim, its signature and the preimage.
func (b Best) Verify(network wallet.NetworkID, key *wallet.Verifier) error {
	if err := b.Signed.Verify(network, key); err != nil {
		return err
	}
	return b.checkTicks()
}

// AddTo checks all that Verify does but the signature, and adds that to a batch.
func (b Best) AddTo(batch *wallet.Batch, network wallet.NetworkID, key *wallet.Verifier) error {
	if err := b.Signed.Claim.Check(); err != nil {
		return err
	}
	if err := b.checkTicks(); err != nil {
		return err
	}
	batch.Add(key, wallet.DomainClaim, network, b.Signed.Claim.Encode(), b.Signed.Signature)
	return nil
}

// checkTicks checks the preimage.
func (b Best) checkTicks() error {
	if b.Ticks > b.Signed.Claim.TickCount {
		return fmt.Errorf("%w: %d ticks of %d", ErrTick, b.Ticks, b.Signed.Claim.TickCount)
	}
	if b.Ticks == 0 {
		if b.Preimage != (Hash{}) {
			return fmt.Errorf("%w: a preimage without ticks", ErrTick)
		}
		return nil
	}
	h := b.Preimage
	for range b.Ticks {
		h = tickHash(h)
	}
	if h != b.Signed.Claim.TickRoot {
		return ErrTick
	}
	return nil
}

func tickHash(h Hash) Hash {
	return sha256.Sum256(append([]byte("joulepay/tick\x00"), h[:]...))
}

// Above tells whether b stands above other in the order of invariant I2: amount with ticks, then sequence, then
// the hash of the claim's body. Every claim stands above the zero value.
func (b Best) Above(other Best) bool {
	switch {
	case b.IsZero():
		return false
	case other.IsZero():
		return true
	case b.Owed() != other.Owed():
		return b.Owed() > other.Owed()
	case b.Signed.Claim.Sequence != other.Signed.Claim.Sequence:
		return b.Signed.Claim.Sequence > other.Signed.Claim.Sequence
	}
	x, y := b.Signed.Claim.Hash(), other.Signed.Claim.Hash()
	return bytes.Compare(x[:], y[:]) > 0
}

// Join gives the higher of two: commutative, associative, idempotent.
func Join(a, b Best) Best {
	if b.Above(a) {
		return b
	}
	return a
}

// Encode gives the canonical layout, BestSize bytes.
func (b Best) Encode() []byte { return b.AppendTo(make([]byte, 0, BestSize)) }

// AppendTo appends what Encode gives.
func (b *Best) AppendTo(out []byte) []byte {
	out = b.Signed.appendTo(out)
	out = binary.BigEndian.AppendUint16(out, b.Ticks)
	return append(out, b.Preimage[:]...)
}

// DecodeBest reads what Encode gives. It checks the form, not the signature.
func DecodeBest(raw []byte) (Best, error) {
	r := layout.NewReader(raw)
	b := Best{Signed: SignedClaim{Claim: readClaim(r)}}
	r.Fixed(b.Signed.Signature[:])
	b.Ticks = r.Uint16()
	r.Fixed(b.Preimage[:])
	if err := r.Close(); err != nil {
		return Best{}, fmt.Errorf("%w: best claim: %w", ErrEncoding, err)
	}
	return b, nil
}
