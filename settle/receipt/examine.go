package receipt

import (
	"errors"
	"fmt"
	"slices"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// What can be wrong with evidence.
var (
	errOtherNetwork = errors.New("for another network")
	errOtherParties = errors.New("between other parties than the quote's")
	errOtherKeys    = errors.New("with other keys or another pay-out account than the quote's")
	errOtherQuote   = errors.New("for another quote")
	errNoReadings   = errors.New("there are none, or too many")
	errUnitMeter    = errors.New("another unit or attestation than the quote's")
	errRequotes     = errors.New("there are more quotes than a session has")
	errNotAgreed    = errors.New("the vehicle's claim is not under the last quote")
	errNoReading    = errors.New("pays for a reading that is not here")
	errQuantity     = errors.New("states another quantity than the reading")
	errLaneOrder    = errors.New("not one for each lane, by lane")
	errBefore       = errors.New("the lanes before the session do not fit the claims")
	errOverpaid     = errors.New("more was claimed than the tariff asks for")
	errNotAccepted  = errors.New("the ledger did not accept it")
	errOtherVertex  = errors.New("the proof is of another vertex")
	errOtherChannel = errors.New("it is about another channel")
	errBelowClaims  = errors.New("the certified lanes are below the claims")
	errTooMany      = fmt.Errorf("more than %d", VerticesMax)
)

// dossier is evidence that was decoded and checked.
type dossier struct {
	evidence Evidence
	network  *proof.Network
	keys     map[provenKey]shownBy
	opening  channel.Opening
	channel  channel.ID
	quote    quote.Signed   // that the session began with
	quotes   []quote.Signed // all that were agreed on, that one first
	tariffs  []string       // ids of those in force up to the last reading
	readings []meter.Reading
	claims   [2]channel.Best // of this session
	shown    [2]bool         // lanes whose state before is shown by a claim of an earlier session
	paidFor  int             // index of the latest reading that a claim pays for; -1 when nothing was claimed

	cost      pricing.Cost  // of what was taken, by all readings
	credit    *pricing.Cost // for what was given back; nil where none is taken
	payable   money.Amount  // the one less the other
	paid      money.Amount
	vertices  []*settle.Vertex
	proven    int // vertices with a proof
	slot      *proof.Slot
	certified channel.PerLane // the lanes in it
}

// examine checks everything that the evidence says about itself, in the order of the parts.
func examine(e Evidence) (*dossier, error) {
	d := &dossier{evidence: e, keys: map[provenKey]shownBy{}, paidFor: -1}
	for _, step := range []struct {
		part  Part
		check func() error
	}{
		{PartGenesis, d.checkGenesis},
		{PartKeys, d.checkKeys},
		{PartOpening, d.checkOpening},
		{PartQuote, d.checkQuote},
		{PartReadings, d.checkReadings},
		{PartClaims, d.checkClaims},
		{PartCost, d.checkCost},
		{PartVertices, d.checkVertices},
		{PartChannel, d.checkChannel},
	} {
		if err := step.check(); err != nil {
			return nil, &Error{step.part, err}
		}
	}
	return d, nil
}

func (d *dossier) checkGenesis() error {
	vertex, err := settle.DecodeVertex(d.evidence.Genesis)
	if err != nil {
		return err
	}
	d.network, err = proof.NewNetwork(vertex)
	return err
}

func (d *dossier) checkOpening() error {
	opening, err := channel.DecodeOpening(d.evidence.Opening)
	if err != nil {
		return err
	}
	if err := opening.Check(); err != nil {
		return err
	}
	if opening.Network != d.network.ID {
		return errOtherNetwork
	}
	d.opening, d.channel = opening, opening.ID()
	return nil
}

func (d *dossier) checkQuote() error {
	signed, err := quote.Parse(d.evidence.Quote, d.checkKey)
	if err != nil {
		return err
	}
	q := signed.Quote
	switch {
	case q.Network != d.network.ID:
		return errOtherNetwork
	case q.Station != d.opening.Partner:
		return errOtherParties
	case q.StationKey != d.opening.PartnerKey, q.Payout != d.opening.Payout:
		return errOtherKeys
	case q.Currency != d.opening.Terms.Currency.String(), q.Currency != d.network.Genesis.Currency.String():
		return money.ErrMismatch
	}
	tariff, err := q.ParseTariff()
	if err != nil {
		return err
	}
	if tariff.Currency().String() != q.Currency {
		return money.ErrMismatch
	}
	d.quote, d.quotes = signed, []quote.Signed{signed}
	return d.checkRequotes()
}

// checkRequotes verifies that each quote of the session changes the prices of the one before, and nothing else.
func (d *dossier) checkRequotes() error {
	if len(d.evidence.Requotes) > RequotesMax {
		return fmt.Errorf("%w: %d of them", errRequotes, len(d.evidence.Requotes))
	}
	for i, raw := range d.evidence.Requotes {
		signed, err := quote.Parse(raw, d.checkKey)
		if err == nil {
			err = signed.Follows(d.quotes[i])
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", i+1, err)
		}
		d.quotes = append(d.quotes, signed)
	}
	return nil
}

// checkAgreed tells whether the vehicle agreed to every quote: its claim is under the last one, which names those before.
func (d *dossier) checkAgreed() error {
	if len(d.quotes) == 1 {
		return nil
	}
	claim := d.claims[0].Signed.Claim
	if d.claims[0].IsZero() || claim.Quote != d.quotes[len(d.quotes)-1].Hash() {
		return errNotAgreed
	}
	return nil
}

// quoted tells whether a claim is under a quote of the session.
func (d *dossier) quoted(hash channel.Hash) bool {
	return slices.ContainsFunc(d.quotes, func(q quote.Signed) bool { return q.Hash() == hash })
}

// newBill gives a bill that goes through the quotes of the session.
func newBill(quotes []quote.Signed) (*quote.Bill, error) {
	bill, err := quote.NewBill(quotes[0].Quote)
	if err != nil {
		return nil, err
	}
	for _, next := range quotes[1:] {
		if err := bill.Follow(next.Quote); err != nil {
			return nil, err
		}
	}
	return bill, nil
}

// checkReadings verifies every signature and that each reading continues the one before.
func (d *dossier) checkReadings() error {
	if n := len(d.evidence.Readings); n == 0 || n > ReadingsMax {
		return errNoReadings
	}
	q := d.quote.Quote
	key, err := wallet.NewVerifier(q.MeterKey)
	if err != nil {
		return err
	}
	chain := meter.NewChain(q.Session)
	for i, raw := range d.evidence.Readings {
		signed, err := meter.DecodeSigned(raw)
		if err == nil {
			err = signed.VerifyWith(key, d.network.ID)
		}
		if err == nil {
			err = chain.Accept(signed.Reading)
		}
		if err == nil && (uint8(signed.Reading.Unit) != q.Unit || !signed.Reading.Attestation.Within(meter.Attestation(q.Attestation))) {
			err = errUnitMeter
		}
		if err == nil && i > 0 {
			first := d.readings[0].Register
			err = q.CheckProof(signed, signed.Reading.Register-first, d.readings[i-1].Register-first)
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		d.readings = append(d.readings, signed.Reading)
	}
	return nil
}

// quantity gives what was delivered up to a reading.
func (d *dossier) quantity(i int) int64 { return d.readings[i].Register - d.readings[0].Register }

// checkClaims verifies the claims, and notes which reading they pay for.
func (d *dossier) checkClaims() error {
	before := d.evidence.before()
	for l, was := range before {
		if was < 0 || d.evidence.Before[l].Currency != d.opening.Terms.Currency {
			return errBefore
		}
	}
	lane := -1
	for _, raw := range d.evidence.Claims {
		best, err := channel.DecodeBest(raw)
		if err != nil {
			return err
		}
		claim := best.Signed.Claim
		if int(claim.Lane) <= lane || !claim.Lane.Valid() {
			return errLaneOrder
		}
		lane = int(claim.Lane)
		if err := d.checkClaim(best, before[lane]); err != nil {
			return fmt.Errorf("lane %d: %w", lane, err)
		}
	}
	lanes := d.lanes()
	if lanes[0] < before[0] || lanes[1] < before[1] {
		return errBefore
	}
	if err := d.checkAgreed(); err != nil {
		return err
	}
	d.paid = (lanes[0] - before[0]) - (lanes[1] - before[1]) // four non-negative amounts, each difference too
	return nil
}

// checkClaim takes a claim of this session, or the claim of an earlier one that shows what the lane was before.
func (d *dossier) checkClaim(best channel.Best, before money.Amount) error {
	claim := best.Signed.Claim
	key, err := wallet.NewVerifier(d.opening.Key(claim.Lane.Payer()))
	if err != nil {
		return err
	}
	if err := best.Verify(d.network.ID, key); err != nil {
		return err
	}
	if claim.Channel != d.channel {
		return errOtherChannel
	}
	if claim.Session != d.quote.Quote.Session {
		if best.Owed() != before {
			return errBefore
		}
		d.shown[claim.Lane] = true
		return nil
	}
	if !d.quoted(claim.Quote) || claim.Unit != d.quote.Quote.Unit {
		return errOtherQuote
	}
	return d.checkPaidReading(best)
}

// checkPaidReading finds the reading that a claim pays for.
func (d *dossier) checkPaidReading(best channel.Best) error {
	claim := best.Signed.Claim
	for i, reading := range d.readings {
		if channel.Hash(reading.Hash()) != claim.Reading {
			continue
		}
		if claim.Quantity != d.quantity(i) {
			return errQuantity
		}
		d.paidFor = max(d.paidFor, i)
		d.claims[claim.Lane] = best
		return nil
	}
	return errNoReading
}

// lanes gives both lanes at the end of the session.
func (d *dossier) lanes() channel.PerLane {
	lanes := d.evidence.before()
	for l, best := range d.claims {
		if !best.IsZero() {
			lanes[l] = best.Owed()
		}
	}
	return lanes
}

func tariffIDs(quotes []quote.Signed) ([]string, error) {
	var ids []string
	for _, q := range quotes {
		tariff, err := q.Quote.ParseTariff()
		if err != nil {
			return nil, err
		}
		ids = append(ids, tariff.ID())
	}
	return ids, nil
}

// checkCost prices the session again, and compares at the reading that was paid for.
func (d *dossier) checkCost() error {
	bill, err := newBill(d.quotes)
	if err != nil {
		return err
	}
	var due money.Amount // at the reading that was paid for
	for i, reading := range d.readings {
		if _, err := bill.Add(reading); err != nil {
			return fmt.Errorf("reading %d: %w", i, err)
		}
		if i != d.paidFor && i != len(d.readings)-1 {
			continue
		}
		if d.payable, err = bill.Net(reading.State == meter.Ended); err != nil {
			return err
		}
		if i == d.paidFor {
			due = d.payable
		}
	}
	if err := d.keepCost(bill); err != nil {
		return err
	}
	if d.tariffs, err = tariffIDs(d.quotes[:bill.InForce()+1]); err != nil {
		return err
	}
	if d.paid > due {
		return fmt.Errorf("%w: %s for %s", errOverpaid, d.paid, due)
	}
	return nil
}

// keepCost keeps what was taken and what was given back, each by itself, at the last reading.
func (d *dossier) keepCost(bill *quote.Bill) error {
	var err error
	if d.cost, err = bill.Cost(d.readings[len(d.readings)-1].State == meter.Ended); err != nil {
		return err
	}
	credit, taken, err := bill.Credit()
	if err == nil && taken {
		d.credit = &credit
	}
	return err
}

// returned gives what was given back up to the last reading.
func (d *dossier) returned() int64 {
	return d.readings[len(d.readings)-1].Exported - d.readings[0].Exported
}
