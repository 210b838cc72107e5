package scenario

import (
	"bytes"
	"encoding/json"
	"strings"

	"gopkg.in/yaml.v3"

	"joulepay/pricing"
)

// tariff reads an OCPI tariff object in YAML. What every tariff must name and a scenario knows anyway (id, currency) may
// be left out. Numbers reach the pricing engine with the digits that are written.
func (r *reader) tariff(name string, n *yaml.Node, currency string) *pricing.Tariff {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "write an OCPI tariff: elements with price_components", "tariff %q is not a mapping", clip(name))
		return nil
	}
	object := map[string]bool{}
	for _, e := range r.mapping(n, "tariff "+name) {
		object[e.key.Value] = true
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, preset := range [][2]string{{"id", name}, {"currency", currency}} {
		if !object[preset[0]] {
			b.WriteString(quote(preset[0]) + ":" + quote(preset[1]) + ",")
		}
	}
	r.members(&b, n, 0)
	b.WriteByte('}')
	if r.failed() {
		return nil
	}
	t, err := pricing.ParseTariff(b.Bytes())
	if err != nil {
		r.fail(n, "write an OCPI tariff: elements with price_components", "tariff %q: %v", clip(name), err)
		return nil
	}
	return t
}

// nestingMax bounds how deep a tariff goes: OCPI needs four levels.
const nestingMax = 8

// json writes a node as JSON.
func (r *reader) json(b *bytes.Buffer, n *yaml.Node, depth int) {
	switch {
	case r.failed():
	case depth > nestingMax || n.Kind == yaml.AliasNode:
		r.fail(n, "", "nested too deeply, or an alias")
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		r.members(b, n, depth)
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			r.json(b, item, depth+1)
		}
		b.WriteByte(']')
	case n.Tag == "!!int", n.Tag == "!!float", n.Tag == "!!bool", n.Tag == "!!null":
		literal := strings.TrimSpace(n.Value)
		if !json.Valid([]byte(literal)) {
			r.fail(n, "write numbers as 0.49", "%q is not a number as OCPI writes it", clip(n.Value))
		}
		b.WriteString(literal)
	default:
		b.WriteString(quote(n.Value))
	}
}

func (r *reader) members(b *bytes.Buffer, n *yaml.Node, depth int) {
	for i, e := range r.mapping(n, "an object of the tariff") {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(e.key.Value) + ":")
		r.json(b, e.value, depth+1)
	}
}

func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return `""` // text always encodes
	}
	return string(raw)
}
