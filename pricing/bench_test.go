package pricing

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// benchTariff has what a rich tariff of today has: a fee, day and night prices, weekend, power bands, idle time after a while.
func benchTariff(b *testing.B) *Tariff {
	return mustTariff(b, `{"id":"b","currency":"EUR","max_price":{"excl_vat":200,"incl_vat":240},"elements":[
		{"price_components":[{"type":"FLAT","price":0.5,"vat":20,"step_size":1}]},
		{"price_components":[{"type":"ENERGY","price":0.3,"vat":10,"step_size":1}],"restrictions":{"start_time":"22:00","end_time":"06:00"}},
		{"price_components":[{"type":"ENERGY","price":0.4,"vat":10,"step_size":1}],"restrictions":{"day_of_week":["SATURDAY","SUNDAY"]}},
		{"price_components":[{"type":"ENERGY","price":0.6,"vat":10,"step_size":1}],"restrictions":{"min_power":50}},
		{"price_components":[{"type":"ENERGY","price":0.5,"vat":10,"step_size":1},{"type":"TIME","price":0.6,"vat":20,"step_size":60}]},
		{"price_components":[{"type":"PARKING_TIME","price":6,"vat":20,"step_size":60}],"restrictions":{"min_duration":3600}}]}`)
}

// BenchmarkFinishedSessions prices sessions of 100 periods, as from CDRs: sessions/s on one core.
func BenchmarkFinishedSessions(b *testing.B) {
	tariff, berlin := benchTariff(b), zone(b, "Europe/Berlin")
	sessions := make([]*Session, 1000)
	for i := range sessions {
		var periods []string
		start := noon.Add(time.Duration(i) * 7 * time.Minute)
		for j := range 100 {
			periods = append(periods, fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":0.%03d},{"type":"TIME","volume":0.016667},{"type":"MIN_POWER","volume":%d},{"type":"MAX_POWER","volume":%d}]}`,
				start.Add(time.Duration(j)*time.Minute).Format(time.RFC3339), (i+j)%997, j, j))
		}
		data := fmt.Sprintf(`{"start_date_time":%q,"end_date_time":%q,"charging_periods":[%s]}`,
			start.Format(time.RFC3339), start.Add(100*time.Minute).Format(time.RFC3339), strings.Join(periods, ","))
		var err error
		if sessions[i], err = ParseSession([]byte(data), berlin); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := sessions[i%len(sessions)].Price(tariff); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

// BenchmarkReprice adds a reading to a running session and prices the whole session again: the cost of a claim's amount.
func BenchmarkReprice(b *testing.B) {
	tariff, berlin := benchTariff(b), zone(b, "Europe/Berlin")
	run := mustRun(b, tariff, noon, berlin)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if i%10_000 == 0 {
			run = mustRun(b, tariff, noon, berlin)
		}
		at := i%10_000 + 1
		if err := run.Add(Sample{Time: noon.Add(time.Duration(at) * time.Second), EnergyMilliwattHours: at * 13_888}); err != nil {
			b.Fatal(err)
		}
		if _, err := run.Cost(); err != nil {
			b.Fatal(err)
		}
	}
}
