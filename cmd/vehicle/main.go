// Command vehicle charges, pays and keeps receipts. It leaves everything to cmd/internal/vehiclecmd and keeps the command
// contract of cmd/internal/cli.
package main

import (
	"os"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/vehiclecmd"
)

func main() { os.Exit(cli.Main(vehiclecmd.Root)) }
