package simulation

import (
	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
)

// listed is one line of the list.
type listed struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Engine   string `json:"engine"`
	Stations int    `json:"stations"`
	Vehicles int    `json:"vehicles"`
	Fleets   int    `json:"fleets"`
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
			all = append(all, listed{name, s.About, s.Engine, len(s.Stations), len(s.Vehicles), len(s.Fleets), s.Duration.String(), s.Seed})
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

func schemaCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of scenario files, for editors that complete and check YAML",
		Example: "  simulate schema > scenario.schema.json",
	}
	command.RunE = func(*cobra.Command, []string) error {
		schema := scenario.Describe()
		text, err := schema.JSON()
		if err != nil {
			return err
		}
		return app.Print(schema, func(p *cli.Printer) { lines(p, string(text)) })
	}
	return command
}
