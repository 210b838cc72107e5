package measure_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/measure"
	"joulepay/wallet/money"
)

var (
	start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	eur   = money.Currency{'E', 'U', 'R'}
)

const kW = 1_000_000 // mW

// step is a stretch in which the site draws a power.
func step(at, length time.Duration, power int64) measure.Step {
	return measure.Step{
		At: start.Add(at), Length: length, Circuits: []measure.Flow{{PowerMilliwatts: power}},
		Price: measure.Unknown, Intensity: measure.Unknown, AtRisk: measure.Unknown,
	}
}

func site() measure.Site {
	return measure.Site{Start: start, Duration: time.Hour, Currency: eur, Circuits: []string{"grid"}}
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestGridFiguresOfAnHour(t *testing.T) {
	s := site()
	s.Circuits, s.NominalMillivolts = []string{"grid", "row"}, 230_000
	r := measure.New(s)
	add := func(at time.Duration, grid, row measure.Flow, change func(*measure.Step)) {
		x := step(at, 15*time.Minute, 0)
		x.Circuits = []measure.Flow{grid, row}
		change(&x)
		r.Add(x)
	}
	limit := func(power, limit int64) measure.Flow {
		return measure.Flow{PowerMilliwatts: power, LimitMilliwatts: limit}
	}
	add(0, measure.Flow{PowerMilliwatts: 12 * kW, LimitMilliwatts: 20 * kW, PhaseMilliamps: [3]int64{16_000, 16_000, 20_000}}, limit(8*kW, 11*kW),
		func(x *measure.Step) {
			x.Charge, x.Base, x.Price, x.Intensity = 8*kW, 4*kW, 300_000_000, 400_000
		})
	add(15*time.Minute, limit(22*kW, 20*kW), limit(11*kW+500, 11*kW), func(x *measure.Step) { // half a watt is not over
		x.Charge, x.Base, x.Price, x.Intensity = 18*kW, 4*kW, -50_000_000, 200_000
	})
	add(30*time.Minute, limit(-6*kW, 20*kW), limit(0, 4*kW), func(x *measure.Step) {
		x.Return, x.Solar, x.Base, x.FeedIn, x.Price = 2*kW, 8*kW, 4*kW, 80_000_000, 100_000_000
	})
	add(45*time.Minute, limit(2*kW, 20*kW), limit(0, 11*kW), func(x *measure.Step) { x.Base, x.Storage = 4*kW, -2*kW })
	got := text(t, r.Figures().Grid)
	want := `{"recorded_s":"3600","peak_w":"22000","quarter_hour_peak_w":"22000","feed_in_peak_w":"6000","load_factor":"0.409091",` +
		`"import_wh":"9000","export_wh":"1500","charged_wh":"6500","returned_wh":"500","base_wh":"4000","solar_wh":"2000",` +
		`"storage_in_wh":"0","storage_out_wh":"500","self_consumption":"0.25","self_sufficiency":"0.142857","co2_kg":"2.3",` +
		`"over_limit_s":"900","over_limit_wh":"500","unbalance":{"mean":"0.153846","spread_a":"4","spread_w":"920"},` +
		`"circuits":[{"name":"grid","peak_w":"22000","quarter_hour_peak_w":"22000","feed_in_peak_w":"6000","drawn_wh":"9000","fed_in_wh":"1500",` +
		`"limit_least_w":"20000","over_limit_s":"900","over_limit_wh":"500"},` +
		`{"name":"row","peak_w":"11000.5","quarter_hour_peak_w":"11000.5","feed_in_peak_w":"0","drawn_wh":"4750.125","fed_in_wh":"0",` +
		`"limit_least_w":"4000","over_limit_s":"0","over_limit_wh":"0"}]}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// 3 kWh at 0.30, 5.5 at −0.05 and 0.5 at an unknown price; 1.5 fed in at 0.08.
	m := r.Figures().Money
	if m.EnergyCost.String() != "0.625 EUR" || m.FeedIn.String() != "0.12 EUR" || m.DemandCharge != nil || m.Margin.String() != "-0.505 EUR" {
		t.Error(text(t, m))
	}
}

func TestServiceFiguresOfFourVisits(t *testing.T) {
	r := measure.New(site())
	visit := func(requested, delivered int64, waited time.Duration, paid money.Amount) {
		v := measure.Visit{Service: measure.Charging, Arrived: start, Requested: requested, Delivered: delivered, Cost: paid, Paid: paid}
		if waited >= 0 {
			v.Began = start.Add(waited)
		}
		r.AddVisit(v)
	}
	visit(10*kW, 10*kW, 0, 3*money.Nano)
	visit(10*kW, 9_900_000, time.Minute, 3*money.Nano) // lacks 0.1 kWh: met
	visit(20*kW, 10*kW, 2*time.Minute, 4*money.Nano)
	visit(10*kW, 0, -1, 0)
	r.AddVisit(measure.Visit{Service: "parking", Arrived: start, Began: start, Delivered: 3600, Cost: 2 * money.Nano, Paid: 2 * money.Nano})
	r.AddVisit(measure.Visit{Service: measure.Charging, Arrived: start, Began: start, Returned: 5 * kW, Earned: money.Nano})
	f := r.Figures()
	want := `{"visits":6,"requested_wh":"50000","delivered_wh":"29900","returned_wh":"5000","unmet_wh":"20100","delivered_share":"0.598",` +
		`"demands_met":"0.5","jain_fairness":"0.695047","waiting":{"count":5,"mean_s":"36","p95_s":"120","max_s":"120"},"never_served":1,` +
		`"other_services":[{"service":"parking","visits":1,"quantity":3600,"cost":{"value":"2.00","currency":"EUR"},"paid":{"value":"2.00","currency":"EUR"}}]}`
	if got := text(t, f.Service); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if f.Money.Cost.Amount != 12*money.Nano || f.Money.PaidPerKWh.String() != "0.334448161 EUR" || f.Money.EarnedPer.String() != "0.20 EUR" {
		t.Error(text(t, f.Money))
	}
	if len(r.Visits()) != 6 || r.Visits()[2].Requested != 20*kW {
		t.Errorf("%+v", r.Visits())
	}
}

func TestPaymentFiguresOfAnHour(t *testing.T) {
	r := measure.New(site())
	for i := range 100 { // 99 of 100 steps have little at risk
		x := step(time.Duration(i)*36*time.Second, 36*time.Second, 0)
		x.AtRisk = money.Nano
		if i == 50 {
			x.AtRisk = 10 * money.Nano
		}
		r.Add(x)
	}
	r.AddChannels(2)
	r.AddClaims(start.Add(time.Minute), 40)
	r.AddClaims(start.Add(2*time.Minute), 20)
	r.AddVertices(start.Add(time.Minute), 8)
	r.AddFinal(4 * time.Second)
	r.AddFinal(6 * time.Second)
	r.AddVisit(measure.Visit{Service: measure.Charging, Requested: 32 * kW, Delivered: 32 * kW})
	p := r.Figures().Payments
	if p.AtRiskMax.Amount != 10*money.Nano || p.AtRiskHours.String() != "1.09 EUR" || p.ClaimsPerVertex.String() != "7.5" ||
		p.VerticesPerKWh.String() != "0.25" || p.Channels != 2 || p.Final.Mean.String() != "5" || p.Final.Max.String() != "6" {
		t.Error(text(t, p))
	}
	if p99 := p.AtRiskP99.Amount; p99 < money.Nano || p99 > money.Nano+money.Nano/1000 {
		t.Errorf("99 of 100 seconds have one euro at risk, not %s", p99)
	}
}

func TestCurvesHaveFewPointsHoweverLongTheRunIs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := measure.New(site()) // an hour expected, 40 days come
	var at time.Duration
	var energy, most int64
	claims := int64(0)
	for at < 40*24*time.Hour {
		length := time.Duration(1+random.IntN(7200)) * time.Second
		power := random.Int64N(50 * kW)
		r.Add(step(at, length, power))
		energy += power * int64(length/time.Second)
		most = max(most, power)
		r.AddClaims(start.Add(at), 3)
		claims += 3
		at += length
	}
	c := r.Curves()
	if c.Points > measure.PointsMax || c.Points < measure.PointsMax/4 || time.Duration(c.Points)*c.Width < at {
		t.Fatalf("%d points of %s", c.Points, c.Width)
	}
	power, count := c.Series[0], c.Series[len(c.Series)-1]
	sum, top := int64(0), int64(0)
	for i, mean := range power.Mean {
		width := int64(c.Width / time.Second)
		if i == c.Points-1 {
			width = int64((at - time.Duration(i)*c.Width) / time.Second)
		}
		sum += mean * width
		top = max(top, power.Max[i])
		if power.Min[i] > mean || mean > power.Max[i] {
			t.Fatalf("point %d: %d %d %d", i, power.Min[i], mean, power.Max[i])
		}
	}
	if difference := sum - energy; difference > int64(at/time.Second) || -difference > int64(at/time.Second) || top != most {
		t.Errorf("energy differs by %d mW·s, highest power %d, not %d", difference, top, most)
	}
	if count.Quantity != measure.ClaimCount || count.Max[c.Points-1] != claims || count.Min[0] != 0 {
		t.Errorf("%s up to %d, want %d claims", count.Quantity, count.Max[c.Points-1], claims)
	}
}

func TestAPointIsUnknownWhereNothingWasRecorded(t *testing.T) {
	s := site()
	s.Watched = []string{"anna"}
	r := measure.New(s)
	for _, at := range []time.Duration{0, 30 * time.Minute} {
		x := step(at, time.Minute, kW)
		x.StateOfCharge = []int64{200}
		if at > 0 {
			x.StateOfCharge[0] = measure.Unknown
		}
		r.Add(x)
	}
	c := r.Curves()
	if len(c.Series) != 2 { // power, state of charge: all others say nothing
		t.Fatalf("%d series", len(c.Series))
	}
	middle := int(15 * time.Minute / c.Width)
	last := int(30 * time.Minute / c.Width)
	power, charge := c.Series[0].Mean, c.Series[1].Mean
	if power[0] != kW || power[middle] != measure.Unknown || power[last] != kW || charge[0] != 200 || charge[last] != measure.Unknown {
		t.Error(power[0], power[middle], power[last], charge[0], charge[last])
	}
}

func TestAStepCountsTheSameInPiecesAsWhole(t *testing.T) {
	s := site()
	s.Demand = measure.Demand{PerKilowatt: 15_510_000_000, Window: 15 * time.Minute, Months: time.UTC}
	whole, pieces := measure.New(s), measure.New(s)
	random := rand.New(rand.NewPCG(3, 4))
	at := time.Duration(0)
	for range 300 {
		length := time.Duration(1+random.Int64N(int64(20*time.Hour))) * time.Nanosecond
		x := step(at, length, random.Int64N(60*kW)-10*kW)
		x.Price, x.Intensity, x.FeedIn, x.Charge = money.Amount(random.Int64N(1e9)-2e8), random.Int64N(900_000), 5e7, 2*kW
		whole.Add(x)
		for length > 0 {
			x.At, x.Length = start.Add(at), min(length, 1+time.Duration(random.Int64N(int64(7*time.Hour))))
			pieces.Add(x)
			at, length = at+x.Length, length-x.Length
		}
	}
	if a, b := text(t, whole.Figures()), text(t, pieces.Figures()); a != b {
		t.Errorf("whole\n%s\npieces\n%s", a, b)
	}
	if !reflect.DeepEqual(whole.Curves(), pieces.Curves()) {
		t.Error("the curves differ")
	}
}

func TestDemandIsChargedByTheMonthAtTheMeanOfWindows(t *testing.T) {
	s := site()
	s.Demand = measure.Demand{PerKilowatt: 10 * money.Nano, Window: 15 * time.Minute, Months: time.UTC}
	r := measure.New(s)
	r.Add(step(0, 5*time.Minute, 30*kW)) // a third of a window: 10 kW
	april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC).Sub(start)
	r.Add(step(april-time.Hour, 2*time.Hour, 4*kW)) // lower than the peak of March, the peak of April
	if got := r.Figures().Money.DemandCharge; got.String() != "140.00 EUR" {
		t.Errorf("14 kW at 10 are %s", got)
	}
}

func TestAStepOverTheEndOfAMonthCountsInBoth(t *testing.T) {
	s := site()
	s.Demand = measure.Demand{PerKilowatt: 10 * money.Nano, Window: 15 * time.Minute, Months: time.UTC}
	r := measure.New(s)
	april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC).Sub(start)
	r.Add(step(april-5*time.Minute, 10*time.Minute, 30*kW)) // a third of a window in each
	if got := r.Figures().Money.DemandCharge; got.String() != "200.00 EUR" {
		t.Errorf("10 kW in each of two months at 10 are %s", got)
	}
}

func TestWhatIsFedBackIsHeldAgainstTheLimitToo(t *testing.T) {
	r := measure.New(site())
	x := step(0, 30*time.Minute, -12*kW)
	x.Circuits[0].LimitMilliwatts = 11 * kW
	r.Add(x)
	if g := r.Figures().Grid; g.OverTime.Minutes() != "30" || g.OverEnergy.KWh() != "0.5" || g.Peak != 0 {
		t.Error(text(t, g))
	}
}

func TestTimeInWhichNobodyKnowsTheRiskDoesNotLowerIt(t *testing.T) {
	r := measure.New(site())
	x := step(0, time.Minute, 0)
	x.AtRisk = 1000
	r.Add(x)
	r.Add(step(time.Minute, 1000*time.Minute, 0))
	if p := r.Figures().Payments; p.AtRiskP99.Amount != 1000 {
		t.Error(text(t, p))
	}
}

func TestMergedPointsKeepLeastMeanAndMost(t *testing.T) {
	s := site()
	s.Duration = 2 * time.Minute
	r := measure.New(s)
	r.Add(step(0, 500*time.Millisecond, 0))
	r.Add(step(500*time.Millisecond, 500*time.Millisecond, 2*kW))
	r.Add(step(1*time.Second, time.Second, 3*kW))
	r.Add(step(2*time.Second, time.Second, 8*kW))
	r.Add(step(4*time.Second, time.Second, 5*kW)) // nothing is known of the second before
	c := r.Curves().Merge(2)
	got := c.Series[0]
	want := measure.Series{Quantity: measure.PowerSeries, Name: "grid", Min: []int64{0, 8 * kW, 5 * kW}, Mean: []int64{2 * kW, 8 * kW, 5 * kW}, Max: []int64{3 * kW, 8 * kW, 5 * kW}}
	if c.Width != 2*time.Second || c.Points != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d points of %s: %+v", c.Points, c.Width, got)
	}
}

func TestFiguresReadBackFromJSON(t *testing.T) {
	r := measure.New(site())
	x := step(0, time.Hour+time.Millisecond, 10*kW+1)
	x.Price, x.Intensity, x.Solar = -1, 5, kW
	r.Add(x)
	r.AddVisit(measure.Visit{Service: measure.Charging, Requested: 3, Delivered: 2, Returned: 1, Earned: -5})
	want := r.Figures()
	var got measure.Figures
	if err := json.Unmarshal([]byte(text(t, want)), &got); err != nil {
		t.Fatal(err)
	}
	if text(t, got) != text(t, want) {
		t.Errorf("got\n%s\nwant\n%s", text(t, got), text(t, want))
	}
	for _, bad := range []string{"", ".", "1.", "-", "+1", "1.0001", "1e3", "99999999999999999999", "1.+2", " 1", strings.Repeat("1", 100)} {
		var e measure.Energy
		if err := e.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read as %s Wh", bad, e)
		}
	}
}

func TestAStepThatDoesNotFollowIsABugOfTheEngine(t *testing.T) {
	for name, wrong := range map[string]measure.Step{
		"overlaps": step(time.Minute, time.Minute, 0), "backward": step(3*time.Minute, -1, 0),
		"lists": {At: start.Add(3 * time.Minute), Length: 1},
	} {
		func() {
			r := measure.New(site())
			r.Add(step(0, 2*time.Minute, 0))
			r.Add(measure.Step{}) // no length: passed over
			defer func() {
				if recover() == nil {
					t.Errorf("%s: recorded", name)
				}
			}()
			r.Add(wrong)
		}()
	}
}

// BenchmarkAdd is a step of five minutes of a site with one circuit, as the control engine feeds it.
func BenchmarkAdd(b *testing.B) {
	s := site()
	s.Duration = 31 * 24 * time.Hour
	const steps = 31 * 24 * 12
	var r *measure.Recorder
	x := step(0, 5*time.Minute, 40*kW)
	x.Price, x.Charge = 60_870_000, 40*kW
	for i := range b.N {
		if i%steps == 0 {
			r = measure.New(s)
		}
		x.At = start.Add(time.Duration(i%steps) * 5 * time.Minute)
		r.Add(x)
	}
}
