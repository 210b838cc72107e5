package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// prepare gives every command of the tree the behaviour that all share.
func (a *App) prepare() {
	root := a.root
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.streams.In)
	root.SetOut(a.streams.Out)
	root.SetErr(a.screen)
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpCommand(helpCommand(root))
	if root.HasSubCommands() {
		root.AddCommand(a.referenceCommand())
	}
	a.addGlobalFlags(root)
	root.PersistentPreRunE = func(command *cobra.Command, _ []string) error { return a.before(command) }
	a.prepareCommand(root)
}

func (a *App) prepareCommand(command *cobra.Command) {
	for _, sub := range command.Commands() {
		a.prepareCommand(sub)
	}
	if command.HasSubCommands() {
		own := command.RunE
		command.Args = cobra.ArbitraryArgs
		command.RunE = func(command *cobra.Command, args []string) error { return a.group(command, args, own) }
		return
	}
	if command.Args == nil {
		command.Args = cobra.NoArgs
	}
	run := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		a.entered = true
		return run(command, args)
	}
}

func (a *App) addGlobalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.global.data, "data", "", "directory of all state (default $XDG_DATA_HOME/joulepay/"+root.Name()+")")
	flags.StringVar(&a.global.config, "config", "", "YAML file with values of flags (default DATA/config.yaml, when there is one)")
	flags.BoolVar(&a.global.json, "json", false, "print the result as one JSON object")
	flags.BoolVar(&a.global.printConfig, "print-config", false, "print every setting with its source, and end")
	ChoiceVar(flags, &a.global.logLevel, "log-level", "warn", "what to log on stderr", "debug", "info", "warn", "error")
	ChoiceVar(flags, &a.global.logFormat, "log-format", "text", "how to log", "text", "json")
	root.Flags().BoolVar(&a.global.version, "version", false, "print the version, and end")
}

// before runs ahead of every command: it settles what the flags are.
func (a *App) before(command *cobra.Command) error {
	a.current = command.CommandPath()
	if a.global.version {
		if err := a.printVersion(); err != nil {
			return err
		}
		return errDone
	}
	if err := a.configure(command); err != nil {
		return err
	}
	if a.global.printConfig {
		if err := a.printConfig(command); err != nil {
			return err
		}
		return errDone
	}
	return a.openLog()
}

// group is what a command does that holds others: what it does of its own, if anything, when none is named.
func (a *App) group(command *cobra.Command, args []string, own func(*cobra.Command, []string) error) error {
	if len(args) > 0 {
		return unknownCommand(command, args[0])
	}
	if own != nil {
		a.entered = true
		return own(command, args)
	}
	if command == a.root {
		if err := command.Help(); err != nil {
			return err
		}
		return errDone
	}
	return Usage("`{command} --help` shows them", "%s needs one of its commands: %s",
		command.CommandPath(), strings.Join(subcommands(command), ", "))
}

func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "Show how to use a command", Hidden: true, Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // whatever the configuration says
		RunE: func(_ *cobra.Command, args []string) error {
			command, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && command.HasSubCommands() {
				return unknownCommand(command, rest[0])
			}
			return command.Help()
		},
	}
}

func unknownCommand(command *cobra.Command, word string) error {
	hint := "`" + command.CommandPath() + " --help` shows the commands"
	if near := nearest(word, subcommands(command)); near != "" {
		hint = "did you mean `" + command.CommandPath() + " " + near + "`?"
	}
	return Usage(hint, "unknown command %q of %s", clip(word), command.CommandPath())
}

func subcommands(command *cobra.Command) []string {
	var names []string
	for _, sub := range command.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError says in one line, with a suggestion, what the flag parser refused.
func (a *App) flagError(command *cobra.Command, err error) error {
	if words := command.Flags().Args(); command.HasSubCommands() && len(words) > 0 {
		return unknownCommand(command, words[0])
	}
	help := "`" + command.CommandPath() + " --help` shows the flags"
	var missing *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		if near := nearest(name, flagNames(command)); near != "" {
			help = "did you mean --" + near + "?"
		}
		return Usage(help, "unknown flag --%s of %s", clip(name), command.CommandPath())
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return Usage("--"+flag.Name+": "+flag.Usage, "--%s %q: %w", flag.Name, clip(invalid.GetValue()), plainCause(invalid.Unwrap()))
	default:
		return Usage(help, "%w", err)
	}
}

// plainCause leaves out which function of the standard library was called.
func plainCause(err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		return number.Err
	}
	return err
}

func flagNames(command *cobra.Command) []string {
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return names
}

type version struct {
	Program  string `json:"program"`
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the sources; absent where they were not under version control
	Modified bool   `json:"modified,omitempty"` // since that revision
	Go       string `json:"go"`
}

// words gives the version for people.
func (v version) words() string {
	revision := ""
	if v.Revision != "" {
		revision = ", revision " + v.Revision
	}
	if v.Modified {
		revision += " and changes"
	}
	return fmt.Sprintf("%s %s (%s%s)", v.Program, v.Version, v.Go, revision)
}

func (a *App) printVersion() error {
	v := version{Program: a.Name(), Version: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version, v.Go = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return a.Print(v, func(p *Printer) { p.Line("%s", v.words()) })
}
