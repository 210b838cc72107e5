package simulation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/study"
)

// sweepFlags are what a sweep varies, and where its results go.
type sweepFlags struct {
	set        []string
	seeds      string
	out, plot  string
	atATime    int
	setParsed  []study.Setting
	seedParsed []uint64
}

func sweepCommand(app *cli.App) *cobra.Command {
	var flags sweepFlags
	command := &cobra.Command{
		Use: "sweep SCENARIO", Short: "Run a scenario with every combination of settings and seeds, into one table", Args: oneScenario,
		Long: "Sweep runs a scenario once for every combination of the values of --set and the seeds of --seeds, as many at a time\n" +
			"as there are processors, and writes a CSV with a row a run: settings, seed, key figures. Rows come in the order of\n" +
			"the combinations. A path is that of the scenario file: keys with dots between, numbers for items of lists, and * for\n" +
			"all. Ctrl-C keeps what is finished.",
		Example: "  simulate sweep two-cars --set stations.north.power=22kW,50kW --seeds 1..50 --out sweep.csv --plot sweep.html\n" +
			"  simulate sweep my-site.yaml --set control.algorithm=edf,llf --set 'stations.*.power=11kW,22kW'",
	}
	command.Flags().StringArrayVar(&flags.set, "set", nil, "path=a,b,c: a value of the scenario file, and what it takes in turn; may be repeated")
	command.Flags().StringVar(&flags.seeds, "seeds", "", "seeds, as 1..50 or 1,2,7 (default that of the scenario)")
	command.Flags().StringVar(&flags.out, "out", "", "file for the table (default stdout)")
	command.Flags().StringVar(&flags.plot, "plot", "", "file for a page with plots of the figures over the settings")
	command.Flags().IntVar(&flags.atATime, "parallel", runtime.NumCPU(), "runs at a time")
	cli.OnlyTyped(command, "set", "seeds", "out", "plot")
	command.RunE = func(command *cobra.Command, args []string) error {
		s, err := newSweep(app, args[0], &flags)
		if err != nil {
			return err
		}
		return s.run(command.Context(), flags.atATime)
	}
	return command
}

// sweep is a sweep under way.
type sweep struct {
	app    *cli.App
	source *source
	runs   []study.Run
	flags  *sweepFlags
	table  *study.Table
	plot   *study.Plot
	file   *os.File // nil: no file

	mu     sync.Mutex                    // guards parsed
	parsed map[string]*scenario.Scenario // by settings: seeds share one

	rows        []study.Outcome // with --json and no file
	over, wrong int
	first       study.Outcome // that failed
}

