package credential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"joulepay/wallet"
)

// object is a decoded JSON object. Members are found by their exact names: encoding/json would take "ISS" for "iss".
type object map[string]any

// parseObject reads one JSON object: no member twice, nesting of depthMax. The caller bounds its size.
func parseObject(raw []byte) (object, error) {
	if !json.Valid(raw) {
		return nil, ErrJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	value, err := parseValue(decoder, depthMax)
	if err != nil {
		return nil, err
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, ErrJSON
	}
	return members, nil
}

func parseValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	switch token := token.(type) {
	case json.Delim:
		if depth == 0 {
			return nil, fmt.Errorf("%w: more than %d levels", ErrDepth, depthMax)
		}
		if token == '{' {
			return parseMembers(decoder, depth-1)
		}
		return parseElements(decoder, depth-1)
	case string:
		return token, checkText(token)
	default:
		return token, nil
	}
}

func parseMembers(decoder *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrJSON, err)
		}
		name, _ := key.(string) // JSON has no other keys
		if err := checkText(name); err != nil {
			return nil, err
		}
		if _, found := members[name]; found {
			return nil, fmt.Errorf("%w: %q", ErrDuplicateMember, clip(name))
		}
		if members[name], err = parseValue(decoder, depth); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token() // the closing brace
	return members, err
}

func parseElements(decoder *json.Decoder, depth int) (any, error) {
	elements := []any{}
	for decoder.More() {
		element, err := parseValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
	}
	_, err := decoder.Token() // the closing bracket
	return elements, err
}

// checkText refuses the character by which the decoder replaces what is not UTF-8, and half of a surrogate pair: two texts
// would be one.
func checkText(text string) error {
	if strings.ContainsRune(text, unicode.ReplacementChar) {
		return fmt.Errorf("%w: text with a replacement character", ErrJSON)
	}
	return nil
}

// encode gives the JSON of an object with its members in the order of their names.
func (o object) encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any(o)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func (o object) without(name string) object {
	rest := maps.Clone(o)
	delete(rest, name)
	return rest
}

// text gives a member that must be a text of at most textMax bytes.
func (o object) text(name string) (string, error) {
	value, found := o[name]
	if !found {
		return "", fmt.Errorf("%s is missing", name)
	}
	text, ok := value.(string)
	if !ok || text == "" || len(text) > textMax {
		return "", fmt.Errorf("%s: want a text of 1 to %d bytes", name, textMax)
	}
	return text, nil
}

func (o object) optionalText(name string) (string, error) {
	if _, found := o[name]; !found {
		return "", nil
	}
	return o.text(name)
}

// texts gives a member that is a text or a list of them: JSON-LD writes a list of one as its element.
func (o object) texts(name string) ([]string, error) {
	list, ok := o[name].([]any)
	if !ok {
		text, err := o.text(name)
		return []string{text}, err
	}
	if len(list) == 0 || len(list) > listMax {
		return nil, fmt.Errorf("%s: %d entries, want 1 to %d", name, len(list), listMax)
	}
	texts := make([]string, len(list))
	for i, element := range list {
		if texts[i], ok = element.(string); !ok || len(texts[i]) > textMax {
			return nil, fmt.Errorf("%s: want texts of at most %d bytes", name, textMax)
		}
	}
	return texts, nil
}

// objects gives a member that is an object or a list of them; nil when it is missing.
func (o object) objects(name string, most int) ([]object, error) {
	value, found := o[name]
	if !found {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) == 0 || len(list) > most {
		return nil, fmt.Errorf("%s: %d entries, want 1 to %d", name, len(list), most)
	}
	objects := make([]object, len(list))
	for i, element := range list {
		members, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: want objects", name)
		}
		objects[i] = members
	}
	return objects, nil
}

// dateTime reads an XML Schema dateTimeStamp, strictly by RFC 3339; zero when it is missing.
func (o object) dateTime(name string) (time.Time, error) {
	if _, found := o[name]; !found {
		return time.Time{}, nil
	}
	text, err := o.text(name)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrTime, err)
	}
	var at time.Time
	if err := at.UnmarshalText([]byte(text)); err != nil {
		return time.Time{}, fmt.Errorf("%w: %s %q is not RFC 3339", ErrTime, name, clip(text))
	}
	return at.UTC(), nil
}

// numericDateMax is the end of the year 9999, beyond which times have no RFC 3339 form.
const numericDateMax = 253402300799

// numericDate reads the seconds since 1970 of RFC 7519; zero when the claim is missing. Fractions are refused: no
// issuer needs them.
func (o object) numericDate(name string) (time.Time, error) {
	value, found := o[name]
	if !found {
		return time.Time{}, nil
	}
	number, _ := value.(json.Number)
	seconds, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || seconds < 0 || seconds > numericDateMax {
		return time.Time{}, fmt.Errorf("%w: %s is not in whole seconds since 1970", ErrTime, name)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// clip bounds foreign text in errors.
func clip(text string) string {
	const shown = 80
	if runes := []rune(text); len(runes) > shown {
		return string(runes[:shown]) + "…"
	}
	return text
}

// isName tells whether a text is fit to be shown to people.
func isName(text string) bool {
	return utf8.RuneCountInString(text) <= shortMax && strings.TrimSpace(text) == text &&
		strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// didKeyPrefix begins every did:key; what follows is the key in multibase.
const didKeyPrefix = "did:key:"

// multibase gives a key as in a DID: base58btc of the multicodec prefix and the 32 bytes.
func multibase(key wallet.PublicKey) string {
	return strings.TrimPrefix(wallet.DIDOf(key).DIDKey(), didKeyPrefix)
}

func parseMultibase(text string) (wallet.PublicKey, error) {
	did, err := wallet.ParseDID(didKeyPrefix + text)
	return did.InceptionKey(), err
}
