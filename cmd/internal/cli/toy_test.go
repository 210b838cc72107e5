package cli_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

func TestMain(m *testing.M) {
	clitest.Main(m, map[string]func(*cli.App) *cobra.Command{"toy": toy})
}

func TestScripts(t *testing.T) { clitest.Run(t, "testdata") }

var errBroken = errors.New("toy: broken")

// toy is a program with one command of each kind.
func toy(app *cli.App) *cobra.Command {
	app.Know(cli.Known{Err: errBroken, Hint: "mend it: `{program} boil --degrees 90`; this was `{command}`"})
	root := &cobra.Command{Use: "toy", Short: "Boil and serve", Example: "  toy boil"}
	kettle := &cobra.Command{Use: "kettle", Short: "Look after kettles", Example: "  toy kettle list"}
	kettle.AddCommand(
		&cobra.Command{Use: "list", Short: "List them", Example: "  toy kettle list", RunE: func(*cobra.Command, []string) error { return nil }},
		&cobra.Command{Use: "break [HOW]", Short: "Fail", Example: "  toy kettle break", Args: cobra.MaximumNArgs(1), RunE: breakKettle(app)})
	root.AddCommand(boil(app), serve(app), linger(app), kettle)
	return root
}

func boil(app *cli.App) *cobra.Command {
	var degrees int
	var tea string
	var cups []string
	var pay bool
	command := &cobra.Command{Use: "boil", Short: "Boil water", Example: "  toy boil --degrees 80"}
	flags := command.Flags()
	flags.IntVar(&degrees, "degrees", 100, "how hot, in °C")
	flags.StringSliceVar(&cups, "cup", nil, "who gets a cup")
	flags.BoolVar(&pay, "pay", false, "pay for it")
	cli.ChoiceVar(flags, &tea, "tea", "green", "which leaves", "green", "black")
	cli.OnlyTyped(command, "pay")
	app.FollowFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		app.Progress("heating")
		app.Log().Info("heating", "degrees", degrees)
		if err := app.Event(command, "warm", degrees/2); err != nil {
			return err
		}
		result := struct {
			Degrees int      `json:"degrees"`
			Tea     string   `json:"tea"`
			Cups    []string `json:"cups"`
			Data    string   `json:"data"`
		}{degrees, tea, cups, app.Data()}
		return app.Print(result, func(p *cli.Printer) {
			p.Line("%d °C", degrees)
			p.Fields("tea", tea, "cups\x1b[2J", fmt.Sprint(cups))
			p.Table([]string{"CUP", "FOR"}, [][]string{{"1", "you"}})
		})
	}
	return command
}

func serve(app *cli.App) *cobra.Command {
	var address string
	command := &cobra.Command{Use: "serve", Short: "Serve over HTTP", Example: "  toy serve"}
	command.Flags().StringVar(&address, "http", "127.0.0.1:0", "address to serve on")
	command.RunE = func(command *cobra.Command, _ []string) error {
		listener, err := app.Listen("http", address)
		if err != nil {
			return err
		}
		if err := app.Say("serving on http://%s", listener.Addr()); err != nil {
			return err
		}
		return app.Serve(command.Context(), listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintln(w, "tea")
		}))
	}
	return command
}

// linger stops only when told twice, or gives up politely with --polite.
func linger(app *cli.App) *cobra.Command {
	var polite bool
	command := &cobra.Command{Use: "linger", Short: "Stay", Example: "  toy linger"}
	command.Flags().BoolVar(&polite, "polite", false, "stop when asked")
	command.RunE = func(command *cobra.Command, _ []string) error {
		app.Note("here")
		<-app.Stopping().Done()
		if polite {
			return fmt.Errorf("stay: %w", command.Context().Err())
		}
		app.Note("staying")
		<-app.Lifetime().Done()
		return nil
	}
	return command
}

func breakKettle(app *cli.App) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		app.SetDID("did:joule:z6Mkme")
		return breakIt(app, args)
	}
}

func breakIt(app *cli.App, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("kettle: %w", errBroken)
	}
	switch args[0] {
	case "oddly":
		return errors.Join(errors.New("lid"), errors.New("spout"))
	case "unpaid":
		_, err := money.ParseMoney("5")
		return err
	case "twice":
		return errors.Join(app.Print(1, nil), app.Print(2, nil))
	case "poor":
		return fmt.Errorf("pay: %w", client.ErrInsufficient)
	case "hinted":
		return fmt.Errorf("outer: %w", cli.Hint(errors.New("cold"), "wait a little"))
	default:
		return cli.Fail("use less force", "kettle: %w", errBroken)
	}
}
