package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// series is a session's readings, priced one after the other as its bill was. Readings never change, so it only grows.
type series struct {
	bill     *quote.Bill
	unit     meter.Unit
	currency money.Currency
	quotes   int // that the bill knows
	readings []client.Reading
	hashes   [][32]byte   // of the readings
	share    money.Amount // of what UnitPrice is about, by the last reading
}

// seriesMax is how many priced sessions are remembered: those that people look at, 2,880 readings for eight hours of each.
const seriesMax = 32

// seriesOf remembers the series that were asked for last.
type seriesOf struct {
	mu     sync.Mutex // guards what follows, and every series
	order  []channel.SessionID
	series map[channel.SessionID]*series
}

// of gives the series of a session, or a new one in place of the one that was asked for longest ago.
func (m *seriesOf) of(id channel.SessionID) *series {
	if i := slices.Index(m.order, id); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
	} else if len(m.order) == seriesMax {
		delete(m.series, m.order[0])
		m.order = m.order[1:]
	}
	m.order = append(m.order, id)
	if m.series == nil {
		m.series = map[channel.SessionID]*series{}
	}
	if m.series[id] == nil {
		m.series[id] = &series{}
	}
	return m.series[id]
}

func (m *seriesOf) forget(id channel.SessionID) {
	m.order = slices.DeleteFunc(m.order, func(other channel.SessionID) bool { return other == id })
	delete(m.series, id)
}

// Readings gives a page of a session's readings, oldest first. The cursor is the sequence of the last one of the page before.
func (h History) Readings(ctx context.Context, id client.SessionID, q client.ReadingQuery) (client.Page[client.Reading], error) {
	page := client.Page[client.Reading]{Items: []client.Reading{}}
	record, err := h.record(ctx, id)
	if err != nil {
		return page, err
	}
	from, err := readingsFrom(q)
	if err != nil {
		return page, err
	}
	h.series.mu.Lock()
	defer h.series.mu.Unlock()
	s := h.series.of(record.ID)
	if err := h.extend(ctx, s, record); err != nil {
		h.series.forget(record.ID)
		return page, fmt.Errorf("session %s: %w", record.ID, err)
	}
	paid, err := h.paidUpTo(ctx, s, record)
	if err != nil {
		return page, err
	}
	from = min(from, uint64(len(s.readings)))
	upTo := min(from+uint64(limitOf(q.PageQuery)), uint64(len(s.readings)))
	page.Items = append(page.Items, s.readings[from:upTo]...)
	for i := range page.Items {
		page.Items[i].Claimed = page.Items[i].Sequence < uint64(paid)
	}
	if upTo < uint64(len(s.readings)) {
		page.Next = strconv.FormatUint(upTo-1, 10)
	}
	return page, nil
}

func limitOf(q client.PageQuery) int {
	if q.Limit <= 0 {
		return client.PageSizeDefault
	}
	return q.Limit
}

func readingsFrom(q client.ReadingQuery) (uint64, error) {
	var from uint64
	if q.After != nil {
		from = min(*q.After, 1<<62) + 1
	}
	if q.Cursor == "" {
		return from, nil
	}
	last, err := strconv.ParseUint(q.Cursor, 10, 62)
	if err != nil {
		return 0, client.NewProblem(client.ErrBadRequest, "the cursor is not one of this list", "leave it out to begin with the first")
	}
	return max(from, last+1), nil
}

// record gives a stored session, or client.ErrNotFound.
func (h History) record(ctx context.Context, id client.SessionID) (session.SessionRecord, error) {
	record, err := h.store.Session(ctx, channel.SessionID(id))
	if errors.Is(err, store.ErrNotFound) {
		return record, client.NewProblem(client.ErrNotFound, "no session "+id.String(), "`chargepoint sessions list` shows those that exist")
	}
	return record, err
}

// paidUpTo gives the number of readings that claims pay for: all when nothing is owed, else those up to the one that the
// vehicle's best claim of this session names.
func (h History) paidUpTo(ctx context.Context, s *series, r session.SessionRecord) (int, error) {
	if r.Cost <= r.Paid {
		return len(s.readings), nil
	}
	ch, err := h.store.Channel(ctx, r.Channel)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	claim := ch.Side.In.Signed.Claim
	if claim.Session != r.ID {
		return 0, nil
	}
	return slices.Index(s.hashes, [32]byte(claim.Reading)) + 1, nil
}

