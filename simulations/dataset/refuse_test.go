package dataset_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/dataset"
)

const plainHead = "id,station,arrives,leaves,says,energy_kwh,delivered_kwh,power_kw,capacity_kwh,from_percent,to_percent\n"

func TestRowsThatCannotBeMeantAreCountedAndNamed(t *testing.T) {
	const good = "a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,,,,\n"
	tests := []struct {
		row    string
		reason dataset.Reason
	}{
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,,,", dataset.ReasonFields},
		{"a,b,,2025-03-01T09:00:00Z,,7,7,,,,", dataset.ReasonNoTime},
		{"a,b,2025-03-01T08:00:00Z,NA,,7,7,,,,", dataset.ReasonNoTime},
		{"a,b,soon,2025-03-01T09:00:00Z,,7,7,,,,", dataset.ReasonTime},
		{"a,b,2025-02-29T08:00:00Z,2025-03-01T09:00:00Z,,7,7,,,,", dataset.ReasonTime},
		{"a,b,01/03/2025 08:00,01/03/2025 09:00,,7,7,,,,", dataset.ReasonTime},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,later,7,7,,,,", dataset.ReasonTime},
		{"a,b,0001-03-01T08:00:00Z,0001-03-01T09:00:00Z,,7,7,,,,", dataset.ReasonYear},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T07:59:59Z,,7,7,,,,", dataset.ReasonBackward},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T08:00:00Z,,7,7,,,,", dataset.ReasonNoStay},
		{"a,b,2025-03-01T08:00:00Z,2025-03-31T08:00:01Z,,7,7,,,,", dataset.ReasonLong},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,,,,,,", dataset.ReasonNoEnergy},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,-7,7,,,,", dataset.ReasonNumber},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,1e999,7,,,,", dataset.ReasonNumber},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,1e-999,7,,,,", dataset.ReasonNumber},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,\"7,5\",7,,,,", dataset.ReasonNumber},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,fast,,,", dataset.ReasonNumber},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,1001,,,,", dataset.ReasonPower},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,,,101,", dataset.ReasonCharge},
		{"a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,,,60,50", dataset.ReasonCharge},
	}
	for _, test := range tests {
		file := []byte(plainHead + good + test.row + "\n" + good)
		_, err := dataset.Sessions("csv", file, dataset.Options{})
		var bad *dataset.BadRows
		if !errors.As(err, &bad) || !errors.Is(err, dataset.ErrRow) || bad.Bad != 1 || bad.Rows != 3 || bad.First[0].Place != "line 3" || bad.First[0].Reason != test.reason {
			t.Errorf("%s: %v, want %q", test.row, err, test.reason)
		}
		r, err := dataset.Read("csv", file, dataset.Options{SkipBad: true})
		if err != nil || len(r.Sessions) != 2 || r.Reasons[test.reason] != 1 || len(r.Bad) != 1 {
			t.Errorf("%s is not skipped: %+v, %v", test.row, r, err)
		}
	}
}

