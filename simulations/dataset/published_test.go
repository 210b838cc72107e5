package dataset_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/dataset"
)

// march2019 is midnight in Pasadena.
var march2019 = time.Date(2019, 3, 1, 8, 0, 0, 0, time.UTC)

// published are the files beside the repository, with what a count apart from this package finds in them.
var published = []struct {
	format, file   string
	rows, sessions int
	megawattHours  float64 // wanted, to the kWh
	delivered      float64
	bad            map[dataset.Reason]int
}{
	{"acn-sim", "acn_caltech_2019_03.csv", 954, 954, 8.901, 8.901, nil},
	{"acn-csv", "caltech_2019-05-01_2019-08-31.csv.gz", 3527, 3527, 55.293, 29.533, nil},
	{"acn-csv", "caltech_2021-05-01_2021-08-31.csv.gz", 1829, 1829, 53.948, 22.784, nil},
	{"acn-csv", "jpl_2019-05-01_2019-08-31.csv.gz", 6026, 6026, 153.988, 86.060, nil},
	{"epfl", "epfl_dc_fast.csv", 1878, 1878, 60.442, 60.442, nil},
	{"norway", "norway_residential.csv", 6878, 6827, 87.107, 87.107, map[dataset.Reason]int{dataset.ReasonNoTime: 34, dataset.ReasonNoStay: 17}},
	{"perth", "perth_kinross.csv", 13676, 13140, 136.481, 136.481, map[dataset.Reason]int{
		dataset.ReasonNoTime: 37, dataset.ReasonNoStay: 344, dataset.ReasonBackward: 35, dataset.ReasonLong: 120,
	}},
}

func TestPublishedFilesAreReadWhole(t *testing.T) {
	for _, p := range published {
		t.Run(p.file, func(t *testing.T) {
			data := shared.Read(t, "data/sessions/"+p.file)
			r, err := dataset.Read(p.format, data, dataset.Options{SkipBad: true, Start: march2019})
			if err != nil {
				t.Fatal(err)
			}
			if r.Rows != p.rows || len(r.Sessions) != p.sessions || r.BadCount() != len(r.Bad) || len(r.Reasons) != len(p.bad) {
				t.Errorf("%d rows, %d sessions, bad %v; want %d, %d, %v", r.Rows, len(r.Sessions), r.Reasons, p.rows, p.sessions, p.bad)
			}
			for reason, want := range p.bad {
				if r.Reasons[reason] != want {
					t.Errorf("%d rows %q, want %d", r.Reasons[reason], reason, want)
				}
			}
			wanted, delivered := sums(r.Sessions)
			if math.Abs(wanted-p.megawattHours) > 0.0005 || math.Abs(delivered-p.delivered) > 0.0005 {
				t.Errorf("%.4f MWh wanted, %.4f delivered, want %.3f and %.3f", wanted, delivered, p.megawattHours, p.delivered)
			}
			for i := range r.Sessions[1:] {
				if r.Sessions[i+1].Arrives.Before(r.Sessions[i].Arrives) {
					t.Fatalf("session %d arrives before the one before it", i+1)
				}
			}
			apart(t, p.format, data, r)
		})
	}
}

func sums(all []dataset.Session) (wanted, delivered float64) {
	const megawattHour = 1e9
	for _, s := range all {
		wanted += float64(s.EnergyMilliwattHours) / megawattHour
		delivered += float64(s.DeliveredMilliwattHours) / megawattHour
	}
	return wanted, delivered
}

// columns say for the count apart where a file has what.
var columns = map[string]struct {
	comma           rune
	zone            string
	id              int
	arrives, leaves func(row []string) string
	form            string
	energy          int
	scale           float64 // to kWh
}{
	"acn-csv": {',', "UTC", 5, at(0), at(1), "2006-01-02 15:04:05-07:00", 2, 1},
	"epfl":    {',', "Europe/Zurich", 0, at(2), at(3), "2006-01-02T15:04:05", 5, 0.001},
	"norway":  {';', "Europe/Oslo", 0, at(5), at(7), "02.01.2006 15:04", 9, 1},
	"perth": {',', "Europe/London", 0, func(r []string) string { return r[3][:min(10, len(r[3]))] + r[4] },
		func(r []string) string { return r[5][:min(10, len(r[5]))] + r[6] }, "2006-01-0215:04", 7, 1},
}

