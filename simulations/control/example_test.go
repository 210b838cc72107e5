package control_test

import (
	"fmt"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
)

func Example() {
	site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: 15_000_000}},
		[]grid.Station{{MaxMilliwatts: 11_000_000}, {MaxMilliwatts: 11_000_000}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	controller, err := control.New(control.EDF, site, control.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	const kilowattHour = 1_000_000 * control.MillijoulesPerMilliwattHour
	view := control.View{
		Now: 8 * time.Hour, Step: 15 * time.Minute,
		Vehicles: []control.Vehicle{
			{Station: 0, Departure: 17 * time.Hour, WantsMillijoules: 20 * kilowattHour, MaxMilliwatts: 11_000_000, MaxPrice: control.Unknown},
			{Station: 1, Departure: 10 * time.Hour, WantsMillijoules: 20 * kilowattHour, MaxMilliwatts: 11_000_000, MaxPrice: control.Unknown},
		},
		Ahead: []control.Period{{Price: control.Unknown, FeedIn: control.Unknown}},
	}
	var plan control.Plan
	controller.Decide(&view, &plan)
	fmt.Println(plan.Stations)
	// Output: [4000000 11000000]
}
