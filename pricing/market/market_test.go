package market_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/pricing"
	"joulepay/pricing/market"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := pricing.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func decimal(t testing.TB, text string) market.Decimal {
	t.Helper()
	d, err := market.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustParse(t testing.TB, data []byte) market.Series {
	t.Helper()
	s, err := market.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// csv writes hours or quarter hours from a time on.
func csv(start time.Time, step time.Duration, prices ...string) []byte {
	var b strings.Builder
	b.WriteString("start_utc,start_local,eur_per_mwh\n")
	for i, p := range prices {
		at := start.Add(time.Duration(i) * step).UTC().Format(time.RFC3339)
		fmt.Fprintf(&b, "%s,%s,%s\n", at, at, p)
	}
	return []byte(b.String())
}

// priceAt prices one kWh that flows within a second of a time, in a session that begins at started.
func priceAt(t testing.TB, tariff *pricing.Tariff, zone *time.Location, started, at time.Time) string {
	t.Helper()
	run, err := pricing.NewRun(tariff, started, zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []pricing.Sample{{Time: started}, {Time: at}, {Time: at.Add(time.Second), EnergyMilliwattHours: 1_000_000}} {
		if err := run.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	cost, err := run.Final()
	if err != nil {
		t.Fatal(err)
	}
	return cost.ExclVAT.String()
}

func TestThreeFormatsOfOneDayAreOneSeries(t *testing.T) {
	files := map[string]market.Series{
		"CSV":           mustParse(t, shared.Read(t, "data/prices/prices_de_lu_day_ahead_2024.csv")),
		"Energy-Charts": mustParse(t, shared.Read(t, "data/prices/energycharts_de_lu_2024-12-10.json")),
		"aWATTar":       mustParse(t, shared.Read(t, "data/prices/awattar_2024-12-10.json")),
	}
	for name, s := range files {
		slot, err := s.At(time.Date(2024, 12, 9, 23, 59, 59, 0, time.UTC))
		if err != nil || slot.Price.String() != "92.85" || slot.End.Sub(slot.Start) != time.Hour {
			t.Errorf("%s: %+v, %v", name, slot, err)
		}
	}
	year := files["CSV"]
	for name, s := range files {
		for _, slot := range s.Slots() {
			same, err := year.At(slot.Start)
			if err != nil || same.Price.String() != slot.Price.String() || same.End != slot.End {
				t.Errorf("%s: %+v, CSV %+v, %v", name, slot, same, err)
			}
		}
	}
}

// The market went from hours to quarter hours on 1 October 2025.
func TestAYearThatChangesItsResolutionIsRead(t *testing.T) {
	s := mustParse(t, shared.Read(t, "data/prices/prices_de_lu_day_ahead_2025.csv"))
	counts, negative := map[time.Duration]int{}, 0
	for _, slot := range s.Slots() {
		counts[slot.End.Sub(slot.Start)]++
		if strings.HasPrefix(slot.Price.String(), "-") {
			negative++
		}
	}
	if counts[time.Hour] != 6551 || counts[15*time.Minute] != 8836 || len(counts) != 2 || negative != 724 {
		t.Errorf("%v slots, %d negative", counts, negative)
	}
}

func TestI9_AFileThatIsNoSeriesIsRefusedByName(t *testing.T) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	const head = "start_utc,start_local,eur_per_mwh\n"
	line := func(at, price string) string { return at + "," + at + "," + price + "\n" }
	charts := func(seconds, prices, unit string) string {
		return fmt.Sprintf(`{"unix_seconds":[%s],"price":[%s],"unit":%q}`, seconds, prices, unit)
	}
	awattar := func(slots ...string) string { return `{"object":"list","data":[` + strings.Join(slots, ",") + `]}` }
	const hour1, hour2 = "1733785200", "1733788800"
	tests := []struct {
		name, data string
		want       error
	}{
		{"nothing", "", market.ErrFormat},
		{"a header alone", head, market.ErrFormat},
		{"another header", "time,price\n", market.ErrFormat},
		{"cents per kWh", "start_utc,start_local,cents_per_kwh\n", market.ErrUnit},
		{"a column more", head + "2025-11-03T12:00:00Z,2025-11-03T12:00:00Z,1,2\n", market.ErrFormat},
		{"no time", head + line("noon", "1"), market.ErrFormat},
		{"two moments", head + "2025-11-03T12:00:00Z,2025-11-03T12:00:00+01:00,1\n", market.ErrFormat},
		{"no number", head + line("2025-11-03T12:00:00Z", "1,5"), market.ErrFormat},
		{"a word", head + line("2025-11-03T12:00:00Z", "dear"), market.ErrNumber},
		{"an exponent", head + line("2025-11-03T12:00:00Z", "1e3"), market.ErrNumber},
		{"too many decimals", head + line("2025-11-03T12:00:00Z", "1.1234567890123"), market.ErrNumber},
		{"beyond any market", head + line("2025-11-03T12:00:00Z", "50000.01"), market.ErrNumber},
		{"below any market", head + line("2025-11-03T12:00:00Z", "-50000.01"), market.ErrNumber},
		{"an empty price", head + line("2025-11-03T12:00:00Z", ""), market.ErrGap},
		{"off the quarter hour", head + line("2025-11-03T12:05:00Z", "1"), market.ErrFormat},
		{"a time twice", string(csv(noon, 0, "1", "2")), market.ErrDuplicate},
		{"falling times", string(csv(noon, -time.Hour, "1", "2")), market.ErrOrder},
		{"an hour missing", string(csv(noon, 2*time.Hour, "1", "2", "3")), market.ErrGap},
		{"three quarters", string(csv(noon, 45*time.Minute, "1", "2", "3")), market.ErrFormat},
		{"a quarter missing", head + line("2025-11-03T12:00:00Z", "1") + line("2025-11-03T12:15:00Z", "1") + line("2025-11-03T12:45:00Z", "1") +
			line("2025-11-03T13:00:00Z", "1"), market.ErrGap},
		{"three quarters missing", head + line("2025-11-03T12:45:00Z", "1") + line("2025-11-03T13:00:00Z", "1") + line("2025-11-03T14:00:00Z", "1"), market.ErrGap},
		{"cut JSON", `{"unix_seconds":[`, market.ErrFormat},
		{"two values", charts(hour1, "1", "EUR/MWh") + "{}", market.ErrFormat},
		{"no list", `{}`, market.ErrFormat},
		{"two lists", `{"unix_seconds":[1733785200],"price":[1],"unit":"EUR/MWh","data":[{}]}`, market.ErrFormat},
		{"pounds", charts(hour1, "1", "GBP/MWh"), market.ErrUnit},
		{"lists that differ", charts(hour1+","+hour2, "1", "EUR/MWh"), market.ErrFormat},
		{"a null in the middle", charts(hour1+","+hour2, "null,1", "EUR/MWh"), market.ErrGap},
		{"no price known", charts(hour1, "null", "EUR/MWh"), market.ErrFormat},
		{"milliseconds for seconds", charts(hour1+"000", "1", "EUR/MWh"), market.ErrFormat},
		{"a price in words", charts(hour1, `"dear"`, "EUR/MWh"), market.ErrFormat},
		{"kilowatt-hours", awattar(`{"start_timestamp":1733785200000,"end_timestamp":1733788800000,"marketprice":1,"unit":"Eur/kWh"}`), market.ErrUnit},
		{"no price", awattar(`{"start_timestamp":1733785200000,"end_timestamp":1733788800000,"unit":"Eur/MWh"}`), market.ErrGap},
		{"seconds for milliseconds", awattar(`{"start_timestamp":1733785200,"end_timestamp":1733788800,"marketprice":1,"unit":"Eur/MWh"}`), market.ErrFormat},
		{"a slot that ends before it begins", awattar(`{"start_timestamp":1733788800000,"end_timestamp":1733785200000,"marketprice":1,"unit":"Eur/MWh"}`), market.ErrOrder},
		{"a slot of a day", awattar(`{"start_timestamp":1733785200000,"end_timestamp":1733871600000,"marketprice":1,"unit":"Eur/MWh"}`), market.ErrGap},
		{"slots with a gap", awattar(`{"start_timestamp":1733785200000,"end_timestamp":1733788800000,"marketprice":1,"unit":"Eur/MWh"}`,
			`{"start_timestamp":1733792400000,"end_timestamp":1733796000000,"marketprice":1,"unit":"Eur/MWh"}`), market.ErrGap},
		{"slots that overlap", awattar(`{"start_timestamp":1733785200000,"end_timestamp":1733788800000,"marketprice":1,"unit":"Eur/MWh"}`,
			`{"start_timestamp":1733787000000,"end_timestamp":1733790600000,"marketprice":1,"unit":"Eur/MWh"}`), market.ErrDuplicate},
		{"larger than a year", strings.Repeat(" ", market.FileBytesMax+1), market.ErrLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if s, err := market.Parse([]byte(test.data)); !errors.Is(err, test.want) {
				t.Errorf("%d slots, %v, want %v", len(s.Slots()), err, test.want)
			}
		})
	}
}

func TestPricesThatAreNotKnownYetEndTheSeries(t *testing.T) {
	s := mustParse(t, []byte(`{"unix_seconds":[1733785200,1733788800,1733792400],"price":[1,2,null],"unit":"EUR / MWh"}`))
	if _, until := s.Span(); until.Unix() != 1733792400 || len(s.Slots()) != 2 {
		t.Errorf("until %s, %d slots", until, len(s.Slots()))
	}
}

func FuzzParse(f *testing.F) {
	noon := time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)
	f.Add(csv(noon, time.Hour, "1", "-2.5", "0"))
	f.Add([]byte(`{"unix_seconds":[1733785200,1733788800],"price":[1.5,null],"unit":"EUR / MWh"}`))
	f.Add([]byte(`{"object":"list","data":[{"start_timestamp":1733785200000,"end_timestamp":1733788800000,"marketprice":1,"unit":"Eur/MWh"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := market.Parse(data)
		if err != nil {
			return
		}
		slots := s.Slots()
		for i := 1; i < len(slots); i++ {
			if !slots[i].Start.Equal(slots[i-1].End) {
				t.Errorf("a gap at %s", slots[i].Start)
			}
		}
		terms := market.Terms{Location: time.UTC, Factor: decimal(t, "1"), Margin: decimal(t, "0.05")}
		if _, err := s.TariffAt(terms, slots[0].Start); err != nil {
			t.Errorf("no tariff of %d slots: %v", len(slots), err)
		}
	})
}
