package scenario

import (
	"encoding/json"

	"gopkg.in/yaml.v3"
)

// Schema is what is published of a value, in JSON Schema (draft 2020-12): what a file may say there.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	// Additional is false for an object with known keys, and the schema of every value where keys are names.
	Additional any      `json:"additionalProperties,omitempty"`
	Items      *Schema  `json:"items,omitempty"`
	Enum       []string `json:"enum,omitempty"`
	Pattern    string   `json:"pattern,omitempty"`
	Format     string   `json:"format,omitempty"`
	MaxLength  int      `json:"maxLength,omitempty"`
	Minimum    *float64 `json:"minimum,omitempty"`
	Maximum    *float64 `json:"maximum,omitempty"`
	Examples   []string `json:"examples,omitempty"`

	order []string // of Properties, as they are read
}

// Describe gives the schema of scenario files. It is made by the same code that reads them.
func Describe() *Schema {
	r := &reader{file: "schema"}
	whole := r.describe(func() { defaults("schema").read(r, nil) })
	whole.Dialect, whole.Title = "https://json-schema.org/draft/2020-12/schema", "Joulepay scenario"
	return whole
}

// JSON gives the schema as indented JSON with a final newline.
func (s *Schema) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// Keys gives the keys of an object in the order in which they are documented.
func (s *Schema) Keys() []string { return s.order }

// describe runs a reader that reads nothing, and gives what it would read.
func (r *reader) describe(read func()) *Schema {
	outer := r.schema
	r.schema = &Schema{}
	read()
	described := r.schema
	r.schema = outer
	return described
}

// describes says what is read here, when the reader describes and does not read.
func (r *reader) describes(s Schema) bool {
	if r.schema == nil {
		return false
	}
	if s.Description == "" {
		s.Description = r.schema.Description
	}
	*r.schema = s
	return true
}

// describesObject is describes for an object.
func (r *reader) describesObject(fields []field) bool {
	if r.schema == nil {
		return false
	}
	s := Schema{Type: "object", Properties: map[string]*Schema{}, Additional: false}
	for _, f := range fields {
		property := r.describe(func() { f.read(nil) })
		if f.about != "" {
			about := f.about
			if property.Description != "" {
				about += " (" + property.Description + ")"
			}
			property.Description = about
		}
		s.Properties[f.name] = property
		s.order = append(s.order, f.name)
	}
	return r.describes(s)
}

// list reads a list.
func (r *reader) list(n *yaml.Node, what, example string, read func(*yaml.Node)) {
	if r.schema != nil {
		r.describes(Schema{Type: "array", Items: r.describe(func() { read(nil) })})
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "write it as a list: `"+example+"`", "%s is not a list", what)
		return
	}
	for _, item := range n.Content {
		if !r.failed() {
			read(item)
		}
	}
}

// named reads a mapping from names to values of one kind.
func (r *reader) named(n *yaml.Node, what string, read func(name string, value *yaml.Node)) {
	if r.schema != nil {
		r.describes(Schema{Type: "object", Additional: r.describe(func() { read("name", nil) })})
		return
	}
	for _, e := range r.mapping(n, what) {
		if !r.failed() {
			read(e.key.Value, e.value)
		}
	}
}

// word reads one of the words that are known.
func (r *reader) word(into *string, what string, words ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", Enum: words}) {
			return
		}
		text, _ := r.scalar(n)
		for _, w := range words {
			if w == text {
				*into = text
				return
			}
		}
		r.fail(n, suggest(text, words), "unknown %s %q", what, clip(text))
	}
}

func float(n int) *float64 {
	f := float64(n)
	return &f
}
