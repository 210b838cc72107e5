package arrows

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "joulepay"

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func (p listed) name() string { return inModule(p.ImportPath) }

func TestEveryImportFollowsAnArrowOfTheTable(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		row, found := rowOf(p.name())
		if !found {
			t.Errorf("package %s is not in the table: give it a line in internal/arrows/table_test.go", p.name())
			continue
		}
		for _, to := range forbidden(row, p.Imports) {
			t.Errorf("forbidden arrow %s -> %s; %s may import %v", p.name(), to, row.from, row.to)
		}
		row.to = slices.Concat(row.to, row.tests, []string{p.name(), "internal/campaign", "internal/shared"})
		for _, to := range forbidden(row, slices.Concat(p.TestImports, p.XTestImports)) {
			t.Errorf("forbidden arrow %s (tests) -> %s; tests of %s may import %v", p.name(), to, row.from, row.to)
		}
	}
}

func TestPurePackagesHaveNoClockFileNetworkLockOrLogger(t *testing.T) {
	for _, p := range list(t) {
		if !slices.Contains(pure, p.name()) {
			continue
		}
		for _, to := range p.Imports {
			if slices.Contains(impure, to) && !slices.Contains(excused[p.name()], to) {
				t.Errorf("%s is pure and may not import %s", p.name(), to)
			}
		}
	}
}

func TestOnlyCommandsReadFlags(t *testing.T) {
	for _, p := range list(t) {
		if matches("cmd/...", p.name()) {
			continue
		}
		for _, to := range p.Imports {
			if slices.Contains(commandOnly, to) {
				t.Errorf("%s is a library and may not import %s", p.name(), to)
			}
		}
	}
}

func TestTheTableKeepsItsOwnWord(t *testing.T) {
	tests := []struct {
		from, to string
		want     bool
	}{
		{"channel/agent", "settle", false},
		{"channel/session", "settle/dag", false},
		{"settle/dag", "channel/session", false},
		{"settle/receipt", "channel/quote", true},
		{"wallet", "channel", false},
		{"settle/node", "cmd/internal/cli", false},
		{"cmd/internal/station", "cmd/internal/vehicle", false},
		{"cmd/internal/demo", "cmd/internal/vehicle", true},
		{"cmd/chargepoint", "cmd/internal/station", true},
		{"simulations/world", "cmd/internal/demo", false},
		{"channel/wire", "internal/layout", true},
	}
	for _, test := range tests {
		row, found := rowOf(test.from)
		if got := found && len(forbidden(row, []string{module + "/" + test.to})) == 0; got != test.want {
			t.Errorf("%s -> %s: allowed %v, want %v", test.from, test.to, got, test.want)
		}
	}
	if _, found := rowOf("somewhere"); found {
		t.Error("a package that nobody named is in the table")
	}
	if matches("meter/...", "meterless") || !matches("meter/...", "meter") || matches("meter", "meter/sim") {
		t.Error("patterns match by letters, not by folders")
	}
}

// rowOf gives the first row whose pattern matches.
func rowOf(name string) (arrows, bool) {
	i := slices.IndexFunc(table, func(row arrows) bool { return matches(row.from, name) })
	if i < 0 {
		return arrows{}, false
	}
	return table[i], true
}

// forbidden gives the imports from this module that no arrow of the row leads to.
func forbidden(row arrows, imports []string) []string {
	allowed := slices.Concat(everywhere, row.to)
	var found []string
	for _, path := range imports {
		if path != module && !strings.HasPrefix(path, module+"/") {
			continue
		}
		to := inModule(path)
		if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, to) }) && !slices.Contains(found, to) {
			found = append(found, to)
		}
	}
	return found
}

func matches(pattern, name string) bool {
	folder, below := strings.CutSuffix(pattern, "/...")
	return name == folder || below && strings.HasPrefix(name, folder+"/")
}

func inModule(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// openFolders lets the go command know what the result depends on: it caches by what the test itself opens.
func openFolders(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T) []listed {
	t.Helper()
	openFolders(t)
	// -e: what does not compile is for the build to say.
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 2 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	return packages
}
