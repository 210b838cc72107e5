package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one word of a list.
type choice struct {
	value   *string
	options []string
}

// ChoiceVar adds a flag that takes one of some words and refuses all others.
func ChoiceVar(flags *pflag.FlagSet, value *string, name, fallback, usage string, options ...string) {
	*value = fallback
	flags.Var(&choice{value: value, options: options}, name, usage+": "+strings.Join(options, ", "))
}

func (c *choice) String() string { return *c.value }

func (c *choice) Type() string { return "word" }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.options, text) {
		return fmt.Errorf("want one of %s", strings.Join(c.options, ", "))
	}
	*c.value = text
	return nil
}

// onlyTyped marks flags that neither environment nor file can set.
const onlyTyped = "joulepay-only-typed"

// OnlyTyped keeps flags of one invocation, such as who gets money and how much, out of environment and file.
func OnlyTyped(command *cobra.Command, names ...string) {
	for _, name := range names {
		flag := command.Flags().Lookup(name)
		if flag == nil {
			panic("cli: no flag " + name)
		}
		if flag.Annotations == nil {
			flag.Annotations = map[string][]string{}
		}
		flag.Annotations[onlyTyped] = []string{"true"}
	}
}

// configurable tells whether environment and file may set a flag.
func configurable(flag *pflag.Flag) bool {
	switch flag.Name {
	case "help", "version", "print-config", "config":
		return false
	}
	return flag.Annotations[onlyTyped] == nil
}
