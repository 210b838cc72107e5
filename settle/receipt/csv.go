package receipt

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"joulepay/meter"
	"joulepay/wallet/money"
)

// CSVHeader names the columns of WriteCSV. Times are UTC (RFC 3339), energy is in kWh, money in the currency beside it: the
// cost exact to 12 decimals, what is payable and paid to 9. A sum that the tariff does not state is empty, and so is what was given
// back where the station pays for none; payable is the cost less that credit.
var CSVHeader = []string{
	"session", "start", "end", "ended", "vehicle", "station", "evse", "service", "tariff", "unit", "quantity", "energy_kwh", "seconds",
	"currency", "cost_excl_vat", "cost_incl_vat", "payable", "paid", "unpaid", "claims", "reason", "final", "settlement",
	"returned_kwh", "credit",
}

// WriteCSV writes a header and a line for each visit (RFC 4180). Text that a spreadsheet would take for a formula is
// preceded by an apostrophe.
func WriteCSV(w io.Writer, visits []Visit) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(CSVHeader); err != nil {
		return err
	}
	for _, v := range visits {
		if err := out.Write(v.csv()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (v Visit) csv() []string {
	q, energy := v.Quote, ""
	if meter.Unit(q.Unit) == meter.MilliwattHours {
		energy = decimal(v.Quantity(), 6)
	}
	returned, credit := "", ""
	if v.Credit != nil {
		returned, credit = decimal(v.Returned(), 6), sumOf(*v.Credit)
	}
	amount := func(a money.Amount) string { return decimal(int64(a), 9) }
	return []string{
		v.Session.String(), v.Start().Format(time.RFC3339), v.End().Format(time.RFC3339), strconv.FormatBool(v.Ended()),
		v.Vehicle.String(), q.Station.String(), cell(q.EVSE), cell(q.Service), cell(strings.Join(v.tariffIDs(), ", ")),
		meter.Unit(q.Unit).String(), strconv.FormatInt(v.Quantity(), 10), energy, strconv.FormatInt(int64(v.End().Sub(v.Start())/time.Second), 10),
		q.Currency, v.Cost.ExclVAT.String(), v.Cost.InclVAT.String(), amount(v.Payable), amount(v.Paid), amount(v.Unpaid()),
		strconv.FormatUint(v.Claims, 10), cell(v.Reason), strconv.FormatBool(v.Final), v.Settlement, returned, credit,
	}
}

func (v Visit) tariffIDs() []string {
	var ids []string
	for _, t := range v.Tariffs {
		ids = append(ids, t.ID())
	}
	return ids
}

// cell makes text safe that somebody else wrote: spreadsheets run what begins with these.
func cell(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if trimmed := strings.TrimLeft(text, " \u00a0"); trimmed != "" && strings.ContainsRune("=+-@", []rune(trimmed)[0]) {
		return "'" + text
	}
	return text
}
