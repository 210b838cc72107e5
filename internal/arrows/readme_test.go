package arrows

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryGuaranteeOfTheReadmeIsShownByATestThatExists keeps the README's table of guarantees true.
func TestEveryGuaranteeOfTheReadmeIsShownByATestThatExists(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile("\\[`(Test\\w+)`\\]\\(([^)]+)\\)").FindAllStringSubmatch(string(readme), -1)
	if len(links) < 10 {
		t.Fatalf("the README links %d tests, want its table of guarantees", len(links))
	}
	for _, link := range links {
		source, err := os.ReadFile("../../" + link[2])
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(source), "func "+link[1]+"(") {
			t.Errorf("%s has no %s", link[2], link[1])
		}
	}
}
