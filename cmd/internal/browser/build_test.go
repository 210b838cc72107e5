package browser_test

import (
	"os"
	"testing"

	"joulepay/cmd/internal/clitest"
)

// programsKey names a folder with the programs to test. Else the tests build them.
const programsKey = "JOULEPAY_TEST_BROWSER_PROGRAMS"

func TestMain(m *testing.M) {
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// built are the programs under test.
var built = clitest.Programs{Key: programsKey, Build: []string{"joulepay/cmd/chargepoint", "joulepay/cmd/vehicle", "joulepay/cmd/ledger"}}

// program gives the path of a program under test.
func program(t testing.TB, name string) string {
	t.Helper()
	return built.Path(t, name)
}
