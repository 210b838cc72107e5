package pricing

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"joulepay/internal/shared"
)

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return r
}

// wantRounded holds an exact sum against a stated one, to as many decimals as are stated, half away from zero.
func wantRounded(t *testing.T, what string, got Exact, want string) {
	t.Helper()
	_, fraction, _ := strings.Cut(want, ".")
	text := got.places(max(len(fraction), 2), roundHalfAway)
	if !got.Known() || rat(t, text).Cmp(rat(t, want)) != 0 {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

type statedSums struct {
	Excl   *string `json:"excl_vat"`
	Incl   *string `json:"incl_vat"`
	Before *string `json:"before_taxes"`
	After  *string `json:"after_taxes"`
}

type ocpiCase struct {
	Name    string
	Tariff  json.RawMessage
	Session json.RawMessage
	Expect  struct {
		Total      statedSums  `json:"total_cost"`
		Fixed      *statedSums `json:"total_fixed_cost"`
		Energy     *statedSums `json:"total_energy_cost"`
		Time       *statedSums `json:"total_time_cost"`
		Billed     map[string]json.RawMessage
		Components []statedLine
	}
	SpecError bool `json:"spec_error"`
	Derived   struct {
		Excl *string `json:"exact_excl"`
		Incl *string `json:"exact_incl"`
	}
}

// statedLine is a line of a bill in OCPI's text; what it leaves out is "" or 0.
type statedLine struct {
	Type    string
	KWh     string `json:"kwh"`
	Minutes int64
	Price   string
	Excl    string `json:"excl_vat"`
	Incl    string `json:"incl_vat"`
}

func TestOCPIVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared.Path(t, "vectors/ocpi"), "*.json"))
	if err != nil || len(files) != 39 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			var c ocpiCase
			readJSON(t, file, &c)
			tariff := mustTariff(t, string(c.Tariff))
			cost, err := CostOfCDR(tariff, c.Session, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkOCPICase(t, &c, tariff, cost)
		})
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func checkOCPICase(t *testing.T, c *ocpiCase, tariff *Tariff, cost Cost) {
	t.Helper()
	if d := c.Derived; d.Excl != nil && tariff.tax != taxIncluded {
		wantClose(t, "derived sum before tax", cost.ExclVAT, *d.Excl)
	}
	if d := c.Derived; d.Incl != nil {
		wantClose(t, "derived sum after tax", cost.InclVAT, *d.Incl)
	}
	if c.SpecError {
		return // the text's own arithmetic is wrong; the derived sums hold
	}
	want := c.Expect.Total
	for _, s := range []struct {
		got  Exact
		want *string
	}{{cost.ExclVAT, want.Excl}, {cost.ExclVAT, want.Before}, {cost.InclVAT, want.Incl}, {cost.InclVAT, want.After}} {
		if s.want != nil {
			wantRounded(t, "total", s.got, *s.want)
		}
	}
	wantTotals(t, cost, c.Expect.Fixed, Flat)
	wantTotals(t, cost, c.Expect.Energy, Energy)
	wantTotals(t, cost, c.Expect.Time, Time)
	wantBilled(t, cost, c.Expect.Billed)
	wantLines(t, cost, c)
}

// wantClose holds a sum against one of 28 digits.
func wantClose(t *testing.T, what string, got Exact, want string) {
	t.Helper()
	if !got.Known() {
		t.Fatalf("%s not stated, want %s", what, want)
	}
	gap := new(big.Rat).Sub(got.Rat(), rat(t, want))
	if gap.Abs(gap).Cmp(big.NewRat(1, 1e15)) > 0 {
		t.Errorf("%s %s, want %s", what, got, want)
	}
}

func totalOf(cost Cost, kind ComponentType) (excl, incl, volume Exact) {
	excl, incl, volume = zeroExact, zeroExact, quantity(0).exact()
	for _, l := range cost.Components {
		if l.Type == kind {
			excl, incl, volume = excl.add(l.ExclVAT), incl.add(l.InclVAT), volume.add(l.Volume)
		}
	}
	return excl, incl, volume
}

func wantTotals(t *testing.T, cost Cost, want *statedSums, kind ComponentType) {
	t.Helper()
	if want == nil {
		return
	}
	excl, incl, _ := totalOf(cost, kind)
	wantRounded(t, kind.String(), excl, *want.Excl)
	wantRounded(t, kind.String(), incl, *want.Incl)
}

func wantBilled(t *testing.T, cost Cost, billed map[string]json.RawMessage) {
	t.Helper()
	_, _, energy := totalOf(cost, Energy)
	_, _, charging := totalOf(cost, Time)
	_, _, parking := totalOf(cost, ParkingTime)
	lines := cost.Lines()
	for name, raw := range billed {
		want := strings.Trim(string(raw), `"`)
		var got *big.Rat
		switch name {
		case "ENERGY_wh":
			got = new(big.Rat).Mul(energy.Rat(), big.NewRat(1000, 1))
		case "ENERGY_kwh", "ENERGY_kwh_total":
			got = energy.Rat()
		case "TIME_minutes", "TIME_minutes_total":
			got = new(big.Rat).Mul(charging.Rat(), big.NewRat(60, 1))
		case "TIME_minutes_after_17":
			got = new(big.Rat).Mul(lines[1].Volume.Rat(), big.NewRat(60, 1))
		case "PARKING_TIME_minutes":
			got = new(big.Rat).Mul(parking.Rat(), big.NewRat(60, 1))
		case "total_minutes":
			got = new(big.Rat).Mul(charging.add(parking).Rat(), big.NewRat(60, 1))
		case "ENERGY_kwh_per_period":
			if text := lines[0].Volume.String() + lines[1].Volume.String() + lines[2].Volume.String(); text != "334" {
				t.Errorf("billed per period %s", text)
			}
			continue
		default:
			t.Fatalf("%s is not checked", name)
		}
		if got.Cmp(rat(t, want)) != 0 {
			t.Errorf("billed %s %s, want %s", name, got.FloatString(6), want)
		}
	}
}

