package simulation

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
)

// source is the text of a scenario, and where the files that it names are.
type source struct {
	argument string // as typed
	name     string
	text     []byte
	files    fs.FS
}

// open finds a scenario: what looks like a file is one, everything else is a name. Files that it names are looked for in
// the directory of --data, then beside it.
func open(app *cli.App, argument string) (*source, error) {
	s := &source{argument: argument, name: argument}
	extension := filepath.Ext(argument)
	if extension != ".yaml" && extension != ".yml" {
		var err error
		if s.text, err = scenarios.Source(argument); err != nil {
			return nil, explained(err)
		}
		s.files = layers{os.DirFS(app.Data())}
		return s, nil
	}
	file, err := os.Open(argument)
	if err != nil {
		return nil, fmt.Errorf("open the scenario: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	if s.text, err = io.ReadAll(io.LimitReader(file, scenario.SizeMax+1)); err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	s.files = layers{os.DirFS(app.Data()), os.DirFS(filepath.Dir(argument))}
	s.name = strings.TrimSuffix(filepath.Base(argument), extension)
	return s, nil
}

// parse reads a text of the scenario, its own or one with other settings.
func (s *source) parse(text []byte) (*scenario.Scenario, error) {
	parsed, err := scenario.Parse(s.argument, text)
	if err != nil {
		return nil, explained(err)
	}
	parsed.Name = s.name
	return parsed, nil
}

// explained says what to do about a scenario that cannot be run.
func explained(err error) error {
	var problem *scenario.Problem
	switch {
	case errors.As(err, &problem) && problem.Hint != "":
		return cli.Usage(problem.Hint, "%w", err)
	case errors.As(err, &problem):
		return cli.Usage("`simulate list` shows scenarios to start from", "%w", err)
	case errors.Is(err, scenarios.ErrUnknown):
		return cli.Usage("the names are "+strings.Join(scenarios.Names(), ", ")+"; a file is named with its extension, .yaml", "%w", err)
	}
	return err
}

// layers are directories that are looked through one after the other.
type layers []fs.FS

// Open implements fs.FS.
func (l layers) Open(name string) (fs.File, error) {
	var failure error = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	for _, layer := range l {
		file, err := layer.Open(name)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			failure = err
		}
	}
	return nil, failure
}
