package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"joulepay/internal/campaign"
	"joulepay/internal/powercut"
	"joulepay/settle/sqlite"
	"joulepay/settle/store"
	"joulepay/settle/store/storetest"
)

// childFolder tells this test binary that it is the child that lives a script until it is killed.
const childFolder = "JOULEPAY_SETTLE_SQLITE_CHILD"

// scriptSeed makes a script in which all kinds of steps come often.
const scriptSeed = 8

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		fmt.Fprintln(os.Stderr, live(folder))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// live does one step of the script after the other, and says the number of each that is durable.
func live(folder string) error {
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(folder, "ledger.db")})
	if err != nil {
		return err
	}
	script := storetest.NewScript(scriptSeed)
	for n := 1; ; n++ {
		if err := script.Next().Do(context.Background(), s); err != nil {
			return err
		}
		fmt.Println(n)
		if err := powercut.Mark(strconv.Itoa(n)); err != nil {
			return err
		}
	}
}

// recorded runs the child on a disk that is recorded, until it has done so many steps, and kills it.
func recorded(t *testing.T, folder string, steps int) *powercut.Log {
	t.Helper()
	shim, log := powercut.Build(t), filepath.Join(t.TempDir(), "log")
	child := exec.Command(os.Args[0])
	child.Env = append(append(os.Environ(), childFolder+"="+folder), powercut.Env(t, shim, folder, log)...)
	var errorText strings.Builder
	child.Stderr = &errorText
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for done := 0; done < steps && lines.Scan(); done++ {
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v %s", err, errorText.String())
	}
	record, err := powercut.Read(log)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// lives gives what a store must hold after so many steps, and the step after them. It goes forward only.
type lives struct {
	script *storetest.Script
	steps  int
}

func (l *lives) after(steps int) *storetest.Script {
	if l.script == nil || steps < l.steps {
		l.script, l.steps = storetest.NewScript(scriptSeed), 0
	}
	for ; l.steps < steps; l.steps++ {
		l.script.Next()
	}
	return l.script
}

// cut opens the store as the disk holds it after the power failed, and tells what is wrong with it: it must be as after
// the last step that was acknowledged, or as after the next.
func cut(t *testing.T, record *powercut.Log, folder string, moment powercut.Moment, l *lives) error {
	t.Helper()
	into, err := os.MkdirTemp(t.TempDir(), "cut")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(into)
	if err := record.Rebuild(moment, folder, into); err != nil {
		t.Fatal(err)
	}
	done := 0
	for _, mark := range record.Marks() {
		if mark.At <= moment.At {
			done++
		}
	}
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(into, "ledger.db")})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		return err
	}
	if done == 0 {
		if _, err := s.Load(t.Context()); errors.Is(err, store.ErrEmpty) {
			return nil
		}
	} else if l.after(done).Check(t.Context(), s) == nil {
		return nil
	}
	next := l.after(done).Next()
	l.steps++
	if next.Prunes {
		if err := next.Do(t.Context(), s); err != nil {
			return err
		}
	}
	if err := l.script.Check(t.Context(), s); err != nil {
		return fmt.Errorf("neither step %d nor the next: %w", done, err)
	}
	return nil
}

func TestI4_NoStepIsLostOrHalfDoneWhenThePowerFails(t *testing.T) {
	const steps = 120
	run := campaign.New(t)
	folder := t.TempDir()
	record := recorded(t, folder, steps)
	var moments []powercut.Moment
	for i := range run.Size("ledger_power_cuts", 24) {
		at := rand.IntN(record.Len() + 1)
		if i%2 == 0 { // just after an acknowledgement there is most to lose
			at = record.Marks()[rand.IntN(len(record.Marks()))].At
		}
		moments = append(moments, powercut.Moment{At: at, Seed: rand.Uint64N(6)})
	}
	slices.SortFunc(moments, func(a, b powercut.Moment) int { return a.At - b.At })
	var l lives
	for _, moment := range moments {
		if err := cut(t, record, folder, moment, &l); err != nil {
			t.Errorf("%s: %v", moment, err)
		}
	}
	writes, syncs := record.Count()
	run.Count("steps acknowledged", len(record.Marks()))
	run.Count("writes recorded", writes)
	run.Count("syncs recorded", syncs)

	lying := record.WithoutSyncs()
	loses := func(moment powercut.Moment) bool { return cut(t, lying, folder, moment, &l) != nil }
	if !slices.ContainsFunc(moments, loses) {
		t.Error("this test finds nothing: on a disk that ignores syncs, nothing was lost")
	}
}
