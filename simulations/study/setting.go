package study

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of a study.
const (
	// RunsMax bounds the runs of a sweep: a week at ten a minute.
	RunsMax = 100_000
	// settingMax bounds the text of a setting.
	settingMax = 64 << 10
)

// Setting is a value of a scenario file and what it takes in turn.
type Setting struct {
	Path   string // keys of the file with dots between, as "stations.north.power"; * stands for all names or items
	Values []string
}

// ParseSetting reads "path=a,b,c". Commas within brackets and quotes belong to a value.
func ParseSetting(text string) (Setting, error) {
	path, list, found := strings.Cut(text, "=")
	if !found || path == "" || len(text) > settingMax {
		return Setting{}, &Problem{Message: fmt.Sprintf("%.60q is not path=value", text), Hint: "write it as stations.north.power=22kW,50kW"}
	}
	s := Setting{Path: path, Values: split(list)}
	for _, v := range s.Values {
		if v == "" {
			return Setting{}, &Problem{Message: fmt.Sprintf("%.60q has an empty value", text), Hint: "separate values by one comma"}
		}
	}
	return s, nil
}

// split cuts at commas that stand in no bracket and no quotes.
func split(list string) []string {
	var values []string
	depth, quote, from := 0, rune(0), 0
	for i, c := range list {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 0:
			values = append(values, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	return append(values, strings.TrimSpace(list[from:]))
}

// ParseSeeds reads "1..50", "7" or "1,2,10..12".
func ParseSeeds(text string) ([]uint64, error) {
	wrong := func() ([]uint64, error) {
		return nil, &Problem{Message: fmt.Sprintf("%.60q are not seeds", text), Hint: "write them as 1..50, or 1,2,7"}
	}
	var seeds []uint64
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "..")
		if !ranged {
			last = first
		}
		a, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 64)
		b, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 64)
		if err1 != nil || err2 != nil || b < a {
			return wrong()
		}
		if b-a >= RunsMax || b == math.MaxUint64 {
			return nil, tooMany()
		}
		for seed := a; seed <= b; seed++ {
			seeds = append(seeds, seed)
		}
		if len(seeds) > RunsMax {
			return nil, tooMany()
		}
	}
	return seeds, nil
}

func tooMany() error {
	return &Problem{Message: fmt.Sprintf("more than %d runs", RunsMax), Hint: "vary less, or in several sweeps"}
}

// Choice is one value for one path.
type Choice struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// Run is one run of a sweep.
type Run struct {
	Number  int // from 0, in the order of the sweep
	Choices []Choice
	Seed    uint64
}

// Settings names the choices for people: "stations.north.power=22kW control.algorithm=edf".
func (r Run) Settings() string {
	parts := make([]string, len(r.Choices))
	for i, c := range r.Choices {
		parts[i] = c.Path + "=" + c.Value
	}
	return strings.Join(parts, " ")
}

// String names the run for people: "stations.north.power=22kW seed 7".
func (r Run) String() string {
	return strings.TrimSpace(r.Settings() + " seed " + strconv.FormatUint(r.Seed, 10))
}

// Runs gives every combination of values with every seed: the last setting changes fastest, and seeds faster still.
func Runs(settings []Setting, seeds []uint64) ([]Run, error) {
	combinations := [][]Choice{nil}
	seen := map[string]bool{}
	for _, s := range settings {
		if seen[s.Path] {
			return nil, &Problem{Message: fmt.Sprintf("%q is set twice", s.Path), Hint: "give all its values at once: " + s.Path + "=a,b"}
		}
		seen[s.Path] = true
		var next [][]Choice
		for _, before := range combinations {
			for _, v := range s.Values {
				next = append(next, append(before[:len(before):len(before)], Choice{s.Path, v}))
			}
			if len(next) > RunsMax {
				return nil, tooMany()
			}
		}
		combinations = next
	}
	if len(combinations) > RunsMax/max(1, len(seeds)) {
		return nil, tooMany()
	}
	var runs []Run
	for _, c := range combinations {
		for _, seed := range seeds {
			runs = append(runs, Run{len(runs), c, seed})
		}
	}
	return runs, nil
}
