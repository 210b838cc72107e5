package clitest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Programs are the real programs that a package's tests run as processes, built once for all of them.
type Programs struct {
	Key   string   // of the environment: a folder with programs to test in place of those that are built
	Build []string // flags of go build, and the packages

	once   sync.Once
	folder string
	err    error
}

// Path gives where a program is, and fails the test when it cannot be built.
func (p *Programs) Path(t testing.TB, name string) string {
	t.Helper()
	if folder := os.Getenv(p.Key); folder != "" {
		return filepath.Join(folder, name)
	}
	p.once.Do(p.build)
	if p.err != nil {
		t.Fatalf("building the programs: %v", p.err)
	}
	return filepath.Join(p.folder, name)
}

func (p *Programs) build() {
	if p.folder, p.err = os.MkdirTemp("", "joulepay-programs-"); p.err != nil {
		return
	}
	command := exec.Command("go", append([]string{"build", "-o", p.folder}, p.Build...)...)
	if output, err := command.CombinedOutput(); err != nil {
		p.err = fmt.Errorf("%w\n%s", err, output)
	}
}

// Remove deletes what was built. It is for TestMain, when all tests are over.
func (p *Programs) Remove() {
	if p.folder != "" {
		_ = os.RemoveAll(p.folder) // a temporary directory
	}
}
