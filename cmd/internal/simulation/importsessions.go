package simulation

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/dataset"
	"joulepay/simulations/draft"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/spiceev"
)

// imported is what an import says of sessions.
type imported struct {
	Format   string     `json:"format"`
	File     string     `json:"file"`
	Rows     int        `json:"rows"`
	Bad      *badRows   `json:"bad,omitempty"`
	Read     *sessions  `json:"read,omitempty"`
	Scenario *madeOf    `json:"scenario"`
	LeftOut  []leftOver `json:"left_out"`
}

type badRows struct {
	Rows    int        `json:"rows"`
	Reasons []leftOver `json:"reasons"`
	Named   []badRow   `json:"named"` // at most dataset.BadMax
}

type badRow struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

type leftOver struct {
	Reason string `json:"reason"`
	Number int    `json:"number"`
}

type sessions struct {
	Sessions    int           `json:"sessions"`
	Stations    int           `json:"stations"`
	From        time.Time     `json:"from"`
	To          time.Time     `json:"to"`
	RequestedWh report.Energy `json:"requested_wh"`
	DeliveredWh report.Energy `json:"delivered_wh"`
}

type madeOf struct {
	File     string    `json:"file,omitempty"`
	Table    string    `json:"table,omitempty"`
	Form     string    `json:"form"`
	Start    time.Time `json:"start"`
	Duration string    `json:"duration"`
	Waiting  int       `json:"waiting"`
	sessions
}

func digest(d draft.Digest) sessions {
	return sessions{d.Sessions, d.Stations, d.First, d.Last, report.Energy(d.Requested), report.Energy(d.Delivered)}
}

// sessions imports recorded sessions, or a scenario of spice_ev.
func (i *importer) sessions() error {
	options, err := i.drafting()
	if err != nil {
		return err
	}
	result := imported{Format: i.format, File: i.file, LeftOut: []leftOver{}}
	made, err := i.draft(&result, options)
	if err != nil {
		return i.explained(err)
	}
	for _, left := range made.LeftOut {
		result.LeftOut = append(result.LeftOut, leftOver{left.Reason, left.Number})
	}
	result.Scenario = &madeOf{Form: made.Form, Start: made.Start, Duration: made.Duration.String(), Waiting: made.Waiting, sessions: digest(made.Taken)}
	result.Scenario.Stations = made.Stations
	if i.out != "" {
		if err := i.write(made, &result); err != nil {
			return err
		}
	}
	return i.app.Print(result, result.print)
}

func (i *importer) draft(result *imported, options draft.Options) (*draft.Draft, error) {
	data, err := read(i.file)
	if err != nil {
		return nil, err
	}
	if i.format == formatSpiceEV {
		beside := os.DirFS(filepath.Dir(i.file))
		return draft.SpiceEV(data, func(name string) ([]byte, error) { return fs.ReadFile(beside, name) }, options)
	}
	how, err := i.reading()
	if err != nil {
		return nil, err
	}
	reading, err := dataset.Read(i.format, data, how)
	if err != nil {
		return nil, err
	}
	found := digest(draft.Sum(reading.Sessions))
	result.Rows, result.Read, result.Bad = reading.Rows, &found, namedBad(reading)
	return draft.Sessions(reading.Sessions, options)
}

// namedBad lists bad rows, the most frequent reason first.
func namedBad(r *dataset.Reading) *badRows {
	if r.BadCount() == 0 {
		return nil
	}
	bad := &badRows{Rows: r.BadCount(), Reasons: byNumber(r.Reasons)}
	for _, row := range r.Bad {
		bad.Named = append(bad.Named, badRow{row.Place, string(row.Reason), row.Detail})
	}
	return bad
}

func byNumber(reasons map[dataset.Reason]int) []leftOver {
	var all []leftOver
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		all = append(all, leftOver{string(reason), reasons[reason]})
	}
	slices.SortStableFunc(all, func(a, b leftOver) int { return cmp.Compare(b.Number, a.Number) })
	return all
}

