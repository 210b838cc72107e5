package stationcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/station"
	"joulepay/pricing"
	"joulepay/wallet/money"
)

func tariffCommand(app *cli.App) *cobra.Command {
	group := &cobra.Command{
		Use: "tariff", Short: "Explain OCPI tariffs, and price with them",
		Example: "  chargepoint tariff check tariff.json\n  chargepoint tariff estimate tariff.json\n" +
			"  chargepoint tariff cost --tariff tariff.json --session cdr.json",
	}
	group.AddCommand(checkCommand(app), estimateCommand(app), costCommand(app), marketCommand(app))
	return group
}

// checked is what tariff check finds.
type checked struct {
	ID       string   `json:"id"`
	Currency string   `json:"currency"`
	Words    string   `json:"words"`
	Warnings []string `json:"warnings"`
}

func checkCommand(app *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Explain a tariff in words, and warn of what never matches", Args: cobra.ExactArgs(1),
		Example: "  chargepoint tariff check tariff.json",
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := readTariff(args[0])
			if err != nil {
				return err
			}
			c := checked{ID: t.ID(), Currency: t.Currency().String(), Words: t.Describe(), Warnings: []string{}}
			for _, w := range pricing.Check(t) {
				c.Warnings = append(c.Warnings, w.String())
			}
			return app.Print(c, func(p *cli.Printer) {
				printLines(p, c.Words)
				for _, w := range c.Warnings {
					p.Line("warning: %s", w)
				}
			})
		},
	}
}

// readTariff reads a file for a command whose own business the tariff is.
func readTariff(path string) (*pricing.Tariff, error) {
	t, err := station.ReadTariff(path)
	if errors.Is(err, station.ErrTariffFile) {
		return nil, cli.Hint(err, "check the name of the file: it holds one OCPI 2.2.1 or 2.3.0 Tariff object")
	}
	return t, err
}

func printLines(p *cli.Printer, text string) {
	for line := range strings.Lines(text) {
		p.Line("%s", strings.TrimRight(line, "\n"))
	}
}

// estimated is what a driver is shown before a session (AFIR, article 5).
type estimated struct {
	Tariff    string     `json:"tariff"`
	Currency  string     `json:"currency"`
	At        time.Time  `json:"at"`
	PowerW    string     `json:"power_w"`
	Estimates []estimate `json:"estimates"`
}

type estimate struct {
	EnergyWh   string       `json:"energy_wh"`
	Cost       pricing.Cost `json:"cost"`
	Components []share      `json:"components"`
}

// share is what one component contributes to an estimate, limits aside; a sum that the tariff does not state is null.
type share struct {
	Type    string        `json:"type"`
	ExclVAT pricing.Exact `json:"excl_vat"`
	InclVAT pricing.Exact `json:"incl_vat"`
}

func sharesOf(cost pricing.Cost) ([]share, error) {
	shares, err := cost.Shares()
	list := []share{}
	for _, s := range shares {
		list = append(list, share{s.Type.String(), s.ExclVAT, s.InclVAT})
	}
	return list, err
}

// estimatedKWh are the energies for which a price is shown.
var estimatedKWh = []int64{10, 20, 40}

func estimateCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "estimate [FILE]", Short: "Show what 10, 20 and 40 kWh cost at full power", Args: cobra.MaximumNArgs(1),
		Example: "  chargepoint tariff estimate tariff.json\n" +
			"  chargepoint tariff estimate tariff.json --power 150kW --at 2026-01-02T18:00:00+01:00",
	}
	var file, power, zone, at string
	f := command.Flags()
	f.StringVar(&file, "tariff", "", "OCPI tariff, JSON `FILE`, as the argument is; that of a charger without one when not given")
	f.StringVar(&power, "power", "50kW", "power of the session")
	f.StringVar(&zone, "time-zone", station.Default(pricing.Default()).TimeZone, "IANA time zone of the tariff's local times")
	f.StringVar(&at, "at", "", "when the session starts, RFC 3339 (default: now)")
	command.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 1 {
			if file != "" {
				return cli.Usage("leave one of them out", "FILE and --tariff: both name a tariff")
			}
			file = args[0]
		}
		e, err := estimateAll(file, power, zone, at)
		if err != nil {
			return err
		}
		return app.Print(e, e.print)
	}
	return command
}

func estimateAll(file, power, zone, at string) (estimated, error) {
	t, err := pricing.Default(), error(nil)
	if file != "" {
		if t, err = readTariff(file); err != nil {
			return estimated{}, err
		}
	}
	milliwatts, err := parsePower(power)
	if err != nil {
		return estimated{}, err
	}
	location, err := pricing.LoadLocation(zone)
	if err != nil {
		return estimated{}, cli.Usage("name it as in Europe/Berlin", "--time-zone: %w", err)
	}
	start := time.Now()
	if at != "" {
		if start, err = time.Parse(time.RFC3339, at); err != nil {
			return estimated{}, cli.Usage("for example --at 2026-01-02T18:00:00+01:00", "--at: %w", err)
		}
	}
	e := estimated{Tariff: t.ID(), Currency: t.Currency().String(), At: start.UTC().Truncate(time.Second), PowerW: fmt.Sprint(milliwatts / 1000)}
	for _, kWh := range estimatedKWh {
		cost, err := pricing.Estimate(t, start, location, kWh*1_000_000, milliwatts)
		if err != nil {
			return estimated{}, err
		}
		shares, err := sharesOf(cost)
		if err != nil {
			return estimated{}, err
		}
		e.Estimates = append(e.Estimates, estimate{fmt.Sprint(kWh * 1000), cost, shares})
	}
	return e, nil
}

