package receipt

import (
	"errors"
	"fmt"
	"time"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Errors of exports.
var (
	ErrNotEnded = errors.New("receipt: the session has no last reading yet")
	ErrExport   = errors.New("receipt: the format cannot tell this session")
)

// Visit is a session as an export tells it, from a receipt or from a station's store.
type Visit struct {
	Session    channel.SessionID
	Vehicle    wallet.DID
	Quote      quote.Quote       // that it began with
	Tariffs    []*pricing.Tariff // that priced it, in order
	Readings   []meter.Signed    // in order, the baseline first
	Cost       pricing.Cost      // of what was taken, by the tariff; with the surcharges of the end once it has ended
	Credit     *pricing.Cost     // for what was given back; nil where the quote pays for none
	Payable    money.Amount      // the cost less the credit
	Paid       money.Amount      // claimed by the vehicle less what came back
	Claims     uint64
	Reason     string // why it ended; empty where that is not known
	Final      bool   // witnesses certified a state of the channel that covers the claims
	Settlement string // vertex from which on the ledger knows all claims; empty where that is not known
}

// Facts are what a visit is made of.
type Facts struct {
	Vehicle    wallet.DID
	Quotes     [][]byte // quote.Signed, those that were agreed on in order
	Readings   [][]byte // meter.Signed, all of the session in order
	Paid       money.Amount
	Claims     uint64
	Reason     string
	Final      bool
	Settlement string
}

// NewVisit prices a session again from its quote and readings. It verifies the quote; whoever has a receipt verifies that.
func NewVisit(f Facts) (Visit, error) {
	quotes, err := parseQuotes(f.Quotes)
	if err != nil {
		return Visit{}, err
	}
	first := quotes[0].Quote
	v := Visit{
		Session: first.Session, Vehicle: f.Vehicle, Quote: first, Paid: f.Paid, Claims: f.Claims,
		Reason: f.Reason, Final: f.Final, Settlement: f.Settlement,
	}
	if n := len(f.Readings); n == 0 || n > ReadingsMax {
		return Visit{}, fmt.Errorf("%w: %w", ErrExport, errNoReadings)
	}
	bill, err := newBill(quotes)
	if err != nil {
		return Visit{}, err
	}
	for i, raw := range f.Readings {
		reading, err := meter.DecodeSigned(raw)
		if err != nil {
			return Visit{}, fmt.Errorf("reading %d: %w", i, err)
		}
		if _, err := bill.Add(reading.Reading); err != nil {
			return Visit{}, fmt.Errorf("reading %d: %w", i, err)
		}
		v.Readings = append(v.Readings, reading)
	}
	for _, q := range quotes[:bill.InForce()+1] {
		tariff, err := q.Quote.ParseTariff()
		if err != nil {
			return Visit{}, err
		}
		v.Tariffs = append(v.Tariffs, tariff)
	}
	err = v.price(bill)
	return v, err
}

func (v *Visit) price(bill *quote.Bill) error {
	var err error
	if v.Cost, err = bill.Cost(v.Ended()); err != nil {
		return err
	}
	credit, taken, err := bill.Credit()
	if err != nil {
		return err
	}
	if taken {
		v.Credit = &credit
	}
	v.Payable, err = bill.Net(v.Ended())
	return err
}

func parseQuotes(list [][]byte) ([]quote.Signed, error) {
	if len(list) == 0 || len(list) > 1+RequotesMax {
		return nil, fmt.Errorf("%w: %d quotes", ErrExport, len(list))
	}
	var quotes []quote.Signed
	for i, raw := range list {
		signed, err := quote.Parse(raw, quote.AnyKey)
		if err == nil && i > 0 {
			err = signed.Follows(quotes[i-1])
		}
		if err != nil {
			return nil, fmt.Errorf("quote %d: %w", i+1, err)
		}
		quotes = append(quotes, signed)
	}
	return quotes, nil
}

// VisitOf gives the visit that a receipt proves. It believes the summary: Verify first.
func VisitOf(r Receipt) (Visit, error) {
	return NewVisit(Facts{
		Vehicle: r.Summary.Vehicle, Quotes: append([][]byte{r.Evidence.Quote}, r.Evidence.Requotes...), Readings: r.Evidence.Readings, Paid: r.Summary.Paid.Amount,
		Claims: r.Summary.Claims, Final: r.Summary.Final, Settlement: r.Summary.Settlement,
	})
}

func (v Visit) first() meter.Reading { return v.Readings[0].Reading }
func (v Visit) last() meter.Reading  { return v.Readings[len(v.Readings)-1].Reading }

// Ended tells whether the last reading is that of the session.
func (v Visit) Ended() bool { return v.last().State == meter.Ended }

// Start and End give the times of the first and the last reading, as tariffs count: in whole seconds.
func (v Visit) Start() time.Time { return v.first().Time.UTC().Truncate(time.Second) }

// End gives the time of the last reading.
func (v Visit) End() time.Time { return v.last().Time.UTC().Truncate(time.Second) }

// Quantity gives what was delivered, in the quote's unit.
func (v Visit) Quantity() int64 { return v.last().Register - v.first().Register }

// Returned gives what the vehicle gave back, in the quote's unit.
func (v Visit) Returned() int64 { return v.last().Exported - v.first().Exported }

// Unpaid gives what the tariff asks for beyond what was paid.
func (v Visit) Unpaid() money.Amount { return v.Payable - v.Paid }
