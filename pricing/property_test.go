package pricing

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type drawn struct {
	oracle   *oracleTariff
	tariff   *Tariff
	start    time.Time
	location *time.Location
	legs     []leg
}

func drawSession(t *rapid.T) drawn {
	d := draw{t}
	location, err := LoadLocation(pick(d, oracleZones, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	start, err := time.Parse(time.RFC3339, pick(d, oracleStarts, "start"))
	if err != nil {
		t.Fatal(err)
	}
	start = start.Add(time.Duration(d.int(0, 1800, "shift")) * time.Second)
	s := drawn{start: start, location: location, legs: d.legs()}
	s.oracle = d.tariff(start, location, s.legs)
	data, err := json.Marshal(s.oracle)
	if err != nil {
		t.Fatal(err)
	}
	if s.tariff, err = ParseTariff(data); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return s
}

// samples gives a reading at every change of power or state, and some between.
func (s drawn) samples(t *rapid.T) []Sample {
	list := []Sample{{Time: s.start, State: s.legs[0].state}}
	at, energy := s.start, int64(0)
	for i, l := range s.legs {
		next := l.state
		if i+1 < len(s.legs) {
			next = s.legs[i+1].state
		}
		between := draw{t}.int(0, l.seconds, "between")
		for _, seconds := range []int64{between, l.seconds - between} {
			at, energy = at.Add(time.Duration(seconds)*time.Second), energy+seconds*l.rate
			list = append(list, Sample{Time: at, EnergyMilliwattHours: energy, CurrentMilliamperes: l.milliamperes, State: l.state})
		}
		list[len(list)-1].State = next
	}
	return list
}

func sameSum(got Exact, want *big.Rat) bool {
	if want == nil || !got.Known() {
		return want == nil && !got.Known()
	}
	return got.Rat().Cmp(want) == 0
}

func TestRunEqualsASecondWayToPriceTheSession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		run, err := NewRun(s.tariff, s.start, s.location)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range s.samples(t) {
			if err := run.Add(sample); err != nil {
				t.Fatal(err)
			}
			if _, err := run.Cost(); err != nil {
				t.Fatal(err)
			}
		}
		for name, end := range map[string]func() (Cost, error){"running": run.Cost, "final": run.Final} {
			cost, err := end()
			if err != nil {
				t.Fatal(err)
			}
			excl, incl := oraclePrice(s.oracle, s.start, s.location, s.legs, name == "final")
			if !sameSum(cost.ExclVAT, excl) || !sameSum(cost.InclVAT, incl) {
				t.Fatalf("%s: %s before tax and %s after, want %v and %v", name, cost.ExclVAT, cost.InclVAT, excl, incl)
			}
		}
	})
}

// jagged draws samples at any time and with any energy, so that cuts fall between whole seconds and milliwatt-hours.
func jagged(t *rapid.T, s drawn) []Sample {
	d := draw{t}
	list := []Sample{{Time: s.start}}
	at, energy := s.start, int64(0)
	for range d.int(1, 8, "samples") {
		at, energy = at.Add(time.Duration(d.int(0, 1e12, "gap"))), energy+d.int(0, 3_000_000, "energy")
		list = append(list, Sample{Time: at, EnergyMilliwattHours: energy, CurrentMilliamperes: d.int(1, 50_000, "mA"), State: State(d.int(0, 1, "state"))})
	}
	return list
}

func TestPeriodsOfARunPricedAgainAsACDRCostTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		run, err := NewRun(s.tariff, s.start, s.location)
		if err != nil {
			t.Fatal(err)
		}
		samples := jagged(t, s)
		for _, sample := range samples {
			if err := run.Add(sample); err != nil {
				t.Fatal(err)
			}
		}
		final, err := run.Final()
		if err != nil {
			t.Fatal(err)
		}
		if len(final.Periods()) == 0 {
			return
		}
		data := cdrOf(s, samples[len(samples)-1].Time, final)
		again, err := CostOfCDR(s.tariff, data, nil)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if again.ExclVAT.Cmp(final.ExclVAT) != 0 || again.InclVAT.Cmp(final.InclVAT) != 0 || again.Payable() != final.Payable() {
			t.Fatalf("run %s and %s, CDR %s and %s: %s", final.ExclVAT, final.InclVAT, again.ExclVAT, again.InclVAT, data)
		}
	})
}

