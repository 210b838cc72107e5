package secure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestWhatALinkDropsIsCountedByName(t *testing.T) {
	l := &Link{options: Options{OnDrop: func(error) {}}, counts: Counts{Dropped: map[error]int{}}}
	for range 2 {
		l.drop(ErrForged)
	}
	l.drop(ErrReplayed)
	names, total := map[string]bool{}, 0
	for name, n := range l.Counts().Reasons() {
		if names[name] || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("%q is twice, or no label", name)
		}
		names[name] = true
		total += n
		if want := map[string]int{"forged": 2, "replayed": 1}[name]; n != want {
			t.Errorf("%s: %d, want %d", name, n, want)
		}
	}
	if total != 3 || len(names) != len(reasons) {
		t.Errorf("%d dropped, for %d reasons", total, len(names))
	}
}

// Every error of the package is a reason, but those that Send returns.
func TestNoReasonIsForgotten(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "secure.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared int
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
			if !slices.Contains([]string{"ErrNoConnection", "ErrExhausted"}, spec.Names[0].Name) {
				declared++
			}
		}
		return true
	})
	if declared != len(reasons) {
		t.Errorf("%d errors are declared, %d are counted", declared, len(reasons))
	}
}
