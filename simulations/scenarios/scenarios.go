// Package scenarios owns the scenario files that come with the program. It leaves their form to simulations/scenario and
// what happens in them to simulations/world.
// It keeps them usable: a test parses and runs each.
package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"joulepay/simulations/scenario"
)

//go:embed *.yaml
var files embed.FS

// ErrUnknown is returned for a name that no scenario has.
var ErrUnknown = errors.New("scenarios: no scenario of this name comes with the program")

const extension = ".yaml"

// Names gives the names of all scenarios, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // the embedded folder is there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	return names
}

// Open gives a scenario by name.
func Open(name string) (*scenario.Scenario, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	return scenario.Parse(name, data)
}

// Source gives the text of a scenario's file.
func Source(name string) ([]byte, error) {
	data, err := files.ReadFile(name + extension)
	if err != nil {
		return nil, fmt.Errorf("%w: %.60q", ErrUnknown, name)
	}
	return data, nil
}
