package charging_test

import (
	"fmt"
	"time"

	"joulepay/simulations/charging"
	"joulepay/simulations/control"
	"joulepay/simulations/grid"
)

func Example() {
	site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: 11_000_000}},
		[]grid.Station{{MaxMilliwatts: 11_000_000}, {MaxMilliwatts: 11_000_000}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	controller, err := control.New(control.EqualShare, site, control.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	const kilowattHour = 1_000_000 * control.MillijoulesPerMilliwattHour
	totals, err := charging.Run(charging.Config{
		Site: site, Controller: controller, Step: 15 * time.Minute, Start: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		Sessions: []charging.Session{
			{Vehicle: "anna", Station: 0, Departure: 2 * time.Hour, RequestedMillijoules: 20 * kilowattHour, MaxPrice: control.Unknown},
			{Vehicle: "ben", Station: 1, Departure: 4 * time.Hour, RequestedMillijoules: 20 * kilowattHour, MaxPrice: control.Unknown},
		},
	}, nil)
	fmt.Println(totals.Delivered/kilowattHour, "of", totals.Requested/kilowattHour, "kWh,", err)
	// Output: 31 of 40 kWh, <nil>
}
