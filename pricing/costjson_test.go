package pricing

import (
	"encoding/json"
	"testing"
	"time"
)

func TestCostAsJSON(t *testing.T) {
	tariff := mustTariff(t, `{"id":"j","currency":"EUR","tax_included":"NO","elements":[
		{"price_components":[{"type":"TIME","price":1,"step_size":0}]},
		{"price_components":[{"type":"FLAT","price":2,"vat":20,"step_size":0}],"restrictions":{"reservation":"RESERVATION"}}]}`)
	cost, err := CostOfCDR(tariff, []byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[
		{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"RESERVATION_TIME","volume":1}]},
		{"start_date_time":"2024-12-02T11:00:00Z","dimensions":[{"type":"TIME","volume":0.083333}]}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(cost)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"currency":"EUR","total_cost":{"excl_vat":"2.083333333333","incl_vat":null},` +
		`"total_cost_rounded":{"excl_vat":"2.08","incl_vat":null},"components":[` +
		`{"type":"FLAT","reservation":"RESERVATION","volume":"1","price":"2","vat":"20","excl_vat":"2","incl_vat":"2.4"},` +
		`{"type":"TIME","volume":"0.083333333333","price":"1","vat":null,"excl_vat":"0.083333333333","incl_vat":null}],"periods":[` +
		`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T11:00:00Z","tariff_id":"j","components":[` +
		`{"type":"FLAT","reservation":"RESERVATION","volume":"1","price":"2","vat":"20","excl_vat":"2","incl_vat":"2.4"}]},` +
		`{"start_date_time":"2024-12-02T11:00:00Z","end_date_time":"2024-12-02T12:00:00Z","tariff_id":"j","components":[` +
		`{"type":"TIME","volume":"0.083333333333","price":"1","vat":null,"excl_vat":"0.083333333333","incl_vat":null}]}]}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := cost.Payable().String(); got != "2.483333333" { // after tax where it is stated, before it elsewhere
		t.Errorf("payable %s", got)
	}
}

func TestAFinalCostDoesNotChangeWithTheRunThatItCameFrom(t *testing.T) {
	run := mustRun(t, Default(), noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Minute), EnergyMilliwattHours: 500_000})
	first := mustCost(t, run.Final)
	before, _ := json.Marshal(first)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 9_500_000})
	mustCost(t, run.Final)
	if after, _ := json.Marshal(first); string(after) != string(before) {
		t.Errorf("%s\nbecame %s", before, after)
	}
}
