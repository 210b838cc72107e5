package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// referenceCommand prints the tree of commands for the pages of the documentation, which a test keeps current.
func (a *App) referenceCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "reference", Short: "Print the reference of all commands, in Markdown", Hidden: true,
		Example: "  " + a.root.Name() + " reference",
	}
	var settings bool
	command.Flags().BoolVar(&settings, "settings", false, "print the table of settings instead")
	command.RunE = func(*cobra.Command, []string) error {
		var text strings.Builder
		if settings {
			a.writeSettings(&text)
		} else {
			writeCommand(&text, a.root)
		}
		return a.Print(struct {
			Reference string `json:"reference"`
		}{text.String()}, func(p *Printer) { p.text.WriteString(text.String()) })
	}
	return command
}

// writeCommand writes a command and all below it.
func writeCommand(out *strings.Builder, command *cobra.Command) {
	level := "##"
	if command.HasParent() {
		level = "###"
	}
	fmt.Fprintf(out, "%s %s\n\n", level, command.CommandPath())
	what := command.Long
	if what == "" {
		what = command.Short + "."
	}
	fmt.Fprintf(out, "%s\n\n", what)
	if command.HasSubCommands() {
		for _, sub := range listed(command) {
			fmt.Fprintf(out, "- [`%s`](#%s): %s\n", sub.CommandPath(), strings.ReplaceAll(sub.CommandPath(), " ", "-"), sub.Short)
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(out, "```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimPrefix(command.Example, "  "), "\n  ", "\n"))
	writeFlags(out, command)
	for _, sub := range listed(command) {
		writeCommand(out, sub)
	}
}

// listed gives the commands below one that people see, without those that every program has.
func listed(command *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(command.Commands()), func(sub *cobra.Command) bool {
		return !sub.IsAvailableCommand() || sub.Name() == "completion"
	})
}

func writeFlags(out *strings.Builder, command *cobra.Command) {
	var rows []string
	command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(flag)
		if value != "" {
			value = " " + value
		}
		rows = append(rows, fmt.Sprintf("| `--%s%s` | %s | %s |\n", flag.Name, value, inCell(usage), shownDefault(flag)))
	})
	if len(rows) > 0 {
		fmt.Fprintf(out, "| flag | what | default |\n|---|---|---|\n%s\n", strings.Join(rows, ""))
	}
}

// shownDefault gives the default of a flag, or nothing where it is that there is none.
func shownDefault(flag *pflag.Flag) string {
	switch flag.DefValue {
	case "", "[]", "false", "0", "0s":
		return ""
	}
	return "`" + flag.DefValue + "`"
}

func inCell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// writeSettings writes what environment and file can set, and for which commands.
func (a *App) writeSettings(out *strings.Builder) {
	type row struct {
		flag     *pflag.Flag
		commands []string
	}
	rows := map[string]*row{}
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if flag.Hidden || !configurable(flag) {
				return
			}
			key := flag.Name + "\x00" + flag.DefValue + "\x00" + flag.Usage
			if rows[key] == nil {
				rows[key] = &row{flag: flag}
			}
			name := strings.TrimPrefix(command.CommandPath(), a.root.Name()+" ")
			if !command.HasParent() {
				name = "all"
			}
			rows[key].commands = append(rows[key].commands, name)
		})
		for _, sub := range listed(command) {
			walk(sub)
		}
	}
	walk(a.root)
	fmt.Fprintf(out, "## %s\n\n| key | variable | default | what | commands |\n|---|---|---|---|---|\n", a.root.Name())
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		r := rows[key]
		_, usage := pflag.UnquoteUsage(r.flag)
		fmt.Fprintf(out, "| `%s` | `%s` | %s | %s | %s |\n", r.flag.Name, environmentKey(r.flag.Name), shownDefault(r.flag), inCell(usage), strings.Join(r.commands, ", "))
	}
	out.WriteString("\n")
}