func at(i int) func([]string) string { return func(row []string) string { return row[i] } }

// apart reads a file again, all at once and with floating numbers, and compares every session.
func apart(t *testing.T, format string, data []byte, r *dataset.Reading) {
	t.Helper()
	c, known := columns[format]
	if !known {
		return
	}
	rows := csv.NewReader(plain(t, data))
	rows.Comma = c.comma
	all, err := rows.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation(c.zone)
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]dataset.Session{}
	for _, s := range r.Sessions {
		read[s.ID] = s
	}
	count := 0
	for _, row := range all[1:] {
		arrives, err1 := time.ParseInLocation(c.form, c.arrives(row), zone)
		leaves, err2 := time.ParseInLocation(c.form, c.leaves(row), zone)
		energy, err3 := strconv.ParseFloat(strings.Replace(row[c.energy], ",", ".", 1), 64)
		s, found := read[row[c.id]]
		good := err1 == nil && err2 == nil && err3 == nil && leaves.After(arrives) && leaves.Sub(arrives) <= 720*time.Hour
		if good != found {
			t.Fatalf("row %q: read %v, good %v", row, found, good)
		}
		if !good {
			continue
		}
		count++
		if !s.Arrives.Equal(arrives) || !s.Leaves.Equal(leaves) || math.Abs(float64(s.EnergyMilliwattHours)-energy*c.scale*1e6) > 1 {
			t.Fatalf("row %q is read as %+v", row, s)
		}
	}
	if count != len(r.Sessions) {
		t.Errorf("%d sessions, apart %d", len(r.Sessions), count)
	}
}

func plain(t *testing.T, data []byte) io.Reader {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return bytes.NewReader(data)
	}
	return packed
}

func TestDetailsOfPublishedFiles(t *testing.T) {
	first := func(t *testing.T, format, file string, o dataset.Options) dataset.Session {
		t.Helper()
		r, err := dataset.Read(format, shared.Read(t, "data/sessions/"+file), o)
		if err != nil {
			t.Fatal(err)
		}
		return r.Sessions[0]
	}
	t.Run("what drivers say", func(t *testing.T) {
		s := first(t, "acn-csv", "caltech_2019-05-01_2019-08-31.csv.gz", dataset.Options{})
		want := time.Date(2019, 5, 1, 16, 20, 45, 0, time.UTC)
		if s.Station != "CA-305" || !s.Says.Equal(want) || s.EnergyMilliwattHours != 60_000_000 || s.DeliveredMilliwattHours != 44_069_000 {
			t.Errorf("%+v", s)
		}
		if s = first(t, "acn-csv", "caltech_2019-05-01_2019-08-31.csv.gz", dataset.Options{Delivered: true}); s.EnergyMilliwattHours != 44_069_000 {
			t.Errorf("%d mWh are wanted, 44.069 kWh were delivered", s.EnergyMilliwattHours)
		}
	})
	t.Run("states of charge", func(t *testing.T) {
		s := first(t, "epfl", "epfl_dc_fast.csv", dataset.Options{})
		if s.ID != "1" || s.FromPermille != 830 || s.ToPermille != 890 || s.PowerMilliwatts != 80_238_000 || s.CapacityMilliwattHours != 81_677_205 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("two columns of a station", func(t *testing.T) {
		if s := first(t, "perth", "perth_kinross.csv", dataset.Options{SkipBad: true}); s.Station != "50994 1" {
			t.Errorf("%+v", s)
		}
	})
}

func TestBadRowsOfAPublishedFileAreCountedAndNamedWithTheirLine(t *testing.T) {
	_, err := dataset.Read("perth", shared.Read(t, "data/sessions/perth_kinross.csv"), dataset.Options{})
	if err == nil || !strings.Contains(err.Error(), "536 of 13676: line 70: leaves as it arrives; line 110") {
		t.Errorf("error %v", err)
	}
}
