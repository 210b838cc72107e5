package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// setting says where the value of a flag came from: "flag", a variable, "config.yaml:3"; the zero value is the default.
type setting struct{ source string }

// configSizeMax bounds the configuration file; a long one has a few hundred lines.
const configSizeMax = 1 << 20

// environmentPrefix begins the variable of every flag: --log-level is JOULEPAY_LOG_LEVEL.
const environmentPrefix = "JOULEPAY_"

// configure settles the value of every flag of the command: typed, else from the environment, else from the file.
func (a *App) configure(command *cobra.Command) error {
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Changed {
			a.settings[flag.Name] = setting{source: "flag"}
		}
	})
	if err := a.applyEnvironment(command); err != nil {
		return err
	}
	if err := a.resolveData(); err != nil {
		return err
	}
	path, err := a.configPath()
	if err != nil || path == "" {
		return err
	}
	file, err := a.readConfig(path)
	if err != nil {
		return err
	}
	if value, line, found := file.scalar("data"); found && a.global.config == "" && value != a.global.data {
		return file.refuse(line, "say --data on the command line, or name the file with --config",
			"the file in a data directory cannot choose another one")
	}
	if err := file.apply(command); err != nil {
		return err
	}
	return a.resolveData()
}

func environmentKey(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func (a *App) applyEnvironment(command *cobra.Command) error {
	var failed error
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		key := environmentKey(flag.Name)
		value, set := a.environ[key]
		if !set || value == "" || flag.Changed || failed != nil || !configurable(flag) && flag.Name != "config" {
			return
		}
		if err := command.Flags().Set(flag.Name, value); err != nil {
			failed = Usage("--"+flag.Name+": "+flag.Usage, "%s=%q: %w", key, clip(value), valueCause(err))
			return
		}
		a.settings[flag.Name] = setting{source: key}
	})
	return failed
}

// valueCause gives what a flag's own Set said.
func valueCause(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return plainCause(invalid.Unwrap())
	}
	return err
}

// configPath gives the file to read, or "" for none. Only a file that was asked for must exist.
func (a *App) configPath() (string, error) {
	if a.global.config != "" {
		return a.global.config, nil
	}
	path := filepath.Join(a.global.data, "config.yaml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	return path, nil
}

// configFile is a flat map of flag names to values, with lines to point at.
type configFile struct {
	app     *App
	path    string
	entries []entry
}

type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func (a *App) readConfig(path string) (configFile, error) {
	file := configFile{app: a, path: path}
	data, err := readBounded(path, configSizeMax)
	if err != nil {
		return file, fmt.Errorf("read the configuration: %w", err)
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return file, nil
	} else if err != nil {
		return file, Usage("check the file at the line that it names", "%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return file, file.refuse(1, "keep one document in the file", "more than one YAML document")
	}
	return file, file.collect(document.Content[0])
}

func (f *configFile) collect(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return f.refuse(node.Line, "write lines such as `log-level: info`", "not a list of settings")
	}
	known := f.app.configurableNames()
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if !slices.Contains(known, key.Value) {
			return f.unknown(key, known)
		}
		if slices.ContainsFunc(f.entries, func(e entry) bool { return e.key == key.Value }) {
			return f.refuse(key.Line, "keep one of the two lines", "%q is set twice", key.Value)
		}
		f.entries = append(f.entries, entry{key: key.Value, line: key.Line, value: node.Content[i+1]})
	}
	return nil
}

func (f *configFile) unknown(key *yaml.Node, known []string) error {
	hint := "`{command} --print-config` prints every key with its value"
	if near := nearest(key.Value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return f.refuse(key.Line, hint, "unknown key %q", clip(key.Value))
}

func (f *configFile) refuse(line int, hint, format string, args ...any) error {
	return Usage(hint, "%s:%d: %s", f.path, line, fmt.Sprintf(format, args...))
}

// apply sets the flags of the command that nothing stronger has set. Keys of other commands are left to them.
func (f *configFile) apply(command *cobra.Command) error {
	for _, e := range f.entries {
		flag := command.Flags().Lookup(e.key)
		if flag == nil || flag.Changed {
			continue
		}
		values, err := f.values(flag, e)
		if err != nil {
			return err
		}
		for _, value := range values {
			if err := command.Flags().Set(e.key, value); err != nil {
				return f.refuse(e.line, "--"+flag.Name+": "+flag.Usage, "%s %q: %v", e.key, clip(value), valueCause(err))
			}
		}
		f.app.settings[e.key] = setting{source: fmt.Sprintf("%s:%d", filepath.Base(f.path), e.line)}
	}
	return nil
}

// values gives the texts of one entry: several only where the flag may be repeated.
func (f *configFile) values(flag *pflag.Flag, e entry) ([]string, error) {
	nodes := []*yaml.Node{e.value}
	if _, repeats := flag.Value.(pflag.SliceValue); repeats && e.value.Kind == yaml.SequenceNode {
		nodes = e.value.Content
	}
	var texts []string
	for _, node := range nodes {
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			return nil, f.refuse(e.line, "--"+flag.Name+": "+flag.Usage, "%s takes a plain value", e.key)
		}
		texts = append(texts, node.Value)
	}
	return texts, nil
}

// scalar gives the plain value of a key, when the file has it.
func (f *configFile) scalar(key string) (value string, line int, found bool) {
	for _, e := range f.entries {
		if e.key == key {
			return e.value.Value, e.line, true
		}
	}
	return "", 0, false
}

// configurableNames gives the flags of all commands of the program that a file may set: one file serves them all.
func (a *App) configurableNames() []string {
	var names []string
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		add := func(flag *pflag.Flag) {
			if configurable(flag) && !slices.Contains(names, flag.Name) {
				names = append(names, flag.Name)
			}
		}
		command.PersistentFlags().VisitAll(add)
		command.Flags().VisitAll(add)
		for _, sub := range command.Commands() {
			walk(sub)
		}
	}
	walk(a.root)
	return names
}

func readBounded(path string, size int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, size+1))
	if err == nil && int64(len(data)) > size {
		err = fmt.Errorf("%s is longer than %d bytes", path, size)
	}
	return data, err
}
