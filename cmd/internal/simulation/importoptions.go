package simulation

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/scenario"
)

// stationsFromData has the stations of a file.
const stationsFromData = "from-data"

// preset is a published file with what must be known of it.
type preset struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	File   string `json:"file"` // below --data
	Start  string `json:"start,omitempty"`
}

var presets = []preset{
	{"caltech-2019", "acn-csv", "sessions/caltech_2019-05-01_2019-08-31.csv.gz", ""},
	{"caltech-2019-03", "acn-sim", "sessions/acn_caltech_2019_03.csv", "2019-03-01T08:00:00Z"}, // midnight in Pasadena
	{"caltech-2021", "acn-csv", "sessions/caltech_2021-05-01_2021-08-31.csv.gz", ""},
	{"epfl", "epfl", "sessions/epfl_dc_fast.csv", ""},
	{"jpl-2019", "acn-csv", "sessions/jpl_2019-05-01_2019-08-31.csv.gz", ""},
	{"norway", "norway", "sessions/norway_residential.csv", ""},
	{"perth", "perth", "sessions/perth_kinross.csv", ""},
}

// take fills in a preset. FORMAT may be left out, or be csv; FILE may be left out.
func (i *importer) take(args []string) error {
	for _, p := range presets {
		if p.Name != i.preset {
			continue
		}
		if len(args) == 2 && (args[0] == "csv" || args[0] == p.Format) {
			args = args[1:]
		}
		if len(args) > 1 {
			return cli.Usage("a preset has its format: `simulate import --preset "+p.Name+" FILE`", "%d arguments beside a preset", len(args))
		}
		i.format, i.file = p.Format, filepath.Join(i.app.Data(), filepath.FromSlash(p.File))
		if len(args) == 1 {
			i.file = args[0]
		}
		if i.start == "" {
			i.start = p.Start
		}
		return nil
	}
	return cli.Usage("`simulate import --list` shows them", "unknown preset %.40q", i.preset)
}

// of are the formats, beside tables of sessions, that an option has a meaning for. Options that are not here fit all.
var of = map[string][]string{
	"column": {formatPrices, formatSeries}, "separator": nil, "dates": nil, "wants": nil, "skip-bad": nil, "limit": nil, "stations": nil,
	"power": nil, "as": nil, "prices": nil, "start": {formatSeries}, "from": {formatPrices, formatBDEW, formatSeries},
	"to": {formatPrices, formatBDEW, formatSeries}, "tariff": {formatSpiceEV}, "engine": {formatSpiceEV}, "seed": {formatSpiceEV},
	"energy": {formatBDEW}, "holiday": {formatBDEW}, "every": {formatSeries}, "solar": {formatSeries},
	"vehicle": {formatCurves}, "time-zone": {formatPrices, formatBDEW, formatSeries},
}

// blocksOnly are options of blocks that tables of sessions do not know.
var blocksOnly = []string{"energy", "holiday", "every", "solar", "vehicle"}

// fitting refuses options that would change nothing.
func (i *importer) fitting(command *cobra.Command) error {
	other := slices.Contains([]string{formatSpiceEV, formatPrices, formatBDEW, formatSeries, formatCurves}, i.format)
	var wrong string
	command.Flags().Visit(func(flag *pflag.Flag) {
		formats, limited := of[flag.Name]
		if limited && other && !slices.Contains(formats, i.format) || !other && slices.Contains(blocksOnly, flag.Name) {
			wrong = flag.Name
		}
	})
	if wrong != "" && !i.list {
		return cli.Usage("leave it out; `simulate import --help` says what it is for", "--%s means nothing to %s", wrong, i.format)
	}
	return nil
}

// reading gives the options of a reader of sessions.
func (i *importer) reading() (dataset.Options, error) {
	o := dataset.Options{Dates: i.dates, SkipBad: i.skipBad, Delivered: i.wants == "delivered"}
	var err error
	if o.Zone, err = i.location(); err != nil {
		return o, err
	}
	if o.Column, err = i.columnMap(); err != nil {
		return o, err
	}
	if o.Start, err = i.instant("start", i.start); err != nil {
		return o, err
	}
	if i.format == "acn-sim" && o.Start.IsZero() {
		return o, cli.Usage("add --start 2019-03-01T08:00:00Z", "acn-sim counts periods from a time that it does not tell")
	}
	switch {
	case i.comma == "tab":
		o.Separator = '\t'
	case i.comma != "":
		var size int
		if o.Separator, size = utf8.DecodeRuneInString(i.comma); size != len(i.comma) {
			return o, cli.Usage("write one character, or tab", "--separator %.20q", i.comma)
		}
	}
	return o, nil
}

func (i *importer) columnMap() (map[string]string, error) {
	named := map[string]string{}
	for _, pair := range i.columns {
		role, name, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, cli.Usage("write it as --column arrives=Start", "--column %.60q", pair)
		}
		named[role] = name
	}
	return named, nil
}

