package party

import (
	"fmt"
	"time"

	"joulepay/channel/session"
	"joulepay/meter"
	"joulepay/wallet/money"
)

// ProgressLine tells how a session goes: time, energy, power, state of charge, amount, claims.
func ProgressLine(p session.Progress, currency money.Currency) string {
	what := p.Phase.String()
	if p.Note != "" && p.Phase != session.PhaseCharging {
		what = p.Note
	}
	if p.Phase < session.PhaseCharging {
		return what
	}
	soc := ""
	if p.SoCPermille != meter.StateOfChargeUnknown {
		soc = fmt.Sprintf("  %4.1f %%", float64(p.SoCPermille)/10)
	}
	return fmt.Sprintf("%s  %8.3f kWh  %6.1f kW%s  %s %s  %d claims  %s",
		p.Elapsed.Truncate(time.Second), float64(p.Quantity)/1e6, float64(p.Power)/1e6, soc, p.Paid.Cents(), currency, p.Claims, what)
}
