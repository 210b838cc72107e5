package quote

import (
	"fmt"
	"time"

	"joulepay/internal/canon"
	"joulepay/meter"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Announcement is how a station makes itself and its price known. It binds nobody: the quote does.
type Announcement struct {
	Network    wallet.NetworkID `cbor:"1,keyasint"`
	Station    wallet.DID       `cbor:"2,keyasint"`
	Service    string           `cbor:"3,keyasint"`
	EVSE       string           `cbor:"4,keyasint"`
	Currency   string           `cbor:"5,keyasint"`
	MaxPowerMw int64            `cbor:"6,keyasint"` // milliwatts
	// Unit price for comparison: what one kWh (or hour, or piece) of a typical session costs now, VAT included.
	UnitPrice money.Amount `cbor:"7,keyasint"`
	Tariff    string       `cbor:"8,keyasint"` // the tariff in words, shortened
	Free      bool         `cbor:"9,keyasint"` // no session is running
	AtMs      int64        `cbor:"10,keyasint"`
	Estimates []Estimate   `cbor:"11,keyasint,omitempty"` // what typical quantities cost now, at full power
	Unit      uint8        `cbor:"12,keyasint,omitempty"` // meter.Unit of their quantities
	Key       []byte       `cbor:"13,keyasint,omitempty"` // that signs, where it is not the one that Station names
	// MaxReturnMw is how much energy it takes back, and ReturnPrice what it pays for a kWh of it now, VAT included.
	MaxReturnMw int64        `cbor:"14,keyasint,omitempty"` // milliwatts
	ReturnPrice money.Amount `cbor:"15,keyasint,omitempty"`
}

const announcementTextMax = 512

// SignAnnouncement signs with the station's account key and gives the bytes to publish.
func SignAnnouncement(a Announcement, account wallet.PrivateKey) []byte {
	a.Key = wallet.StateKey(a.Station, account.Public())
	body := canon.Marshal(a)
	return canon.Marshal(envelope{Body: body, Signature: account.Sign(wallet.DomainAnnouncement, a.Network, body)})
}

// ParseAnnouncement reads what SignAnnouncement gives, and verifies it under the key that it states, which keys must take for
// the station's.
func ParseAnnouncement(raw []byte, keys Keys) (Announcement, error) {
	var e envelope
	if err := canon.Unmarshal(raw, AnnouncementSizeMax, &e); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
	}
	var a Announcement
	if err := canon.Unmarshal(e.Body, AnnouncementSizeMax, &a); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
	}
	if _, err := money.ParseCurrency(a.Currency); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
	}
	if len(a.Service) > textMax || len(a.EVSE) > textMax || len(a.Tariff) > announcementTextMax {
		return Announcement{}, fmt.Errorf("%w: text too long", ErrAnnouncement)
	}
	if a.MaxReturnMw < 0 || a.ReturnPrice < 0 {
		return Announcement{}, fmt.Errorf("%w: takes %d mW back for %s", ErrAnnouncement, a.MaxReturnMw, a.ReturnPrice)
	}
	if len(a.Estimates) > estimatesMax || len(a.Estimates) > 0 && !meter.Unit(a.Unit).Valid() {
		return Announcement{}, fmt.Errorf("%w: %d estimates in unit %d", ErrAnnouncement, len(a.Estimates), a.Unit)
	}
	for _, e := range a.Estimates {
		if err := e.check(); err != nil {
			return Announcement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
		}
	}
	if _, err := wallet.ParsePublicKey(a.Station[:]); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
	}
	if err := keys.verify(a.Station, a.Key, wallet.DomainAnnouncement, a.Network, e); err != nil {
		return Announcement{}, fmt.Errorf("announcement of %s: %w", a.Station, err)
	}
	return a, nil
}

// At gives when the station said so, by its own clock.
func (a Announcement) At() time.Time { return time.UnixMilli(a.AtMs).UTC() }
