package operations_test

import (
	"strings"
	"testing"
)

var programs = []string{"chargepoint", "vehicle", "ledger", "simulate"}

// TestTheReferenceIsThatOfThePrograms keeps docs/cli.md and docs/configuration.md as the programs themselves print them. Run with
// UPDATE_DOCS=1 to write them.
func TestTheReferenceIsThatOfThePrograms(t *testing.T) {
	t.Parallel()
	for page, args := range map[string][]string{"cli.md": {"reference"}, "configuration.md": {"reference", "--settings"}} {
		is := docs(t, page)
		head, _, marked := strings.Cut(is, tableBegin)
		if !marked {
			t.Fatalf("docs/%s has lost its mark", page)
		}
		var want strings.Builder
		want.WriteString(head + tableBegin)
		for _, name := range programs {
			want.WriteString("\n")
			want.Write(run(t, t.TempDir(), append([]string{name}, args...)...))
		}
		text := want.String()
		for strings.Contains(text, "\n\n\n") {
			text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
		}
		keepPage(t, page, is, strings.TrimRight(text, "\n")+"\n")
	}
}

// TestEveryProgramSaysItsVersionAndCompletesCommands runs what an operator types first.
func TestEveryProgramSaysItsVersionAndCompletesCommands(t *testing.T) {
	t.Parallel()
	for _, name := range programs {
		dir := t.TempDir()
		if out := string(run(t, dir, name, "--version")); !strings.HasPrefix(out, name+" ") || !strings.Contains(out, "go1.") {
			t.Errorf("%s --version: %q", name, out)
		}
		for _, shell := range []string{"bash", "zsh", "fish"} {
			if out := run(t, dir, name, "completion", shell); len(out) == 0 {
				t.Errorf("%s completes nothing in %s", name, shell)
			}
		}
		if out := string(run(t, dir, name, "__complete", "--", "")); !strings.Contains(out, "\n:") {
			t.Errorf("%s offers %q", name, out)
		}
	}
}
