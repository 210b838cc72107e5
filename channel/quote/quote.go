// Package quote owns what a station signs before a session: the quote (tariff, terms, exposure, meter key) and the
// announcement by which vehicles find it. It leaves pricing to package pricing, messages to channel/wire and the
// decision to accept to channel/session.
// It keeps invariants I5 and I8: everything that a vehicle may come to owe is declared here, under one signature that
// is good for one session on one network.
package quote

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/internal/canon"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

const (
	// SizeMax bounds a signed quote in bytes, so that it fits one datagram: a tariff of 8 KiB, deflated where it is
	// larger, estimates, a credential.
	SizeMax = 14 << 10
	// AnnouncementSizeMax bounds a signed announcement in bytes.
	AnnouncementSizeMax = 2 << 10

	textMax      = 64
	estimatesMax = 8
	tariffMax    = 8 << 10 // with the credential and all other fields it fits SizeMax

	// CredentialMax bounds the credentials in a quote in bytes: a calibration and a delegation take 3 KiB.
	CredentialMax = 4 << 10
)

// Errors of this package.
var (
	ErrQuote        = errors.New("quote: malformed quote")
	ErrAnnouncement = errors.New("quote: malformed announcement")
)

// Quote is the station's offer for one session. The vehicle accepts it by its hash.
type Quote struct {
	Network       wallet.NetworkID  `cbor:"1,keyasint"`
	Session       channel.SessionID `cbor:"2,keyasint"`
	Station       wallet.DID        `cbor:"3,keyasint"`
	StationKey    wallet.PublicKey  `cbor:"4,keyasint"` // the station's channel key, should a channel be opened for it
	Payout        wallet.DID        `cbor:"5,keyasint"` // the account that is paid
	MeterKey      wallet.PublicKey  `cbor:"6,keyasint"` // verifies the readings
	Attestation   uint8             `cbor:"7,keyasint"` // meter.Attestation
	Service       string            `cbor:"8,keyasint"` // charging, parking, toll or data
	EVSE          string            `cbor:"9,keyasint"`
	Unit          uint8             `cbor:"10,keyasint"` // meter.Unit
	Tariff        []byte            `cbor:"11,keyasint"` // OCPI tariff object, JSON as the operator wrote it, in TariffForm
	TimeZone      string            `cbor:"12,keyasint"` // IANA name; the tariff's local times are in it
	Currency      string            `cbor:"13,keyasint"`
	IssuedAtMs    int64             `cbor:"14,keyasint"` // Unix milliseconds, session clock
	ValidUntilMs  int64             `cbor:"15,keyasint"`
	ClaimEveryMs  int64             `cbor:"16,keyasint"` // the claim interval: energy unpaid for longer is not delivered
	MaxPowerMw    int64             `cbor:"17,keyasint"` // milliwatts
	Slice         money.Amount      `cbor:"18,keyasint"` // exposure of one claim interval at full power (I5)
	Prepaid       money.Amount      `cbor:"19,keyasint"` // start fee, due once energy flows
	EndSurcharge  money.Amount      `cbor:"20,keyasint"` // at most this is added at stop
	DepositMin    money.Amount      `cbor:"21,keyasint"` // what the channel must cover at the start
	WindowSeconds uint32            `cbor:"22,keyasint"` // challenge window asked of a new channel
	ExpiryMinMs   int64             `cbor:"23,keyasint"` // a channel must not expire before this, ledger time
	SettleAmount  money.Amount      `cbor:"24,keyasint"` // the station asks for a withdrawal when so much is unsettled; 0 never
	SettleEveryMs int64             `cbor:"25,keyasint"` // or after this time; 0 never
	Estimates     []Estimate        `cbor:"26,keyasint"` // what typical sessions would cost now
	Credential    []byte            `cbor:"27,keyasint"` // what others say of the station, as credential.JoinBundle writes it; may be empty
	TariffForm    uint8             `cbor:"28,keyasint,omitempty"`
	OCMFKey       []byte            `cbor:"31,keyasint,omitempty"` // of the meter, SubjectPublicKeyInfo; with meter.AttestedOCMF only
	Previous      []byte            `cbor:"29,keyasint,omitempty"` // hash of the quote that this one follows within its session
	FromMs        int64             `cbor:"30,keyasint,omitempty"` // Unix milliseconds, session clock: see From
	Key           []byte            `cbor:"32,keyasint,omitempty"` // that signs, where it is not the one that Station names: see Signer
	UnpaidMax     int64             `cbor:"34,keyasint,omitempty"` // of pieces: so many are given out at most before a claim covers them; 0 is one
	Deferred      bool              `cbor:"35,keyasint,omitempty"` // a session's end is not settled by itself: SettleAmount says when
	GiveBack      []byte            `cbor:"36,keyasint,omitempty"` // OCPI tariff of energy that the vehicle gives back, in GiveBackForm; empty: none is taken
	GiveBackForm  uint8             `cbor:"37,keyasint,omitempty"`
	MaxReturnMw   int64             `cbor:"38,keyasint,omitempty"` // milliwatts, back from the vehicle
	ReturnSlice   money.Amount      `cbor:"39,keyasint,omitempty"` // what one claim interval at MaxReturnMw is worth: the vehicle's exposure (I5)
}

