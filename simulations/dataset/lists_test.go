package dataset_test

import (
	"encoding/json"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/simulations/dataset"
)

const acnPage = `{"_meta": {"page": 1, "max_results": 25}, "_links": {},
 "_items": [
  {"_id": "5bc90cb9", "clusterID": "0039", "connectionTime": "Wed, 25 Apr 2018 11:08:04 GMT", "disconnectTime": "Wed, 25 Apr 2018 13:20:10 GMT",
   "doneChargingTime": "Wed, 25 Apr 2018 13:21:10 GMT", "kWhDelivered": 7.932, "sessionID": "2_39_78_362_2018-04-25 11:08:04.400812", "siteID": "0002",
   "spaceID": "CA-496", "stationID": "2-39-78-362", "timezone": "America/Los_Angeles", "userID": null, "userInputs": null},
  {"_id": "5bc90cba", "connectionTime": "Wed, 25 Apr 2018 13:45:10 GMT", "disconnectTime": "Thu, 26 Apr 2018 00:56:16 GMT", "kWhDelivered": 1e1,
   "sessionID": "s2", "stationID": "2-39-95-444", "userInputs": [
    {"WhPerMile": 350, "kWhRequested": 30.0, "milesRequested": 50, "minutesAvailable": 60, "requestedDeparture": "Wed, 25 Apr 2018 14:45:10 GMT", "userID": 9},
    {"WhPerMile": 350, "kWhRequested": 17.5, "milesRequested": 50, "minutesAvailable": 120, "requestedDeparture": "Wed, 25 Apr 2018 15:45:10 GMT", "userID": 9}]},
  {"_id": "5bc90cbb", "connectionTime": "Wed, 25 Apr 2018 13:45:10 GMT", "disconnectTime": null, "kWhDelivered": 1}
 ]}`

func TestACNDataAsItsAPITellsIt(t *testing.T) {
	r, err := dataset.Read("acn-json", []byte(acnPage), dataset.Options{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2018, 4, 25, 11, 8, 4, 0, time.UTC)
	want := []dataset.Session{
		{
			ID: "2_39_78_362_2018-04-25 11:08:04.400812", Station: "2-39-78-362", Arrives: first, Leaves: time.Date(2018, 4, 25, 13, 20, 10, 0, time.UTC),
			EnergyMilliwattHours: 7_932_000, DeliveredMilliwattHours: 7_932_000, FromPermille: -1, ToPermille: -1,
		},
		{ // the last of what the driver said counts
			ID: "s2", Station: "2-39-95-444", Arrives: time.Date(2018, 4, 25, 13, 45, 10, 0, time.UTC), Leaves: time.Date(2018, 4, 26, 0, 56, 16, 0, time.UTC),
			Says: time.Date(2018, 4, 25, 15, 45, 10, 0, time.UTC), EnergyMilliwattHours: 17_500_000, DeliveredMilliwattHours: 10_000_000, FromPermille: -1, ToPermille: -1,
		},
	}
	if len(r.Sessions) != 2 || r.Sessions[0] != want[0] || r.Sessions[1] != want[1] {
		t.Errorf("%+v", r.Sessions)
	}
	if len(r.Bad) != 1 || r.Bad[0].Place != "item 3" || r.Bad[0].Reason != dataset.ReasonNoTime {
		t.Errorf("bad rows %v", r.Bad)
	}
}

const oneRecord = `{"country_code": "DE", "party_id": "JOU", "id": "C1", "start_date_time": "2025-06-01T10:00:00Z", "end_date_time": "2025-06-01T11:00:00",
 "cdr_location": {"id": "L1", "evse_uid": "E1", "evse_id": "DE*JOU*E1"}, "currency": "EUR", "total_energy": 12.5,
 "charging_periods": [{"start_date_time": "2025-06-01T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 12}]}]}`

const periodsRecord = `{"id": "C2", "start_date_time": "2025-06-01T12:00:00Z", "end_date_time": "2025-06-01T13:00:00Z", "cdr_location": {"id": "L2"},
 "charging_periods": [{"dimensions": [{"type": "ENERGY", "volume": 1.25}, {"type": "TIME", "volume": 0.5}]}, {"dimensions": [{"type": "ENERGY", "volume": 2}]}]}`

func TestChargeDetailRecordsAloneInAListAndOnAPage(t *testing.T) {
	first := dataset.Session{
		ID: "C1", Station: "E1", Arrives: time.Date(2025, 6, 1, 10, 0, 0, 0, time.UTC), Leaves: time.Date(2025, 6, 1, 11, 0, 0, 0, time.UTC),
		EnergyMilliwattHours: 12_500_000, DeliveredMilliwattHours: 12_500_000, FromPermille: -1, ToPermille: -1,
	}
	for _, test := range []struct {
		file  string
		count int
	}{
		{oneRecord, 1},
		{"[" + oneRecord + "," + periodsRecord + "]", 2},
		{`{"status_code": 1000, "timestamp": "2025-06-02T00:00:00Z", "data": [` + oneRecord + "," + periodsRecord + `]}`, 2},
		{`{"status_code": 1000, "data": ` + oneRecord + `}`, 1},
	} {
		all, err := dataset.Sessions("ocpi", []byte(test.file), dataset.Options{})
		if err != nil || len(all) != test.count || all[0] != first {
			t.Errorf("%.60s: %+v, %v", test.file, all, err)
			continue
		}
		if test.count == 2 && (all[1].Station != "L2" || all[1].EnergyMilliwattHours != 3_250_000) {
			t.Errorf("%+v", all[1])
		}
	}
}

// The vectors of OCPI have what a record needs, but for what names it.
func TestTheSessionsOfOCPIsTextAreRecords(t *testing.T) {
	var vector struct {
		Session json.RawMessage `json:"session"`
	}
	shared.ReadJSON(t, "vectors/ocpi/001.json", &vector)
	all, err := dataset.Sessions("ocpi", vector.Session, dataset.Options{})
	if err != nil || len(all) != 1 || all[0].EnergyMilliwattHours != 20_000_000 || all[0].Leaves.Sub(all[0].Arrives) != time.Hour {
		t.Errorf("%+v, %v", all, err)
	}
}
