package main

import (
	"testing"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/simulation"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"simulate": simulation.Root})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, simulation.Root) }
