package pricing

import (
	"fmt"
	"strings"
	"time"
)

// Describe explains the tariff in plain words, one element a line. Texts that the operator wrote are quoted.
func (t *Tariff) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Tariff %q in %s, %s.\n", t.id, t.currency, t.describeTax())
	if !t.validFrom.IsZero() {
		fmt.Fprintf(&b, "Valid from %s.\n", t.validFrom.Format(time.RFC3339))
	}
	if !t.validUntil.IsZero() {
		fmt.Fprintf(&b, "Valid until %s.\n", t.validUntil.Format(time.RFC3339))
	}
	b.WriteString("For each of energy, time and fee, the first line that matches applies; what no line prices is free.\n")
	for i := range t.elements {
		fmt.Fprintf(&b, "%d. %s\n", i+1, t.describeElement(&t.elements[i]))
	}
	describeLimit(&b, "at least", t.min, t.currency.String())
	describeLimit(&b, "at most", t.max, t.currency.String())
	t.describeRest(&b)
	return b.String()
}

func (t *Tariff) describeTax() string {
	switch t.tax {
	case taxIncluded:
		return "tax included in the prices"
	case taxNone:
		return "no tax applies"
	}
	return "prices before tax"
}

func (t *Tariff) describeElement(e *element) string {
	var prices []string
	for kind := range componentTypes {
		if e.types.has(kind) {
			prices = append(prices, t.describeComponent(&t.components[e.components[kind]], e.when.reservation))
		}
	}
	text := strings.Join(prices, "; ")
	if conditions := e.when.describe(); conditions != "" {
		text += " - " + conditions
	}
	return text
}

func (t *Tariff) describeComponent(c *component, use Reservation) string {
	unit := [componentTypes]string{"per kWh", "per hour of charging", "per hour of parking without charging", "once a session"}[c.kind]
	if use != NoReservation {
		unit = [componentTypes]string{"per kWh (never applies)", "per hour of reservation", "per hour of parking (never applies)", "once a reservation"}[c.kind]
	}
	text := fmt.Sprintf("%s %s %s", c.price, t.currency, unit)
	if r := t.rates[c.rate]; r.stated {
		text += fmt.Sprintf(" (%s %% VAT)", fixed(r.factor-rateScale)*vatUnit)
	}
	switch {
	case c.step == 0:
	case c.kind == Energy && c.step > quantityWattHour:
		text += fmt.Sprintf(", in steps of %d Wh", c.step/quantityWattHour)
	case c.kind != Energy && c.step > quantitySecond:
		text += ", in steps of " + showSeconds(int64(c.step/quantitySecond))
	}
	return text
}

func (r *restriction) describe() string {
	var list []string
	switch r.reservation {
	case Reserved:
		list = append(list, "for a reservation")
	case ReservationExpired:
		list = append(list, "for a reservation that expired")
	}
	if r.weekdays != everyWeekday {
		var days []string
		for day := time.Sunday; day <= time.Saturday; day++ {
			if r.weekdays>>uint(day)&1 == 1 {
				days = append(days, day.String())
			}
		}
		list = append(list, "on "+strings.Join(days, ", "))
	}
	for _, part := range []struct {
		axis     axis
		from, to string
		show     func(int64) string
	}{
		{axisSecond, "from", "until", showTime},
		{axisDay, "from", "before", showDay},
		{axisElapsed, "after", "before", showSeconds},
		{axisEnergy, "from", "below", func(v int64) string { return fixed(v/quantityPerFixed).String() + " kWh taken" }},
		{axisPower, "at", "below", func(v int64) string { return fixed(v).String() + " kW" }},
		{axisCurrent, "at", "below", func(v int64) string { return fixed(v).String() + " A" }},
	} {
		if s := r.spans[part.axis]; s.from != everything.from {
			list = append(list, part.from+" "+part.show(s.from)+orMore(part.axis))
		}
		if s := r.spans[part.axis]; s.until != everything.until {
			list = append(list, part.to+" "+part.show(s.until))
		}
	}
	return strings.Join(list, ", ")
}

func orMore(a axis) string {
	if a == axisPower || a == axisCurrent {
		return " or more"
	}
	return ""
}

func showTime(second int64) string { return fmt.Sprintf("%02d:%02d", second/3600, second/60%60) }

func showSeconds(seconds int64) string {
	if seconds%60 == 0 {
		return fmt.Sprintf("%d min", seconds/60)
	}
	return fmt.Sprintf("%d s", seconds)
}

func showDay(day int64) string { return time.Unix(day*daySeconds, 0).UTC().Format(time.DateOnly) }

func describeLimit(b *strings.Builder, bound string, l limits, currency string) {
	if l.excl.Known() {
		fmt.Fprintf(b, "A session costs %s %s %s before and %s %s after tax.\n", bound, l.excl, currency, l.incl, currency)
	}
}

func (t *Tariff) describeRest(b *strings.Builder) {
	if t.mix != nil && t.mix.Green {
		b.WriteString("Energy from renewable sources, as the operator states.\n")
	}
	for _, text := range t.altTexts {
		fmt.Fprintf(b, "The operator adds (%.8q): %q\n", text.Language, text.Text)
	}
	if t.altURL != "" {
		fmt.Fprintf(b, "More at %q\n", t.altURL)
	}
}
