package scenario_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/simulations/scenario"
)

// update rewrites the reference of scenario files after their keys changed.
var update = flag.Bool("update", false, "rewrite docs/scenarios.md")

const referenceHead = `# Scenario files

Every key that a scenario may have, made from the code that reads it: ` + "`go test ./simulations/scenario -update`" + ` writes this page,
and a test fails when it is out of date. ` + "`simulate schema`" + ` prints the same as JSON Schema, for editors. How to run scenarios and read
their reports is in [simulations.md](simulations.md); ` + "`simulate list`" + ` shows those that come with the program, and
[simulations/scenarios](../simulations/scenarios) has their files, each with what to look at.

Quantities are written with their unit (` + "`22kW`, `12.5kWh`, `63A`, `1h30m`, `12.5%`" + `), amounts of money as decimal numbers in the ledger's
currency. Times are from the start of the scenario. Unknown keys are refused, with the line and the nearest key that is known.
`

// reference writes the keys of an object and of what is in it.
func reference(b *strings.Builder, path string, s *scenario.Schema) {
	if s == nil {
		return
	}
	if named, ok := s.Additional.(*scenario.Schema); ok {
		reference(b, path+".NAME", named)
		return
	}
	if s.Items != nil {
		reference(b, path+"[]", s.Items)
		return
	}
	if len(s.Keys()) == 0 {
		return
	}
	title := "The scenario"
	if path != "" {
		title = "`" + strings.TrimPrefix(path, ".") + "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n| key | is | written as |\n|---|---|---|\n", title)
	for _, key := range s.Keys() {
		p := s.Properties[key]
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, strings.ReplaceAll(p.Description, "|", "\\|"), written(p))
	}
	for _, key := range s.Keys() {
		reference(b, path+"."+key, s.Properties[key])
	}
}

// written says in short how a value looks.
func written(s *scenario.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "`, `") + "`"
	case len(s.Examples) > 0:
		return "`" + strings.Join(s.Examples, "`, `") + "`"
	case s.Format != "":
		return s.Format
	case s.Items != nil:
		return "a list"
	case s.Type == "object" && len(s.Keys()) == 0:
		return "by name"
	case s.Type == "object":
		return "keys, below"
	}
	return s.Type
}

func TestTheReferenceOfScenarioFilesIsUpToDate(t *testing.T) {
	var b strings.Builder
	b.WriteString(referenceHead)
	reference(&b, "", scenario.Describe())
	path := filepath.Join("..", "..", "docs", "scenarios.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/scenarios.md is out of date: go test ./simulations/scenario -update")
	}
}
