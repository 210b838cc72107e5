package operator

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"joulepay/cmd/internal/cli"
)

// TestCommandsInTheDocsCanBeTyped keeps the page about several operators true to the commands and flags that exist.
func TestCommandsInTheDocsCanBeTyped(t *testing.T) {
	page, err := os.ReadFile("../../../docs/ledger-network.md")
	if err != nil {
		t.Fatal(err)
	}
	everywhere := regexp.MustCompile(`--data \S+`) // a flag of all commands, added when one runs
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	count := 0
	for _, block := range blocks {
		for line := range strings.Lines(everywhere.ReplaceAllString(strings.ReplaceAll(block[1], "\\\n", " "), "")) {
			line, _, _ = strings.Cut(line, "#")
			args := strings.Fields(line)
			if len(args) == 0 || args[0] != program {
				continue
			}
			count++
			command, rest, err := Root(cli.New(cli.Streams{})).Find(args[1:])
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err != nil || command.RunE == nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d commands", count)
	}
}