// extend adds the readings that the series does not have yet.
func (h History) extend(ctx context.Context, s *series, r session.SessionRecord) error {
	if err := s.quote(r.Quotes()); err != nil {
		return err
	}
	if s.bill != nil && uint64(len(s.readings)) == r.Sequence+1 {
		return nil
	}
	stored, err := h.store.Readings(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, one := range stored[min(len(s.readings), len(stored)):] {
		if err := s.add(one.Signed); err != nil {
			return err
		}
	}
	return nil
}

// quote tells the bill of the quotes that it does not know yet.
func (s *series) quote(quotes [][]byte) error {
	for _, raw := range quotes[min(s.quotes, len(quotes)):] {
		signed, err := quote.Parse(raw, quote.AnyKey)
		if err != nil {
			return err
		}
		if s.bill == nil {
			s.bill, err = quote.NewBill(signed.Quote)
			if err == nil {
				s.unit = meter.Unit(signed.Quote.Unit)
				s.currency, err = money.ParseCurrency(signed.Quote.Currency)
			}
		} else {
			err = s.bill.Follow(signed.Quote)
		}
		if err != nil {
			return err
		}
		s.quotes++
	}
	return nil
}

func (s *series) add(signed []byte) error {
	decoded, err := meter.DecodeSigned(signed)
	if err != nil {
		return err
	}
	reading := decoded.Reading
	amount, err := s.bill.Add(reading)
	if err != nil {
		return err
	}
	shown := client.Reading{
		Sequence: reading.Sequence, Time: reading.Time, State: reading.State.String(), Quantity: s.bill.Quantity(reading),
		Amount: money.Of(amount, s.currency),
	}
	if s.unit == meter.MilliwattHours {
		energy := client.Energy(shown.Quantity)
		shown.EnergyWh, shown.PowerW = &energy, watts(reading.PowerMilliwatts)
		if returned := client.Energy(s.bill.Returned(reading)); returned != 0 {
			shown.ReturnedWh = &returned
		}
	}
	if reading.StateOfChargePermille != meter.StateOfChargeUnknown {
		shown.StateOfCharge = percent(reading.StateOfChargePermille)
	}
	if err := s.price(&shown); err != nil {
		return err
	}
	s.readings, s.hashes = append(s.readings, shown), append(s.hashes, reading.Hash())
	return nil
}

// price tells what a unit cost since the reading before, fees aside.
func (s *series) price(shown *client.Reading) error {
	cost, err := s.bill.Cost(false)
	if err != nil {
		return err
	}
	share, err := shareOf(cost, s.unit)
	if err != nil {
		return err
	}
	before := s.share
	s.share = share
	if len(s.readings) == 0 {
		return nil
	}
	flowed := shown.Quantity - s.readings[len(s.readings)-1].Quantity
	if flowed <= 0 {
		return nil
	}
	each, err := (share - before).MulDiv(quote.UnitsPerPriced(uint8(s.unit)), flowed)
	if err != nil {
		return nil // a price beyond every bound is not shown
	}
	const sure = 1000 // amounts are rounded to 10⁻⁹ each, so that their difference is good for six decimals
	price := money.Of((each+sure/2)/sure*sure, s.currency)
	shown.UnitPrice = &price
	return nil
}

// shareOf gives what the units themselves cost: energy, or time, or pieces.
func shareOf(c pricing.Cost, unit meter.Unit) (money.Amount, error) {
	if unit == meter.Count {
		return c.Payable(), nil
	}
	shares, err := c.Shares()
	if err != nil {
		return 0, err
	}
	var sum money.Amount
	for _, share := range shares {
		energy, time := share.Type == pricing.Energy, share.Type == pricing.Time || share.Type == pricing.ParkingTime
		if energy && unit == meter.MilliwattHours || time && unit == meter.Seconds {
			sum += share.Amount
		}
	}
	return sum, nil
}

// watts gives milliwatts as whole watts.
func watts(milliwatts int64) string { return strconv.FormatInt(milliwatts/1000, 10) }

// percent gives a state of charge as decimal text.
func percent(permille int16) string { return strconv.FormatFloat(float64(permille)/10, 'f', 1, 64) }
