package ocmf

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// value is a JSON value as it was written: exact names, no name twice, numbers as their text.
type value struct {
	kind   kind
	text   string // of a text, a number, "true" or "false"
	fields map[string]value
	items  []value
}

type kind byte

const (
	null kind = iota // also what is absent
	text
	number
	boolean
	object
	array
)

// parseSection reads a section, which is one JSON object. A name that occurs twice is refused: two readers could take two
// different values of it under one signature.
func parseSection(section string) (map[string]value, error) {
	if !utf8.ValidString(section) {
		return nil, fmt.Errorf("%w: a section is not UTF-8", ErrFormat)
	}
	if !json.Valid([]byte(section)) {
		return nil, fmt.Errorf("%w: a section is not JSON", ErrFormat)
	}
	decoder := json.NewDecoder(strings.NewReader(section))
	decoder.UseNumber()
	v, err := readValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	if v.kind != object {
		return nil, fmt.Errorf("%w: a section is not a JSON object", ErrFormat)
	}
	return v.fields, nil
}

func readValue(decoder *json.Decoder, depth int) (value, error) {
	if depth > depthMax {
		return value{}, fmt.Errorf("%w: JSON nested deeper than %d", ErrFormat, depthMax)
	}
	token, err := decoder.Token()
	if err != nil {
		return value{}, fmt.Errorf("%w: a section is not JSON", ErrFormat)
	}
	switch t := token.(type) {
	case string:
		return value{kind: text, text: t}, nil
	case json.Number:
		return value{kind: number, text: t.String()}, nil
	case bool:
		return value{kind: boolean, text: fmt.Sprint(t)}, nil
	case json.Delim:
		if t == '{' {
			return readObject(decoder, depth)
		}
		return readArray(decoder, depth)
	default:
		return value{}, nil
	}
}

func readObject(decoder *json.Decoder, depth int) (value, error) {
	v := value{kind: object, fields: map[string]value{}}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return value{}, fmt.Errorf("%w: a section is not JSON", ErrFormat)
		}
		key, _ := name.(string)
		if _, repeated := v.fields[key]; repeated {
			return value{}, fmt.Errorf("%w: %s occurs twice", ErrFormat, quoted(key))
		}
		if v.fields[key], err = readValue(decoder, depth+1); err != nil {
			return value{}, err
		}
	}
	_, _ = decoder.Token() // the closing brace, which json.Valid saw
	return v, nil
}

func readArray(decoder *json.Decoder, depth int) (value, error) {
	v := value{kind: array}
	for decoder.More() {
		item, err := readValue(decoder, depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, _ = decoder.Token() // the closing bracket, which json.Valid saw
	return v, nil
}

// fields collects the first error while a record's fields are taken out of a JSON object.
type fields struct {
	of  map[string]value
	err error
}

func (f *fields) fail(key, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s: %s", ErrFormat, key, fmt.Sprintf(format, args...))
	}
}

// text gives a text of at most max letters. Meters write some texts as numbers; null is as good as nothing.
func (f *fields) text(key string, max int) string {
	v := f.of[key]
	switch {
	case v.kind != null && v.kind != text && v.kind != number:
		f.fail(key, "not a text")
	case len(v.text) > textSizeMax || utf8.RuneCountInString(v.text) > max:
		f.fail(key, "longer than %d letters", max)
	default:
		return v.text
	}
	return ""
}

// number gives a number, which some meters write as a text.
func (f *fields) number(key string) Number {
	v := f.of[key]
	if v.kind == null {
		return Number{}
	}
	if v.kind != number && v.kind != text {
		f.fail(key, "not a number")
		return Number{}
	}
	n, err := ParseNumber(v.text)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%s: %w", key, err)
	}
	return n
}