// write writes the table first: a scenario never names one that is not there.
func (i *importer) write(made *draft.Draft, result *imported) error {
	extension := filepath.Ext(i.out)
	if extension != ".yaml" && extension != ".yml" {
		return cli.Usage("name it "+i.out+".yaml", "a scenario file is known by its extension, .yaml")
	}
	if _, err := os.Lstat(i.out); err == nil {
		return create(i.out, nil) // says that it is there, before there is a table of it
	}
	if made.Table != nil {
		result.Scenario.Table = filepath.Join(filepath.Dir(i.out), i.base()+".sessions.csv")
		if err := create(result.Scenario.Table, made.Table); err != nil {
			return err
		}
	}
	if err := create(i.out, made.Scenario); err != nil {
		return err
	}
	result.Scenario.File = i.out
	return nil
}

// explained says what to do about a file that cannot be imported.
func (i *importer) explained(err error) error {
	var bad *dataset.BadRows
	switch {
	case errors.As(err, &bad):
		return cli.Fail("--skip-bad leaves them out and counts them", "%w", err)
	case errors.Is(err, dataset.ErrOption), errors.Is(err, draft.ErrOption):
		return cli.Usage("`simulate import --help` explains the options", "%w", err)
	case errors.Is(err, draft.ErrEmpty):
		return cli.Fail("look at --from, --to and --wants", "%w", err)
	case errors.Is(err, dataset.ErrRow):
		return cli.Fail("`simulate import --list` shows formats; --column and --separator describe a table", "%w", err)
	case errors.Is(err, dataset.ErrLimit):
		return cli.Fail("split the file", "%w", err)
	case errors.Is(err, spiceev.ErrFile):
		return cli.Fail("the file is a scenario of spice_ev with one grid connector", "%w", err)
	case errors.Is(err, os.ErrNotExist) && i.preset != "":
		return cli.Fail("name the folder with --data, or the file: `simulate import --preset "+i.preset+" FILE`", "%w", err)
	case errors.Is(err, scenario.ErrScenario):
		return explained(err)
	}
	return err
}

func (r imported) print(p *cli.Printer) {
	if r.Read != nil {
		p.Line("%s: %d rows, %d sessions at %d stations", r.File, r.Rows, r.Read.Sessions, r.Read.Stations)
		p.Line("from %s to %s", r.Read.From.Format(time.RFC3339), r.Read.To.Format(time.RFC3339))
		p.Line("%s kWh requested, %s kWh delivered", r.Read.RequestedWh.KWh(), r.Read.DeliveredWh.KWh())
	}
	if r.Bad != nil {
		p.Line("%d rows cannot be meant:", r.Bad.Rows)
		for _, reason := range r.Bad.Reasons {
			p.Line("  %d: %s", reason.Number, reason.Reason)
		}
		for n, row := range r.Bad.Named {
			if n == badShown {
				p.Line("  … and %d more; --json names %d", r.Bad.Rows-badShown, len(r.Bad.Named))
				break
			}
			p.Line("  %s: %s %s", row.Place, row.Reason, row.Detail)
		}
	}
	s := r.Scenario
	p.Line("scenario: %d sessions at %d stations, %s kWh wanted, %s from %s", s.Sessions, s.Stations, s.RequestedWh.KWh(), s.Duration, s.Start.Format(time.RFC3339))
	for _, left := range r.LeftOut {
		p.Line("  %d left out: %s", left.Number, left.Reason)
	}
	if s.Waiting > 0 {
		p.Line("  %d begin while the one before at their station is not over, and wait", s.Waiting)
	}
	switch {
	case s.File == "":
		p.Line("nothing is written: name a file with --out")
	case s.Table == "":
		p.Line("wrote %s: `simulate run %s`", s.File, s.File)
	default:
		p.Line("wrote %s and %s: `simulate run %s`", s.File, s.Table, s.File)
	}
}

// badShown is how many bad rows are printed for people.
const badShown = 10