// newSweep checks all that can be checked before the first run.
func newSweep(app *cli.App, argument string, flags *sweepFlags) (*sweep, error) {
	src, err := open(app, argument)
	if err != nil {
		return nil, err
	}
	plain, err := src.parse(src.text)
	if err != nil {
		return nil, err
	}
	s := &sweep{app: app, source: src, flags: flags, parsed: map[string]*scenario.Scenario{}}
	flags.seedParsed = []uint64{plain.Seed}
	if flags.seeds != "" {
		if flags.seedParsed, err = study.ParseSeeds(flags.seeds); err != nil {
			return nil, settingProblem(err)
		}
	}
	for _, text := range flags.set {
		setting, err := study.ParseSetting(text)
		if err != nil {
			return nil, settingProblem(err)
		}
		if setting.Path == "seed" {
			return nil, cli.Usage("`--seeds "+strings.Join(setting.Values, ",")+"` varies them", "seeds are not set by --set")
		}
		flags.setParsed = append(flags.setParsed, setting)
	}
	if s.runs, err = study.Runs(flags.setParsed, flags.seedParsed); err != nil {
		return nil, settingProblem(err)
	}
	for _, run := range s.runs { // each combination once, so that nothing is refused after an hour
		if _, err := s.scenario(run); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func settingProblem(err error) error {
	var problem *study.Problem
	if errors.As(err, &problem) && problem.Hint != "" {
		return cli.Usage(problem.Hint, "%w", err)
	}
	if errors.As(err, &problem) {
		return cli.Usage("paths are those of the scenario file: `simulate schema` has all", "%w", err)
	}
	return err
}

// scenario gives the scenario of a run.
func (s *sweep) scenario(run study.Run) (*scenario.Scenario, error) {
	key := fmt.Sprintf("%q", run.Choices)
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.parsed[key]; found != nil {
		return found, nil
	}
	text, err := study.Apply(s.source.text, run.Choices)
	if err != nil {
		return nil, settingProblem(err)
	}
	parsed, err := s.source.parse(text)
	var problem *scenario.Problem
	if errors.As(err, &problem) { // its line is that of no file
		return nil, cli.Usage(cmp.Or(problem.Hint, "run it alone with this value in its file"), "with %s: %s", run.Settings(), problem.Message)
	}
	if err == nil {
		s.parsed[key] = parsed
	}
	return parsed, err
}

// run makes all runs and writes what they come to.
func (s *sweep) run(ctx context.Context, atATime int) error {
	if err := s.begin(); err != nil {
		return err
	}
	e := engine{log: slog.New(slog.DiscardHandler)} // worlds beside each other say nothing
	do := func(ctx context.Context, run study.Run) ([]report.Figure, error) {
		scenario, err := s.scenario(run)
		if err != nil {
			return nil, err
		}
		summary, err := e.run(ctx, scenario, run.Seed, s.source.files)
		if err != nil {
			return nil, err
		}
		return summary.KeyFigures(), nil
	}
	b := newBar(s.app)
	b.show(0, int64(len(s.runs)), fmt.Sprintf("0 of %d runs", len(s.runs)))
	err := study.Sweep(ctx, s.runs, atATime, do, s.give, func(over int) {
		b.show(int64(over), int64(len(s.runs)), fmt.Sprintf("%d of %d runs", over, len(s.runs)))
	})
	s.app.EndProgress()
	return s.end(err, ctx.Err() != nil)
}

// begin opens the table.
func (s *sweep) begin() error {
	if s.flags.plot != "" {
		s.plot = study.NewPlot(s.source.name, s.flags.setParsed)
	}
	var out io.Writer = stdout{s.app}
	if s.flags.out != "" {
		var err error
		if s.file, err = os.Create(s.flags.out); err != nil {
			return fmt.Errorf("make the table: %w", err)
		}
		out = s.file
	} else if s.app.JSON() {
		return nil // rows go into the one object
	}
	var err error
	s.table, err = study.NewTable(out, s.flags.setParsed)
	return err
}

// give writes the row of a run.
func (s *sweep) give(x study.Outcome) error {
	s.over++
	if x.Err != nil {
		if s.wrong == 0 {
			s.first = x
		}
		s.wrong++
	}
	if s.plot != nil {
		s.plot.Add(x)
	}
	if s.table == nil {
		s.rows = append(s.rows, x)
		return nil
	}
	return s.table.Add(x)
}

// end closes what was opened, and says how it went.
func (s *sweep) end(err error, stopped bool) error {
	if s.file != nil {
		if closed := s.file.Close(); closed != nil && err == nil {
			err = fmt.Errorf("write the table: %w", closed)
		}
	}
	if err != nil && !stopped {
		return err
	}
	if s.plot != nil {
		page, err := s.plot.HTML()
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.flags.plot, page, 0o644); err != nil {
			return fmt.Errorf("write the plot: %w", err)
		}
		s.app.Note("wrote the plots to %s", s.flags.plot)
	}
	if err := s.app.Print(s.result(), s.told); err != nil {
		return err
	}
	switch {
	case stopped:
		return cli.Fail("what is finished is written; run it again with the seeds and values that are left", "interrupted after %d of %d runs", s.over, len(s.runs))
	case s.wrong > 0:
		run := s.first.Run
		return cli.Fail(fmt.Sprintf("put its settings into a file, and `simulate run FILE.yaml --seed %d --log-level debug` comes to the same event", run.Seed),
			"%d of %d runs failed, the first with %s: %v", s.wrong, len(s.runs), run, s.first.Err)
	}
	return nil
}

func (s *sweep) told(p *cli.Printer) {
	if s.file != nil {
		p.Line("%d of %d runs, %d failed: %s", s.over, len(s.runs), s.wrong, s.flags.out)
	}
}

// sweepResult is what --json prints.
type sweepResult struct {
	Scenario string     `json:"scenario"`
	Runs     int        `json:"runs"`
	Finished int        `json:"finished"`
	Failed   int        `json:"failed"`
	Table    string     `json:"table,omitempty"`
	Plot     string     `json:"plot,omitempty"`
	Rows     []sweepRow `json:"rows,omitempty"` // where there is no table
}

type sweepRow struct {
	Settings map[string]string `json:"settings"`
	Seed     uint64            `json:"seed"`
	Figures  map[string]string `json:"figures,omitempty"`
	Error    string            `json:"error,omitempty"`
}

func (s *sweep) result() sweepResult {
	r := sweepResult{Scenario: s.source.name, Runs: len(s.runs), Finished: s.over, Failed: s.wrong, Table: s.flags.out, Plot: s.flags.plot}
	for _, x := range s.rows {
		row := sweepRow{Settings: map[string]string{}, Seed: x.Run.Seed}
		for _, c := range x.Run.Choices {
			row.Settings[c.Path] = c.Value
		}
		if x.Err != nil {
			row.Error = x.Err.Error()
		} else {
			row.Figures = map[string]string{}
		}
		for _, f := range x.Figures {
			row.Figures[f.Key] = f.Value
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

// stdout writes whole lines to the result's stream, clear of the bar.
type stdout struct{ app *cli.App }

// Write implements io.Writer.
func (o stdout) Write(text []byte) (int, error) {
	return len(text), o.app.Say("%s", strings.TrimSuffix(string(text), "\n"))
}
