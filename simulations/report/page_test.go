package report_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/measure"
	"joulepay/simulations/report"
	"joulepay/wallet/money"
)

// look names a file for the page of the test, to be looked at in a browser.
var look = flag.String("look", "", "write the page of the made-up day to this file")

// day makes up a day of a car park with PV, a battery and V2G, drawn from a seed: nothing in it is simulated.
func day(seed uint64, circuits, watched, sessions int) *report.Summary {
	random := rand.New(rand.NewPCG(seed, 1))
	site := measure.Site{
		Start: start, Duration: 24 * time.Hour, Currency: money.Currency{'E', 'U', 'R'}, Circuits: []string{"feeder"}, NominalMillivolts: 230_000,
		Demand: measure.Demand{PerKilowatt: 12 * money.Nano, Window: 15 * time.Minute},
	}
	for i := 1; i < circuits; i++ {
		site.Circuits = append(site.Circuits, fmt.Sprintf("row %c", 'A'+rune(i-1)%26))
	}
	for i := range watched {
		site.Watched = append(site.Watched, fmt.Sprintf("car-%d", i+1))
	}
	r := measure.New(site)
	const kW, length = 1_000_000, 30 * time.Second
	bell := func(minute, centre, width, height int) int64 {
		d := max(0, width-max(minute-centre, centre-minute))
		return int64(height) * int64(d) * int64(d) / int64(width*width)
	}
	for i := range int(24 * time.Hour / length) {
		minute := i * 30 / 60
		s := measure.Step{
			At: start.Add(time.Duration(i) * length), Length: length, AtRisk: money.Amount(random.Int64N(bell(minute, 200, 300, 900_000_000) + 1)),
			Base: bell(minute, 700, 700, 30*kW) + random.Int64N(3*kW), Solar: bell(minute, 330, 330, 60*kW), Charge: bell(minute, 150, 300, 95*kW) + bell(minute, 700, 200, 30*kW),
			Price: money.Amount(320-bell(minute/60*60, 360, 300, 400)) * 1_000_000, FeedIn: 80_000_000, Intensity: 380_000 - 6*bell(minute, 400, 400, 40_000),
		}
		if minute > 700 && minute < 800 {
			s.Return = 12 * kW
		}
		s.Storage = min(max((s.Solar-s.Charge-s.Base)/2, -10*kW), 15*kW)
		net := s.Base + s.Charge + s.Storage - s.Solar - s.Return
		limit := int64(80 * kW)
		if minute > 120 && minute < 200 {
			limit = 55 * kW
		}
		s.Circuits = append(s.Circuits, measure.Flow{PowerMilliwatts: net, LimitMilliwatts: limit, PhaseMilliamps: [3]int64{net / 690, net / 700, net / 720}})
		for k := 1; k < circuits; k++ {
			s.Circuits = append(s.Circuits, measure.Flow{PowerMilliwatts: s.Charge / int64(circuits), LimitMilliwatts: 22 * kW})
		}
		for k := range watched {
			level := int64(measure.Unknown)
			if from := 40 + 60*k; minute >= from && minute < from+420 {
				level = min(900, int64(150+60*k+(minute-from)*2))
			}
			s.StateOfCharge = append(s.StateOfCharge, level)
		}
		r.Add(s)
		r.AddClaims(s.At, int(s.Charge/(8*kW)))
		if i%40 == 0 {
			r.AddVertices(s.At, int(s.Charge/(30*kW)))
		}
	}
	for i := range sessions {
		arrived := start.Add(time.Duration(random.IntN(14*60)) * time.Minute)
		v := measure.Visit{
			Vehicle: fmt.Sprintf("car-%d", i+1), Station: fmt.Sprintf("bay-%d", random.IntN(40)+1), Service: measure.Charging, Arrived: arrived,
			Requested: (5 + random.Int64N(40)) * 1_000_000,
		}
		v.Began = v.Arrived.Add(time.Duration(random.IntN(20)) * time.Minute)
		v.Left = v.Began.Add(time.Duration(random.IntN(300)) * time.Minute)
		v.Delivered = v.Requested * int64(60+random.IntN(41)) / 100
		v.Cost = money.Amount(v.Delivered * 390)
		v.Paid = v.Cost
		r.AddVisit(v)
	}
	r.AddChannels(sessions)
	r.AddFinal(6 * time.Second)
	figures := r.Figures()
	s := &report.Summary{
		Scenario: "workplace-day", Engine: "full", About: "A car park under a feeder limit, with a signal that lowers it in the morning, PV on its roof, a battery and V2G in the evening.",
		Seed: seed, Start: start, End: start.Add(24*time.Hour + 10*time.Minute), Figures: &figures, Curves: r.Curves(),
		Invariants: map[string]int64{"I1": 88_123, "I2": 88_123, "I3": 88_123, "I4": 88_123}, Faults: map[string]int{"crash": 3, "cut": 2, "datagram lost": 112},
		Money:     report.Conservation{Issued: euros(6000 * money.Nano), Balances: euros(5300 * money.Nano), Locked: euros(700 * money.Nano), Conserved: true},
		Sessions:  report.Sessions(r.Visits(), site.Currency),
		Attackers: []report.Attacker{{Name: "mallory", Attack: "stale close", Tries: 4, Gained: euros(0), Exposure: euros(money.Nano / 5)}, {Name: "oscar", Attack: "stops signing", Tries: 12, Gained: euros(40_000_000), Exposure: euros(90_000_000)}},
		Incidents: []report.Incident{{At: start.Add(3 * time.Hour), For: measure.Seconds(20 * time.Minute), Kind: "crash", Who: "bay-3"}},
		Ledger:    report.Ledger{Network: "n", Height: 900, Vertices: map[string]int{"open": 90, "settle": 40}, Checkpoints: 450},
		Accounts:  []report.Account{{Name: "car-1", DID: "did:joule:z6Mk", Balance: euros(money.Nano), Locked: euros(5)}},
	}
	s.Totals = report.Totals{Sessions: sessions, Cost: figures.Money.Cost, Paid: figures.Money.Paid, EnergyWh: figures.Service.Delivered}
	return s
}

