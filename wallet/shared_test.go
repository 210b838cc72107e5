package wallet

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// sharedFile reads a file of the vectors that lie beside the repository, or skips the test where they are missing.
func sharedFile(t testing.TB, path string) []byte {
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
	data, err := os.ReadFile(filepath.Join(directory, "..", "shared", path))
	if os.IsNotExist(err) {
		t.Skipf("shared/%s is missing", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sharedJSON(t testing.TB, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(sharedFile(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// hexBytes is a byte string that JSON holds in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*h = decoded
	return err
}
