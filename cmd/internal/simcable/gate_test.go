package simcable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func gateAt(t *testing.T, o GateOptions) (*Gate, *Road, *Road) {
	t.Helper()
	conn := connect(t)()
	o.Now = time.Now
	if o.Free == nil {
		o.Free = func() bool { return true }
	}
	g, err := ServeGate(conn, pole, o)
	if err != nil {
		t.Fatal(err)
	}
	roads := [2]*Road{}
	for i, name := range []string{"first", "second"} {
		if roads[i], err = DriveTo(conn, pole, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return g, roads[0], roads[1]
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestABarrierOpensForWhoStandsBeforeIt(t *testing.T) {
	free := true
	g, first, second := gateAt(t, GateOptions{File: filepath.Join(t.TempDir(), "gate"), Register: 7, Free: func() bool { return free }})
	noError(t, first.Arrive(1))
	noError(t, g.Start(time.Now(), 8))
	free = false
	if err := second.Arrive(1); !errors.Is(err, ErrInUse) {
		t.Errorf("two stand before one barrier: %v", err)
	}
	noError(t, g.SetLimit(time.Now(), 9))
	if passage := <-first.Opened(); passage != 1 || g.Opened() != 8 {
		t.Errorf("opened for passage %d, register %d", passage, g.Opened())
	}
	noError(t, first.Arrive(1)) // it did not see it: it has opened, and is not counted again
	if passage := <-first.Opened(); passage != 1 {
		t.Errorf("opened for passage %d", passage)
	}
	if sample, err := g.Sample(time.Now()); err != nil || sample.Register != 8 {
		t.Errorf("counted %d, %v", sample.Register, err)
	}
}

func TestI4_AGateThatIsKilledCountsNobodyTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gate")
	g, first, _ := gateAt(t, GateOptions{File: file})
	noError(t, g.Start(time.Now(), 1))
	noError(t, first.Arrive(5))
	noError(t, g.Close()) // counted, not paid

	g, first, _ = gateAt(t, GateOptions{File: file, Unfinished: true})
	noError(t, g.Stop(time.Now())) // as a station does that starts again
	noError(t, first.Arrive(5))
	noError(t, g.Start(time.Now(), 1))
	noError(t, g.SetLimit(time.Now(), 2)) // paid
	if passage := <-first.Opened(); passage != 5 || g.Opened() != 1 {
		t.Errorf("opened for passage %d, register %d", passage, g.Opened())
	}
	noError(t, g.Close())

	g, first, _ = gateAt(t, GateOptions{File: file, Unfinished: true})
	noError(t, first.Arrive(5)) // it was killed before it saw the barrier open
	if passage := <-first.Opened(); passage != 5 || g.Opened() != 1 {
		t.Errorf("opened for passage %d, register %d", passage, g.Opened())
	}
	noError(t, g.Close())
}

func TestNobodyPassesForWhoLeft(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gate")
	g, first, _ := gateAt(t, GateOptions{File: file})
	noError(t, g.Start(time.Now(), 1))
	noError(t, first.Arrive(1))
	noError(t, g.Stop(time.Now()))
	g.Hold("")
	noError(t, g.Close())
	g, _, second := gateAt(t, GateOptions{File: file})
	noError(t, g.Start(time.Now(), 2))
	noError(t, second.Arrive(1))
	if sample, err := g.Sample(time.Now()); err != nil || sample.Register != 2 || g.Opened() != 1 {
		t.Errorf("counted %d, opened %d, %v", sample.Register, g.Opened(), err)
	}
	noError(t, os.WriteFile(file, []byte("{"), 0o600))
	if _, err := ServeGate(nil, pole, GateOptions{File: file}); !errors.Is(err, ErrGate) {
		t.Errorf("a gate that was damaged: %v", err)
	}
}