func TestFilesThatAreNoTablesOfSessionsAreRefusedThoughBadRowsAreSkipped(t *testing.T) {
	tests := []struct {
		name, format, file string
		o                  dataset.Options
		want               error
	}{
		{"nothing", "csv", "", dataset.Options{}, dataset.ErrRow},
		{"no column of arrival", "csv", "id,leaves,energy_kwh\n", dataset.Options{}, dataset.ErrRow},
		{"no column of energy", "csv", "arrives,leaves\n", dataset.Options{}, dataset.ErrRow},
		{"a column that was named", "csv", plainHead, dataset.Options{Column: map[string]string{"power": "kW"}}, dataset.ErrRow},
		{"an unknown role", "csv", plainHead, dataset.Options{Column: map[string]string{"colour": "id"}}, dataset.ErrOption},
		{"two units of a role", "csv", plainHead, dataset.Options{Column: map[string]string{"power": "power_kw", "power_w": "power_kw"}}, dataset.ErrOption},
		{"columns of a list", "ocpi", "[]", dataset.Options{Column: map[string]string{"id": "id"}}, dataset.ErrOption},
		{"an unknown order of dates", "csv", plainHead, dataset.Options{Dates: "backwards"}, dataset.ErrOption},
		{"a separator that is a quote", "csv", plainHead, dataset.Options{Separator: '"'}, dataset.ErrOption},
		{"an open quote that swallows the rest", "csv", plainHead + "\"a,b,2025-03-01T08:00:00Z\nc,d,e\n", dataset.Options{}, dataset.ErrRow},
		{"another format's head", "perth", plainHead, dataset.Options{}, dataset.ErrRow},
		{"another format's head", "acn-sim", plainHead, dataset.Options{}, dataset.ErrRow},
		{"no JSON", "acn-json", plainHead, dataset.Options{}, dataset.ErrRow},
		{"no list", "acn-json", `{"_meta":{}}`, dataset.Options{}, dataset.ErrRow},
		{"no record", "ocpi", `{"status_code":1000}`, dataset.Options{}, dataset.ErrRow},
		{"no JSON", "ocpi", `[`, dataset.Options{}, dataset.ErrRow},
		{"an unknown format", "excel", plainHead, dataset.Options{}, dataset.ErrFormat},
		{"gzip that is cut", "csv", "\x1f\x8b\x08", dataset.Options{}, dataset.ErrRow},
	}
	for _, test := range tests {
		test.o.SkipBad = true
		if r, err := dataset.Read(test.format, []byte(test.file), test.o); !errors.Is(err, test.want) {
			t.Errorf("%s: %s is read as %+v, error %v", test.name, test.format, r, err)
		}
	}
}

func TestAPackedFileThatFillsTheMemoryIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("packs 64 MB")
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	zeros := make([]byte, 1<<20)
	for range dataset.FileBytesMax>>20 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Read("csv", packed.Bytes(), dataset.Options{}); !errors.Is(err, dataset.ErrLimit) {
		t.Errorf("%d bytes that hold %d: %v", packed.Len(), dataset.FileBytesMax+1<<20, err)
	}
	if _, err := dataset.Read("csv", make([]byte, dataset.FileBytesMax+1), dataset.Options{}); !errors.Is(err, dataset.ErrLimit) {
		t.Errorf("a large file: %v", err)
	}
}

func TestColumnsZonesAndSeparatorsAreAsNamed(t *testing.T) {
	zone, err := dataset.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"arrives": "Tag+Start", "leaves": "Tag+Ende", "energy_wh": "Wh", "station": "Säule", "power_w": "W"}
	want := dataset.Session{
		Station: "Nord", Arrives: time.Date(2025, 7, 1, 6, 30, 0, 0, time.UTC), Leaves: time.Date(2025, 7, 1, 8, 0, 0, 0, time.UTC),
		EnergyMilliwattHours: 7_250_500, DeliveredMilliwattHours: 7_250_500, PowerMilliwatts: 11_000_000, FromPermille: -1, ToPermille: -1,
	}
	for _, test := range []struct {
		name, file string
		o          dataset.Options
	}{
		{"semicolons and decimal commas", "Tag;Start;Ende;Wh;Säule;W\n01.07.2025;08:30;10:00;7250,5;Nord;11000\n", dataset.Options{}},
		{"tabs and a byte order mark", "\ufeffTag\tStart\tEnde\tWh\tSäule\tW\r\n2025-07-01\t08:30\t10:00\t7250.5\tNord\t1.1e4\r\n", dataset.Options{}},
		{"bars", "Tag|Start|Ende|Wh|Säule|W\n2025-07-01|08:30|10:00|7250,5|Nord|11000\n", dataset.Options{Separator: '|'}},
		{"days first", "Tag,Start,Ende,Wh,Säule,W\n01/07/2025,08:30,10:00,7250.5,Nord,11000\n", dataset.Options{Dates: dataset.DatesDayFirst}},
		{"months first", "Tag,Start,Ende,Wh,Säule,W\n07/01/2025,08:30,10:00,7250.5,Nord,11000\n", dataset.Options{Dates: dataset.DatesMonthFirst}},
	} {
		test.o.Zone, test.o.Column = zone, names
		all, err := dataset.Sessions("csv", []byte(test.file), test.o)
		if err != nil || len(all) != 1 || all[0] != want {
			t.Errorf("%s: %+v, %v", test.name, all, err)
		}
	}
}

