// Package shared owns where tests find the public vectors that lie beside the repository. It leaves reading what is in
// them to their tests. It keeps a test that misses them from passing: it is skipped, and says which file is missing.
package shared

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Read gives a file of the folder "shared" beside the repository, or skips the test where it is missing.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Path gives where a file or folder of "shared" is, or skips the test where it is missing.
func Path(t testing.TB, path string) string {
	t.Helper()
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			t.Fatal("no go.mod above the package")
		}
		directory = parent
	}
	found := filepath.Join(directory, "..", "shared", path)
	if _, err := os.Stat(found); err != nil {
		t.Skipf("shared/%s is missing", path)
	}
	return found
}

// ReadJSON decodes such a file.
func ReadJSON(t testing.TB, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(Read(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
