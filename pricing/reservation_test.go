package pricing

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reserved is a period of a CDR: reserved time, or energy and time of charging.
type reserved struct {
	seconds int64 // whole hundredths of an hour, which a CDR states exactly
	charges bool
	mwh     int64
}

// reservationPrice is the second way to price a session that begins with a reservation, or that was only reserved: each period
// by the elements that match at its start.
func reservationPrice(t *oracleTariff, start time.Time, location *time.Location, periods []reserved, lapsed bool) (excl, incl *big.Rat) {
	o := &oracle{tariff: t, uses: map[*oracleComponent]*use{}, totals: map[string]*big.Rat{}, last: map[string]*use{}}
	apart := map[*oracleComponent]*oracleComponent{} // reserved time and fee are summed apart from those of charging
	reservedKind := func(c *oracleComponent) *oracleComponent {
		if c != nil && apart[c] == nil {
			own := *c
			own.Type = "RESERVED " + c.Type
			apart[c] = &own
		}
		return apart[c]
	}
	first := func(reservation, kind string, local time.Time, elapsed, energy int64) *oracleComponent {
		for i := range t.Elements {
			e := &t.Elements[i]
			if e.Restrictions.Reservation != reservation || !e.Restrictions.match(local, elapsed, big.NewRat(energy, 1_000_000), new(big.Rat), new(big.Rat)) {
				continue
			}
			for j := range e.Components {
				if e.Components[j].Type == kind {
					return &e.Components[j]
				}
			}
		}
		return nil
	}
	at, energy, fee, reservedFee, chargingFrom := int64(0), int64(0), false, false, int64(-1)
	for _, p := range periods {
		local := start.Add(time.Duration(at) * time.Second).In(location)
		hours := big.NewRat(p.seconds, 3600)
		if p.charges {
			if chargingFrom < 0 {
				chargingFrom = at
			}
			o.bill(first("", "ENERGY", local, at-chargingFrom, energy), big.NewRat(p.mwh, 1_000_000))
			o.bill(first("", "TIME", local, at-chargingFrom, energy), hours)
			if c := first("", "FLAT", local, at-chargingFrom, energy); c != nil && !fee {
				o.bill(c, big.NewRat(1, 1))
				fee = true
			}
			energy += p.mwh
		} else {
			either := func(kind string) *oracleComponent {
				if c := first("RESERVATION_EXPIRES", kind, local, at, 0); lapsed && c != nil {
					return reservedKind(c)
				}
				return reservedKind(first("RESERVATION", kind, local, at, 0))
			}
			o.bill(either("TIME"), hours)
			if c := either("FLAT"); c != nil && !reservedFee {
				o.bill(c, big.NewRat(1, 1))
				reservedFee = true
			}
		}
		at += p.seconds
	}
	o.round("ENERGY", big.NewRat(1, 1000))
	o.round("TIME", big.NewRat(1, 3600))
	o.round("RESERVED TIME", big.NewRat(1, 3600))
	return o.sums(true)
}

// reservedSession draws a session that begins with a reservation, or that was never more.
func (d draw) reservedSession() (periods []reserved, lapsed bool) {
	for range d.int(1, 3, "reserved") {
		periods = append(periods, reserved{seconds: 36 * d.int(1, 50, "hundredths")})
	}
	if lapsed = d.maybe(2, "lapsed"); !lapsed {
		for range d.int(1, 3, "charging") {
			periods = append(periods, reserved{seconds: 36 * d.int(1, 50, "hundredths"), charges: true, mwh: 1000 * d.int(1, 20_000, "Wh")})
		}
	}
	return periods, lapsed
}

// reservedTariff draws a tariff of elements for reservations, those that lapse, and charging.
func (d draw) reservedTariff(start time.Time, location *time.Location) *oracleTariff {
	t := d.tariff(start, location, []leg{{seconds: 1}})
	for i := range t.Elements {
		r := &t.Elements[i].Restrictions
		r.MinPower, r.MaxPower, r.MinCurrent, r.MaxCurrent = "", "", "", "" // a CDR of volumes states neither
		r.Reservation = pick(d, []string{"", "RESERVATION", "RESERVATION", "RESERVATION_EXPIRES"}, "reservation")
		if r.Reservation == "" {
			continue
		}
		r.MinKWh, r.MaxKWh = "", ""
		var only []oracleComponent
		for _, c := range t.Elements[i].Components {
			if c.Type == "TIME" || c.Type == "FLAT" {
				only = append(only, c)
			}
		}
		if only == nil {
			only = []oracleComponent{{Type: "TIME", Price: "1.2", Step: 60}}
		}
		t.Elements[i].Components = only
	}
	return t
}

func reservedCDR(start time.Time, location *time.Location, periods []reserved, lapsed bool) []byte {
	kind, at, list := "reservation+charging", start, []string{}
	if lapsed {
		kind = "reservation-expired"
	}
	for _, p := range periods {
		hours := big.NewRat(p.seconds, 3600).FloatString(2)
		volumes := fmt.Sprintf(`{"type":"RESERVATION_TIME","volume":%s}`, hours)
		if p.charges {
			volumes = fmt.Sprintf(`{"type":"ENERGY","volume":%s},{"type":"TIME","volume":%s}`, big.NewRat(p.mwh, 1_000_000).FloatString(6), hours)
		}
		list = append(list, fmt.Sprintf(`{"start_date_time":%q,"dimensions":[%s]}`, at.UTC().Format(time.RFC3339), volumes))
		at = at.Add(time.Duration(p.seconds) * time.Second)
	}
	return fmt.Appendf(nil, `{"start_date_time":%q,"end_date_time":%q,"time_zone":%q,"kind":%q,"charging_periods":[%s]}`,
		start.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339), location, kind, strings.Join(list, ","))
}

func TestReservationsEqualASecondWayToPriceThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw{t}
		location, err := LoadLocation(pick(d, oracleZones, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		start, err := time.Parse(time.RFC3339, pick(d, oracleStarts, "start"))
		if err != nil {
			t.Fatal(err)
		}
		drawn := d.reservedTariff(start, location)
		document, err := json.Marshal(drawn)
		if err != nil {
			t.Fatal(err)
		}
		tariff, err := ParseTariff(document)
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		periods, lapsed := d.reservedSession()
		session := reservedCDR(start, location, periods, lapsed)
		cost, err := CostOfCDR(tariff, session, nil)
		if err != nil {
			t.Fatalf("%s: %v", session, err)
		}
		excl, incl := reservationPrice(drawn, start, location, periods, lapsed)
		if !sameSum(cost.ExclVAT, excl) || !sameSum(cost.InclVAT, incl) {
			t.Fatalf("%s before tax and %s after, want %v and %v: %s %s", cost.ExclVAT, cost.InclVAT, excl, incl, document, session)
		}
	})
}
