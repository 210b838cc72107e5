package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

type shownSetting struct {
	Value  string `json:"value"`
	Source string `json:"source"`
}

// printConfig prints a configuration file that gives the command the settings that it has now.
func (a *App) printConfig(command *cobra.Command) error {
	shown := map[string]shownSetting{}
	document := &yaml.Node{Kind: yaml.MappingNode}
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if !configurable(flag) {
			return
		}
		source := a.settings[flag.Name].source
		if source == "" {
			source = "default"
		}
		shown[flag.Name] = shownSetting{Value: flag.Value.String(), Source: source}
		value := yamlValue(flag)
		value.LineComment = source
		document.Content = append(document.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: flag.Name}, value)
	})
	if a.JSON() {
		return a.Print(shown, nil)
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encode the configuration: %w", err)
	}
	return a.write(text.Bytes())
}

func yamlValue(flag *pflag.Flag) *yaml.Node {
	if slice, ok := flag.Value.(pflag.SliceValue); ok {
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range slice.GetSlice() {
			list.Content = append(list.Content, scalarNode("string", item))
		}
		return list
	}
	return scalarNode(flag.Value.Type(), flag.Value.String())
}

func scalarNode(kind, text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	switch kind {
	case "bool", "int", "int64", "uint", "uint64", "float64":
	default:
		node.Tag = "!!str"
	}
	return node
}
