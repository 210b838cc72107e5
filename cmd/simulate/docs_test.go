package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"joulepay/cmd/internal/clitest"
	"joulepay/cmd/internal/simulation"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// TestTheCommandsOfThePageRun runs what docs/simulations.md shows, in its order, in one directory.
func TestTheCommandsOfThePageRun(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "simulations.md"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Chdir(t.TempDir())
	commands := 0
	for _, block := range consoleBlock.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			typed, isCommand := strings.CutPrefix(strings.TrimSpace(line), "$ simulate ")
			if !isCommand {
				t.Errorf("%q is no command of simulate", line)
				continue
			}
			commands++
			if result := clitest.Do(simulation.Root, []string{"HOME=" + home}, strings.Fields(typed)...); result.Code != 0 || result.Stdout == "" {
				t.Errorf("%s ends with %d: %s", line, result.Code, result.Stderr)
			}
		}
	}
	for _, name := range []string{"report/report.html", "sweep.csv", "sweep.html"} {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the page's commands left no %s: %v", name, err)
		}
	}
	if commands < 4 {
		t.Errorf("the page shows %d commands", commands)
	}
}
