package pricing

import (
	"fmt"
	"math/rand/v2"
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

// BenchmarkFinishedSessions prices 10,000 random sessions of 100 periods, as from CDRs: sessions/s on one core.
func BenchmarkFinishedSessions(b *testing.B) {
	tariff, berlin := benchTariff(b), zone(b, "Europe/Berlin")
	random := rand.New(rand.NewPCG(1, 2))
	sessions := make([]*Session, 10_000)
	for i := range sessions {
		sessions[i] = randomSession(b, random, berlin)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := sessions[i%len(sessions)].Price(tariff); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

// randomSession has 100 periods of random length, energy and power, some of them idle.
func randomSession(b *testing.B, random *rand.Rand, zone *time.Location) *Session {
	b.Helper()
	var periods []string
	start := noon.Add(time.Duration(random.IntN(365*24*3600)) * time.Second)
	at := start
	for range 100 {
		next, power := at.Add(time.Duration(1+random.IntN(600))*time.Second), random.IntN(150)
		hours := next.Sub(at).Hours()
		dimensions := fmt.Sprintf(`{"type":"ENERGY","volume":%.6f},{"type":"TIME","volume":%.6f}`, hours*float64(power), hours)
		if random.IntN(8) == 0 {
			power, dimensions = 0, fmt.Sprintf(`{"type":"PARKING_TIME","volume":%.6f}`, hours)
		}
		periods = append(periods, fmt.Sprintf(`{"start_date_time":%q,"dimensions":[%s,{"type":"MIN_POWER","volume":%d},{"type":"MAX_POWER","volume":%d}]}`,
			at.Format(time.RFC3339), dimensions, power, power))
		at = next
	}
	session, err := ParseSession(fmt.Appendf(nil, `{"start_date_time":%q,"end_date_time":%q,"charging_periods":[%s]}`,
		start.Format(time.RFC3339), at.Format(time.RFC3339), strings.Join(periods, ",")), zone)
	if err != nil {
		b.Fatal(err)
	}
	return session
}

// BenchmarkReprice adds a reading to a running session and prices the whole session again: the cost of a claim's amount.
func BenchmarkReprice(b *testing.B) {
	b.Run("rich", func(b *testing.B) { benchReprice(b, benchTariff(b)) })
	b.Run("market", func(b *testing.B) { benchReprice(b, marketTariff(b)) })
}

// marketTariff has a price for every quarter hour of two days.
func marketTariff(b *testing.B) *Tariff {
	var elements []string
	for i := range 2 * 96 {
		day, minute := noon.AddDate(0, 0, i/96), i%96*15
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":0.%04d,"vat":19,"step_size":1}],"restrictions":`+
			`{"start_time":"%02d:%02d","end_time":"%02d:%02d","start_date":%q,"end_date":%q}}`, 1000+i*37, minute/60, minute%60,
			(minute+15)/60%24, (minute+15)%60, day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly)))
	}
	return mustTariff(b, `{"id":"market","currency":"EUR","elements":[`+strings.Join(elements, ",")+
		`,{"price_components":[{"type":"ENERGY","price":0.9,"vat":19,"step_size":1}]}]}`)
}

func benchReprice(b *testing.B, tariff *Tariff) {
	berlin := zone(b, "Europe/Berlin")
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
