package stationcmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/cmd/internal/clitest"
)

// The verdicts of --json are the words in which the index of the reference records states their outcome.
func TestOCMFVerifyGivesTheStatedVerdictOnEveryRecord(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "vectors", "ocmf")
	raw, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if os.IsNotExist(err) {
		t.Skip("shared/vectors/ocmf is missing")
	}
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Records []struct {
			File      string `json:"file"`
			PublicKey string `json:"public_key"`
			Expect    string `json:"expect"`
		} `json:"records"`
	}
	if err := json.Unmarshal(raw, &index); err != nil || len(index.Records) == 0 {
		t.Fatalf("%d records, %v", len(index.Records), err)
	}
	environ := []string{"HOME=" + t.TempDir()}
	for _, record := range index.Records {
		args := []string{"ocmf", "verify", filepath.Join(folder, record.File), "--public-key", record.PublicKey, "--json", "--lenient"}
		got := clitest.Do(Root, environ, args...)
		var answer struct {
			Verdict  string  `json:"verdict"`
			EnergyWh *string `json:"energy_wh"`
		}
		if err := json.Unmarshal([]byte(got.Stdout), &answer); err != nil || answer.Verdict != record.Expect {
			t.Errorf("%s: %q, want %q: %v", record.File, got.Stdout, record.Expect, err)
		}
		valid := strings.HasPrefix(record.Expect, "valid")
		if (got.Code == 0) != valid || !valid && (answer.EnergyWh != nil || strings.Count(got.Stderr, "error: ") != 1 || strings.Count(got.Stderr, "hint: ") != 1) {
			t.Errorf("%s: exit %d, stderr %q, energy %v", record.File, got.Code, got.Stderr, answer.EnergyWh)
		}
		if record.Expect == "valid" {
			if strict := clitest.Do(Root, environ, args[:len(args)-1]...); strict.Stdout != got.Stdout {
				t.Errorf("%s: strictly %q, leniently %q", record.File, strict.Stdout, got.Stdout)
			}
		}
	}
}
