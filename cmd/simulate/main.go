// Command simulate runs scenarios of stations, vehicles and a ledger in virtual time. It leaves everything to
// cmd/internal/simulation and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/simulation"
)

func main() { os.Exit(cli.Main(simulation.Root)) }
