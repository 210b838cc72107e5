package settle

import (
	"encoding/binary"
	"fmt"

	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Transfer pays from the issuer's account to another.
type Transfer struct {
	Sequence  uint64
	To        wallet.DID
	Amount    money.Amount
	Reference Reference
}

// Kind implements Payload.
func (*Transfer) Kind() Kind { return KindTransfer }

// SpendSequence implements Spend.
func (p *Transfer) SpendSequence() uint64 { return p.Sequence }

// Check implements Payload.
func (p *Transfer) Check() error {
	return firstError(checkSequence(p.Sequence), checkPositive(p.Amount), checkNamed(p.To))
}

func (p *Transfer) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	b = append(b, p.To[:]...)
	b = layout.AppendInt64(b, int64(p.Amount))
	return append(b, p.Reference[:]...)
}

func (p *Transfer) readFrom(r *layout.Reader) {
	p.Sequence = r.Uint64()
	r.Fixed(p.To[:])
	p.Amount = money.Amount(r.Int64())
	r.Fixed(p.Reference[:])
}

// Issue creates money against a payment outside the ledger. Only a genesis issuer may, once per Reference: the same
// payload again is a no-op, another amount or account under the same reference is refused.
type Issue struct {
	Reference Reference
	To        wallet.DID
	Amount    money.Amount
}

// Kind implements Payload.
func (*Issue) Kind() Kind { return KindIssue }

// Check implements Payload.
func (p *Issue) Check() error {
	if p.Reference == (Reference{}) {
		return fmt.Errorf("%w: an issue needs a reference", ErrPayload)
	}
	return firstError(checkPositive(p.Amount), checkNamed(p.To))
}

func (p *Issue) appendTo(b []byte) []byte {
	b = append(b, p.Reference[:]...)
	b = append(b, p.To[:]...)
	return layout.AppendInt64(b, int64(p.Amount))
}

func (p *Issue) readFrom(r *layout.Reader) {
	r.Fixed(p.Reference[:])
	r.Fixed(p.To[:])
	p.Amount = money.Amount(r.Int64())
}

// Redeem destroys money of the account that signs the vertex; the named genesis issuer owes it outside the ledger
// as soon as the vertex is final.
type Redeem struct {
	Sequence  uint64
	Issuer    wallet.DID // who pays out
	Amount    money.Amount
	Reference Reference // for example of the bank account, see ReferenceOf
}

// Kind implements Payload.
func (*Redeem) Kind() Kind { return KindRedeem }

// SpendSequence implements Spend.
func (p *Redeem) SpendSequence() uint64 { return p.Sequence }

// Check implements Payload.
func (p *Redeem) Check() error {
	return firstError(checkSequence(p.Sequence), checkPositive(p.Amount), checkNamed(p.Issuer))
}

func (p *Redeem) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	b = append(b, p.Issuer[:]...)
	b = layout.AppendInt64(b, int64(p.Amount))
	return append(b, p.Reference[:]...)
}

func (p *Redeem) readFrom(r *layout.Reader) {
	p.Sequence = r.Uint64()
	r.Fixed(p.Issuer[:])
	p.Amount = money.Amount(r.Int64())
	r.Fixed(p.Reference[:])
}

// Anchor records a hash, and so that the data behind it existed. Who anchors private data salts it before hashing.
type Anchor struct {
	Hash [32]byte
}

// Kind implements Payload.
func (*Anchor) Kind() Kind { return KindAnchor }

// Check implements Payload.
func (p *Anchor) Check() error {
	if p.Hash == ([32]byte{}) {
		return fmt.Errorf("%w: an anchor of nothing", ErrPayload)
	}
	return nil
}

func (p *Anchor) appendTo(b []byte) []byte { return append(b, p.Hash[:]...) }

func (p *Anchor) readFrom(r *layout.Reader) { r.Fixed(p.Hash[:]) }

func checkSequence(n uint64) error {
	if n == 0 {
		return fmt.Errorf("%w: sequence 0, the first is 1", ErrPayload)
	}
	return nil
}

func checkPositive(a money.Amount) error {
	if a <= 0 {
		return fmt.Errorf("%w: amount %s is not positive", ErrPayload, a)
	}
	return nil
}

func checkNamed(d wallet.DID) error {
	if d.IsZero() {
		return fmt.Errorf("%w: an account is not named", ErrPayload)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
