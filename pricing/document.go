package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	// depthMax bounds nesting: a CDR nests tariffs, elements, restrictions and lists six deep.
	depthMax = 16
	// textLengthMax bounds a text field: the longest of OCPI is an alternative text of 512 characters.
	textLengthMax = 2048
)

// object is a JSON object whose keys are exact and not repeated: two readers of the same bytes see the same tariff.
type object struct {
	fields map[string]any
	path   string
	fail   error // the sentinel that problems of this document wrap
}

// parseObject reads one JSON object, numbers as text, strictly: no repeated keys, no trailing data, bounded depth.
func parseObject(data []byte, fail error) (object, error) {
	if !utf8.Valid(data) {
		return object{}, fmt.Errorf("%w: not UTF-8", fail)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := readValue(decoder, 0)
	if err != nil {
		return object{}, fmt.Errorf("%w: %w", fail, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return object{}, fmt.Errorf("%w: data after the object", fail)
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return object{}, fmt.Errorf("%w: not a JSON object", fail)
	}
	return object{fields, "", fail}, nil
}

func readValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > depthMax {
		return nil, errors.New("nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return readFields(decoder, depth)
	case json.Delim('['):
		return readList(decoder, depth)
	}
	return token, nil
}

func readFields(decoder *json.Decoder, depth int) (any, error) {
	fields := map[string]any{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name := key.(string) // the decoder accepts nothing else here
		if _, repeated := fields[name]; repeated {
			return nil, fmt.Errorf("key %.40q repeated", name)
		}
		if fields[name], err = readValue(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return fields, err
}

func readList(decoder *json.Decoder, depth int) (any, error) {
	list := []any{}
	for decoder.More() {
		value, err := readValue(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := decoder.Token()
	return list, err
}

func (o object) errorf(name, format string, args ...any) error {
	return fmt.Errorf("%w: %s%s: %w", o.fail, o.path, name, fmt.Errorf(format, args...))
}

// has tells whether a field is there and not null.
func (o object) has(name string) bool { return o.fields[name] != nil }

// only refuses fields that this package does not know: an unknown restriction must not be passed over in silence.
func (o object) only(names ...string) error {
	known := 0
	for _, name := range names {
		if _, ok := o.fields[name]; ok {
			known++
		}
	}
	if known == len(o.fields) {
		return nil
	}
	for name := range o.fields {
		if !slices.Contains(names, name) {
			return o.errorf("", "field %.40q is not known", name)
		}
	}
	return nil
}

func (o object) text(name string, required bool) (string, error) {
	value, ok := o.fields[name].(string)
	switch {
	case !o.has(name) && !required:
		return "", nil
	case !ok:
		return "", o.errorf(name, "text wanted")
	case len(value) > textLengthMax:
		return "", o.errorf(name, "%w: %d bytes", ErrLimit, len(value))
	}
	return value, nil
}

func (o object) number(name string) (fixed, error) {
	value, ok := o.fields[name].(json.Number)
	if !ok {
		return 0, o.errorf(name, "number wanted")
	}
	v, err := parseFixed(value.String())
	if err != nil {
		return 0, o.errorf(name, "%w", err)
	}
	return v, nil
}

// volume reads what was measured, to the twelfth decimal.
func (o object) volume(name string) (fixed, error) {
	value, ok := o.fields[name].(json.Number)
	if !ok {
		return 0, o.errorf(name, "number wanted")
	}
	v, err := parseVolume(value.String())
	if err != nil {
		return 0, o.errorf(name, "%w", err)
	}
	return v, nil
}

// integer reads a whole number from 0 to most.
func (o object) integer(name string, most int64) (int64, error) {
	value, ok := o.fields[name].(json.Number)
	if !ok {
		return 0, o.errorf(name, "number wanted")
	}
	v, err := strconv.ParseInt(value.String(), 10, 64)
	if err != nil {
		scaled, err := parseFixed(value.String())
		if err != nil || scaled%fixedOne != 0 {
			return 0, o.errorf(name, "%w: %.40s, whole number wanted", ErrNumber, value)
		}
		v = int64(scaled / fixedOne)
	}
	if v < 0 || v > most {
		return 0, o.errorf(name, "%w: %d, from 0 to %d", ErrLimit, v, most)
	}
	return v, nil
}

func (o object) child(name string) (object, error) {
	fields, ok := o.fields[name].(map[string]any)
	if !ok {
		return object{}, o.errorf(name, "object wanted")
	}
	return object{fields, o.path + name + ".", o.fail}, nil
}

// children reads a list of objects, of at most most.
func (o object) children(name string, most int) ([]object, error) {
	list, err := o.list(name, most)
	if err != nil {
		return nil, err
	}
	objects := make([]object, len(list))
	for i, value := range list {
		fields, ok := value.(map[string]any)
		if !ok {
			return nil, o.errorf(name, "list of objects wanted")
		}
		objects[i] = object{fields, fmt.Sprintf("%s%s[%d].", o.path, name, i), o.fail}
	}
	return objects, nil
}

func (o object) list(name string, most int) ([]any, error) {
	list, ok := o.fields[name].([]any)
	switch {
	case !o.has(name):
		return nil, nil
	case !ok:
		return nil, o.errorf(name, "list wanted")
	case len(list) > most:
		return nil, o.errorf(name, "%w: %d entries, at most %d", ErrLimit, len(list), most)
	}
	return list, nil
}
