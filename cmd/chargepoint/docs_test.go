package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/clitest"
)

var (
	fileBlock    = regexp.MustCompile("(?s)<!-- file: ([a-z.]+) -->\n```[a-z]+\n(.*?)```")
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
)

// TestDocsShowWhatCommandsPrint runs the commands of a page's console blocks with the files that it shows, and compares what
// they print. Run with UPDATE_DOCS=1 to write it into the page.
func TestDocsShowWhatCommandsPrint(t *testing.T) {
	for _, name := range []string{"tariffs.md", "services.md"} {
		t.Run(name, func(t *testing.T) {
			page, err := filepath.Abs(filepath.Join("..", "..", "docs", name))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			t.Chdir(t.TempDir())
			for _, file := range fileBlock.FindAllStringSubmatch(string(raw), -1) {
				if err := os.WriteFile(file[1], []byte(file[2]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			commands := 0
			text := consoleBlock.ReplaceAllStringFunc(string(raw), func(block string) string {
				var out strings.Builder
				for line := range strings.Lines(consoleBlock.FindStringSubmatch(block)[1]) {
					typed, isCommand := strings.CutPrefix(line, "$ chargepoint ")
					if !isCommand {
						continue // what was printed when the page was written
					}
					commands++
					result := clitest.Do(root, []string{"HOME=" + home}, strings.Fields(typed)...)
					if result.Code != 0 {
						t.Errorf("%s ends with %d: %s", strings.TrimSpace(line), result.Code, result.Stderr)
					}
					out.WriteString(line + strings.TrimRight(result.Stdout, "\n") + "\n")
				}
				return "```console\n" + out.String() + "```"
			})
			if commands == 0 {
				t.Error("the page shows no command: this shows nothing")
			}
			if text == string(raw) {
				return
			}
			if os.Getenv("UPDATE_DOCS") == "" {
				t.Fatalf("%s does not show what its commands print: UPDATE_DOCS=1 go test ./cmd/chargepoint -run Docs", page)
			}
			if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDocsNameCommandsAndFlagsThatExist parses every line of the pages that begins with the program's name.
func TestDocsNameCommandsAndFlagsThatExist(t *testing.T) {
	for _, name := range []string{"tariffs.md", "services.md", "howto-vanished-vehicle.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(raw)) {
			typed, isCommand := strings.CutPrefix(strings.TrimPrefix(line, "$ "), "chargepoint ")
			if !isCommand {
				continue
			}
			found++
			command, rest, err := root(cli.New(cli.Streams{})).Find(strings.Fields(typed))
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err == nil && command.HasSubCommands() {
				t.Errorf("%s: %q is no command by itself", name, command.CommandPath())
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, strings.TrimSpace(line), err)
			}
		}
		if found == 0 {
			t.Errorf("%s shows no command", name)
		}
	}
}
