package stationcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/station"
	"joulepay/pricing"
	"joulepay/pricing/market"
	"joulepay/wallet/money"
)

// backDeposit is what a charger locks in the channel of a vehicle that it has to pay, at negative prices or for energy that it gives
// back: more than a battery takes at the lowest price of an ordinary day, and topped up as it is used.
const backDeposit = 5 * money.Nano

// marketFlags are the terms under which a market price becomes a tariff, as they are typed.
type marketFlags struct {
	prefix, factor, margin, vat, upper, lower, fallback string
	hourly                                              bool
}

// add declares the flags, under a prefix where they stand among others.
func (m *marketFlags) add(f *pflag.FlagSet, prefix string) {
	m.prefix = prefix
	f.StringVar(&m.factor, prefix+"factor", "1", "factor on the market price")
	f.StringVar(&m.margin, prefix+"margin", "0", "added to it, in EUR/kWh before VAT")
	f.StringVar(&m.vat, prefix+"vat", "", "VAT in per cent (default: no tax applies)")
	f.StringVar(&m.upper, prefix+"cap", "", "the price is never above, in EUR/kWh before VAT")
	f.StringVar(&m.lower, prefix+"floor", "", "the price is never below, in EUR/kWh before VAT; 0 pays nobody for charging")
	f.StringVar(&m.fallback, prefix+"fallback", "", "price where none is known, in EUR/kWh before VAT (default: the highest that is known)")
	f.BoolVar(&m.hourly, prefix+"hourly", false, "price whole hours by the mean of their quarter hours")
}

func (m *marketFlags) terms(zone *time.Location) (market.Terms, error) {
	t := market.Terms{Location: zone, Hourly: m.hourly}
	number := func(name, text string) (*market.Decimal, error) {
		if text == "" {
			return nil, nil
		}
		d, err := market.ParseDecimal(text)
		if err != nil {
			return nil, cli.Usage("write a decimal number such as 0.05", "--%s%s: %w", m.prefix, name, err)
		}
		return &d, nil
	}
	factor, err := number("factor", m.factor)
	if err != nil {
		return t, err
	}
	margin, err := number("margin", m.margin)
	if err != nil {
		return t, err
	}
	if factor == nil || margin == nil {
		return t, cli.Usage("for example --"+m.prefix+"factor 1.1 --"+m.prefix+"margin 0.05", "factor and margin are numbers")
	}
	t.Factor, t.Margin = *factor, *margin
	for _, optional := range []struct {
		name, text string
		into       **market.Decimal
	}{{"vat", m.vat, &t.VAT}, {"cap", m.upper, &t.Cap}, {"floor", m.lower, &t.Floor}, {"fallback", m.fallback, &t.Fallback}} {
		if *optional.into, err = number(optional.name, optional.text); err != nil {
			return t, err
		}
	}
	return t, nil
}

// readPrices reads a series of market prices from a file.
func readPrices(path string) (market.Series, error) {
	raw, err := readBounded(path, market.FileBytesMax)
	if err != nil {
		return market.Series{}, cli.Hint(err, "name a file of day-ahead prices: CSV, or the JSON of Energy-Charts or aWATTar")
	}
	series, err := market.Parse(raw)
	if err != nil {
		return series, fmt.Errorf("%s: %w", path, err)
	}
	return series, nil
}

func marketCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "market --prices FILE", Short: "Make an OCPI tariff of day-ahead market prices",
		Long: "Make the OCPI tariff of one day of day-ahead market prices: market price × factor + margin, for each quarter hour or hour;\n" +
			"or, with --at, the tariff that a charger offers at a time, as far as prices are known.\n" +
			"Prices are the CSV of start_utc, start_local, eur_per_mwh, or the JSON of Energy-Charts or aWATTar.",
		Example: "  chargepoint tariff market --prices prices.csv --factor 1.1 --margin 0.05 --vat 19 --date 2025-11-03 --out tariff.json\n" +
			"  chargepoint tariff market --prices prices.json --floor 0 --cap 0.6 | tee tariff.json",
		Args: cobra.NoArgs,
	}
	var terms marketFlags
	var prices, zone, date, at, id, out string
	f := command.Flags()
	f.StringVar(&prices, "prices", "", "day-ahead prices, CSV or JSON `FILE`")
	f.StringVar(&zone, "zone", station.Default(pricing.Default()).TimeZone, "IANA time zone of the station")
	f.StringVar(&date, "date", "", "local day, such as 2025-11-03 (default: today)")
	f.StringVar(&at, "at", "", "a time, RFC 3339: the tariff that a charger offers then")
	f.StringVar(&id, "id", "", "id of the tariff (default: market and the date)")
	f.StringVar(&out, "out", "", "write the tariff to a new `FILE` (default: standard output)")
	terms.add(f, "")
	command.RunE = func(*cobra.Command, []string) error {
		t, err := marketTariff(prices, zone, date, at, id, &terms)
		if err != nil {
			return err
		}
		if out == "" {
			return app.Print(json.RawMessage(t.Bytes()), func(p *cli.Printer) { p.Line("%s", t.Bytes()) })
		}
		if err := writeNew(out, t.Bytes()); err != nil {
			return err
		}
		from, until := t.Validity()
		object := struct {
			File  string    `json:"file"`
			ID    string    `json:"id"`
			From  time.Time `json:"from"`
			Until time.Time `json:"until"`
			Bytes int       `json:"bytes"`
		}{out, t.ID(), from, until, len(t.Bytes())}
		return app.Print(object, func(p *cli.Printer) {
			p.Line("wrote %s: tariff %q, for sessions from %s to %s", out, t.ID(), from.Format(time.RFC3339), until.Format(time.RFC3339))
			p.Line("next: `chargepoint tariff check %s`, `chargepoint run --tariff %s`", out, out)
		})
	}
	return command
}

