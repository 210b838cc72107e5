// Package spiceev owns the scenario files of the simulator spice_ev (Reiner Lemoine Institut), and what they mean as a run
// in control mode. It leaves the run to simulations/charging, and its strategies to simulations/control, which has the two
// that share names with spice_ev's: greedy and balanced.
// It keeps invariant I9 for such files: they are bounded, what they say wrongly is a typed error, and what is read but cannot
// be meant here (several grid connectors, schedules) is refused, not guessed.
package spiceev
