package report_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/report"
	"joulepay/wallet/money"
)

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func euros(a money.Amount) money.Money { return money.Of(a, money.Currency{'E', 'U', 'R'}) }

func summary() *report.Summary {
	end := start.Add(40 * time.Minute)
	return &report.Summary{
		Scenario: "small", Seed: 7, Start: start, End: end, Events: 12,
		Totals:     report.Totals{Sessions: 1, EnergyWh: 10_083_305, Cost: euros(3_896_488_400), Claims: 112, Vertices: 2, Channels: 1},
		Money:      report.Conservation{Issued: euros(60 * money.Nano), Balances: euros(53 * money.Nano), Locked: euros(7 * money.Nano), Conserved: true},
		Invariants: map[string]int64{"I2": 5, "I1": 3},
		Ledger:     report.Ledger{Height: 9, Vertices: map[string]int{"open": 1}, Checkpoints: 4},
		Sessions: []report.Session{{
			ID: "01", Vehicle: "ben", Station: "south", Channel: "ab", Began: start.Add(time.Minute), Started: &start, Ended: &end,
			EnergyWh: 10_083_305, Cost: euros(3_896_488_400), Paid: euros(3_896_488_400), Claims: 112, Vertices: 2,
			VehicleEnd: "ended", StationEnd: "ended", Settled: &end, Reason: "target", Failure: `a "quoted", word`,
		}},
		Channels: []report.Channel{{ID: "ab", Vehicle: "ben", Station: "south", State: "open"}},
		Accounts: []report.Account{{Name: "ben", DID: "did:joule:z"}},
	}
}

func Example() {
	fmt.Print(summary().Text())
	// Output:
	// small, seed 7: 40m0s of virtual time
	//
	// vehicle  station  from   charging  kWh        EUR        claims  vertices  channel  end
	// ben      south    +1m0s  40m0s     10.083305  3.8964884  112     2         new      settled (target)
	//
	// 1 sessions: 10.083305 kWh for 3.90 EUR, 112 claims, 1 channels, 2 ledger vertices of sessions
	// money: 60.00 EUR issued = 53.00 on accounts + 7.00 in channels
	// ledger: height 9, 4 checkpoints final, open 1; 0 vertices refused
	// held after every event: I1, I2
}

func TestI10_EnergyIsExactDecimalText(t *testing.T) {
	for mwh, want := range map[report.Energy]string{0: "0", 1: "0.001", 1000: "1", 9_632_000: "9632", 10_083_305: "10083.305", -2_500: "-2.5"} {
		if got := mwh.String(); got != want {
			t.Errorf("%d mWh is %s Wh, want %s", int64(mwh), got, want)
		}
	}
	if got := report.Energy(10_083_305).KWh(); got != "10.083305" {
		t.Error(got)
	}
}

func TestJSONKeepsMoneyAndEnergyAsText(t *testing.T) {
	raw, err := summary().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Totals struct {
			Energy string            `json:"energy_wh"`
			Cost   map[string]string `json:"cost"`
		} `json:"totals"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Totals.Energy != "10083.305" || got.Totals.Cost["value"] != "3.8964884" || got.Totals.Cost["currency"] != "EUR" {
		t.Errorf("%+v", got)
	}
}

func TestTablesHaveARowForEachAndReadBack(t *testing.T) {
	files, err := summary().Files()
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name, ".csv") {
			continue
		}
		tables++
		rows, err := csv.NewReader(strings.NewReader(string(f.Content))).ReadAll() // every row as wide as the header
		if err != nil || len(rows) != 2 && f.Name != "figures.csv" {
			t.Errorf("%s: %d rows, %v", f.Name, len(rows), err)
		}
		if f.Name == "sessions.csv" && rows[1][len(rows[1])-1] != `a "quoted", word` {
			t.Errorf("%q", rows[1])
		}
	}
	if tables != 4 { // what the run has: figures, sessions, channels, accounts
		t.Errorf("%d tables", tables)
	}
}
