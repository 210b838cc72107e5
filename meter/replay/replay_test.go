package replay_test

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/replay"
)

// sessions finds a table beside the module, or skips.
func sessions(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no module root above the test")
		}
	}
	path := filepath.Join(dir, "..", "shared", "data", "sessions", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("reference data is missing: ../shared/data/sessions/%s", name)
	}
	return path
}

func readAll(t testing.TB, name string) []*replay.Recording {
	t.Helper()
	file, err := os.Open(sessions(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := replay.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// column reads a column of a table by other means than the package: split at commas outside quotes.
func column(t testing.TB, name, title string) []string {
	t.Helper()
	text, err := os.ReadFile(sessions(t, name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "\r", "")), "\n")
	index := -1
	for i, h := range strings.Split(strings.ReplaceAll(lines[0], "False, 1", "False 1"), ",") {
		if h == title {
			index = i
		}
	}
	if index < 0 {
		t.Fatalf("no column %q", title)
	}
	var cells []string
	for _, line := range lines[1:] {
		cells = append(cells, strings.Split(line, ",")[index])
	}
	return cells
}

// milli gives a decimal × 10^places, rounded half-even, in rational arithmetic.
func milli(t testing.TB, text string, places int) int64 {
	t.Helper()
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
	twice := new(big.Int).Mul(value.Num(), big.NewInt(2))
	quotient, remainder := new(big.Int).DivMod(twice.Add(twice, value.Denom()), new(big.Int).Mul(value.Denom(), big.NewInt(2)), new(big.Int))
	if remainder.Sign() == 0 && quotient.Bit(0) == 1 {
		quotient.Sub(quotient, big.NewInt(1))
	}
	return quotient.Int64()
}

var plugIn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// drive runs a connector at full power, with a sample each interval until the end of the stay, and checks what
// must hold on the way: the register never falls, no sample exceeds the peak, the clock is the caller's.
func drive(t *testing.T, c *replay.Connector, interval time.Duration) meter.Sample {
	t.Helper()
	if err := c.Start(plugIn, c.MaxPowerMilliwatts()); err != nil {
		t.Fatal(err)
	}
	var last meter.Sample
	for elapsed := time.Duration(0); ; elapsed = min(elapsed+interval, c.Duration()) {
		s, err := c.Sample(plugIn.Add(elapsed))
		if err != nil {
			t.Fatal(err)
		}
		if s.Register < last.Register || s.StateOfChargePermille < last.StateOfChargePermille && elapsed > 0 {
			t.Fatalf("at %v: %+v after %+v", elapsed, s, last)
		}
		if s.PowerMilliwatts > c.MaxPowerMilliwatts() || !s.Time.Equal(plugIn.Add(elapsed)) || s.Unit != meter.MilliwattHours {
			t.Fatalf("at %v: %+v", elapsed, s)
		}
		last = s
		if elapsed == c.Duration() {
			return last
		}
	}
}

func TestEveryEPFLRowEndsOnTheRecordedEnergyWithinItsStay(t *testing.T) {
	const name = "epfl_dc_fast.csv"
	recordings, energy, stay := readAll(t, name), column(t, name, "Energy (Wh)"), column(t, name, "Stay (min)")
	if len(recordings) != 1878 || len(energy) != len(recordings) {
		t.Fatalf("%d rows", len(recordings))
	}
	for row, r := range recordings {
		want := milli(t, energy[row], 3)
		if r.EnergyMilliwattHours() != want || r.RequestedMilliwattHours() != want || r.Note() != "" || r.Row() != row {
			t.Fatalf("row %d: %d mWh of %d asked, want %d; note %q", row, r.EnergyMilliwattHours(), r.RequestedMilliwattHours(), want, r.Note())
		}
		if fmt.Sprint(r.Duration().Minutes()) != stay[row] {
			t.Fatalf("row %d: stay %v, want %s minutes", row, r.Duration(), stay[row])
		}
		c, err := replay.NewConnector(r)
		if err != nil {
			t.Fatal(err)
		}
		last := drive(t, c, 17*time.Second)
		if last.Register != want || last.State != meter.SuspendedVehicle || last.PowerMilliwatts != 0 {
			t.Fatalf("row %d ends with %+v, want %d mWh", row, last, want)
		}
	}
}

func TestEveryACNRowEndsOnTheRequestOrWherePowerAndStayAllowAndSaysSo(t *testing.T) {
	const name = "acn_caltech_2019_03.csv"
	recordings, requested := readAll(t, name), column(t, name, "requested_kwh")
	arrival, departure := column(t, name, "arrival_period"), column(t, name, "departure_period")
	if len(recordings) != 954 || len(requested) != len(recordings) {
		t.Fatalf("%d rows", len(recordings))
	}
	short := 0
	for row, r := range recordings {
		periods := milli(t, departure[row], 0) - milli(t, arrival[row], 0)
		const perPeriod = 550_000 // mWh: 6.6 kW for five minutes
		want := min(milli(t, requested[row], 6), periods*perPeriod)
		if cutShort := want < milli(t, requested[row], 6); cutShort {
			short++
			if !strings.Contains(r.Note(), "can give only") {
				t.Fatalf("row %d is cut short and notes %q", row, r.Note())
			}
		} else if r.Note() != "" {
			t.Fatalf("row %d notes %q", row, r.Note())
		}
		c, err := replay.NewConnector(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Duration() != time.Duration(periods)*5*time.Minute {
			t.Fatalf("row %d: stay %v", row, r.Duration())
		}
		last := drive(t, c, 5*time.Minute)
		if last.Register != want || r.EnergyMilliwattHours() != want || last.State != meter.SuspendedVehicle {
			t.Fatalf("row %d ends with %+v, want %d mWh", row, last, want)
		}
		if last.StateOfChargePermille != meter.StateOfChargeUnknown {
			t.Fatalf("row %d: the table knows no state of charge, the replay %d", row, last.StateOfChargePermille)
		}
	}
	if short != 30 {
		t.Fatalf("%d rows cannot be reached, want 30", short)
	}
}

func TestRowZeroOfEPFLIsTheDemonstrationSession(t *testing.T) {
	r, err := replay.Open(sessions(t, "epfl_dc_fast.csv"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.Format() != "epfl" || r.EnergyMilliwattHours() != 9_632_000 || r.MaxPowerMilliwatts() != 168_393_000 || r.Duration() != 5*time.Minute {
		t.Fatalf("%+v", r)
	}
	if want := time.Date(2022, 8, 11, 23, 33, 0, 0, time.UTC); !r.Arrival().Equal(want) {
		t.Fatalf("arrival %v", r.Arrival())
	}
	c, err := replay.NewConnector(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(plugIn, c.MaxPowerMilliwatts()); err != nil {
		t.Fatal(err)
	}
	first, _ := c.Sample(plugIn)
	last, _ := c.Sample(plugIn.Add(r.Duration()))
	if first.PowerMilliwatts != 168_393_000 || first.StateOfChargePermille != 260 || last.StateOfChargePermille != 360 {
		t.Fatalf("from %+v to %+v", first, last)
	}
}

func TestPowerTapersAsAFastChargeDoes(t *testing.T) {
	for _, r := range readAll(t, "epfl_dc_fast.csv") {
		c, err := replay.NewConnector(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(plugIn, c.MaxPowerMilliwatts()); err != nil {
			t.Fatal(err)
		}
		before := r.MaxPowerMilliwatts()
		for elapsed := time.Duration(0); elapsed < r.Duration(); elapsed += 10 * time.Second {
			s, err := c.Sample(plugIn.Add(elapsed))
			if err != nil {
				t.Fatal(err)
			}
			if elapsed == 0 && s.PowerMilliwatts != r.MaxPowerMilliwatts() {
				t.Fatalf("row %d begins at %d mW, not at its peak", r.Row(), s.PowerMilliwatts)
			}
			if s.PowerMilliwatts > before || (s.State == meter.Charging && s.PowerMilliwatts < r.MaxPowerMilliwatts()/5) {
				t.Fatalf("row %d at %v: %d mW after %d", r.Row(), elapsed, s.PowerMilliwatts, before)
			}
			before = s.PowerMilliwatts
		}
	}
}

func TestALimitAndAPauseShiftTheRemainingDelivery(t *testing.T) {
	r, err := replay.Open(sessions(t, "epfl_dc_fast.csv"), 100)
	if err != nil {
		t.Fatal(err)
	}
	end := func(disturb func(*replay.Connector)) meter.Sample {
		c, err := replay.NewConnector(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(plugIn, c.MaxPowerMilliwatts()); err != nil {
			t.Fatal(err)
		}
		disturb(c)
		s, err := c.Sample(plugIn.Add(r.Duration() + 3*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	paused := end(func(c *replay.Connector) {
		if err := c.SetLimit(plugIn.Add(time.Minute), 0); err != nil {
			t.Fatal(err)
		}
		before, _ := c.Sample(plugIn.Add(time.Minute))
		after, _ := c.Sample(plugIn.Add(4 * time.Minute))
		if after.Register != before.Register || after.State != meter.SuspendedStation || after.PowerMilliwatts != 0 {
			t.Fatalf("paused at %+v, then %+v", before, after)
		}
		if err := c.SetLimit(plugIn.Add(4*time.Minute), c.MaxPowerMilliwatts()); err != nil {
			t.Fatal(err)
		}
	})
	if paused.Register != r.EnergyMilliwattHours() {
		t.Fatalf("after a pause of three minutes the replay ends on %d, want %d", paused.Register, r.EnergyMilliwattHours())
	}
	limited := end(func(c *replay.Connector) {
		const tenKilowatts = 10_000_000
		if err := c.SetLimit(plugIn, tenKilowatts); err != nil {
			t.Fatal(err)
		}
	})
	if want := int64((r.Duration() + 3*time.Minute).Milliseconds()) * 10_000_000 / 3_600_000; limited.Register != want {
		t.Fatalf("at 10 kW: %d mWh, want %d", limited.Register, want)
	}
}

func TestAResumedReplayEndsOnTheRecordedEnergy(t *testing.T) {
	r, err := replay.Open(sessions(t, "epfl_dc_fast.csv"), 7)
	if err != nil {
		t.Fatal(err)
	}
	const before, delivered = 5_000_000, 1_234_567
	c, err := replay.ResumeConnector(r, before+delivered, delivered)
	if err != nil {
		t.Fatal(err)
	}
	if last := drive(t, c, time.Second); last.Register != before+r.EnergyMilliwattHours() {
		t.Fatalf("ends on %d, want %d", last.Register, before+r.EnergyMilliwattHours())
	}
	if _, err := replay.ResumeConnector(r, 0, -1); err == nil {
		t.Fatal("a negative delivery was accepted")
	}
}

const (
	epflHead = "Session,CCS,Arrival,Departure,Stay (min),Energy (Wh),Pmax (W),Preq_max (W),\"Controlled session (0=False, 1=True)\",TotalCapacity,BulkCapacity,SOC arrival,SOC departure,Energy capacity (Wh)\r\n"
	epflRow  = "1,CCS1,2022-08-11T23:33:00,2022-08-11T23:37:00,5,9632,168393,192417,1,79140,63312,26,36,91504\r\n"
	acnHead  = "arrival_period,departure_period,estimated_departure_period,requested_kwh,battery_capacity_kwh,battery_init_kwh,max_power_kw,station_id,session_id\n"
	acnRow   = "76,92,92,4.216,4.216,0,6.6,CA-315,2_39_89_25\n"
)

func TestAnUnreachableEPFLRowEndsWherePowerAndStayAllowAndSaysSo(t *testing.T) {
	r, err := replay.Read(strings.NewReader(epflHead+strings.Replace(epflRow, ",9632,", ",20000.5,", 1)), 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(168_393_000 * 5 / 60); r.EnergyMilliwattHours() != want || r.RequestedMilliwattHours() != 20_000_500 {
		t.Fatalf("%d of %d mWh, want %d", r.EnergyMilliwattHours(), r.RequestedMilliwattHours(), want)
	}
	const note = "row 0 asks for 20.0005 kWh, but 168.393 kW for 5m0s can give only 14.03275 kWh: the replay ends there"
	if r.Note() != note {
		t.Fatalf("notes %q", r.Note())
	}
}

func TestARowThatNeedsAllPowerForTheWholeStayIsReached(t *testing.T) {
	r, err := replay.Read(strings.NewReader(acnHead+"76,78,78,1.1,1.1,0,6.6,CA-315,1\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.EnergyMilliwattHours() != 1_100_000 || r.Note() != "" {
		t.Fatalf("%d mWh, notes %q", r.EnergyMilliwattHours(), r.Note())
	}
}

func TestRecordedEnergyIsRoundedHalfEven(t *testing.T) {
	for text, want := range map[string]int64{"100.0005": 100_000, "100.0015": 100_002, "100.00050000000001": 100_001, "7910.8249999999998": 7_910_825, "0": 0} {
		r, err := replay.Read(strings.NewReader(epflHead+strings.Replace(epflRow, ",9632,", ","+text+",", 1)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.EnergyMilliwattHours() != want {
			t.Errorf("%s Wh is %d mWh, want %d", text, r.EnergyMilliwattHours(), want)
		}
	}
}

func TestI9_MalformedTablesAreRefusedByLine(t *testing.T) {
	swap := func(row, from, to string) string {
		if !strings.Contains(row, from) {
			t.Fatalf("%q is not in %q", from, row)
		}
		return strings.Replace(row, from, to, 1)
	}
	cases := []struct {
		name, text string
		line       int
	}{
		{"empty", "", 1},
		{"unknown header", "a,b,c\n1,2,3\n", 1},
		{"broken quotes", epflHead + "\"1,CCS1\n", 2},
		{"too few fields", epflHead + "1,CCS1\n", 2},
		{"too many fields", acnHead + acnRow + strings.TrimSpace(acnRow) + ",1\n", 3},
		{"empty line", acnHead + "\n" + acnRow, 2},
		{"long line", acnHead + strings.Repeat("1", 5000) + "\n", 2},
		{"exponent", epflHead + swap(epflRow, ",9632,", ",9e3,"), 2},
		{"signed", epflHead + swap(epflRow, ",9632,", ",-9632,"), 2},
		{"decimal comma", epflHead + swap(epflRow, ",9632,", ",\"9,632\","), 2},
		{"not a number", epflHead + swap(epflRow, ",9632,", ",NaN,"), 2},
		{"huge energy", epflHead + swap(epflRow, ",9632,", ",99999999999999999999,"), 2},
		{"endless digits", epflHead + swap(epflRow, ",9632,", ",1."+strings.Repeat("0", 100)+","), 2},
		{"bare point", epflHead + swap(epflRow, ",9632,", ",.5,"), 2},
		{"no peak", epflHead + swap(epflRow, ",168393,", ",0,"), 2},
		{"fractional stay", epflHead + swap(epflRow, ",5,", ",5.5,"), 2},
		{"endless stay", epflHead + swap(epflRow, ",5,", ",99999999,"), 2},
		{"full beyond full", epflHead + swap(epflRow, ",36,", ",136,"), 2},
		{"discharging", epflHead + swap(epflRow, ",36,", ",16,"), 2},
		{"no time", epflHead + swap(epflRow, "2022-08-11T23:33:00", "11.08.2022 23:33"), 2},
		{"departure first", epflHead + swap(epflRow, "2022-08-11T23:37:00", "2022-08-10T23:37:00"), 2},
		{"departure before arrival", acnHead + swap(acnRow, "76,92", "92,76"), 2},
		{"leading zero", acnHead + swap(acnRow, "76,", "076,"), 2},
		{"negative request", acnHead + swap(acnRow, "4.216", "-4.216"), 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := replay.ReadAll(strings.NewReader(c.text))
			var where *replay.FormatError
			if !errors.Is(err, replay.ErrFormat) || !errors.As(err, &where) || where.Line != c.line {
				t.Fatalf("%v, want a format error in line %d", err, c.line)
			}
		})
	}
}

func TestMissingFilesAndRowsHaveTheirOwnErrors(t *testing.T) {
	if _, err := replay.Open(filepath.Join(t.TempDir(), "none.csv"), 0); !errors.Is(err, replay.ErrFileMissing) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := replay.Open(t.TempDir(), 0); err == nil {
		t.Error("a folder was read as a table")
	}
	for _, row := range []int{-1, 1, 1 << 40} {
		if _, err := replay.Read(strings.NewReader(acnHead+acnRow), row); !errors.Is(err, replay.ErrNoSuchRow) {
			t.Errorf("row %d: %v", row, err)
		}
	}
	if _, err := replay.Read(strings.NewReader(acnHead+strings.TrimSuffix(acnRow, "\n")), 0); err != nil {
		t.Errorf("a last line without end: %v", err)
	}
}

// endless repeats a line for ever.
type endless struct{ line string }

func (e endless) Read(p []byte) (int, error) {
	n := copy(p, e.line)
	for n+len(e.line) <= len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}

func TestI9_AnEndlessFileEnds(t *testing.T) {
	_, err := replay.Read(io.MultiReader(strings.NewReader(acnHead), endless{acnRow}), 2_000_000)
	if !errors.Is(err, replay.ErrNoSuchRow) {
		t.Errorf("a row beyond every table: %v", err)
	}
	wide := strings.Replace(acnRow, "CA-315", strings.Repeat("x", 3000), 1)
	for line, reason := range map[string]string{acnRow: "more than", "x": "longer than 4096", wide: "the file is longer than"} {
		_, err := replay.Read(io.MultiReader(strings.NewReader(acnHead), endless{line}), 99_999)
		if !errors.Is(err, replay.ErrFormat) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.10s: %v, want %q", line, err, reason)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(epflHead+epflRow), 0)
	f.Add([]byte(acnHead+acnRow), 0)
	f.Fuzz(func(t *testing.T, table []byte, row int) {
		r, err := replay.Read(strings.NewReader(string(table)), row)
		if err != nil {
			return
		}
		c, err := replay.NewConnector(r)
		if err != nil {
			t.Fatalf("a recording that was read cannot be replayed: %v", err)
		}
		if last := drive(t, c, r.Duration()+1); last.Register != r.EnergyMilliwattHours() {
			t.Fatalf("ends on %d, want %d", last.Register, r.EnergyMilliwattHours())
		}
	})
}

func ExampleNewConnector() {
	recording, err := replay.Read(strings.NewReader(acnHead+acnRow), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	connector, err := replay.NewConnector(recording)
	if err != nil {
		fmt.Println(err)
		return
	}
	begin := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	if err := connector.Start(begin, connector.MaxPowerMilliwatts()); err != nil {
		fmt.Println(err)
		return
	}
	for _, minutes := range []int{0, 20, 40} {
		sample, _ := connector.Sample(begin.Add(time.Duration(minutes) * time.Minute))
		fmt.Println(minutes, sample.Register, sample.State)
	}
	// Output:
	// 0 0 charging
	// 20 2200000 charging
	// 40 4216000 suspended_ev
}
