package dataset_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/dataset"
)

// A year of a standard profile holds what it is scaled to, within what the BDEW's rounding and the holidays leave.
func TestAYearOfAStandardProfileHoldsItsConsumption(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, zone)
	for _, name := range []string{"profile_bdew_h25.csv", "profile_bdew_g25.csv", "profile_bdew_p25.csv", "profile_bdew_s25.csv"} {
		data := shared.Read(t, "data/profiles/"+name)
		profile, err := dataset.ReadProfile(data, dataset.Dynamic(name))
		if err != nil {
			t.Fatal(err)
		}
		const slots, yearly = 365 * 96, 3_500_000_000
		powers := profile.Powers(begin, slots, zone, yearly, nil)
		sum := 0.0
		for _, power := range powers {
			sum += float64(power) / 4
		}
		if share := sum / yearly; math.Abs(share-1) > 0.02 {
			t.Errorf("%s: a year holds %.4f of what it is scaled to", name, share)
		}
		for _, at := range []time.Time{begin, time.Date(2025, 7, 12, 18, 30, 0, 0, zone), time.Date(2025, 12, 24, 12, 0, 0, 0, zone), time.Date(2025, 3, 30, 3, 0, 0, 0, zone)} {
			got := float64(powers[at.Sub(begin)/(15*time.Minute)])
			if want := apartPower(t, data, at, dataset.Dynamic(name)) * yearly / 1e12; math.Abs(got-want) > 1+want*1e-4 {
				t.Errorf("%s at %s: %.0f mW, apart %.0f", name, at, got, want)
			}
		}
	}
}

// apartPower gives mW of a million kWh a year, with floating numbers.
func apartPower(t *testing.T, data []byte, at time.Time, dynamic bool) float64 {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kind := 2
	switch {
	case at.Weekday() == time.Sunday:
		kind = 1
	case at.Weekday() == time.Saturday, at.Month() == time.December && at.Day() == 24:
		kind = 0
	}
	value, err := strconv.ParseFloat(rows[2+at.Hour()*4+at.Minute()/15][1+3*(int(at.Month())-1)+kind], 64)
	if err != nil {
		t.Fatal(err)
	}
	if dynamic {
		d := float64(at.YearDay())
		value *= -3.92e-10*d*d*d*d + 3.20e-7*d*d*d - 7.02e-5*d*d + 2.10e-3*d + 1.24
	}
	return value * 4 * 1e6
}

func TestHolidaysHaveASundaysLoad(t *testing.T) {
	profile, err := dataset.ReadProfile(shared.Read(t, "data/profiles/profile_bdew_g25.csv"), false)
	if err != nil {
		t.Fatal(err)
	}
	friday, sunday := time.Date(2025, 10, 3, 0, 0, 0, 0, time.UTC), time.Date(2025, 10, 5, 0, 0, 0, 0, time.UTC)
	const day, yearly = 96, 1_000_000_000
	want := profile.Powers(sunday, day, time.UTC, yearly, nil)
	got := profile.Powers(friday, day, time.UTC, yearly, []time.Time{friday})
	plain := profile.Powers(friday, day, time.UTC, yearly, nil)
	same := 0
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("slot %d of a holiday has %d mW, of a Sunday %d", i, got[i], want[i])
		}
		if plain[i] == want[i] {
			same++
		}
	}
	if same == day {
		t.Error("a working day is like a Sunday")
	}
}

func TestColumnsOfPackedFiles(t *testing.T) {
	for _, test := range []struct {
		file, column string
		values       int
	}{
		{"pv_jpl_220kwdc_30min.csv.gz", "", 17520},
		{"medium_office_los_angeles_hourly.csv.gz", "Electricity:Facility [kW](Hourly)", 8760},
		{"pv_spice_ev_example.csv", "pv (kW)", 168},
	} {
		data := shared.Read(t, "data/profiles/"+test.file)
		values, err := dataset.Column(data, test.column, 1_000_000)
		if err != nil {
			t.Errorf("%s: %v", test.file, err)
			continue
		}
		sum, apart := 0.0, 0.0
		for _, v := range values {
			sum += float64(v) / 1e9
		}
		reader := csv.NewReader(plain(t, data))
		reader.FieldsPerRecord = -1
		rows, err := reader.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			value, err := strconv.ParseFloat(row[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			apart += value / 1e3
		}
		if len(values) != test.values || math.Abs(sum-apart) > 1e-4 {
			t.Errorf("%s: %d values, sum %.4f MW, apart %d and %.4f", test.file, len(values), sum, test.values, apart)
		}
	}
}