// location is the zone that was asked for; nil: that of the format.
func (i *importer) location() (*time.Location, error) {
	if i.zone == "" {
		return nil, nil
	}
	zone, err := dataset.Zone(i.zone)
	if err != nil {
		return nil, cli.Usage("write it as Europe/Berlin", "%w", err)
	}
	return zone, nil
}

// zoneName is the zone of the stations and of days that are typed.
func (i *importer) zoneName() string {
	if i.zone != "" {
		return i.zone
	}
	for _, f := range dataset.All() {
		if f.Name == i.format && f.Zone != "" {
			return f.Zone
		}
	}
	if i.format == formatPrices || i.format == formatBDEW {
		return "Europe/Berlin"
	}
	return "UTC"
}

// instant reads a day of the zone, or a time. Nothing is no time.
func (i *importer) instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	zone, err := dataset.Zone(i.zoneName())
	if err != nil {
		return time.Time{}, cli.Usage("write it as Europe/Berlin", "%w", err)
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day.UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, cli.Usage("write it as 2019-05-01, or as 2019-05-01T08:00:00Z", "--%s %.40q is not a time", flag, text)
	}
	return at.UTC(), nil
}

func (i *importer) span() (from, to time.Time, err error) {
	if from, err = i.instant("from", i.from); err != nil {
		return from, to, err
	}
	if to, err = i.instant("to", i.to); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, cli.Usage("--to is later than --from", "from %s to %s is no time", i.from, i.to)
	}
	return from, to, nil
}

var quantity = regexp.MustCompile(`^([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(k|M|G)?(Wh?)$`)

// milli reads a power or an energy into mW or mWh.
func milli(flag, text, unit, example string) (int64, error) {
	parts := quantity.FindStringSubmatch(text)
	if parts == nil || parts[3] != unit {
		return 0, cli.Usage("write it as "+example, "--%s %.40q", flag, text)
	}
	number, ok := new(big.Rat).SetString(parts[1])
	if ok {
		number.Mul(number, new(big.Rat).SetInt64(map[string]int64{"": 1e3, "k": 1e6, "M": 1e9, "G": 1e12}[parts[2]]))
	}
	if !ok || !number.IsInt() || !number.Num().IsInt64() || number.Sign() == 0 {
		return 0, cli.Usage("write it as "+example, "--%s %.40q is too fine, too large or nothing", flag, text)
	}
	return number.Num().Int64(), nil
}

// drafting gives what becomes of sessions.
func (i *importer) drafting() (draft.Options, error) {
	o := draft.Options{
		Source: fmt.Sprintf("%s (%s)", filepath.Base(i.file), i.format), Limit: i.limit, Seed: i.seed, Zone: i.zoneName(),
		Engine: i.engine, Form: i.as, Table: i.base() + ".sessions.csv",
	}
	var err error
	if o.From, o.To, err = i.span(); err != nil {
		return o, err
	}
	if i.stations != stationsFromData {
		if o.Stations, err = strconv.Atoi(i.stations); err != nil || o.Stations < 1 || o.Stations > scenario.PartiesMax {
			return o, cli.Usage("write from-data, or a number from 1 to "+strconv.Itoa(scenario.PartiesMax), "--stations %.20q", i.stations)
		}
	}
	if i.power != "" {
		if o.PowerMilliwatts, err = milli("power", i.power, "W", "22kW"); err != nil {
			return o, err
		}
	}
	if o.Tariff, err = i.asked(); err != nil {
		return o, err
	}
	if i.prices != "" {
		o.Extra = i.market
	}
	return o, nil
}

// asked is the tariff that was asked for.
func (i *importer) asked() (draft.Tariff, error) {
	if i.tariff == "" {
		return draft.DefaultTariff(), nil
	}
	tariff, err := draft.ParseTariff([]byte(i.tariff))
	if err == nil {
		return tariff, nil
	}
	text, failure := read(i.tariff)
	if errors.Is(failure, os.ErrNotExist) {
		return tariff, cli.Usage("write a price such as 0.45, or name a file with an OCPI tariff", "--tariff %.60q is neither a price nor a file", i.tariff)
	}
	if failure != nil {
		return tariff, failure
	}
	if tariff, err = draft.ParseTariff(text); err != nil {
		return tariff, cli.Fail("`chargepoint tariff check FILE` says what a tariff lacks", "%w", err)
	}
	return tariff, nil
}

// market gives the block of the prices of a time.
func (i *importer) market(from, to time.Time) (string, error) {
	data, err := read(i.prices)
	if err != nil {
		return "", err
	}
	prices, err := dataset.Prices(data, "")
	if err != nil {
		return "", err
	}
	block, err := draft.Prices(prices, filepath.Base(i.prices), from, to)
	if err != nil {
		return "", err
	}
	return block.Block, nil
}
