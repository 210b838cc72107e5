package station

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/counter"
)

// taken collects what a feed gives out.
type taken struct {
	mu   sync.Mutex
	all  []string
	some chan struct{} // after each
}

func newTaken() *taken { return &taken{some: make(chan struct{}, 1000)} }

func (t *taken) give(number int64, payload []byte) {
	t.mu.Lock()
	t.all = append(t.all, fmt.Sprintf("%d %s", number, payload))
	t.mu.Unlock()
	t.some <- struct{}{}
}

// wait gives what came once n more did.
func (t *taken) wait(n int) []string {
	for range n {
		<-t.some
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.all)
}

func feedOf(t *testing.T, register, base int64, resumes bool, source Source, unpaid int64) *Feed {
	t.Helper()
	c, err := counter.New(register, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFeed(c, source, unpaid, base, resumes, time.Now, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func textFile(t *testing.T, lines ...string) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Source{File: path}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestI5_AFeedGivesOutNoMoreThanIsPermitted(t *testing.T) {
	f := feedOf(t, 40, 0, false, textFile(t, "a", "b", "c", "d", "e"), 2)
	got := newTaken()
	f.Serve(0, got.give)
	noError(t, f.Start(time.Now(), 42))
	if all := got.wait(2); !slices.Equal(all, []string{"1 a", "2 b"}) {
		t.Fatal(all)
	}
	f.Again(2)
	if all := got.wait(1); !slices.Equal(all, []string{"1 a", "2 b", "2 b"}) {
		t.Fatalf("asked again, got %q", all)
	}
	noError(t, f.SetLimit(time.Now(), 44)) // both are paid
	if all := got.wait(2); !slices.Equal(all[3:], []string{"3 c", "4 d"}) {
		t.Fatal(all)
	}
	f.mu.Lock()
	kept := len(f.stream.kept)
	f.mu.Unlock()
	if kept != 2 {
		t.Fatalf("%d are kept, two are not paid", kept)
	}
	noError(t, f.SetLimit(time.Now(), 46))
	got.wait(1)
	for { // the file is at its end: the session ends
		sample, err := f.Sample(time.Now())
		noError(t, err)
		if sample.State == meter.Ended && sample.Register == 45 {
			return
		}
	}
}

func TestAFeedGivesEachSessionWhatItWants(t *testing.T) {
	f := feedOf(t, 0, 0, false, textFile(t, "a", "b", "c"), 10)
	noError(t, f.Start(time.Now(), 10))
	first := newTaken()
	f.Serve(2, first.give)
	if all := first.wait(2); !slices.Equal(all, []string{"1 a", "2 b"}) {
		t.Fatal(all)
	}
	f.Serve(0, nil)
	second := newTaken()
	f.Serve(1, second.give)
	if all := second.wait(1); !slices.Equal(all, []string{"1 a"}) {
		t.Fatal(all)
	}
	sample, err := f.Sample(time.Now())
	noError(t, err)
	if sample.Register != 3 || len(first.wait(0)) != 2 {
		t.Fatalf("counted %d, the first session has %q", sample.Register, first.wait(0))
	}
}

func TestI4_AFeedGoesOnWhereItsProcessWasKilled(t *testing.T) {
	f := feedOf(t, 103, 100, true, textFile(t, "a", "b", "c", "d", "e"), 10)
	got := newTaken()
	f.Serve(5, got.give)
	noError(t, f.Start(time.Now(), 110))
	if all := got.wait(2); !slices.Equal(all, []string{"4 d", "5 e"}) {
		t.Fatal(all)
	}
}

func TestMessagesComeFromAProgram(t *testing.T) {
	f := feedOf(t, 0, 0, false, Source{Command: []string{"seq", "3"}}, 10)
	got := newTaken()
	f.Serve(0, got.give)
	noError(t, f.Start(time.Now(), 10))
	if all := got.wait(3); !slices.Equal(all, []string{"1 1", "2 2", "3 3"}) {
		t.Fatal(all)
	}
	endless := feedOf(t, 0, 0, false, Source{Command: []string{"yes", "on and on"}}, 3)
	on := newTaken()
	endless.Serve(0, on.give)
	noError(t, endless.Start(time.Now(), 3))
	if all := on.wait(3); !slices.Equal(all, []string{"1 on and on", "2 on and on", "3 on and on"}) {
		t.Fatal(all)
	}
	own := feedOf(t, 0, 0, false, Source{}, 3)
	counting := newTaken()
	own.Serve(0, counting.give)
	noError(t, own.Start(time.Now(), 1))
	if all := counting.wait(1); !strings.Contains(all[0], `"n":1`) {
		t.Fatal(all)
	}
}

func TestI9_ASourceThatIsNoneEndsTheSession(t *testing.T) {
	for name, source := range map[string]Source{
		"no file":         {File: filepath.Join(t.TempDir(), "nothing")},
		"no program":      {Command: []string{"/no/such/program"}},
		"too long a line": textFile(t, strings.Repeat("x", 9<<10)),
	} {
		t.Run(name, func(t *testing.T) {
			f := feedOf(t, 0, 0, false, source, 3)
			f.Serve(0, newTaken().give)
			noError(t, f.Start(time.Now(), 3))
			for {
				if sample, err := f.Sample(time.Now()); err != nil || sample.State == meter.Ended {
					noError(t, err)
					return
				}
			}
		})
	}
	for _, text := range []string{"", "file:", "exec: ", "http:x"} {
		if _, err := ParseSource(text); err == nil {
			t.Errorf("%q is a source", text)
		}
	}
}

func TestEachServiceHasItsDefaults(t *testing.T) {
	for service, want := range map[string]string{
		Charging: "charging DE*JLP*E1*1 mWh 10s 0 false", Parking: "parking DE*JLP*P1 s 1m0s 0 false",
		Toll: "toll DE*JLP*T1 count 2s 1 true", Data: "data DE*JLP*D1 count 10s 50 false",
	} {
		c, err := DefaultOf(service)
		noError(t, err)
		if got := fmt.Sprint(c.Service, " ", c.EVSE, " ", c.Unit, " ", c.ClaimEvery, " ", c.UnpaidMax, " ", c.Deferred); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if _, err := DefaultOf("coffee"); err == nil {
		t.Error("coffee is sold")
	}
	if names := (Sale{Places: 2}).names(Config{EVSE: "P", Service: Parking}); !slices.Equal(names, []string{"P*1", "P*2"}) {
		t.Error(names)
	}
}
