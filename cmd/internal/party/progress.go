package party

import (
	"fmt"
	"time"

	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// PriceWords shows an amount in cents, or exactly where cents would hide what there is: a message for 0.001.
func PriceWords(a money.Amount) string {
	const fewCents = 5 * money.Nano / 100
	if a%(money.Nano/100) != 0 && a < fewCents {
		return a.String()
	}
	return a.Cents()
}

// ProgressLine tells how a session goes: time, energy, power, state of charge, amount, claims.
func ProgressLine(p session.Progress, currency money.Currency) string {
	what := p.Phase.String()
	if p.Note != "" && p.Phase != session.PhaseCharging {
		what = p.Note
	}
	if p.Phase < session.PhaseCharging {
		return what
	}
	if unitOf(p.Service) != meter.MilliwattHours {
		return fmt.Sprintf("%s  %s  %s %s  %d claims  %s", p.Elapsed.Truncate(time.Second),
			QuantityWords(p.Service, unitOf(p.Service).String(), p.Quantity), PriceWords(p.Paid), currency, p.Claims, what)
	}
	soc := ""
	if p.SoCPermille != meter.StateOfChargeUnknown {
		soc = fmt.Sprintf("  %4.1f %%", float64(p.SoCPermille)/10)
	}
	back := ""
	if p.Returned > 0 {
		back = fmt.Sprintf("  %.3f kWh back", float64(p.Returned)/1e6)
	}
	return fmt.Sprintf("%s  %8.3f kWh%s  %6.1f kW%s  %s %s  %d claims  %s",
		p.Elapsed.Truncate(time.Second), float64(p.Quantity)/1e6, back, float64(p.Power)/1e6, soc, p.Paid.Cents(), currency, p.Claims, what)
}
