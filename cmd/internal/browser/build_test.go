package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programsKey names a folder with the programs to test. Else the tests build them.
const programsKey = "JOULEPAY_TEST_BROWSER_PROGRAMS"

func TestMain(m *testing.M) {
	code := m.Run()
	if built.folder != "" {
		_ = os.RemoveAll(built.folder) // a temporary directory
	}
	os.Exit(code)
}

// built are the programs under test, built once for all tests.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// program gives the path of a program under test.
func program(t testing.TB, name string) string {
	t.Helper()
	if folder := os.Getenv(programsKey); folder != "" {
		return filepath.Join(folder, name)
	}
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "joulepay-browser-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", built.folder, "joulepay/cmd/chargepoint", "joulepay/cmd/vehicle", "joulepay/cmd/ledger")
		if output, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, output)
		}
	})
	if built.err != nil {
		t.Fatalf("building the programs: %v", built.err)
	}
	return filepath.Join(built.folder, name)
}
