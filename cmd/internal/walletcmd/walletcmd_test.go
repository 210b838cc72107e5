package walletcmd_test

import (
	"testing"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/walletcmd"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"depot": depot})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, depot) }

// depot has a service that makes its wallet on the first run, and a command that only uses one.
func depot(app *cli.App) *cobra.Command {
	root := &cobra.Command{Use: "depot", Short: "Keep a wallet", Example: "  depot run"}
	run := &cobra.Command{Use: "run", Short: "Run with a wallet", Example: "  depot run"}
	first := walletcmd.AddCreateFlags(app, run)
	run.RunE = func(*cobra.Command, []string) error {
		w, created, err := first.OpenOrCreate()
		if err != nil {
			return err
		}
		return app.Print(map[string]any{"did": w.DID(), "created": created}, func(p *cli.Printer) { p.Line("%s", w.DID()) })
	}
	use := &cobra.Command{Use: "use", Short: "Use a wallet", Example: "  depot use"}
	selected := walletcmd.AddFlags(app, use)
	use.RunE = func(*cobra.Command, []string) error {
		w, err := selected.Open()
		if err != nil {
			return err
		}
		again, err := selected.Open() // one prompt a process
		if err != nil {
			return err
		}
		return app.Print(map[string]any{"did": w.DID(), "again": again.DID()}, func(p *cli.Printer) { p.Line("%s", w.DID()) })
	}
	two := &cobra.Command{Use: "two", Short: "Keep two parties", Example: "  depot two"}
	two.RunE = func(*cobra.Command, []string) error {
		_, created, err := walletcmd.Named(app, "second").OpenOrCreate()
		if err != nil {
			return err
		}
		return app.Print(map[string]any{"created": created}, nil)
	}
	root.AddCommand(run, use, two, walletcmd.Command(app, "depot"))
	return root
}
