package draft_test

import (
	"fmt"

	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
)

// A table of visits becomes a scenario; the row with swapped dates is counted.
func Example() {
	table := []byte("Start;Ende;kWh\n03.03.2025 08:10;03.03.2025 10:00;7,5\n03.12.2025 08:30;04.03.2025 12:00;9\n")
	reading, err := dataset.Read("csv", table, dataset.Options{
		Column: map[string]string{"arrives": "Start", "leaves": "Ende", "energy": "kWh"}, SkipBad: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := draft.Sessions(reading.Sessions, draft.Options{Source: "visits.csv", Seed: 1, PowerMilliwatts: 11_000_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reading.Bad[0])
	fmt.Println(d.Taken.Sessions, d.Form, d.Start.Format("2006-01-02 15:04"), d.Duration)
	// Output:
	// line 3: leaves before it arrives, "2025-12-03 08:30 to 2025-03-04 12:00"
	// 1 vehicles 2025-03-03 08:00 3h0m0s
}
