// Package campaign owns how large the tests are that gain from size (kills, seeds, steps) and what they count.
// It leaves the tests to their packages, and the long run to .ci/long. It keeps one test for both sizes: the numbers
// come from the environment, so the long run is the short one with larger numbers.
//
//	run := campaign.New(t)
//	for range run.Size("kills", 20) { … }
//	run.Count("claims acknowledged", n)
package campaign

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Environment: JOULEPAY_TEST_KILLS=60 sets the size "kills" of every test that asks for it; JOULEPAY_TEST_REPORT names
// a file to which each test adds a row of a Markdown table.
const (
	sizePrefix = "JOULEPAY_TEST_"
	reportKey  = "JOULEPAY_TEST_REPORT"
)

// Run is one test and its numbers. It is safe for concurrent use.
type Run struct {
	t       testing.TB
	started time.Time

	mu     sync.Mutex // guards all below
	order  []string
	counts map[string]int
}

// New begins to count for a test. At its end the numbers are logged and, when asked for, reported.
func New(t testing.TB) *Run {
	r := &Run{t: t, started: time.Now(), counts: map[string]int{}}
	t.Cleanup(r.finish)
	return r
}

// Size gives how often to do something: small, or what the environment asks for. It counts under the same name.
func (r *Run) Size(name string, small int) int {
	r.t.Helper()
	size := small
	key := sizePrefix + strings.ToUpper(name)
	if text := os.Getenv(key); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			r.t.Fatalf("%s=%q is not a positive number", key, text)
		}
		size = n
	}
	r.Count(name, size)
	return size
}

// Count adds to a number of the report, such as faults that fired or claims that survived.
func (r *Run) Count(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.counts[name]; !known {
		r.order = append(r.order, name)
	}
	r.counts[name] += n
}

func (r *Run) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var numbers []string
	for _, name := range r.order {
		numbers = append(numbers, fmt.Sprintf("%s %d", name, r.counts[name]))
	}
	outcome := "passed"
	switch {
	case r.t.Failed():
		outcome = "FAILED"
	case r.t.Skipped():
		outcome = "skipped"
	}
	row := fmt.Sprintf("| %s | %s | %s | %s |\n", r.t.Name(), strings.Join(numbers, ", "),
		time.Since(r.started).Round(100*time.Millisecond), outcome)
	r.t.Log(strings.TrimSpace(row))
	if path := os.Getenv(reportKey); path != "" {
		if err := appendTo(path, row); err != nil {
			r.t.Errorf("report: %v", err)
		}
	}
}

// appendTo adds one row in one write, since packages are tested at the same time.
func appendTo(path, row string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(row); err != nil {
		_ = file.Close() // the first error says it
		return err
	}
	return file.Close()
}
