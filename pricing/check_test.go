package pricing

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckWarnsOfWhatNeverMatches(t *testing.T) {
	component := func(kind string) string {
		return `{"price_components":[{"type":"` + kind + `","price":1,"vat":0,"step_size":1}]`
	}
	energy, fee := component("ENERGY"), component("FLAT")
	where := func(element, restrictions string) string { return element + `,"restrictions":{` + restrictions + `}}` }
	for name, c := range map[string]struct {
		elements []string
		want     []string
	}{
		"fine":                       {[]string{where(energy, `"max_kwh":5`), energy + `}`}, nil},
		"behind a default":           {[]string{energy + `}`, where(energy, `"max_kwh":5`)}, []string{"element 2: ENERGY never applies"}},
		"other dimension":            {[]string{energy + `}`, where(fee, `"max_kwh":5`)}, nil},
		"behind one that holds more": {[]string{where(energy, `"max_power":20`), where(energy, `"max_power":10`), energy + `}`}, []string{"element 2: ENERGY never applies"}},
		"day covered by two halves": {[]string{where(energy, `"start_time":"06:00","end_time":"22:00"`), where(energy, `"start_time":"22:00","end_time":"06:00"`), energy + `}`},
			[]string{"element 3: ENERGY never applies"}},
		"week covered by weekdays": {[]string{where(energy, `"day_of_week":["SATURDAY","SUNDAY"]`), where(energy, `"day_of_week":["MONDAY","TUESDAY","WEDNESDAY","THURSDAY","FRIDAY"]`), energy + `}`},
			[]string{"element 3: ENERGY never applies"}},
		"almost covered":           {[]string{where(energy, `"max_kwh":5`), where(energy, `"min_kwh":5.001`), energy + `}`}, nil},
		"empty energy":             {[]string{where(energy, `"min_kwh":5,"max_kwh":5`), energy + `}`}, []string{"element 1: never matches: the energy"}},
		"empty time":               {[]string{where(energy, `"start_time":"08:00","end_time":"08:00"`), energy + `}`}, []string{"element 1: never matches: the time"}},
		"empty dates":              {[]string{where(energy, `"start_date":"2025-06-02","end_date":"2025-06-02"`), energy + `}`}, []string{"element 1: never matches: the date"}},
		"weekday outside of dates": {[]string{where(energy, `"start_date":"2025-06-02","end_date":"2025-06-04","day_of_week":["SUNDAY"]`), energy + `}`}, []string{"element 1: never matches: none of its weekdays"}},
		"energy of a reservation":  {[]string{where(energy, `"reservation":"RESERVATION"`), energy + `}`}, []string{"element 1: ENERGY never applies: a reservation"}},
		"only reservations":        {[]string{where(fee, `"reservation":"RESERVATION"`)}, []string{"nothing prices a charging session"}},
	} {
		t.Run(name, func(t *testing.T) {
			tariff := mustTariff(t, `{"id":"c","currency":"EUR","elements":[`+strings.Join(c.elements, ",")+`]}`)
			warnings := Check(tariff)
			if name == "other dimension" {
				warnings = slices.DeleteFunc(warnings, func(w Warning) bool { return w.Element < 0 })
			}
			if len(warnings) != len(c.want) {
				t.Fatalf("%q, want %q", warnings, c.want)
			}
			for i, w := range warnings {
				if !strings.HasPrefix(w.String(), c.want[i]) {
					t.Errorf("%q, want %q", w, c.want[i])
				}
			}
		})
	}
}

func TestCheckWarnsOfTheTariffAsAWhole(t *testing.T) {
	tariff := mustTariff(t, `{"id":"c","currency":"EUR","tax_included":"NO","start_date_time":"2025-01-02T00:00:00Z","end_date_time":"2025-01-01T00:00:00Z",
		"min_price":{"before_taxes":5},"max_price":{"before_taxes":4},"elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`)
	all := ""
	for _, w := range Check(tariff) {
		all += w.String() + "\n"
	}
	for _, part := range []string{"ends before it begins", "above the maximum", "states no VAT", "neither energy nor charging time"} {
		if !strings.Contains(all, part) {
			t.Errorf("%q is not in\n%s", part, all)
		}
	}
}

func TestDescribeSaysEveryPriceAndCondition(t *testing.T) {
	tariff := mustTariff(t, `{"id":"d","currency":"EUR","min_price":{"excl_vat":1,"incl_vat":1.19},"tariff_alt_text":[{"language":"en","text":"a\nb"}],"elements":[
		{"price_components":[{"type":"ENERGY","price":0.49,"vat":19,"step_size":100}],"restrictions":{"start_time":"22:00","end_time":"06:00","day_of_week":["FRIDAY"],"min_power":11,"max_kwh":30}},
		{"price_components":[{"type":"PARKING_TIME","price":6,"vat":5.2,"step_size":60}],"restrictions":{"min_duration":3600}},
		{"price_components":[{"type":"TIME","price":2,"step_size":1}],"restrictions":{"reservation":"RESERVATION"}}]}`)
	got := tariff.Describe()
	for _, part := range []string{
		`1. 0.49 EUR per kWh (19 % VAT), in steps of 100 Wh - on Friday, from 22:00, until 06:00, below 30 kWh taken, at 11 kW or more`,
		`2. 6 EUR per hour of parking without charging (5.2 % VAT), in steps of 1 min - after 60 min`,
		`3. 2 EUR per hour of reservation - for a reservation`,
		`A session costs at least 1 EUR before and 1.19 EUR after tax.`,
		`("en"): "a\nb"`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
}
