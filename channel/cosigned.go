package channel

import (
	"encoding/binary"
	"fmt"
	"time"

	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	withdrawalVersion = 1
	closeVersion      = 1
	requestVersion    = 1
)

// PerParty holds one amount for each party, indexed by Party; PerLane one for each lane, indexed by Lane.
type (
	PerParty [2]money.Amount
	PerLane  [2]money.Amount
)

// Withdrawal pays out while the channel stays open. Both parties sign it. Totals are cumulative over the channel's
// life and Lanes are the lane amounts that both agree on, so the ledger applies it by join: a repetition is a no-op.
type Withdrawal struct {
	Channel  ID
	Sequence uint32   // 1 for the first; one higher each time
	Totals   PerParty // withdrawn in total, this withdrawal included
	Lanes    PerLane  // both lanes' maxima, which this also settles
}

// Encode gives the canonical layout; it is signed under wallet.DomainWithdrawal.
func (w Withdrawal) Encode() []byte {
	b := append([]byte{withdrawalVersion}, w.Channel[:]...)
	b = binary.BigEndian.AppendUint32(b, w.Sequence)
	return appendAmounts(b, w.Totals[0], w.Totals[1], w.Lanes[0], w.Lanes[1])
}

// Check returns a typed error when the withdrawal can never be valid.
func (w Withdrawal) Check() error {
	if w.Sequence == 0 {
		return fmt.Errorf("%w: sequence 0", ErrOrder)
	}
	return checkAmounts(w.Totals[0], w.Totals[1], w.Lanes[0], w.Lanes[1])
}

// Close ends a channel by agreement: both name the lanes' maxima. It is good until NotAfter, ledger time.
type Close struct {
	Channel  ID
	Lanes    PerLane
	NotAfter time.Time // whole seconds, UTC
}

// Encode gives the canonical layout; it is signed under wallet.DomainClose.
func (c Close) Encode() []byte {
	b := append([]byte{closeVersion}, c.Channel[:]...)
	b = appendAmounts(b, c.Lanes[0], c.Lanes[1])
	return layout.AppendInt64(b, c.NotAfter.Unix())
}

// Check returns a typed error when the close can never be valid.
func (c Close) Check() error { return checkAmounts(c.Lanes[0], c.Lanes[1]) }

// CloseRequest asks, by one party alone, to close after the challenge window. It is signed by that party's channel
// key under wallet.DomainCloseRequest; a channel id is never reused, so it needs no nonce.
type CloseRequest struct {
	Channel ID
	By      Party
}

// Encode gives the canonical layout.
func (c CloseRequest) Encode() []byte {
	return append(append([]byte{requestVersion}, c.Channel[:]...), byte(c.By))
}

// SignedWithdrawal carries both parties' signatures, indexed by Party; a zero signature is missing.
type SignedWithdrawal struct {
	Withdrawal Withdrawal
	Signatures [2]wallet.Signature
}

// Verify checks the form and both signatures under the opening's channel keys.
func (s SignedWithdrawal) Verify(o Opening) error {
	if err := s.Withdrawal.Check(); err != nil {
		return err
	}
	return verifyBoth(o, s.Withdrawal.Channel, wallet.DomainWithdrawal, s.Withdrawal.Encode(), s.Signatures)
}

// Encode gives the layout and both signatures.
func (s SignedWithdrawal) Encode() []byte {
	return append(append(s.Withdrawal.Encode(), s.Signatures[0][:]...), s.Signatures[1][:]...)
}

// DecodeSignedWithdrawal reads what Encode gives. It checks the form, not the signatures.
func DecodeSignedWithdrawal(raw []byte) (SignedWithdrawal, error) {
	var s SignedWithdrawal
	r := layout.NewReader(raw)
	r.Version(withdrawalVersion)
	r.Fixed(s.Withdrawal.Channel[:])
	s.Withdrawal.Sequence = r.Uint32()
	readAmounts(r, &s.Withdrawal.Totals[0], &s.Withdrawal.Totals[1], &s.Withdrawal.Lanes[0], &s.Withdrawal.Lanes[1])
	r.Fixed(s.Signatures[0][:])
	r.Fixed(s.Signatures[1][:])
	if err := r.Close(); err != nil {
		return SignedWithdrawal{}, fmt.Errorf("%w: withdrawal: %w", ErrEncoding, err)
	}
	return s, nil
}

