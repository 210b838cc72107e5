package simulation

import (
	"path/filepath"
	"strings"
	"time"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
)

// importedSeries is what an import says of prices or powers.
type importedSeries struct {
	Format  string    `json:"format"`
	File    string    `json:"file"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Every   string    `json:"every"`
	Values  int       `json:"values"`
	Unit    string    `json:"unit"`
	Lowest  string    `json:"lowest"`
	Mean    string    `json:"mean"`
	Highest string    `json:"highest"`
	Block   string    `json:"block,omitempty"` // the file that was written
}

// series imports prices or powers as a block of a scenario file.
func (i *importer) series() error {
	from, to, err := i.span()
	if err != nil {
		return err
	}
	data, err := read(i.file)
	if err != nil {
		return err
	}
	block := map[string]func([]byte, time.Time, time.Time) (*draft.Series, error){
		formatPrices: i.priceBlock, formatBDEW: i.profileBlock, formatSeries: i.columnBlock,
	}[i.format]
	s, err := block(data, from, to)
	if err != nil {
		return i.explained(err)
	}
	result := importedSeries{i.format, i.file, s.From, s.Until, s.Every.String(), s.Values, s.Unit, s.Lowest, s.Mean, s.Highest, i.out}
	if i.out != "" {
		if err := create(i.out, []byte(s.Block)); err != nil {
			return err
		}
	}
	return i.app.Print(result, func(p *cli.Printer) {
		p.Line("%s: %d values every %s, from %s to %s", result.File, result.Values, result.Every, result.From.Format(time.RFC3339), result.To.Format(time.RFC3339))
		p.Line("%s %s at least, %s in the mean, %s at most", result.Lowest, result.Unit, result.Mean, result.Highest)
		if i.out == "" {
			p.Line("nothing is written: name a file with --out")
			return
		}
		p.Line("wrote %s: a block for a scenario that starts at %s", i.out, result.From.Format(time.RFC3339))
	})
}

func (i *importer) priceBlock(data []byte, from, to time.Time) (*draft.Series, error) {
	named, err := i.columnMap()
	if err != nil {
		return nil, err
	}
	prices, err := dataset.Prices(data, named["price"])
	if err != nil {
		return nil, err
	}
	return draft.Prices(prices, filepath.Base(i.file), from, to)
}

func (i *importer) profileBlock(data []byte, from, to time.Time) (*draft.Series, error) {
	if i.energy == "" || from.IsZero() || to.IsZero() {
		return nil, cli.Usage("add --energy 3500kWh --from 2025-01-01 --to 2025-02-01", "a load profile wants a consumption and a time")
	}
	yearly, err := milli("energy", i.energy, "Wh", "3500kWh")
	if err != nil {
		return nil, err
	}
	zone, err := dataset.Zone(i.zoneName())
	if err != nil {
		return nil, err
	}
	profile, err := dataset.ReadProfile(data, dataset.Dynamic(filepath.Base(i.file)))
	if err != nil {
		return nil, err
	}
	holidays := []time.Time{}
	for _, text := range i.holidays {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, cli.Usage("write it as 2025-12-25", "--holiday %.20q is not a day", text)
		}
		holidays = append(holidays, day)
	}
	return draft.Load(profile, filepath.Base(i.file), from, to, zone, yearly, holidays)
}

// columnBlock takes the values of a column from the first one on, or those from one time until another where --start tells
// when the first one is.
func (i *importer) columnBlock(data []byte, from, to time.Time) (*draft.Series, error) {
	every, err := time.ParseDuration(i.every)
	if err != nil || every < time.Second {
		return nil, cli.Usage("write it as 15m", "--every %.20q", i.every)
	}
	named, err := i.columnMap()
	if err != nil {
		return nil, err
	}
	start, err := i.instant("start", i.start)
	if err != nil {
		return nil, err
	}
	if start.IsZero() {
		return nil, cli.Usage("add --start 2025-01-01", "a series wants the time of its first value")
	}
	const milliwattsPerKilowatt = 1_000_000
	values, err := dataset.Column(data, named["power"], milliwattsPerKilowatt)
	if err != nil {
		return nil, err
	}
	first, last := 0, len(values)
	if !from.IsZero() {
		first = min(max(int(from.Sub(start)/every), 0), len(values))
	}
	if !to.IsZero() {
		last = max(min(int(to.Sub(start)/every), len(values)), first)
	}
	source := strings.TrimSpace(filepath.Base(i.file) + " " + named["power"])
	return draft.Column(values[first:last], i.solar, source, start.Add(time.Duration(first)*every), every)
}
