package market

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ocpiTariff is an OCPI Tariff object, valid as 2.2.1 and 2.3.0.
type ocpiTariff struct {
	Country     string        `json:"country_code"`
	Party       string        `json:"party_id"`
	ID          string        `json:"id"`
	Currency    string        `json:"currency"`
	Type        string        `json:"type"`
	AltText     []ocpiText    `json:"tariff_alt_text"`
	TaxIncluded string        `json:"tax_included"`
	Start       string        `json:"start_date_time"`
	End         string        `json:"end_date_time"`
	Elements    []ocpiElement `json:"elements"`
	Updated     string        `json:"last_updated"`
}

type ocpiText struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

type ocpiElement struct {
	Components   []ocpiComponent   `json:"price_components"`
	Restrictions *ocpiRestrictions `json:"restrictions,omitempty"`
}

type ocpiComponent struct {
	Type  string      `json:"type"`
	Price json.Number `json:"price"`
	VAT   json.Number `json:"vat,omitempty"`
	Step  int         `json:"step_size"`
}

type ocpiRestrictions struct {
	StartTime string `json:"start_time"`
	EndTime   string `json:"end_time"`
	StartDate string `json:"start_date"`
	EndDate   string `json:"end_date"`
}

func (t Terms) document(list []priced, from, until time.Time) ocpiTariff {
	d := ocpiTariff{
		Country: or(t.Country, "DE"), Party: or(t.Party, "JOU"), ID: or(t.ID, "market"), Currency: "EUR", Type: "AD_HOC_PAYMENT",
		AltText: []ocpiText{{"en", t.words()}}, TaxIncluded: "N/A", Start: stamp(from), End: stamp(until), Updated: stamp(from),
	}
	if t.VAT != nil {
		d.TaxIncluded = "NO"
	}
	highest := list[0].price
	for _, run := range list {
		if run.price.cmp(highest) > 0 {
			highest = run.price
		}
		d.Elements = append(d.Elements, ocpiElement{t.energy(run.price), run.restrictions()})
	}
	if t.Fallback != nil {
		highest = *t.Fallback
	}
	d.Elements = append(d.Elements, ocpiElement{t.energy(highest), nil})
	return d
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (t Terms) energy(price Decimal) []ocpiComponent {
	c := ocpiComponent{Type: "ENERGY", Price: json.Number(price.rounded(pricePlaces)), Step: 1}
	if t.VAT != nil {
		c.VAT = json.Number(t.VAT.rounded(pricePlaces))
	}
	return []ocpiComponent{c}
}

// restrictions name the run's day and times. "00:00" ends the day.
func (p priced) restrictions() *ocpiRestrictions {
	date := func(day int64) string { return time.Unix(day*86_400, 0).UTC().Format(time.DateOnly) }
	clock := func(minute int64) string { return fmt.Sprintf("%02d:%02d", minute/60%24, minute%60) }
	return &ocpiRestrictions{clock(p.minute), clock(p.minute + p.minutes), date(p.day), date(p.day + 1)}
}

// words tell drivers the rule behind the prices.
func (t Terms) words() string {
	parts := []string{fmt.Sprintf("Energy at the day-ahead market price times %s plus %s EUR/kWh, before tax", t.Factor, t.Margin)}
	if t.Hourly {
		parts = append(parts, "by the mean of the hour")
	}
	if t.Floor != nil {
		parts = append(parts, fmt.Sprintf("at least %s", t.Floor))
	}
	if t.Cap != nil {
		parts = append(parts, fmt.Sprintf("at most %s", t.Cap))
	}
	if t.Fallback != nil {
		parts = append(parts, fmt.Sprintf("and %s where no price is known", t.Fallback))
	} else {
		parts = append(parts, "and at the highest price stated here where no price is known")
	}
	return strings.Join(parts, ", ") + "."
}
