package scenarios_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"joulepay/internal/shared"
	"joulepay/simulations/plant"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/simulations/world"
)

// update rewrites the golden summaries: run it after a change of the machines, and review the difference.
var update = flag.Bool("update", false, "rewrite the golden summaries")

func TestEveryScenarioParsesAndSaysWhatToLookAt(t *testing.T) {
	names := scenarios.Names()
	if !slices.Contains(names, "two-cars") || !slices.IsSorted(names) {
		t.Errorf("%q", names)
	}
	for _, name := range names {
		s, err := scenarios.Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		source, err := scenarios.Source(name)
		if err != nil || s.About == "" || s.Name != name || !bytes.HasPrefix(source, []byte("# ")) || !bytes.Contains(source, []byte("# What to look at: ")) {
			t.Errorf("%s does not say what to look at: %v", name, err)
		}
	}
	if _, err := scenarios.Open("../scenarios"); !errors.Is(err, scenarios.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestScenariosEndAsTheyDidWhenTheyWereReviewed(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := scenarios.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if s.Chaos.Count() > 0 || s.Random != nil {
				t.Skip("a bad day has no usual outcome")
			}
			whole, err := s.Expand(s.Seed, files(t, s))
			if err != nil {
				t.Fatal(err)
			}
			summary, err := run(whole)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", name+"."+summary.Engine+".txt"), summary.Text())
		})
	}
}

// files gives what a scenario reads: nothing, unless it says that it does.
func files(t *testing.T, s *scenario.Scenario) fs.FS {
	if strings.Contains(s.About, "--data") {
		return os.DirFS(shared.Path(t, "data"))
	}
	return nil
}

// run lets a scenario happen. A data set or a thousand cars take long with payments: that is for who asks for long runs, and for
// simulations/world; here it is the grid alone.
func run(s *scenario.Scenario) (*report.Summary, error) {
	if s.Engine == scenario.EngineControl || strings.Contains(s.About, "--data") || len(s.Vehicles) > 100 && os.Getenv("JOULEPAY_TEST_SESSIONS") == "" {
		return plant.Run(s, s.Seed)
	}
	w, err := world.New(s, world.Options{Seed: s.Seed})
	if err != nil {
		return nil, err
	}
	return w.Run(context.Background())
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the summary changed; review it, then go test ./simulations/scenarios -update\n%s\nwant\n%s", got, want)
	}
}