func marketTariff(prices, zone, date, at, id string, flags *marketFlags) (*pricing.Tariff, error) {
	switch {
	case prices == "":
		return nil, cli.Usage("`{command} --prices prices.csv --factor 1.1 --margin 0.05`", "--prices is needed")
	case date != "" && at != "":
		return nil, cli.Usage("leave one of them out", "--date and --at: both name a time")
	}
	location, err := pricing.LoadLocation(zone)
	if err != nil {
		return nil, cli.Usage("name it as in Europe/Berlin", "--zone: %w", err)
	}
	terms, err := flags.terms(location)
	if err != nil {
		return nil, err
	}
	terms.ID = id
	series, err := readPrices(prices)
	if err != nil {
		return nil, err
	}
	if at != "" {
		begins, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return nil, cli.Usage("for example --at 2025-11-03T18:00:00+01:00", "--at: %w", err)
		}
		return series.TariffAt(terms, begins)
	}
	if date == "" {
		date = time.Now().In(location).Format(time.DateOnly)
	}
	midnight, err := time.ParseInLocation(time.DateOnly, date, location)
	if err != nil {
		return nil, cli.Usage("for example --date 2025-11-03", "--date: %w", err)
	}
	if id == "" {
		terms.ID = "market-" + date
	}
	return series.Tariff(terms, midnight, midnight.AddDate(0, 0, 1))
}

// marketFile is a file of prices that somebody replaces while the charger runs, once a day as a rule. It is safe for
// concurrent use.
type marketFile struct {
	path  string
	terms market.Terms
	log   *slog.Logger

	mu      sync.Mutex // guards what follows
	read    time.Time  // modification of the file that was read last
	size    int64
	series  market.Series
	tariff  *pricing.Tariff // the last one that was made
	madeFor time.Time       // the quarter hour that it was made for
}

// openMarket reads the file once, so that a charger with wrong prices does not start.
func openMarket(path string, terms market.Terms, log *slog.Logger) (*marketFile, error) {
	m := &marketFile{path: path, terms: terms, log: log}
	info, err := os.Stat(path)
	if err != nil {
		return nil, cli.Hint(err, "name a file of day-ahead prices: `{command} --market FILE`")
	}
	if m.series, err = readPrices(path); err != nil {
		return nil, err
	}
	m.read, m.size = info.ModTime(), info.Size()
	return m, nil
}

// At gives the tariff of sessions that begin at a time. A file that was replaced by one that cannot be read leaves the
// prices that are known.
func (m *marketFile) At(at time.Time) (*pricing.Tariff, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refresh()
	const quarter = 15 * time.Minute
	if m.tariff != nil && m.madeFor.Equal(at.Truncate(quarter)) {
		return m.tariff, nil
	}
	tariff, err := m.series.TariffAt(m.terms, at)
	if err != nil {
		return nil, err
	}
	m.tariff, m.madeFor = tariff, at.Truncate(quarter)
	return tariff, nil
}

// MarketAt gives the price of a time as the file has it.
func (m *marketFile) MarketAt(at time.Time) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot, err := m.series.At(at)
	if err != nil {
		return "", false
	}
	return slot.Price.String(), true
}

func (m *marketFile) refresh() {
	info, err := os.Stat(m.path)
	if err == nil && info.ModTime().Equal(m.read) && info.Size() == m.size {
		return
	}
	var series market.Series
	if err == nil {
		m.read, m.size = info.ModTime(), info.Size()
		series, err = readPrices(m.path)
	}
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) { // it is being replaced
			m.log.Warn("market prices not read again", "file", m.path, "error", err)
		}
		return
	}
	m.series, m.tariff = series, nil
	_, until := series.Span()
	m.log.Info("market prices read again", "file", m.path, "until", until)
}