func TestThePageLoadsNothingAndRunsItsOwnScriptOnly(t *testing.T) {
	s := day(1, 4, 5, 120)
	s.About += ` </script><script>alert(1)</script><img src=x onerror=alert(2)>`
	s.Sessions[0].Vehicle = `</script><script>alert(3)</script>`
	page, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if *look != "" {
		s.About, s.Sessions[0].Vehicle = day(1, 1, 0, 0).About, "car-1"
		nice, err := s.HTML()
		if err == nil {
			err = os.WriteFile(*look, nice, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if found := regexp.MustCompile(`(?i)(src|href|action|url)\s*[=(]\s*["']?\s*(https?:|//|/|file:)|@import|<iframe|<object|<embed|<link rel="stylesheet`).Find(page); found != nil {
		t.Errorf("the page loads something: %q", found)
	}
	if n := bytes.Count(page, []byte("<script")); n != 2 {
		t.Errorf("%d scripts, want the data and ours", n)
	}
	if bytes.Contains(page, []byte("<img")) || regexp.MustCompile(`<[^>]* (on[a-z]+|style)=`).Match(page) {
		t.Error("the page has what its policy forbids, or what others wrote")
	}
	for _, want := range []string{"default-src 'none'", "lang=\"en\"", "<noscript>", "scope=\"col\"", "Content-Security-Policy"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	policy := regexp.MustCompile(`script-src '(sha256-[^']+)'`).FindSubmatch(page)
	if policy == nil {
		t.Fatal("no policy for the script")
	}
	hash := strings.TrimPrefix(strings.ReplaceAll(string(policy[1]), "&#43;", "+"), "sha256-")
	if raw, err := base64.StdEncoding.DecodeString(hash); err != nil || len(raw) != 32 {
		t.Errorf("%q is no hash", hash)
	}
}

// dataOf gives what the script of a page reads.
func dataOf(t *testing.T, page []byte) map[string]any {
	t.Helper()
	_, rest, _ := bytes.Cut(page, []byte(`<script type="application/json" id="data">`))
	raw, _, found := bytes.Cut(rest, []byte("</script>"))
	var data map[string]any
	if err := json.Unmarshal(raw, &data); !found || err != nil {
		t.Fatal(found, err)
	}
	return data
}

func TestThePageHasPlotsAndSessions(t *testing.T) {
	page, err := day(1, 3, 2, 30).HTML()
	if err != nil {
		t.Fatal(err)
	}
	data := dataOf(t, page)
	var titles []string
	for _, p := range data["plots"].([]any) {
		plot := p.(map[string]any)
		titles = append(titles, plot["title"].(string))
		for _, set := range plot["sets"].([]any) {
			for _, series := range set.(map[string]any)["series"].([]any) {
				if got := len(series.(map[string]any)["mean"].([]any)); float64(got) != data["points"].(float64) {
					t.Errorf("%s has %d points of %v", plot["title"], got, data["points"])
				}
			}
		}
	}
	want := "Power and limit|What it is made of|Price|CO₂ of the grid|State of charge|At risk|Claims so far|Vertices so far"
	if got := strings.Join(titles, "|"); got != want {
		t.Errorf("plots %s, want %s", got, want)
	}
	sessions := data["sessions"].(map[string]any)
	if rows := sessions["rows"].([]any); len(rows) != 30 || len(rows[0].([]any)) != len(sessions["head"].([]any)) {
		t.Errorf("%d sessions", len(rows))
	}
}

func TestValuesOfPlotsAreRoundedToTheNearest(t *testing.T) {
	for power, want := range map[int64]float64{1_499: 1, 1_500: 2, -1_499: -1, -1_500: -2, 0: 0} {
		r := measure.New(measure.Site{Start: start, Duration: time.Second, Circuits: []string{"grid"}})
		r.Add(measure.Step{At: start, Length: time.Second, Circuits: []measure.Flow{{PowerMilliwatts: power}}})
		s := summary()
		s.Curves = r.Curves()
		page, err := s.HTML()
		if err != nil {
			t.Fatal(err)
		}
		plot := dataOf(t, page)["plots"].([]any)[0].(map[string]any)["sets"].([]any)[0].(map[string]any)["series"].([]any)[0]
		if got := plot.(map[string]any)["mean"].([]any)[0]; got != want {
			t.Errorf("%d mW are %v W, want %v", power, got, want)
		}
	}
}

func TestARunInWhichNobodyPaysSaysNothingOfPaying(t *testing.T) {
	visit := measure.Visit{Vehicle: "b", Station: "s", Service: measure.Charging, Arrived: start.Add(time.Hour), Began: start.Add(time.Hour), Left: start.Add(2 * time.Hour), Requested: 2_000_000, Delivered: 1_000_000}
	first := visit
	first.Vehicle, first.Arrived, first.Began = "a", start, start
	r := measure.New(measure.Site{Start: start, Duration: time.Hour, Currency: money.Currency{'E', 'U', 'R'}, Circuits: []string{"grid"}})
	r.AddVisit(visit)
	figures := r.Figures()
	s := &report.Summary{Scenario: "grid", Start: start, End: start, Figures: &figures, Sessions: report.Sessions([]measure.Visit{visit, first}, money.Currency{'E', 'U', 'R'})}
	for _, f := range s.KeyFigures() {
		if (f.Section == "money" || f.Section == "payments") && f.Value != "" {
			t.Errorf("%s is %s", f.Key, f.Value)
		}
	}
	if text := s.Text(); strings.Contains(text, "claims") || !strings.Contains(text, "of kWh") || strings.Index(text, "\na ") > strings.Index(text, "\nb ") {
		t.Error(text)
	}
	page, err := s.HTML()
	if err != nil || strings.Contains(fmt.Sprint(dataOf(t, page)["sessions"]), "claims") {
		t.Error(err)
	}
}

func TestWhatIsSoldOfOtherServicesIsListed(t *testing.T) {
	visit := measure.Visit{Vehicle: "a", Station: "lot", Service: "parking", Arrived: start, Began: start, Left: start, Delivered: 1800, Cost: money.Nano}
	toll := visit
	toll.Service, toll.Delivered = "toll", 2
	s := summary()
	s.Sessions = report.Sessions([]measure.Visit{visit, toll}, money.Currency{'E', 'U', 'R'})
	page, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1800 s", "2 pieces"} {
		if !strings.Contains(s.Text(), want) || !bytes.Contains(page, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTheSameSummaryGivesTheSamePage(t *testing.T) {
	a, err1 := day(7, 3, 3, 50).HTML()
	b, err2 := day(7, 3, 3, 50).HTML()
	other, err3 := day(8, 3, 3, 50).HTML()
	if err1 != nil || err2 != nil || err3 != nil || !bytes.Equal(a, b) || bytes.Equal(a, other) {
		t.Error("pages of equal summaries differ, or of different ones are equal", err1, err2, err3)
	}
}

func TestThePageOfALargeRunStaysSmall(t *testing.T) {
	page, err := day(1, 40, 40, 20_000).HTML()
	if err != nil {
		t.Fatal(err)
	}
	const most = 2 << 20
	if len(page) > most {
		t.Errorf("%d bytes, at most %d", len(page), most)
	}
	if points := dataOf(t, page)["points"].(float64); points > measure.PointsMax/4 {
		t.Errorf("%v points of each of a hundred curves", points)
	}
	if !bytes.Contains(page, []byte("more are in sessions.csv")) {
		t.Error("the page does not say that it lists a part of the sessions")
	}
}

func TestThePageOfARunWithoutFiguresHasItsSessions(t *testing.T) {
	page, err := summary().HTML()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("Over time")) || !bytes.Contains(page, []byte("ben")) {
		t.Error("plots of nothing, or no sessions")
	}
}
