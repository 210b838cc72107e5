package timeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/simulations/timeline"
)

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func TestEventsHappenInOrderOfTimeThenOfEntry(t *testing.T) {
	line := timeline.New(start)
	var got []string
	note := func(name string) func() { return func() { got = append(got, name) } }
	line.After(2*time.Second, note("late"))
	line.After(time.Second, note("first"))
	line.After(time.Second, func() {
		note("second")()
		line.After(0, note("entered at the same time"))
		line.At(start, note("entered for the past"))
	})
	line.After(time.Second, note("third"))
	for line.Step() {
	}
	want := []string{"first", "second", "third", "entered at the same time", "entered for the past", "late"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if line.Now() != start.Add(2*time.Second) || line.Ran() != 6 || line.Waiting() != 0 {
		t.Errorf("stands at %s after %d events, %d wait", line.Now(), line.Ran(), line.Waiting())
	}
}

func TestTimeNeverFalls(t *testing.T) {
	line := timeline.New(start)
	var last time.Time
	var spawn func(wait time.Duration)
	spawn = func(wait time.Duration) {
		line.After(wait, func() {
			if line.Now().Before(last) {
				t.Fatalf("%s after %s", line.Now(), last)
			}
			last = line.Now()
			if wait > 0 {
				spawn(wait / 2)
				spawn(wait / 3)
				line.At(start, func() {})
			}
		})
	}
	for i := range 20 {
		spawn(time.Duration(i*37%11) * time.Second)
	}
	for range 5000 {
		line.Step()
	}
	if next, ok := line.Next(); ok && next.Before(last) {
		t.Errorf("next is %s after %s", next, last)
	}
}

func Example() {
	line := timeline.New(start)
	line.After(time.Hour, func() { fmt.Println(line.Now().Format(time.TimeOnly), "the car leaves") })
	line.After(time.Minute, func() { fmt.Println(line.Now().Format(time.TimeOnly), "the car arrives") })
	for line.Step() {
	}
	// Output:
	// 08:01:00 the car arrives
	// 09:00:00 the car leaves
}

func TestWhatIsEnteredForTheEndOfAnInstantWaitsForAllThatHappensThen(t *testing.T) {
	line := timeline.New(time.Unix(0, 0))
	var order []string
	note := func(name string) func() { return func() { order = append(order, name) } }
	line.AtEnd(time.Unix(1, 0), note("end"))
	line.At(time.Unix(1, 0), func() {
		note("first")()
		line.After(0, note("second"))
	})
	line.At(time.Unix(2, 0), note("later"))
	for line.Step() {
	}
	if got := strings.Join(order, " "); got != "first second end later" {
		t.Error(got)
	}
}
