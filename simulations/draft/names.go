package draft

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"joulepay/simulations/dataset"
	"joulepay/simulations/scenario"
)

// fleet is the name of the vehicles; the scenario numbers them.
const fleet = "driver"

// stationNames gives every station of the data a name that scenarios take, each another one.
func stationNames(sessions []dataset.Session) map[string]string {
	originals := map[string]bool{}
	for _, s := range sessions {
		originals[s.Station] = true
	}
	names, used := map[string]string{}, map[string]bool{scenario.LedgerName: true, fleet: true}
	for _, original := range slices.Sorted(maps.Keys(originals)) {
		plain := plainName(original)
		name := plain
		for n := 2; used[name] || strings.HasPrefix(name, fleet+"-"); n++ {
			name = fmt.Sprintf("%s-%d", strings.TrimPrefix(plain, fleet+"-"), n)
		}
		used[name], names[original] = true, name
	}
	return names
}

// plainMax leaves room for a number behind the name: scenarios take forty letters.
const plainMax = 34

// plainName makes small letters, digits and hyphens of a name.
func plainName(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == plainMax {
			break
		}
	}
	if plain := strings.Trim(b.String(), "-"); plain != "" {
		return plain
	}
	return "station"
}

// compareNames sorts ca-9 before ca-10.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
