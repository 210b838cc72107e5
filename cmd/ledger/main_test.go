package main

import (
	"testing"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"ledger": root})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata/script") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, root) }
