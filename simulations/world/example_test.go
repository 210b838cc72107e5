package world_test

import (
	"context"
	"fmt"

	"joulepay/simulations/scenarios"
	"joulepay/simulations/world"
)

func Example() {
	s, err := scenarios.Open("two-cars")
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := world.New(s, world.Options{Seed: s.Seed})
	if err != nil {
		fmt.Println(err)
		return
	}
	summary, err := w.Run(context.Background())
	if err != nil {
		fmt.Println(err) // which invariant broke, when and how
		return
	}
	fmt.Println(summary.Totals.Sessions, "sessions,", summary.Totals.Channels, "channels; conserved:", summary.Money.Conserved)
	// Output: 4 sessions, 3 channels; conserved: true
}
