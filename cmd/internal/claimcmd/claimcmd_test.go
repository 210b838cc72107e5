package claimcmd_test

import (
	"testing"

	"github.com/spf13/cobra"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/claimcmd"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/internal/natsd"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"depot": depot, "car": car, "broker": broker})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata") }

func TestTreeIsWellFormed(t *testing.T) { clitest.CheckTree(t, depot) }

func depot(app *cli.App) *cobra.Command { return program(app, "depot") }

func car(app *cli.App) *cobra.Command { return program(app, "car") }

// program has wallets and claims.
func program(app *cli.App, name string) *cobra.Command {
	root := &cobra.Command{Use: name, Short: "Keep claims", Example: "  " + name + " claim"}
	root.AddCommand(walletcmd.Command(app, name), claimcmd.Command(app, name))
	return root
}

// broker runs a NATS server that gives each key its own subjects, until it is interrupted.
func broker(app *cli.App) *cobra.Command {
	root := &cobra.Command{Use: "broker", Short: "Carry messages", Example: "  broker run"}
	run := &cobra.Command{Use: "run", Short: "Carry messages", Example: "  broker run"}
	run.RunE = func(*cobra.Command, []string) error {
		server, err := natsd.Start(natsd.Options{
			Host: "127.0.0.1", Verify: natslink.VerifyConnect, Authorize: natslink.Policy(natslink.InceptionOnly), Logger: app.Log(),
		})
		if err != nil {
			return err
		}
		if err := app.Print(nil, func(p *cli.Printer) { p.Line("broker on %s", server.ClientURL()) }); err != nil {
			return err
		}
		<-app.Stopping().Done()
		return server.Close()
	}
	root.AddCommand(run)
	return root
}
