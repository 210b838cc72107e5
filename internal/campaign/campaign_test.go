package campaign_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"joulepay/internal/campaign"
)

func TestSizesComeFromTheEnvironmentAndNumbersGoToTheReport(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.md")
	t.Setenv("JOULEPAY_TEST_REPORT", report)
	t.Setenv("JOULEPAY_TEST_KILLS", "60")
	t.Run("long", func(t *testing.T) {
		run := campaign.New(t)
		if kills, seeds := run.Size("kills", 20), run.Size("seeds", 3); kills != 60 || seeds != 3 {
			t.Errorf("kills %d, seeds %d", kills, seeds)
		}
		run.Count("faults", 2)
		run.Count("faults", 3)
	})
	t.Run("skipped", func(t *testing.T) {
		campaign.New(t)
		t.Skip("to see the row")
	})
	got, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `^\| \S+/long \| kills 60, seeds 3, faults 5 \| \S+s \| passed \|\n\| \S+/skipped \|  \| \S+s \| skipped \|\n$`
	if !regexp.MustCompile(want).Match(got) {
		t.Errorf("report %q", got)
	}
}