func TestOfAnHourThatIsRepeatedItIsTheFirst(t *testing.T) {
	zone, err := dataset.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const file = "arrives;leaves;energy_kwh\n26.10.2025 02:30;26.10.2025 03:30;5\n2025-10-26T02:30:00+01:00;2025-10-26T03:30:00+01:00;5\n"
	all, err := dataset.Sessions("csv", []byte(file), dataset.Options{Zone: zone})
	if err != nil || len(all) != 2 || all[0].Arrives.Format(time.RFC3339) != "2025-10-26T00:30:00Z" || all[0].Leaves.Sub(all[0].Arrives) != 2*time.Hour ||
		all[1].Arrives.Format(time.RFC3339) != "2025-10-26T01:30:00Z" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestANamedColumnTakesThePlaceOfTheFormatsInAnotherUnit(t *testing.T) {
	const file = "Session,CCS,Arrival,Departure,Energy (Wh),kWh\n1,CCS1,2022-08-11T23:33:00,2022-08-11T23:37:00,9632,4.5\n"
	all, err := dataset.Sessions("epfl", []byte(file), dataset.Options{Column: map[string]string{"energy": "kWh"}})
	if err != nil || len(all) != 1 || all[0].EnergyMilliwattHours != 4_500_000 {
		t.Errorf("%+v, %v", all, err)
	}
	const norway = "session_ID;User_ID;Start_plugin;End_plugout;El_kWh;Wh\n1;A-4;21.12.2018 10:20;21.12.2018 10:23;0,3;400\n"
	all, err = dataset.Sessions("norway", []byte(norway), dataset.Options{Column: map[string]string{"energy_wh": "Wh"}})
	if err != nil || len(all) != 1 || all[0].EnergyMilliwattHours != 400_000 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestATableIsReadAsItWasWritten(t *testing.T) {
	all := []dataset.Session{
		{ID: "a, \"b\"", Station: "ca-1", Arrives: march2019, Leaves: march2019.Add(time.Hour), EnergyMilliwattHours: 1, DeliveredMilliwattHours: 2, FromPermille: -1, ToPermille: -1},
		{
			ID: "c", Station: "ca-2", Arrives: march2019.Add(1500 * time.Millisecond), Leaves: march2019.Add(2 * time.Hour), Says: march2019.Add(3 * time.Hour),
			EnergyMilliwattHours: 12_345_678, DeliveredMilliwattHours: 12_000_000, PowerMilliwatts: 6_656_001, CapacityMilliwattHours: 60_000_000, FromPermille: 5, ToPermille: 1000,
		},
	}
	var table bytes.Buffer
	if err := dataset.WriteTable(&table, all); err != nil {
		t.Fatal(err)
	}
	got, err := dataset.Sessions("csv", table.Bytes(), dataset.Options{})
	if err != nil || len(got) != len(all) || got[0] != all[0] || got[1] != all[1] {
		t.Errorf("%s is read as %+v, %v", table.String(), got, err)
	}
}

func TestOnlyThousandBadRowsAreNamed(t *testing.T) {
	file := plainHead + strings.Repeat("a,b,,,,,,,,,\n", dataset.BadMax+5)
	r, err := dataset.Read("csv", []byte(file), dataset.Options{SkipBad: true})
	if err != nil || len(r.Bad) != dataset.BadMax || r.BadCount() != dataset.BadMax+5 {
		t.Errorf("%d named of %d, %v", len(r.Bad), r.BadCount(), err)
	}
}
