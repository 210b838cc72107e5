package operations_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	pageLink = regexp.MustCompile(`\]\(([^)\s#]*)(#[^)\s]*)?\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInID  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksOfThePagesLeadSomewhere follows every link within the documentation and out of the README, to the file and its heading.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages := []string{filepath.Join("..", "..", "..", "README.md")}
	err := filepath.WalkDir(docsPath(""), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	followed := 0
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range pageLink.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(link[1], "://") || link[1]+link[2] == "" {
				continue
			}
			followed++
			to := page
			if link[1] != "" {
				to = filepath.Join(filepath.Dir(page), filepath.FromSlash(link[1]))
			}
			target, err := os.ReadFile(to)
			if info, missing := os.Stat(to); missing != nil {
				t.Errorf("%s: %s is not there", page, link[1])
			} else if !info.IsDir() && (err != nil || link[2] != "" && !hasHeading(string(target), link[2][1:])) {
				t.Errorf("%s: %s has no %s, %v", page, to, link[2], err)
			}
		}
	}
	if followed < 50 {
		t.Errorf("followed %d links", followed)
	}
}

// hasHeading tells whether a page has a heading with this id, as GitHub makes it.
func hasHeading(page, id string) bool {
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		if strings.ReplaceAll(notInID.ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), ""), " ", "-") == id {
			return true
		}
	}
	return false
}
