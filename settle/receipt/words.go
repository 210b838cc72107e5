package receipt

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
)

// Words tells a receipt to a person: who paid whom, how much, for what, at which tariff, with how many claims and
// ledger vertices, and whether it is final. It believes the summary: Verify first.
func Words(r Receipt) string {
	s := r.Summary
	var b strings.Builder
	payer, payee := "Vehicle "+s.Vehicle.String(), "station "+s.Station.String()
	paid := s.Paid
	if paid.Amount < 0 {
		payer, payee = "Station "+s.Station.String(), "vehicle "+s.Vehicle.String()
		if positive, err := paid.Amount.Neg(); err == nil {
			paid.Amount = positive
		}
	}
	fmt.Fprintf(&b, "%s\npaid %s to %s\n", payer, paid, payee)
	fmt.Fprintf(&b, "for %s", amountOf(s))
	if s.EVSE != "" {
		fmt.Fprintf(&b, " at %s", printable(s.EVSE))
	}
	if s.Returned > 0 {
		fmt.Fprintf(&b, ", and %s kWh given back", decimal(s.Returned, 6))
	}
	fmt.Fprintf(&b, ", %s to %s UTC.\n", s.Start.UTC().Format(time.DateTime), s.End.UTC().Format(time.DateTime))
	if s.Payout != s.Station {
		fmt.Fprintf(&b, "The station is paid to the account of %s.\n", s.Payout)
	}
	if s.Unpaid.Amount != 0 {
		fmt.Fprintf(&b, "The tariff asks for %s: %s is unpaid.\n", s.Payable, s.Unpaid)
	}
	for i, raw := range append([][]byte{r.Evidence.Quote}, r.Evidence.Requotes...) {
		if i > 0 {
			b.WriteString("Then:\n")
		}
		b.WriteString(tariffInWords(raw, s.Unit))
	}
	b.WriteString(proofInWords(r.Evidence.Readings))
	fmt.Fprintf(&b, "%s and %s", count(s.Claims, "signed claim"), count(uint64(s.Vertices), "ledger vertex"))
	if s.Settlement != "" {
		fmt.Fprintf(&b, "; settled by vertex %s", s.Settlement)
	}
	b.WriteString(".\n" + finality(s))
	return b.String()
}

func finality(s Summary) string {
	if !s.Final || s.Checkpoint == nil {
		return "Not final yet: no certified checkpoint covers the claims.\n"
	}
	return fmt.Sprintf("Final: certified in checkpoint %d of %s UTC.\n", s.Checkpoint.Number, s.Checkpoint.Time.UTC().Format(time.DateTime))
}

// amountOf gives what was bought: "9.632 kWh", "1h30m0s of parking", "3 passages", "1000 messages", "3 pieces of watering".
func amountOf(s Summary) string {
	service := ""
	if s.Service != "" && s.Service != "charging" {
		service = " of " + printable(s.Service)
	}
	switch s.Unit {
	case "mWh":
		return decimal(s.Quantity, 6) + " kWh" + service
	case "s":
		return (time.Duration(s.Quantity) * time.Second).String() + service
	}
	piece, known := map[string]string{"toll": "passage", "data": "message"}[s.Service]
	if known {
		return count(uint64(max(s.Quantity, 0)), piece)
	}
	return count(uint64(max(s.Quantity, 0)), "piece") + service
}

// tariffInWords explains the tariff inside the quote; a receipt whose quote cannot be read has nothing to explain.
func tariffInWords(raw []byte, unit string) string {
	signed, err := quote.Parse(raw, quote.AnyKey)
	if err != nil {
		return ""
	}
	tariff, err := signed.Quote.ParseTariff()
	if err != nil {
		return ""
	}
	giveBack, err := signed.Quote.ParseGiveBack()
	if err != nil || giveBack == nil {
		return quote.TariffWords(tariff, unit)
	}
	return quote.TariffWords(tariff, unit) + "For energy that the vehicle gives back, the station pays by another one:\n" + giveBack.Describe()
}

// sumOf gives the exact sum of a cost, after tax where that is stated.
func sumOf(c pricing.Cost) string {
	if c.InclVAT.Known() {
		return c.InclVAT.String()
	}
	return c.ExclVAT.String()
}

// proofShown is how much is shown of a message that a meter cannot be believed for; all of it is in the reading.
const proofShown = 160

// proofInWords tells what the last reading proves by more than the station's word.
func proofInWords(readings [][]byte) string {
	if len(readings) == 0 {
		return ""
	}
	last, err := meter.DecodeSigned(readings[len(readings)-1])
	switch {
	case err != nil:
		return ""
	case last.Reading.Attestation == meter.AttestedOCMF:
		return "It ends on what the meter itself signed (OCMF).\n"
	case bytes.HasPrefix(last.Evidence, []byte("OCMF|")):
		return "A record that the meter signed (OCMF) comes with it; the station stands behind what is billed.\n"
	case bytes.HasPrefix(last.Evidence, []byte("OCPP|")):
		return fmt.Sprintf("The meter could not be believed any further, and nothing after that is billed. What it said is kept in the last reading: %.*q\n",
			proofShown, last.Evidence)
	}
	return ""
}

func count(n uint64, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "vertex"):
		return fmt.Sprintf("%d %s", n, strings.TrimSuffix(what, "ex")+"ices")
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printable quotes what a station wrote, when it is not plain.
func printable(text string) string {
	quoted := fmt.Sprintf("%q", text)
	if quoted == `"`+text+`"` {
		return text
	}
	return quoted
}
