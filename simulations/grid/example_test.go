package grid_test

import (
	"fmt"

	"joulepay/simulations/grid"
)

func Example() {
	site, err := grid.New(
		[]grid.Circuit{
			{Name: "connection", Above: -1, LimitMilliwatts: 30_000_000},
			{Name: "car park", Above: 0, LimitMilliamps: 20_000},
		},
		[]grid.Station{
			{Name: "north", Circuit: 1, Connection: grid.A, MaxMilliamps: 32_000},
			{Name: "south", Circuit: 1, MaxMilliamps: 32_000}, // on three phases
		}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	load := site.NewLoad()
	load.Begin([]int64{12_000_000, 0}, nil) // a building draws 12 kW
	load.Set(0, site.MilliwattsOf(0, 8_000))
	fmt.Println(load.Headroom(1, 22_000_000)/1000, "W, for phase A has 12 A left")
	// Output: 8280 W, for phase A has 12 A left
}
