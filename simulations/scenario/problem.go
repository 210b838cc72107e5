package scenario

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Problem is what is wrong with a file, where, and what may have been meant.
type Problem struct {
	File    string
	Line    int // 0 when it is not about one line
	Message string
	Hint    string // may be empty
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Unwrap makes errors.Is(err, ErrScenario) true.
func (p *Problem) Unwrap() error { return ErrScenario }

// reader walks a document and keeps the first problem.
type reader struct {
	file    string
	problem *Problem
	schema  *Schema // of what is read next; nil unless the reader describes
}

func (r *reader) failed() bool { return r.problem != nil }

func (r *reader) fail(at *yaml.Node, hint, format string, args ...any) {
	if r.problem == nil {
		r.problem = &Problem{File: r.file, Line: at.Line, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
}

// err gives the first problem as an error.
func (r *reader) err() error {
	if r.problem == nil {
		return nil
	}
	return r.problem
}

// entry is one line of a mapping.
type entry struct {
	key   *yaml.Node
	value *yaml.Node
}

// mapping gives the lines of a mapping in their order, each key once. Aliases are refused wherever they stand: they make
// small files large.
func (r *reader) mapping(n *yaml.Node, what string) []entry {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "write it as lines of `name: value`", "%s is not a mapping", what)
		return nil
	}
	var entries []entry
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !r.failed(); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			r.fail(key, "write names as plain text", "%s has a name that is not text", what)
			return nil
		}
		if seen[key.Value] {
			r.fail(key, "keep one of the two", "%q is there twice", clip(key.Value))
		}
		seen[key.Value] = true
		entries = append(entries, entry{key, n.Content[i+1]})
	}
	return entries
}

// field reads one value of an object, and says what it is.
type field struct {
	name, about string
	read        func(*yaml.Node)
}

// object reads a mapping with known names only.
func (r *reader) object(n *yaml.Node, what string, fields ...field) {
	if r.describesObject(fields) {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	for _, e := range r.mapping(n, what) {
		if r.failed() {
			return
		}
		known := false
		for _, f := range fields {
			if f.name == e.key.Value {
				known = true
				f.read(e.value)
			}
		}
		if !known {
			r.fail(e.key, suggest(e.key.Value, names), "unknown key %q of %s", clip(e.key.Value), what)
		}
	}
}

// suggest says which word may have been meant, and all that there are.
func suggest(word string, names []string) string {
	all := "known here: " + strings.Join(names, ", ")
	if near := nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean %q? %s", near, all)
	}
	return all
}

// wordMax is how much of a wrong word is compared and shown.
const wordMax = 40

func clip(text string) string {
	if runes := []rune(text); len(runes) > wordMax {
		return string(runes[:wordMax]) + "…"
	}
	return text
}

// nearest gives the candidate with the fewest wrong letters, or "" when all are far.
func nearest(word string, candidates []string) string {
	word = clip(word)
	best, least := "", min(max(1, len(word)/2), 3)+1
	for _, c := range candidates {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace between two words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
