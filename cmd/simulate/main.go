// Command simulate runs scenarios of stations, vehicles and a ledger in virtual time. It leaves everything to
// cmd/internal/simulation and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"
	"runtime/debug"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/simulation"
)

// garbagePercent lets a run have five times the memory that it uses, which is little: a twentieth of its time is saved.
const garbagePercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	os.Exit(cli.Main(simulation.Root))
}
