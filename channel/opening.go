package channel

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"joulepay/internal/layout"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	openingVersion = 1

	// WindowMin and WindowMax bound the challenge window. Less than the minimum leaves a machine that reboots
	// no time to answer; more than the maximum locks money for longer than any party plans for.
	WindowMin = 2 * time.Second
	WindowMax = 30 * 24 * time.Hour
)

// Terms are the rules that both parties accept with a channel. Times are ledger time.
type Terms struct {
	Currency money.Currency
	Window   time.Duration // how long a lone close waits for a better claim; whole seconds
	Expiry   time.Time     // after it the channel closes itself, with a full window; whole seconds, UTC
}

// Check returns ErrTerms when the terms can hold in no channel.
func (t Terms) Check() error {
	switch {
	case t.Currency == (money.Currency{}):
		return fmt.Errorf("%w: no currency", ErrTerms)
	case t.Window < WindowMin || t.Window > WindowMax || t.Window%time.Second != 0:
		return fmt.Errorf("%w: window %s, want whole seconds from %s to %s", ErrTerms, t.Window, WindowMin, WindowMax)
	case t.Expiry.Unix() <= 0 || t.Expiry.Nanosecond() != 0:
		return fmt.Errorf("%w: expiry %s is not a whole second after 1970", ErrTerms, t.Expiry)
	}
	return nil
}

// Opening is the payload that opens a channel. Its hash is the channel's id, so nothing in it can change later.
type Opening struct {
	Network    wallet.NetworkID
	Opener     wallet.DID
	Partner    wallet.DID
	OpenerKey  wallet.PublicKey // the channel keys verify claims, withdrawals and closes for the channel's life
	PartnerKey wallet.PublicKey
	Payout     wallet.DID   // the account that receives the Partner's share; the Partner's own unless delegated
	Deposit    money.Amount // what the Opener locks
	Nonce      [16]byte     // makes two openings between the same parties differ
	Terms      Terms
}

// Check returns a typed error when the opening can never be valid.
func (o Opening) Check() error {
	if err := o.checkNumbers(); err != nil {
		return err
	}
	for _, key := range []wallet.PublicKey{o.OpenerKey, o.PartnerKey, o.Opener.InceptionKey(), o.Partner.InceptionKey(), o.Payout.InceptionKey()} {
		if _, err := wallet.ParsePublicKey(key[:]); err != nil {
			return fmt.Errorf("%w: %w", ErrTerms, err)
		}
	}
	return nil
}

// checkNumbers is Check without the keys, which cost more than all else.
func (o Opening) checkNumbers() error {
	if err := o.Terms.Check(); err != nil {
		return err
	}
	switch {
	case o.Deposit <= 0:
		return fmt.Errorf("%w: deposit %s", ErrAmount, o.Deposit)
	case o.Opener == o.Partner:
		return fmt.Errorf("%w: both parties are %s", ErrTerms, o.Opener)
	case o.OpenerKey == o.PartnerKey:
		return fmt.Errorf("%w: both channel keys are the same", ErrTerms)
	}
	return nil
}

// Encode gives the canonical bytes.
func (o Opening) Encode() []byte {
	b := []byte{openingVersion}
	b = append(b, o.Network[:]...)
	b = append(b, o.Opener[:]...)
	b = append(b, o.Partner[:]...)
	b = append(b, o.OpenerKey[:]...)
	b = append(b, o.PartnerKey[:]...)
	b = append(b, o.Payout[:]...)
	b = layout.AppendInt64(b, int64(o.Deposit))
	b = append(b, o.Nonce[:]...)
	b = append(b, o.Terms.Currency[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(o.Terms.Window/time.Second))
	return layout.AppendInt64(b, o.Terms.Expiry.Unix())
}

// DecodeOpening reads canonical bytes. It does not Check.
func DecodeOpening(b []byte) (Opening, error) {
	var o Opening
	r := layout.NewReader(b)
	r.Version(openingVersion)
	r.Fixed(o.Network[:])
	r.Fixed(o.Opener[:])
	r.Fixed(o.Partner[:])
	r.Fixed(o.OpenerKey[:])
	r.Fixed(o.PartnerKey[:])
	r.Fixed(o.Payout[:])
	o.Deposit = money.Amount(r.Int64())
	r.Fixed(o.Nonce[:])
	r.Fixed(o.Terms.Currency[:])
	o.Terms.Window = time.Duration(r.Uint32()) * time.Second
	o.Terms.Expiry = time.Unix(r.Int64(), 0).UTC()
	if err := r.Close(); err != nil {
		return Opening{}, fmt.Errorf("%w: opening: %w", ErrEncoding, err)
	}
	return o, nil
}

// ID gives the channel's id: the hash of the canonical bytes.
func (o Opening) ID() ID {
	return sha256.Sum256(append([]byte("joulepay/channel\x00"), o.Encode()...))
}

// PartyOf tells which party a DID is.
func (o Opening) PartyOf(did wallet.DID) (Party, bool) {
	switch did {
	case o.Opener:
		return Opener, true
	case o.Partner:
		return Partner, true
	}
	return 0, false
}

// Key gives a party's channel key.
func (o Opening) Key(p Party) wallet.PublicKey {
	if p == Opener {
		return o.OpenerKey
	}
	return o.PartnerKey
}

// Account gives the account to which a party's share is paid out.
func (o Opening) Account(p Party) wallet.DID {
	if p == Opener {
		return o.Opener
	}
	return o.Payout
}
