package simulation

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/world"
)

func runCommand(app *cli.App) *cobra.Command {
	var seed uint64
	var out, chosen string
	command := &cobra.Command{
		Use: "run SCENARIO", Short: "Run a scenario by name, or from a file", Args: oneScenario,
		Long: "Run lets a scenario happen and tells what came of it. A scenario is a name of `simulate list`, or a YAML file.\n" +
			"Files that it names are looked for in --data, then beside it. With payments, money, lanes, deposits, durability\n" +
			"and finality are checked after every event; a run in which one does not hold fails.",
		Example: "  simulate run two-cars\n  simulate run fault-world --seed 7 --json\n  simulate run my-site.yaml --engine control --out report",
	}
	command.Flags().Uint64Var(&seed, "seed", 0, "number that everything random is drawn from (default that of the scenario)")
	command.Flags().StringVar(&out, "out", "", "directory for report.html, summary.json, summary.txt and CSV tables, made when missing")
	cli.ChoiceVar(command.Flags(), &chosen, "engine", "", "what runs it (default that of the scenario)", scenario.EngineFull, scenario.EngineControl)
	cli.OnlyTyped(command, "seed", "out", "engine")
	command.RunE = func(command *cobra.Command, args []string) error {
		src, err := open(app, args[0])
		if err != nil {
			return err
		}
		s, err := src.parse(src.text)
		if err != nil {
			return err
		}
		if !command.Flags().Changed("seed") {
			seed = s.Seed
		}
		if chosen != "" {
			s.Engine = chosen
		}
		e := engine{log: app.Log(), progress: progress(newBar(app))}
		summary, err := e.run(command.Context(), s, seed, src.files)
		if err != nil {
			return failed(err, args[0], seed)
		}
		app.EndProgress()
		if out != "" {
			if err := write(out, summary); err != nil {
				return err
			}
			app.Note("wrote the report to %s: open %s", out, filepath.Join(out, "report.html"))
		}
		return app.Print(summary, func(p *cli.Printer) { lines(p, summary.Text()) })
	}
	return command
}

// progress shows how far a world is on a bar.
func progress(b *bar) func(world.Progress) {
	return func(p world.Progress) {
		b.show(int64(p.Elapsed), int64(p.Duration), fmt.Sprintf("%s of %s simulated: %d sessions under way, %d over",
			p.Elapsed.Truncate(time.Second), p.Duration, p.Running, p.Over))
	}
}

// lines prints a text as it is.
func lines(p *cli.Printer, text string) {
	for line := range strings.Lines(text) {
		p.Line("%s", strings.TrimSuffix(line, "\n"))
	}
}

// write puts the report into a directory. What is there of an earlier run is replaced.
func write(directory string, summary *report.Summary) error {
	files, err := summary.Files()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("make the directory of the report: %w", err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(directory, f.Name), f.Content, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}
