// Package simulation owns the commands of simulate: running a scenario, and listing those that come with the program. It
// leaves what happens to simulations/world and its report to simulations/report.
// It keeps the contract of commands: the result on stdout, progress on stderr, and a seed in every failure, so that it
// can be run again.
package simulation

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/simulations/world"
)

// Root builds the tree of commands.
func Root(app *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use: "simulate", Short: "Run stations, vehicles and a ledger in virtual time",
		Long: "Simulate runs the machines that chargepoint, vehicle and ledger run, on a virtual clock, from one seed.\n" +
			"The same scenario and seed give the same report, byte for byte.",
		Example: "  simulate run two-cars",
	}
	root.AddCommand(runCommand(app), listCommand(app))
	return root
}

func runCommand(app *cli.App) *cobra.Command {
	var seed uint64
	var out string
	command := &cobra.Command{
		Use: "run SCENARIO", Short: "Run a scenario by name, or from a file", Args: oneScenario,
		Long: "Run lets a scenario happen and tells what came of it. A scenario is a name of `simulate list`, or a YAML file.\n" +
			"Money, lanes, deposits, durability and finality are checked after every event; a run in which one does not hold fails.",
		Example: "  simulate run two-cars\n  simulate run fault-world --seed 7 --json\n  simulate run my-site.yaml --out report",
	}
	command.Flags().Uint64Var(&seed, "seed", 0, "number that everything random is drawn from (default that of the scenario)")
	command.Flags().StringVar(&out, "out", "", "directory for summary.json, summary.txt and CSV tables, made when missing")
	cli.OnlyTyped(command, "seed", "out")
	command.RunE = func(command *cobra.Command, args []string) error {
		s, err := open(args[0])
		if err != nil {
			return err
		}
		if !command.Flags().Changed("seed") {
			seed = s.Seed
		}
		summary, err := run(app, command, s, seed, args[0])
		if err != nil {
			return err
		}
		if out != "" {
			if err := write(out, summary); err != nil {
				return err
			}
			app.Note("wrote the report to %s", out)
		}
		return app.Print(summary, func(p *cli.Printer) {
			for line := range strings.Lines(summary.Text()) {
				p.Line("%s", strings.TrimSuffix(line, "\n"))
			}
		})
	}
	return command
}

func oneScenario(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cli.Usage("name one: `simulate run two-cars`; `simulate list` shows them", "%s wants one scenario, not %d",
			command.CommandPath(), len(args))
	}
	return nil
}

// open finds a scenario: what looks like a file is one.
func open(name string) (*scenario.Scenario, error) {
	s, err := read(name)
	var problem *scenario.Problem
	switch {
	case errors.As(err, &problem) && problem.Hint != "":
		return nil, cli.Usage(problem.Hint, "%w", err)
	case errors.As(err, &problem):
		return nil, cli.Usage("`simulate list` shows scenarios to start from", "%w", err)
	case errors.Is(err, scenarios.ErrUnknown):
		return nil, cli.Usage("the names are "+strings.Join(scenarios.Names(), ", ")+"; a file is named with its extension, .yaml", "%w", err)
	}
	return s, err
}

func read(name string) (*scenario.Scenario, error) {
	extension := filepath.Ext(name)
	if extension != ".yaml" && extension != ".yml" {
		return scenarios.Open(name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the scenario: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, scenario.SizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	s, err := scenario.Parse(name, data)
	if err == nil {
		s.Name = strings.TrimSuffix(filepath.Base(name), extension)
	}
	return s, err
}

func run(app *cli.App, command *cobra.Command, s *scenario.Scenario, seed uint64, name string) (*report.Summary, error) {
	w, err := world.New(s, world.Options{
		Seed: seed,
		Progress: func(p world.Progress) {
			app.Progress("%s of %s simulated: %d sessions under way, %d over", p.Elapsed.Truncate(time.Second), p.Duration, p.Running, p.Over)
		},
		Trace: func(at time.Time, who, what string) { app.Log().Debug(what, "at", at, "who", who) },
	})
	if err != nil {
		return nil, err
	}
	summary, err := w.Run(command.Context())
	if errors.Is(err, world.ErrInvariant) || errors.Is(err, world.ErrUnfinished) {
		again := fmt.Sprintf("`simulate run %s --seed %d --log-level debug` comes to the same event again", name, seed)
		return nil, cli.Fail(again, "seed %d: %w", seed, err)
	}
	app.EndProgress()
	return summary, err
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

// listed is one line of the list.
type listed struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Stations int    `json:"stations"`
	Vehicles int    `json:"vehicles"`
	Duration string `json:"duration"`
	Seed     uint64 `json:"seed"`
}

func listCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List the scenarios that come with the program", Example: "  simulate list\n  simulate list --json",
	}
	command.RunE = func(*cobra.Command, []string) error {
		all := []listed{}
		for _, name := range scenarios.Names() {
			s, err := scenarios.Open(name)
			if err != nil {
				return err
			}
			all = append(all, listed{name, s.About, len(s.Stations), len(s.Vehicles), s.Duration.String(), s.Seed})
		}
		return app.Print(map[string]any{"scenarios": all}, func(p *cli.Printer) {
			rows := make([][]string, len(all))
			for i, l := range all {
				rows[i] = []string{l.Name, l.About}
			}
			p.Table([]string{"scenario", "what to look at"}, rows)
		})
	}
	return command
}
