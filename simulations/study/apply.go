package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"joulepay/simulations/scenario"
)

// all stands for every name or item of a list.
const all = "*"

// Apply gives a scenario file with other values. What the file leaves to its default may be set too; names of stations,
// vehicles and the like must be in the file. Values are YAML.
func Apply(file []byte, choices []Choice) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil || len(document.Content) != 1 {
		return nil, &Problem{Message: "the scenario is not a YAML document", Hint: "run it alone first: that says where"}
	}
	schema := scenario.Describe()
	for _, c := range choices {
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(c.Value), &value); err != nil || len(value.Content) != 1 {
			return nil, &Problem{Message: fmt.Sprintf("the value %.60q of %s is not YAML", c.Value, c.Path), Hint: "write it as in the scenario file"}
		}
		w := walk{path: c.Path, value: value.Content[0]}
		if err := w.into(document.Content[0], schema, strings.Split(c.Path, "."), ""); err != nil {
			return nil, err
		}
	}
	return yaml.Marshal(&document)
}

// walk sets one value.
type walk struct {
	path  string
	value *yaml.Node
}

// into follows the keys that are left below a node, whose form the schema tells, nil when anything goes.
func (w *walk) into(n *yaml.Node, schema *scenario.Schema, left []string, passed string) error {
	if len(left) == 0 {
		*n = *w.value
		return nil
	}
	key, place := left[0], strings.TrimPrefix(passed+"."+left[0], ".")
	if isEmpty(n) && schema != nil && schema.Items == nil {
		*n = yaml.Node{Kind: yaml.MappingNode}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return w.items(n, schema, left, passed)
	case yaml.MappingNode:
	default:
		return w.unknown("%q has nothing below it", passed, "")
	}
	if key == all {
		for i := 1; i < len(n.Content); i += 2 {
			if err := w.into(n.Content[i], below(schema, n.Content[i-1].Value), left[1:], place); err != nil {
				return err
			}
		}
		return nil
	}
	names := known(schema, n)
	if !slices.Contains(names, key) {
		return w.unknown("%q is not known", place, scenario.Suggest(key, names))
	}
	return w.into(child(n, key), below(schema, key), left[1:], place)
}

// items goes into one item of a list, or all.
func (w *walk) items(n *yaml.Node, schema *scenario.Schema, left []string, passed string) error {
	var form *scenario.Schema
	if schema != nil {
		form = schema.Items
	}
	for i, item := range n.Content {
		if left[0] == all || left[0] == strconv.Itoa(i) {
			if err := w.into(item, form, left[1:], passed+"."+left[0]); err != nil {
				return err
			}
			if left[0] != all {
				return nil
			}
		}
	}
	if left[0] != all {
		return w.unknown("%q is not in the list", passed+"."+left[0], fmt.Sprintf("items are 0 to %d, or * for all", len(n.Content)-1))
	}
	return nil
}

func (w *walk) unknown(format, place, hint string) error {
	message := fmt.Sprintf(format, place)
	if place != w.path {
		message = w.path + ": " + message
	}
	return &Problem{Message: message, Hint: hint}
}

// isEmpty tells whether a node is a key without a value.
func isEmpty(n *yaml.Node) bool { return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// known gives the keys that may be set: those of the schema, and where keys are names those of the file.
func known(schema *scenario.Schema, n *yaml.Node) []string {
	var names []string
	if schema != nil {
		names = slices.Clone(schema.Keys())
	}
	if len(names) == 0 {
		for i := 0; i < len(n.Content); i += 2 {
			names = append(names, n.Content[i].Value)
		}
	}
	return names
}

// below gives the form of what a key has.
func below(schema *scenario.Schema, key string) *scenario.Schema {
	if schema == nil {
		return nil
	}
	if form, found := schema.Properties[key]; found {
		return form
	}
	form, _ := schema.Additional.(*scenario.Schema)
	return form
}

// child gives the value of a key, made when it is missing.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	value := &yaml.Node{}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	return value
}
