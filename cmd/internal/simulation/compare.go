package simulation

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/report"
	"joulepay/simulations/study"
)

// summaryMax bounds a summary that is read: a million sessions.
const summaryMax = 1 << 30

func compareCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "compare BEFORE AFTER", Short: "Show what changed from one report to another",
		Long: "Compare reads summary.json of two directories that `simulate run --out` wrote, and shows which figures and which\n" +
			"sessions differ: before, after, the difference and its share. A session is known by its vehicle and how often that came.",
		Example: "  simulate compare monday tuesday\n  simulate compare monday tuesday --json",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage("name two: `simulate compare BEFORE AFTER`; `simulate run NAME --out DIR` writes one",
					"%s wants two directories of reports, not %d", command.CommandPath(), len(args))
			}
			return nil
		},
	}
	command.RunE = func(_ *cobra.Command, args []string) error {
		before, err := load(args[0])
		if err != nil {
			return err
		}
		after, err := load(args[1])
		if err != nil {
			return err
		}
		c := study.Compare(before, after)
		return app.Print(c, func(p *cli.Printer) { lines(p, c.Text()) })
	}
	return command
}

// load reads the summary of a report. A file may be named too.
func load(path string) (*report.Summary, error) {
	const hint = "name a directory that `simulate run NAME --out DIR` wrote"
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "summary.json")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, cli.Fail(hint, "open the report: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, summaryMax))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var s report.Summary
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, cli.Fail(hint, "%s is no summary: %w", path, err)
	}
	if s.Scenario == "" {
		return nil, cli.Fail(hint, "%s is no summary of a run", path)
	}
	return &s, nil
}
