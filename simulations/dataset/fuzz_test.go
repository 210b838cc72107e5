package dataset_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"joulepay/pricing/market"
	"joulepay/simulations/dataset"
)

// seeds are a file of each format, and one that is nearly it.
var seeds = map[string][]string{
	"csv":      {plainHead + "a,b,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,,7,7,11,60,10,90\n", "arrives;leaves;energy_kwh\n01.02.2025 10:00;01.02.2025 11:00;0,5\n"},
	"acn-csv":  {"arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id,estimated_departure,claimed\n2019-05-01 01:18:45-07:00,2019-05-01 15:52:36-07:00,60.0,44.069,CA-305,2_39,2019-05-01 09:20:45-07:00,True\n"},
	"acn-sim":  {"arrival_period,departure_period,estimated_departure_period,requested_kwh,battery_capacity_kwh,battery_init_kwh,max_power_kw,station_id,session_id\n76,92,92,4.216,4.216,0,6.6,CA-315,x\n"},
	"epfl":     {"Session,CCS,Arrival,Departure,Energy (Wh),Pmax (W),SOC arrival,SOC departure,Energy capacity (Wh)\n278,CCS1,2022-08-11T23:33:00,2022-08-11T23:37:00,9632,168393,25.99,35.9,91504\n"},
	"norway":   {"session_ID;User_ID;Start_plugin;End_plugout;El_kWh\n1;A-4;21.12.2018 10:20;21.12.2018 10:23;0,3\n"},
	"perth":    {"_id,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh\n1,51519,2,2017-08-31T00:00:00,22:12,2017-08-31T00:00:00,23:11,18.27\n"},
	"acn-json": {acnPage},
	"ocpi":     {oneRecord, "[" + periodsRecord + "]"},
}

// Whatever a file holds, it is read or refused with an error of this package; what is read is as it may be, and reads back
// the same.
func FuzzRead(f *testing.F) {
	for format, files := range seeds {
		for _, file := range files {
			f.Add(format, []byte(file))
		}
	}
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		r, err := dataset.Read(format, data, dataset.Options{SkipBad: true, Start: march2019})
		if err != nil {
			for _, known := range []error{dataset.ErrFormat, dataset.ErrRow, dataset.ErrLimit, dataset.ErrOption} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of another kind: %v", err)
		}
		bad := 0
		for _, count := range r.Reasons {
			bad += count
		}
		if bad != r.BadCount() {
			t.Fatalf("%d bad rows, reasons %v", r.BadCount(), r.Reasons)
		}
		for _, s := range r.Sessions {
			if !s.Arrives.Before(s.Leaves) || s.Leaves.Sub(s.Arrives) > 30*24*time.Hour || s.EnergyMilliwattHours < 0 || s.PowerMilliwatts < 0 || s.FromPermille > 1000 || s.ToPermille < dataset.Unknown {
				t.Fatalf("%+v", s)
			}
		}
		var table bytes.Buffer
		if err := dataset.WriteTable(&table, r.Sessions); err != nil {
			t.Fatal(err)
		}
		again, err := dataset.Read("csv", table.Bytes(), dataset.Options{})
		if err != nil || len(again.Sessions) != len(r.Sessions) {
			t.Fatalf("%s does not read back: %v", table.String(), err)
		}
		for i, s := range again.Sessions {
			want := r.Sessions[i]
			s.ID, s.Station, want.ID, want.Station = "", "", "", "" // blanks around names are not kept
			if !reflect.DeepEqual(s, want) {
				t.Fatalf("%+v reads back as %+v", want, s)
			}
		}
	})
}

func FuzzPrices(f *testing.F) {
	f.Add([]byte("Datum von;Datum bis;Deutschland/Luxemburg [€/MWh]\n27.10.2024 02:00;27.10.2024 03:00;-1.234,5\n27.10.2024 02:00;27.10.2024 03:00;-\n"), "")
	f.Add([]byte("Start date;End date;Germany/Luxembourg [€/MWh]\nOct 27, 2024 2:00 AM;Oct 27, 2024 3:00 AM;1,234.5\n"), "Germany/Luxembourg [€/MWh]")
	f.Fuzz(func(t *testing.T, data []byte, column string) {
		series, err := dataset.Prices(data, column)
		if err != nil {
			for _, known := range []error{
				dataset.ErrRow, dataset.ErrLimit, market.ErrFormat, market.ErrUnit, market.ErrNumber, market.ErrLimit, market.ErrGap, market.ErrDuplicate, market.ErrOrder,
			} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of another kind: %v", err)
		}
		if len(series.Slots()) == 0 {
			t.Fatal("a series of nothing")
		}
	})
}

func FuzzProfilesColumnsAndCurves(f *testing.F) {
	f.Add([]byte(`{"data": [{"id": "1", "brand": "A", "usable_battery_size": 5, "charging_curve": [{"percentage": 100, "power": 11}]}]}`))
	f.Add([]byte("a,b\n00:00,1.5\n00:15,-2\n"))
	f.Add([]byte(",Januar\n[kWh],SA\n00:00-00:15,1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := dataset.ReadProfile(data, true); err != nil && !errors.Is(err, dataset.ErrRow) && !errors.Is(err, dataset.ErrLimit) {
			t.Fatal(err)
		}
		if _, err := dataset.Models(data, ""); err != nil && !errors.Is(err, dataset.ErrRow) && !errors.Is(err, dataset.ErrLimit) {
			t.Fatal(err)
		}
		if _, err := dataset.Column(data, "", 1_000_000); err != nil && !errors.Is(err, dataset.ErrRow) && !errors.Is(err, dataset.ErrLimit) {
			t.Fatal(err)
		}
	})
}
