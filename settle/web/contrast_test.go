package web

import (
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	block = regexp.MustCompile(`(?m)^(\s*)(:root[^{]*)\{([^}]*)\}`)
	token = regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{6});`)
)

// themes gives the colours of each block of tokens in the style.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	css, err := fs.ReadFile(files, "assets/app.css")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for _, b := range block.FindAllStringSubmatch(string(css), -1) {
		colours := map[string]string{}
		for _, one := range token.FindAllStringSubmatch(b[3], -1) {
			colours[one[1]] = one[2]
		}
		found[strings.TrimSpace(b[2])] = colours
	}
	return found
}

// luminance of a colour (WCAG 2.2, "relative luminance").
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestEveryPairOfColoursCanBeToldApart(t *testing.T) {
	texts := []string{"ink", "soft", "accent", "price", "risk", "pending", "accepted", "final", "refused", "soc"}
	signs := []string{"energy", "soc", "price"} // lines and bars: 3 is enough (WCAG 2.2, 1.4.11)
	all := themes(t)
	if len(all) != 3 {
		t.Fatalf("found %d themes: light, dark by the system, dark by choice are wanted", len(all))
	}
	for name, colours := range all {
		check := func(text, ground string, least float64) {
			t.Helper()
			if colours[text] == "" || colours[ground] == "" {
				t.Fatalf("%s has no %s or %s", name, text, ground)
			}
			if got := contrast(t, colours[text], colours[ground]); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", name, text, ground, got, least)
			}
		}
		for _, text := range texts {
			check(text, "card", 4.5)
			check(text, "ground", 4.5)
		}
		check("ink", "sunk", 4.5)
		check("soft", "sunk", 4.5)
		check("on-accent", "accent", 4.5)
		check("card", "ink", 4.5)
		for _, sign := range signs {
			check(sign, "card", 3)
			check(sign, "track", 3)
		}
	}
}

func TestBothDarkThemesAreOne(t *testing.T) {
	all := themes(t)
	bySystem, byChoice := all[":root:not([data-theme='light'])"], all[":root[data-theme='dark']"]
	for name, colour := range byChoice {
		if bySystem[name] != colour {
			t.Errorf("--%s is %s by choice, and %q by the system", name, colour, bySystem[name])
		}
	}
	if len(byChoice) == 0 || len(byChoice) != len(bySystem) {
		t.Errorf("%d colours by choice, %d by the system", len(byChoice), len(bySystem))
	}
}