func cdrOf(s drawn, end time.Time, cost Cost) []byte {
	periods := ""
	for i, p := range cost.Periods() {
		if i > 0 {
			periods += ","
		}
		volumes := ""
		for j, v := range p.Volumes {
			if j > 0 {
				volumes += ","
			}
			volumes += fmt.Sprintf(`{"type":%q,"volume":%s}`, v.Type, v.Value)
		}
		periods += fmt.Sprintf(`{"start_date_time":%q,"dimensions":[%s]}`, p.Start.Format(time.RFC3339), volumes)
	}
	return fmt.Appendf(nil, `{"start_date_time":%q,"end_date_time":%q,"time_zone":%q,"charging_periods":[%s]}`,
		s.start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339Nano), s.location, periods)
}

func TestI5_ExposureBoundsWhatASessionCanGrowBy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		d := draw{t}
		interval := time.Duration(d.int(1, 600_000, "interval")) * time.Millisecond
		power := d.int(0, 150_000_000, "power")
		bound, err := ExposureOf(s.tariff, power, interval, s.start, s.location)
		if err != nil {
			t.Fatal(err)
		}
		run, err := NewRun(s.tariff, s.start, s.location)
		if err != nil {
			t.Fatal(err)
		}
		at, exactEnergy, last, fees := s.start, new(big.Rat), Cost{}, 0
		for range d.int(1, 12, "samples") {
			step := time.Duration(d.int(0, int64(interval), "step"))
			at = at.Add(step)
			flow := big.NewRat(d.int(0, power, "flow"), 3600*1e9)
			exactEnergy.Add(exactEnergy, flow.Mul(flow, big.NewRat(int64(step), 1)))
			register := new(big.Int).Div(exactEnergy.Num(), exactEnergy.Denom()).Int64()
			if err := run.Add(Sample{Time: at, EnergyMilliwattHours: register, CurrentMilliamperes: d.int(1, 50_000, "mA"), State: State(d.int(0, 1, "state"))}); err != nil {
				t.Fatal(err)
			}
			cost, err := run.Cost()
			if err != nil {
				t.Fatal(err)
			}
			if grown := cost.Payable() - last.Payable(); grown > bound.Slice {
				if fees++; fees > 1 || grown > bound.Slice+bound.Prepaid {
					t.Fatalf("cost grew by %s, slice %s, prepaid %s", grown, bound.Slice, bound.Prepaid)
				}
			}
			last = cost
			final, err := run.Final()
			if err != nil {
				t.Fatal(err)
			}
			if end := final.Payable() - cost.Payable(); end > bound.EndSurcharge {
				t.Fatalf("the end adds %s, declared %s", end, bound.EndSurcharge)
			}
		}
	})
}

func TestDimensionsWarnedOfAreNeverBilled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		never := map[string]bool{}
		for _, w := range Check(s.tariff) {
			never[w.String()] = true
		}
		run, err := NewRun(s.tariff, s.start, s.location)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range jagged(t, s) {
			if err := run.Add(sample); err != nil {
				t.Fatal(err)
			}
		}
		cost, err := run.Final()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range cost.Components {
			dimension := Warning{l.Element, l.Type.String() + " never applies: earlier elements match whenever this one does"}
			if never[dimension.String()] {
				t.Fatalf("%s, but it was billed", dimension)
			}
			for reason := range never {
				if len(reason) > 10 && reason[:10] == fmt.Sprintf("element %d:", l.Element+1) && reason[11:16] == "never" {
					t.Fatalf("%s, but it was billed", reason)
				}
			}
		}
	})
}
