package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/receipt"
)

// httpDefault is where the demonstration serves its API, as a charger does.
const httpDefault = "127.0.0.1:8421"

// pauseBetween is how long the vehicle is away between two sessions.
const pauseBetween = 5 * time.Second

// speedMax bounds --speed: beyond it the signatures, not the clock, set the pace.
const speedMax = 100_000

type flags struct {
	once    bool
	energy  string
	speed   float64
	session string
	tariff  string
	http    string

	giveBack, returnPower, returnAbove string
}

// Command gives "demo".
func Command(app *cli.App) *cobra.Command {
	var f flags
	command := &cobra.Command{
		Use:   "demo",
		Short: "Show everything in one process: broker, ledger, API, a charger and a vehicle",
		Long: "Starts an embedded NATS server with JetStream, a ledger node, the HTTP API, one charger and one vehicle, and charges.\n" +
			"All state is in a temporary directory that is removed at the end. Nothing leaves this machine.",
		Example: "  chargepoint demo\n  chargepoint demo --once --json\n  chargepoint demo --energy 20kWh --speed 120\n" +
			"  chargepoint demo --once --session sessions.csv#0 --speed 600\n" +
			"  chargepoint demo --once --give-back 0.36 --return-power 10kW",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return f.run(app, command) },
	}
	command.Flags().BoolVar(&f.once, "once", false, "end after one session")
	command.Flags().StringVar(&f.energy, "energy", "12kWh", "energy that the vehicle takes")
	command.Flags().Float64Var(&f.speed, "speed", 60, "how fast session time passes; claims are waited for at any speed")
	command.Flags().StringVar(&f.session, "session", "", "replay a recorded session: `FILE#ROW` of a CSV, the first data row is 0")
	command.Flags().StringVar(&f.tariff, "tariff", "", "OCPI tariff, JSON `FILE`; 0.49 EUR/kWh without VAT when not given")
	command.Flags().StringVar(&f.http, "http", httpDefault, "address of API and dashboard")
	command.Flags().StringVar(&f.giveBack, "give-back", "", "the vehicle gives energy back for half an hour (V2G), and is paid so much for a kWh, VAT included; or by an OCPI tariff, JSON `FILE`")
	command.Flags().StringVar(&f.returnPower, "return-power", "10kW", "with --give-back: the most that flows back")
	command.Flags().StringVar(&f.returnAbove, "return-above", "0", "with --give-back: the charger takes energy back while a kWh sells for more than this, VAT included")
	app.FollowFlag(command)
	return command
}

func (f *flags) run(app *cli.App, command *cobra.Command) error {
	options, err := f.options(app, command)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "joulepay-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	options.Dir = dir
	listener, err := f.listen(app, command)
	if err != nil {
		return err
	}
	w, err := Start(app.Lifetime(), options, listener)
	if err != nil {
		return errors.Join(err, closed(listener))
	}
	defer w.Close()
	app.Note("Broker %s, ledger and API %s. One witness: time and order are trusted.", w.NATS, w.URL)
	app.Note("Vehicle %s charges at station %s.", w.Vehicle, w.Station)
	return f.sessions(app, w)
}

func closed(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// listen takes the default address when it is free, and any other free one when it is not: only an address that somebody
// asked for must be that one.
func (f *flags) listen(app *cli.App, command *cobra.Command) (net.Listener, error) {
	l, err := app.Listen("http", f.http)
	if err != nil && !command.Flags().Changed("http") {
		return app.Listen("http", "127.0.0.1:0")
	}
	return l, err
}

// sessions charges once, or again and again until a stop is asked for.
func (f *flags) sessions(app *cli.App, w *World) error {
	for {
		r, err := w.Charge(app.Lifetime(), app.Stopping())
		if err != nil {
			return err
		}
		app.EndProgress()
		if err := app.Print(party.ResultOf(r), func(p *cli.Printer) { words(p, r) }); err != nil || f.once {
			return err
		}
		select {
		case <-app.Stopping().Done():
			return nil
		case <-time.After(pauseBetween):
		}
	}
}

func words(p *cli.Printer, r receipt.Receipt) {
	for line := range strings.Lines("\n" + receipt.Words(r)) {
		p.Line("%s", strings.TrimSuffix(line, "\n"))
	}
}

func (f *flags) options(app *cli.App, command *cobra.Command) (Options, error) {
	o := Options{Speed: f.speed, Tariff: pricing.Default(), Log: app.Log()}
	if f.speed < 1 || f.speed > speedMax {
		return o, cli.Usage("`chargepoint demo --speed 60`", "a speed of %g is not between 1 and %d", f.speed, speedMax)
	}
	if app.JSON() && !f.once {
		return o, cli.Usage("`chargepoint demo --once --json`", "--json prints one object, and without --once there is no last session")
	}
	var err error
	if o.Energy, err = meter.ParseEnergy(f.energy); err != nil {
		return o, err
	}
	if f.session != "" {
		if o.Session, err = meter.ParseSpec("replay:" + f.session); err != nil {
			return o, err
		}
	}
	if f.tariff != "" {
		if o.Tariff, err = station.ReadTariff(f.tariff); err != nil {
			return o, err
		}
	}
	if f.giveBack != "" {
		if f.session != "" {
			return o, cli.Usage("leave one of them out", "--give-back and --session: a recording gives nothing back")
		}
		if o.GiveBack, err = station.ParseGiveBack(f.giveBack, f.returnPower, f.returnAbove); err != nil {
			return o, cli.Usage("for example --give-back 0.36 --return-power 10kW", "%w", err)
		}
	}
	o.Report = party.NewWatch(app, command, o.Tariff.Currency()).Report
	return o, nil
}
