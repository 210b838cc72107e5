package simulation

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/scenario"
)

// Formats that are no tables of sessions.
const (
	formatSpiceEV = "spice-ev"
	formatPrices  = "prices"
	formatBDEW    = "bdew"
	formatSeries  = "series"
	formatCurves  = "curves"
)

// importer is one `simulate import`.
type importer struct {
	app     *cli.App
	format  string
	file    string
	preset  string
	list    bool
	out     string
	columns []string
	zone    string
	comma   string // between fields
	dates   string
	wants   string
	skipBad bool

	from, to, start string
	limit           int
	stations        string
	power, tariff   string
	prices          string
	engine, as      string
	seed            uint64

	energy   string
	holidays []string
	every    string
	solar    bool
	vehicle  string
}

func importCommand(app *cli.App) *cobra.Command {
	i := &importer{app: app}
	command := &cobra.Command{
		Use: "import FORMAT FILE", Short: "Make a scenario of recorded sessions, or a block of prices or powers",
		Long: "Import reads what others have recorded, says what it found, and with --out writes a scenario that runs at once.\n" +
			"Rows that cannot be meant are named and refused; --skip-bad leaves them out and counts them. Up to 60 sessions become\n" +
			"vehicles in the scenario file; more of them a table beside it. `simulate import --list` shows formats and presets.",
		Example: "  simulate import --list\n" +
			"  simulate import perth perth_kinross.csv --skip-bad --from 2017-05-01 --to 2017-05-08 --out perth.yaml\n" +
			"  simulate import csv visits.csv --column arrives=Start --column leaves=End --column energy=kWh --time-zone Europe/Berlin\n" +
			"  simulate import --preset jpl-2019 --data DIR --stations 20 --out jpl.yaml\n" +
			"  simulate import prices smard.csv --from 2025-03-01 --to 2025-03-02 --out prices.yaml",
	}
	i.flags(command)
	command.Args = func(command *cobra.Command, args []string) error { return i.arguments(args) }
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := i.fitting(command); err != nil {
			return err
		}
		switch {
		case i.list:
			return i.listed()
		case slices.Contains([]string{formatPrices, formatBDEW, formatSeries}, i.format):
			return i.series()
		case i.format == formatCurves:
			return i.battery()
		}
		return i.sessions()
	}
	return command
}

func (i *importer) flags(command *cobra.Command) {
	f := command.Flags()
	f.BoolVar(&i.list, "list", false, "list formats and presets")
	f.StringVar(&i.preset, "preset", "", "format and options of a published file, which is looked for in --data when none is named")
	f.StringVar(&i.out, "out", "", "scenario file to write, FILE.yaml; nothing is written without it")
	f.StringArrayVar(&i.columns, "column", nil, "column of a table by its role, role=NAME; several are joined with + (roles: "+strings.Join(dataset.Roles(), ", ")+")")
	f.StringVar(&i.zone, "time-zone", "", "of times without an offset, and of the stations, such as Europe/Berlin (default that of the format)")
	f.StringVar(&i.comma, "separator", "", "between the fields of a table: one character, or tab (default as its head has)")
	cli.ChoiceVar(f, &i.dates, "dates", "", "how dates with slashes are meant", dataset.DatesDayFirst, dataset.DatesMonthFirst)
	cli.ChoiceVar(f, &i.wants, "wants", "requested", "what vehicles want, where a file tells both", "requested", "delivered")
	f.BoolVar(&i.skipBad, "skip-bad", false, "leave rows out that cannot be meant, and count them")
	f.StringVar(&i.from, "from", "", "take what begins at this time or later, 2019-05-01 or RFC 3339; the scenario begins then")
	f.StringVar(&i.to, "to", "", "take what begins before this time")
	f.StringVar(&i.start, "start", "", "when the periods of acn-sim, or the values of a series, begin")
	f.IntVar(&i.limit, "limit", 0, "take so many sessions at most; 0: all")
	f.StringVar(&i.stations, "stations", stationsFromData, "from-data, or how many: vehicles go to one that is free")
	f.StringVar(&i.power, "power", "", "of each station, such as 22kW (default the least usual one that its sessions need)")
	f.StringVar(&i.tariff, "tariff", "", "of the stations: price of a kWh in EUR, or a file with an OCPI tariff (default 0.45)")
	f.StringVar(&i.prices, "prices", "", "file with the day-ahead prices of the time, for the scenario's prices")
	cli.ChoiceVar(f, &i.engine, "engine", scenario.EngineControl, "that the scenario names", scenario.EngineFull, scenario.EngineControl)
	cli.ChoiceVar(f, &i.as, "as", "", "how the scenario has its sessions (default by their number)", draft.FormVehicles, draft.FormTable)
	f.Uint64Var(&i.seed, "seed", 1, "of the scenario")
	f.StringVar(&i.energy, "energy", "", "of bdew: consumption in a year, such as 3500kWh")
	f.StringArrayVar(&i.holidays, "holiday", nil, "of bdew: a day that has a Sunday's load, 2025-12-25")
	f.StringVar(&i.every, "every", "15m", "of series: length of a slot")
	f.BoolVar(&i.solar, "solar", false, "of series: what the sun gives, in place of a load")
	f.StringVar(&i.vehicle, "vehicle", "", "of curves: words of its name, or its id")
	var names []string
	f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	cli.OnlyTyped(command, names...)
}

