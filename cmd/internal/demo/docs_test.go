package demo

import (
	"os"
	"strings"
	"testing"
)

// TestEmbeddingExampleInTheDocsIsTheOneThatRuns keeps docs/embedding.md and the tested example the same. Run with
// UPDATE_DOCS=1 to write the example into the page.
func TestEmbeddingExampleInTheDocsIsTheOneThatRuns(t *testing.T) {
	const page = "../../../docs/embedding.md"
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "\t// embedding: begin\n")
	code, _, found := strings.Cut(code, "\t// embedding: end")
	if !found {
		t.Fatal("the example has lost its marks")
	}
	code = strings.TrimSuffix(strings.ReplaceAll("\n"+code, "\n\t", "\n")[1:], "\n")
	if lines := strings.Count(code, "\n") + 1; lines > 40 {
		t.Errorf("the example has %d lines, at most 40 are promised", lines)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "```go\n")
	_, tail, found := strings.Cut(rest, "```\n<!-- end -->")
	if !found {
		t.Fatalf("%s has lost its marks", page)
	}
	want := head + "```go\n" + code + "\n```\n<!-- end -->" + tail
	if string(text) == want {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("%s does not show the example that runs: UPDATE_DOCS=1 go test ./cmd/internal/demo", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
