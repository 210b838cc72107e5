package control_test

import (
	"fmt"
	"testing"
	"time"

	"joulepay/simulations/control"
	"joulepay/simulations/grid"
	"joulepay/wallet/money"
)

// BenchmarkPlan makes one decision for a car park with a day of quarter hours ahead.
func BenchmarkPlan(b *testing.B) {
	for _, name := range []string{control.CheapestSlots, control.Arbitrage} {
		for _, cars := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, cars), func(b *testing.B) {
				stations := make([]grid.Station, cars)
				view := control.View{Step: 15 * time.Minute}
				for i := range stations {
					stations[i] = grid.Station{MaxMilliwatts: 11 * kilowatt, ReturnMaxMilliwatts: 11 * kilowatt}
					v := car(i, int64(5+i%40))
					v.ReturnMilliwatts, v.Departure = 11*kilowatt, time.Duration(4+i%20)*time.Hour
					view.Vehicles = append(view.Vehicles, v)
				}
				for t := range 96 {
					view.Ahead = append(view.Ahead, control.Period{Price: money.Amount(10+(t*37)%40) * cent, FeedIn: 8 * cent, Own: []int64{int64((t*53)%90-45) * kilowatt}})
				}
				site, err := grid.New([]grid.Circuit{{Above: -1, LimitMilliwatts: int64(cars) * 4 * kilowatt}}, stations, nil)
				if err != nil {
					b.Fatal(err)
				}
				controller, err := control.New(name, site, control.Options{})
				if err != nil {
					b.Fatal(err)
				}
				var plan control.Plan
				for b.Loop() {
					controller.Decide(&view, &plan)
				}
			})
		}
	}
}