// Check returns ErrQuote when the quote can never be valid.
func (q Quote) Check() error {
	if _, err := money.ParseCurrency(q.Currency); err != nil {
		return fmt.Errorf("%w: %w", ErrQuote, err)
	}
	for _, key := range []wallet.PublicKey{q.StationKey, q.MeterKey, q.Station.InceptionKey(), q.Payout.InceptionKey()} {
		if _, err := wallet.ParsePublicKey(key[:]); err != nil {
			return fmt.Errorf("%w: %w", ErrQuote, err)
		}
	}
	if err := q.checkFollowing(); err != nil {
		return err
	}
	if err := q.checkOCMFKey(); err != nil {
		return err
	}
	if err := q.checkPieces(); err != nil {
		return err
	}
	if err := q.checkGiveBack(); err != nil {
		return err
	}
	for _, e := range q.Estimates {
		if err := e.check(); err != nil {
			return err
		}
	}
	switch {
	case len(q.Service) > textMax || len(q.EVSE) > textMax || len(q.TimeZone) > textMax:
		return fmt.Errorf("%w: text over %d bytes", ErrQuote, textMax)
	case len(q.Estimates) > estimatesMax:
		return fmt.Errorf("%w: %d estimates", ErrQuote, len(q.Estimates))
	case len(q.Tariff)+len(q.GiveBack) > tariffMax || len(q.Credential) > CredentialMax:
		return fmt.Errorf("%w: tariffs of %d bytes, at most %d; credential of %d, at most %d", ErrQuote, len(q.Tariff)+len(q.GiveBack), tariffMax, len(q.Credential), CredentialMax)
	case q.TariffForm > FormDeflated || q.GiveBackForm > FormDeflated:
		return fmt.Errorf("%w: tariff of form %d, or %d", ErrQuote, q.TariffForm, q.GiveBackForm)
	case !meter.Unit(q.Unit).Valid() || !meter.Attestation(q.Attestation).Valid():
		return fmt.Errorf("%w: unit %d, attestation %d", ErrQuote, q.Unit, q.Attestation)
	case q.ClaimEveryMs <= 0 || q.ClaimEveryMs > time.Hour.Milliseconds():
		return fmt.Errorf("%w: claim interval %d ms", ErrQuote, q.ClaimEveryMs)
	case q.MaxPowerMw < 0 || q.SettleEveryMs < 0 || q.ValidUntilMs < q.IssuedAtMs:
		return fmt.Errorf("%w: negative power or time", ErrQuote)
	case q.Slice < 0 || q.Prepaid < 0 || q.EndSurcharge < 0 || q.DepositMin < 0 || q.SettleAmount < 0:
		return fmt.Errorf("%w: negative amount", ErrQuote)
	}
	return nil
}

// ClaimEvery gives the claim interval.
func (q Quote) ClaimEvery() time.Duration { return time.Duration(q.ClaimEveryMs) * time.Millisecond }

// Location gives the zone of the tariff's local times.
func (q Quote) Location() (*time.Location, error) {
	loc, err := pricing.LoadLocation(q.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("%w: time zone: %w", ErrQuote, err)
	}
	return loc, nil
}

// Signed is a quote with its canonical bytes and the station's signature.
type Signed struct {
	Quote     Quote
	body      []byte
	hash      channel.Hash // of body
	signature wallet.Signature
}

type envelope struct {
	Body      []byte           `cbor:"1,keyasint"`
	Signature wallet.Signature `cbor:"2,keyasint"`
}

// Sign signs with the station's account key, and states it in the quote where it replaced the first one.
func Sign(q Quote, account wallet.PrivateKey) Signed {
	q.Key = wallet.StateKey(q.Station, account.Public())
	body := canon.Marshal(q)
	return Signed{Quote: q, body: body, hash: hashOf(body), signature: account.Sign(wallet.DomainQuote, q.Network, body)}
}

// Parse reads a signed quote and verifies it under the key that it states, which keys must take for the station's.
func Parse(raw []byte, keys Keys) (Signed, error) {
	var e envelope
	if err := canon.Unmarshal(raw, SizeMax, &e); err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrQuote, err)
	}
	s := Signed{body: e.Body, hash: hashOf(e.Body), signature: e.Signature}
	if err := canon.Unmarshal(e.Body, SizeMax, &s.Quote); err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrQuote, err)
	}
	if err := s.Quote.Check(); err != nil {
		return Signed{}, err
	}
	if err := keys.verify(s.Quote.Station, s.Quote.Key, wallet.DomainQuote, s.Quote.Network, e); err != nil {
		return Signed{}, fmt.Errorf("quote of %s: %w", s.Quote.Station, err)
	}
	return s, nil
}

// Signer gives the key under which the quote is signed.
func (s Signed) Signer() wallet.PublicKey {
	if len(s.Quote.Key) == 0 {
		return s.Quote.Station.InceptionKey()
	}
	return wallet.PublicKey(s.Quote.Key)
}

// Bytes gives the canonical bytes that Parse reads.
func (s Signed) Bytes() []byte { return canon.Marshal(envelope{Body: s.body, Signature: s.signature}) }

// Hash names the quote: claims and acceptance refer to it.
func (s Signed) Hash() channel.Hash { return s.hash }

func hashOf(body []byte) channel.Hash {
	return sha256.Sum256(append([]byte("joulepay/quote\x00"), body...))
}

// UnitsPerPriced gives how many register units make one priced unit: 10⁶ mWh a kWh, 3,600 s an hour, 1 piece.
func UnitsPerPriced(unit uint8) int64 {
	switch meter.Unit(unit) {
	case meter.MilliwattHours:
		return 1_000_000
	case meter.Seconds:
		return 3600
	}
	return 1
}
