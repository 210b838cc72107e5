// Command ledger runs a node of the settlement ledger, and issues and redeems money on it. It leaves everything to
// cmd/internal/operator and keeps the command contract of cmd/internal/cli.
package main

import (
	"os"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/operator"
)

func main() { os.Exit(cli.Main(operator.Root)) }
