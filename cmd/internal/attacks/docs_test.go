package attacks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "../../.."
	document = "docs/security.md"
	// attacksLeast is how many attacks the document's table names at least.
	attacksLeast = 25
)

var (
	testLink  = regexp.MustCompile("\\[`(Test\\w+)`\\]\\(([^)]+)\\)(?:: \"([^\"]+)\")?")
	fuzzLink  = regexp.MustCompile("\\[`(Fuzz\\w+)`\\]\\(([^)]+)\\)")
	anyFuzz   = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	anyTest   = regexp.MustCompile("`(Test\\w+)`")
	errorName = regexp.MustCompile("`([a-z0-9]+)\\.(Err\\w+)`")
	declared  = regexp.MustCompile(`(?m)^(?:var )?\s*(Err\w+)\s*=`)
)

// TestEveryTestAndErrorOfTheThreatModelExists keeps docs/security.md true: tests, their cases, and errors.
func TestEveryTestAndErrorOfTheThreatModelExists(t *testing.T) {
	text := read(t, document)
	links := testLink.FindAllStringSubmatch(text, -1)
	if all := anyTest.FindAllString(text, -1); len(all) != len(links) {
		t.Errorf("%d tests are named, %d are linked", len(all), len(links))
	}
	for _, link := range links {
		source := read(t, filepath.Join("docs", link[2]))
		if !strings.Contains(source, "func "+link[1]+"(") {
			t.Errorf("%s has no %s", link[2], link[1])
		}
		if link[3] != "" && !strings.Contains(source, `"`+link[3]+`"`) {
			t.Errorf("%s has no case %q", link[2], link[3])
		}
	}
	known := errorsOf(t)
	for _, name := range errorName.FindAllStringSubmatch(text, -1) {
		if !known[name[1]+"."+name[2]] {
			t.Errorf("there is no %s.%s", name[1], name[2])
		}
	}
}

// ownFuzz are fuzz targets of what nobody else writes: files of this machine, and parts of what the table names.
var ownFuzz = []string{
	"channel/encoding_test.go FuzzDecodeSignedClaim", "channel/quote/quote_test.go FuzzQuoteBody", "channel/session/", "wallet/money/", "wallet/words_test.go",
	"wallet/keyfile_test.go", "wallet/credential/fuzz_test.go FuzzClaims", "wallet/credential/status/fuzz_test.go FuzzRecord", "simulations/", "internal/",
	"meter/", "pricing/", "settle/gossip/", "cmd/",
}

// TestTheTableOfDecodersIsTrue keeps the list of fuzz targets: each exists, and of identity, transport and ledger none is left out.
func TestTheTableOfDecodersIsTrue(t *testing.T) {
	named := map[string]bool{}
	for _, link := range fuzzLink.FindAllStringSubmatch(read(t, document), -1) {
		path := filepath.Join("docs", link[2])
		if !strings.Contains(read(t, path), "func "+link[1]+"(f *testing.F)") {
			t.Errorf("%s has no %s", path, link[1])
		}
		named[path+" "+link[1]] = true
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		inside, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, target := range anyFuzz.FindAllStringSubmatch(read(t, inside), -1) {
			name := inside + " " + target[1]
			own := slices.ContainsFunc(ownFuzz, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
			if !named[name] && !own {
				t.Errorf("the table leaves out %s", name)
			}
		}
		return nil
	})
	if err != nil || len(named) < 30 {
		t.Errorf("%d targets, %v", len(named), err)
	}
}

func TestTheTableOfAttacksIsLongAndEachHasItsErrorAndTest(t *testing.T) {
	_, table, found := strings.Cut(read(t, document), "## Attacks on identity and transport")
	if !found {
		t.Fatal("there is no table")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attack ") {
			continue
		}
		rows++
		if !errorName.MatchString(line) || !testLink.MatchString(line) {
			t.Errorf("no error or no test: %s", line)
		}
	}
	if rows < attacksLeast {
		t.Errorf("%d attacks", rows)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// errorsOf gives every sentinel error of the module, as package.Name.
func errorsOf(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".git") {
			return err
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, name := range declared.FindAllStringSubmatch(string(source), -1) {
			known[filepath.Base(filepath.Dir(path))+"."+name[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}
