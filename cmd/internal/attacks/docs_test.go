package attacks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

func TestTheTableOfAttacksIsLongAndEachHasItsErrorAndTest(t *testing.T) {
	_, table, found := strings.Cut(read(t, document), "## Attacks on identity and transport")
	if !found {
		t.Fatal("there is no table")
	}
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