// SignedClose carries both parties' signatures, indexed by Party; a zero signature is missing.
type SignedClose struct {
	Close      Close
	Signatures [2]wallet.Signature
}

// Verify checks the form and both signatures under the opening's channel keys.
func (s SignedClose) Verify(o Opening) error {
	if err := s.Close.Check(); err != nil {
		return err
	}
	return verifyBoth(o, s.Close.Channel, wallet.DomainClose, s.Close.Encode(), s.Signatures)
}

// Encode gives the layout and both signatures.
func (s SignedClose) Encode() []byte {
	return append(append(s.Close.Encode(), s.Signatures[0][:]...), s.Signatures[1][:]...)
}

// DecodeSignedClose reads what Encode gives. It checks the form, not the signatures.
func DecodeSignedClose(raw []byte) (SignedClose, error) {
	var s SignedClose
	r := layout.NewReader(raw)
	r.Version(closeVersion)
	r.Fixed(s.Close.Channel[:])
	readAmounts(r, &s.Close.Lanes[0], &s.Close.Lanes[1])
	s.Close.NotAfter = time.Unix(r.Int64(), 0).UTC()
	r.Fixed(s.Signatures[0][:])
	r.Fixed(s.Signatures[1][:])
	if err := r.Close(); err != nil {
		return SignedClose{}, fmt.Errorf("%w: close: %w", ErrEncoding, err)
	}
	return s, nil
}

// SignedCloseRequest carries the signature of the party that asks.
type SignedCloseRequest struct {
	Request   CloseRequest
	Signature wallet.Signature
}

// Verify checks the signature under the asking party's channel key.
func (s SignedCloseRequest) Verify(o Opening) error {
	if s.Request.Channel != o.ID() {
		return ErrWrongChannel
	}
	if s.Request.By > Partner {
		return fmt.Errorf("%w: party %d", ErrEncoding, s.Request.By)
	}
	return wallet.Verify(o.Key(s.Request.By), wallet.DomainCloseRequest, o.Network, s.Request.Encode(), s.Signature)
}

// Encode gives the layout and the signature.
func (s SignedCloseRequest) Encode() []byte { return append(s.Request.Encode(), s.Signature[:]...) }

// DecodeSignedCloseRequest reads what Encode gives. It checks the form, not the signature.
func DecodeSignedCloseRequest(raw []byte) (SignedCloseRequest, error) {
	var s SignedCloseRequest
	r := layout.NewReader(raw)
	r.Version(requestVersion)
	r.Fixed(s.Request.Channel[:])
	s.Request.By = Party(r.Uint8())
	r.Fixed(s.Signature[:])
	if err := r.Close(); err != nil {
		return SignedCloseRequest{}, fmt.Errorf("%w: close request: %w", ErrEncoding, err)
	}
	return s, nil
}

func verifyBoth(o Opening, id ID, domain wallet.Domain, body []byte, signatures [2]wallet.Signature) error {
	if id != o.ID() {
		return ErrWrongChannel
	}
	for _, p := range []Party{Opener, Partner} {
		if err := wallet.Verify(o.Key(p), domain, o.Network, body, signatures[p]); err != nil {
			return err
		}
	}
	return nil
}

func appendAmounts(b []byte, amounts ...money.Amount) []byte {
	for _, a := range amounts {
		b = layout.AppendInt64(b, int64(a))
	}
	return b
}

func readAmounts(r *layout.Reader, amounts ...*money.Amount) {
	for _, a := range amounts {
		*a = money.Amount(r.Int64())
	}
}

func checkAmounts(amounts ...money.Amount) error {
	for _, a := range amounts {
		if a < 0 {
			return fmt.Errorf("%w: %s", ErrAmount, a)
		}
	}
	return nil
}
