package scenarios_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

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
			if s.Chaos.Crashes+s.Chaos.Cuts > 0 {
				t.Skip("a bad day has no usual outcome")
			}
			w, err := world.New(s, world.Options{Seed: s.Seed})
			if err != nil {
				t.Fatal(err)
			}
			summary, err := w.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", name+".txt"), summary.Text())
		})
	}
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