// arguments reads FORMAT and FILE, or a preset.
func (i *importer) arguments(args []string) error {
	const hint = "`simulate import --list` shows formats and presets"
	switch {
	case i.list && len(args) == 0:
		return nil
	case i.preset != "":
		return i.take(args)
	case len(args) != 2:
		return cli.Usage(hint, "import wants a format and a file, not %d arguments", len(args))
	}
	i.format, i.file = args[0], args[1]
	if !slices.ContainsFunc(importable(), func(f dataset.Format) bool { return f.Name == i.format }) {
		return cli.Usage(hint, "unknown format %.40q", i.format)
	}
	return nil
}

// importable are all formats.
func importable() []dataset.Format {
	all := append(dataset.All(),
		dataset.Format{Name: formatCurves, About: "charging curves of Open EV Data; the battery of a --vehicle"},
		dataset.Format{Name: formatSpiceEV, About: "scenarios of spice_ev, JSON"},
		dataset.Format{Name: formatPrices, About: "day-ahead prices: SMARD's CSV, Energy-Charts, aWATTar; a block of a scenario (--column price=NAME)"},
		dataset.Format{Name: formatBDEW, About: "standard load profiles of the BDEW, 2025; a block of a scenario (--energy, --from, --to)"},
		dataset.Format{Name: formatSeries, About: "a column of powers in kW; a block of a scenario (--column power=NAME, --every, --start)"},
	)
	slices.SortFunc(all, func(a, b dataset.Format) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (i *importer) listed() error {
	type format struct {
		Name  string `json:"name"`
		About string `json:"about"`
	}
	list := struct {
		Formats []format `json:"formats"`
		Presets []preset `json:"presets"`
	}{Presets: presets}
	rows := [][]string{}
	for _, f := range importable() {
		list.Formats = append(list.Formats, format{f.Name, f.About})
		rows = append(rows, []string{f.Name, f.About})
	}
	return i.app.Print(list, func(p *cli.Printer) {
		p.Table([]string{"format", "what it is"}, rows)
		p.Line("")
		rows = rows[:0]
		for _, x := range presets {
			rows = append(rows, []string{x.Name, x.Format, x.File})
		}
		p.Table([]string{"preset", "format", "file below --data"}, rows)
	})
}

// read gives a file, of which more than any format takes is not read.
func read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, dataset.FileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return data, nil
}

// create writes a file that is not there yet: somebody may have worked on the one that is.
func create(name string, content []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return cli.Fail("remove it, or choose another name with --out", "%s is there already", name)
	}
	if err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	if _, err := file.Write(content); err != nil {
		_ = file.Close() // the first error tells more
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// base gives the name of --out without its extension.
func (i *importer) base() string {
	return strings.TrimSuffix(filepath.Base(i.out), filepath.Ext(i.out))
}