func (e estimated) print(p *cli.Printer) {
	var rows [][]string
	for i, estimate := range e.Estimates {
		parts := []string{}
		for _, s := range estimate.Components {
			parts = append(parts, fmt.Sprintf("%s %s", s.Type, s.ExclVAT.Cents()))
		}
		rows = append(rows, []string{
			fmt.Sprintf("%d kWh", estimatedKWh[i]), cents(estimate.Cost.ExclVAT), cents(estimate.Cost.InclVAT), strings.Join(parts, ", "),
		})
	}
	p.Line("Tariff %q in %s, a session from %s on, before and after VAT:", e.Tariff, e.Currency, e.At.Format(time.RFC3339))
	p.Table([]string{"ENERGY", "EXCL VAT", "INCL VAT", "COMPONENTS"}, rows)
}

// cents shows a sum, or that the tariff does not state it.
func cents(x pricing.Exact) string {
	if !x.Known() {
		return "not stated"
	}
	return x.Cents()
}

func costCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "cost --tariff FILE --session FILE", Short: "Price a finished session exactly, before and after VAT",
		Long: "Price a finished session exactly, before and after VAT, per component and period. The session is an OCPI CDR, or\n" +
			"{start_date_time, end_date_time, time_zone, kind, charging_periods}.",
		Example: "  chargepoint tariff cost --tariff tariff.json --session cdr.json\n" +
			"  chargepoint tariff cost --tariff tariff.json --session cdr.json --time-zone Europe/Berlin --json",
	}
	var tariff, session, zone string
	f := command.Flags()
	f.StringVar(&tariff, "tariff", "", "OCPI tariff, JSON `FILE`; that of the CDR when not given")
	f.StringVar(&session, "session", "", "OCPI CDR or session, JSON `FILE`")
	f.StringVar(&zone, "time-zone", "", "IANA time zone of the station, where the session does not state one")
	command.RunE = func(*cobra.Command, []string) error {
		cost, err := costOf(tariff, session, zone)
		if err != nil {
			return err
		}
		return app.Print(cost, func(p *cli.Printer) { printCost(p, cost) })
	}
	return command
}

func costOf(tariff, session, zone string) (pricing.Cost, error) {
	if session == "" {
		return pricing.Cost{}, cli.Usage("`{command} --tariff tariff.json --session cdr.json`", "--session is needed")
	}
	var given []*pricing.Tariff
	if tariff != "" {
		t, err := readTariff(tariff)
		if err != nil {
			return pricing.Cost{}, err
		}
		given = append(given, t)
	}
	var location *time.Location
	if zone != "" {
		var err error
		if location, err = pricing.LoadLocation(zone); err != nil {
			return pricing.Cost{}, cli.Usage("name it as in Europe/Berlin", "--time-zone: %w", err)
		}
	}
	raw, err := readBounded(session, pricing.SessionBytesMax)
	if err != nil {
		return pricing.Cost{}, cli.Hint(err, "check the name of the file: it holds an OCPI CDR, or a session with charging_periods")
	}
	parsed, err := pricing.ParseSession(sessionIn(raw), location)
	if err != nil {
		return pricing.Cost{}, fmt.Errorf("%s: %w", session, err)
	}
	if len(given) == 0 && len(parsed.Tariffs) == 0 {
		return pricing.Cost{}, cli.Usage("`{command} --tariff tariff.json --session cdr.json`", "--tariff is needed: %s carries none", session)
	}
	return parsed.Price(given...)
}

// sessionIn gives the session of a document that has one beside other things.
func sessionIn(raw []byte) []byte {
	var around struct {
		Session json.RawMessage `json:"session"`
		Start   json.RawMessage `json:"start_date_time"`
	}
	if err := json.Unmarshal(raw, &around); err != nil || around.Start != nil || !bytes.HasPrefix(around.Session, []byte("{")) {
		return raw // it is read for what it is
	}
	return around.Session
}

func printCost(p *cli.Printer, c pricing.Cost) {
	var rows [][]string
	for _, l := range c.Lines() {
		rows = append(rows, []string{l.Type.String(), l.Volume.String(), l.Price.String(), l.ExclVAT.String(), l.InclVAT.String()})
	}
	p.Table([]string{"COMPONENT", "VOLUME", "PRICE", "EXCL VAT", "INCL VAT"}, rows)
	for _, period := range c.Periods() {
		p.Line("%s to %s, tariff %q", period.Start.Format(time.RFC3339), period.End.Format(time.RFC3339), period.TariffID)
		for _, l := range period.Components {
			p.Line("  %s %s at %s: %s", l.Type, l.Volume, l.Price, l.ExclVAT)
		}
	}
	if c.LimitedBy != "" {
		p.Line("limited by %s", c.LimitedBy)
	}
	p.Line("exact    %s %s before VAT, %s after", c.ExclVAT, c.Currency, stated(c.InclVAT))
	p.Line("rounded  %s %s before VAT, %s after", cents(c.ExclVAT), c.Currency, cents(c.InclVAT))
	p.Line("to pay   %s", money.Of(c.Payable(), c.Currency))
}

func stated(x pricing.Exact) string {
	if !x.Known() {
		return "not stated"
	}
	return x.String()
}

// readBounded reads a file of at most size bytes.
func readBounded(path string, size int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	raw, err := io.ReadAll(io.LimitReader(file, size+1))
	if err == nil && int64(len(raw)) > size {
		err = fmt.Errorf("%s has more than %d bytes", path, size)
	}
	return raw, err
}