// wantLines finds each line that the text states among the lines of the bill, each once.
func wantLines(t *testing.T, cost Cost, c *ocpiCase) {
	t.Helper()
	lines := cost.Lines()
	if want := c.Expect.Components; want != nil && len(want) != len(lines) {
		t.Errorf("%d lines, want %d", len(lines), len(want))
	}
	for _, want := range c.Expect.Components {
		at := slices.IndexFunc(lines, func(l ComponentCost) bool { return want.is(t, l) })
		if at < 0 {
			t.Errorf("no line %+v", want)
			continue
		}
		lines = slices.Delete(lines, at, at+1)
	}
}

func (s statedLine) is(t *testing.T, l ComponentCost) bool {
	t.Helper()
	if strings.HasPrefix(s.Type, "RESERVATION") != (l.Reservation != NoReservation && l.Type == Time) ||
		l.Reservation == NoReservation && !strings.HasPrefix(s.Type, l.Type.String()) {
		return false
	}
	same := func(want string, got Exact) bool { return want == "" || got.Rat().Cmp(rat(t, want)) == 0 }
	minutes := ""
	if s.Minutes != 0 {
		minutes = big.NewRat(s.Minutes, 60).String()
	}
	return same(s.KWh, l.Volume) && same(minutes, l.Volume) && same(s.Price, l.Price) && same(s.Excl, l.ExclVAT) && same(s.Incl, l.InclVAT)
}

// cdrTotals are the results that a CDR states.
type cdrTotals struct {
	Total   cdrSums  `json:"total_cost"`
	Energy  *cdrSums `json:"total_energy_cost"`
	Time    *cdrSums `json:"total_time_cost"`
	Parking *cdrSums `json:"total_parking_cost"`
	Fixed   *cdrSums `json:"total_fixed_cost"`
}

type cdrSums struct {
	Excl json.Number `json:"excl_vat"`
	Incl json.Number `json:"incl_vat"`
}

func TestOCPITariffsFixtures(t *testing.T) {
	root := shared.Path(t, "vectors/ocpi-tariffs")
	files, err := filepath.Glob(filepath.Join(root, "*", "cdr*.json"))
	if err != nil || len(files) != 9 {
		t.Fatalf("%d CDRs, %v", len(files), err)
	}
	files = append(files, filepath.Join(root, "from-py-port/step_size/cdr1.json"))
	for _, file := range files {
		name, _ := filepath.Rel(root, file)
		t.Run(name, func(t *testing.T) {
			tariff := mustTariff(t, readFile(t, filepath.Join(filepath.Dir(file), "tariff.json")))
			cost, err := CostOfCDR(tariff, []byte(readFile(t, file)), nil)
			if err != nil {
				t.Fatal(err)
			}
			var want cdrTotals
			readJSON(t, file, &want)
			if name == "025kwh_min_price/cdr2_less_than_2kWh.json" {
				// The library that these fixtures come from ignores min_price; OCPI does not.
				want.Total, want.Energy = cdrSums{"0.5", "0.55"}, nil
			}
			checkCDR(t, cost, want)
		})
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func checkCDR(t *testing.T, cost Cost, want cdrTotals) {
	t.Helper()
	wantFour := func(what string, got Exact, want json.Number) {
		t.Helper()
		wantRounded(t, what, got, rat(t, want.String()).FloatString(4))
	}
	wantFour("before tax", cost.ExclVAT, want.Total.Excl)
	wantFour("after tax", cost.InclVAT, want.Total.Incl)
	for kind, sums := range map[ComponentType]*cdrSums{Energy: want.Energy, Time: want.Time, ParkingTime: want.Parking, Flat: want.Fixed} {
		if sums != nil {
			excl, incl, _ := totalOf(cost, kind)
			wantFour(kind.String(), excl, sums.Excl)
			wantFour(kind.String(), incl, sums.Incl)
		}
	}
}

// The CDR states 1.83 and 2.21, which is 0.01 below its own periods and prices; the answer on record is 1.84 and 2.22.
func TestCDRCarriesItsTariffAndZoneIsGiven(t *testing.T) {
	data := readFile(t, shared.Path(t, "vectors/ocpi-tariffs/from-py-port/codeberg_issue_228/cdr.json"))
	amsterdam, err := LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	session, err := ParseSession([]byte(data), amsterdam)
	if err != nil {
		t.Fatal(err)
	}
	cost, err := session.Price()
	if err != nil {
		t.Fatal(err)
	}
	if cost.ExclVAT.Cents() != "1.84" || cost.InclVAT.Cents() != "2.22" {
		t.Errorf("%s, %s", cost.ExclVAT, cost.InclVAT)
	}
}

func TestEveryFixtureTariffParses(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared.Path(t, "vectors/ocpi-tariffs"), "*", "tariff.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d tariffs, %v", len(files), err)
	}
	for _, file := range files {
		mustTariff(t, readFile(t, file))
	}
}
