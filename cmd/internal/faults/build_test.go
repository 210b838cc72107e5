package faults_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"joulepay/cmd/internal/clitest"
)

// observedTag builds programs that give a test the keys of their sessions, and a broker on which it may listen. Nothing else
// differs.
const observedTag = "joulepay_observed"

// programsKey names a folder with the programs to test, such as ones that go build -race -tags joulepay_observed made. Else
// the test builds them.
const programsKey = "JOULEPAY_TEST_FAULTS_PROGRAMS"

// parallel is how many worlds run at once: most of the time they wait for timers, not for processors.
const parallel = "8"

// roleKey tells this test binary, started again, which part of a world it plays.
const roleKey = "JOULEPAY_TEST_FAULTS_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleKey); role != "" {
		os.Exit(play(role))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// play plays a part in a process of its own, and gives its exit code.
func play(role string) int {
	parts := map[string]func() error{"broker": playBroker, "meter": playMeter, "measure": playMeasure}
	part, known := parts[role]
	if !known {
		fmt.Fprintf(os.Stderr, "no part %q\n", role)
		return 2
	}
	if err := part(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// built are the programs under test.
var built = clitest.Programs{Key: programsKey, Build: []string{"-tags", observedTag, "joulepay/cmd/ledger", "joulepay/cmd/chargepoint", "joulepay/cmd/vehicle"}}

// program gives the path of a program under test.
func program(t testing.TB, name string) string {
	t.Helper()
	return built.Path(t, name)
}
