package execmeter_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"joulepay/meter"
	"joulepay/meter/execmeter"
)

// roleVariable makes the test binary play a program behind a meter.
const (
	roleVariable   = "EXECMETER_TEST_ROLE"
	socketVariable = "EXECMETER_TEST_SOCKET"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		roles[role]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var roles = map[string]func(){
	"obedient":  obedient,
	"stubborn":  func() { signal.Ignore(syscall.SIGTERM); fmt.Println(`{"register_mwh":0}`); holdSocket() },
	"parent":    parent,
	"child":     func() { signal.Ignore(syscall.SIGTERM); holdSocket() },
	"mute":      wait,
	"deserting": func() { startChild(); fmt.Println(`{"register_mwh":7}`) },
	"broken":    func() { fmt.Fprintln(os.Stderr, "no device at the port"); os.Exit(3) },
	"brief":     func() { fmt.Println(`{"register_mwh":1}`); fmt.Println(`{"register_mwh":2,"state":"ended"}`) },
	"deaf":      func() { fmt.Println(`{"register_mwh":5}`); holdSocket() },
	"late":      late,
	"endless":   func() { fmt.Print(strings.Repeat("x", 1<<20)); holdSocket() },
	"falling":   func() { fmt.Println(`{"register_mwh":5}`); fmt.Println(`{"register_mwh":4}`); holdSocket() },
	"unplugged": func() { fmt.Println(`{"register":5,"unit":"count","plugged":false}`); wait() },
}

// obedient answers each state wanted with a reading that shows it.
func obedient() {
	register := int64(100)
	fmt.Printf(`{"register_mwh":%d,"state":"suspended_evse"}`+"\n", register)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var want struct {
			Run   bool  `json:"run"`
			Limit int64 `json:"limit_mw"`
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			fmt.Println(err)
			return
		}
		register += 10
		fmt.Printf(`{"register_mwh":%d,"power_mw":%d,"soc_permille":500}`+"\n", register, want.Limit)
	}
}

// late reads its input only when it gets a cue at its socket, and then tells the last limit that was wanted.
func late() {
	fmt.Println(`{"register_mwh":0}`)
	connection, err := net.Dial("unix", os.Getenv(socketVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_, _ = io.Copy(io.Discard, connection)
	obedient()
}

// wait lasts until the input ends.
func wait() { _, _ = io.Copy(io.Discard, os.Stdin) }

// holdSocket keeps a connection for as long as the process lives: its end is seen at the other side.
func holdSocket() {
	connection, err := net.Dial("unix", os.Getenv(socketVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "holding")
	_, _ = io.Copy(io.Discard, connection)
}

// startChild returns when the child holds its socket, so that nobody ends it before it can show that it lived.
func startChild() {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), roleVariable+"=child")
	said, err := child.StderrPipe()
	if err == nil {
		err = child.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(said).ReadString('\n')
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parent() {
	startChild()
	fmt.Println(`{"register_mwh":0}`)
	wait()
}

func open(t *testing.T, role string) *execmeter.Meter {
	t.Helper()
	t.Setenv(roleVariable, role)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m, err := execmeter.Open([]string{program}, 22_000_000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// listen gives where a process shows that it lives.
func listen(t *testing.T) net.Listener {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv(socketVariable, path)
	return l
}

// expectDeath blocks until the process at the other end has ended: the test's own deadline is the only one.
func expectDeath(t *testing.T, connection net.Conn) {
	t.Helper()
	if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the process lives: %v", err)
	}
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	connection, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

func next(t *testing.T, m *execmeter.Meter, now time.Time) meter.Sample {
	t.Helper()
	if err := m.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := m.Sample(now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestAProgramIsControlledAndRead(t *testing.T) {
	m := open(t, "obedient")
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	check := func(got meter.Sample, register, power int64, soc int16, state meter.State, when time.Time) {
		t.Helper()
		want := meter.Sample{Time: when, Register: register, Unit: meter.MilliwattHours, PowerMilliwatts: power, StateOfChargePermille: soc, State: state}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	check(next(t, m, at(0)), 100, 0, -1, meter.SuspendedStation, at(0))
	if !m.Plugged() || m.MaxPowerMilliwatts() != 22_000_000 {
		t.Fatal("not plugged")
	}
	if err := m.SetLimit(at(1), 1); !errors.Is(err, meter.ErrNotStarted) {
		t.Fatal(err)
	}
	if err := m.Start(at(1), -1); !errors.Is(err, meter.ErrLimit) {
		t.Fatal(err)
	}
	if err := m.Start(at(1), 11_000_000); err != nil {
		t.Fatal(err)
	}
	check(next(t, m, at(2)), 110, 11_000_000, 500, meter.Charging, at(2))
	if err := m.Start(at(3), 11_000_000); !errors.Is(err, meter.ErrStarted) {
		t.Fatal(err)
	}
	if err := m.SetLimit(at(3), -1); !errors.Is(err, meter.ErrLimit) {
		t.Fatal(err)
	}
	if err := m.SetLimit(at(3), 7_000_000); err != nil {
		t.Fatal(err)
	}
	check(next(t, m, at(4)), 120, 7_000_000, 500, meter.Charging, at(4))
	if err := m.Stop(at(5)); err != nil {
		t.Fatal(err)
	}
	check(next(t, m, at(6)), 130, 0, 500, meter.Ended, at(6))
	again, err := m.Sample(at(60))
	if err != nil {
		t.Fatal(err)
	}
	check(again, 130, 0, 500, meter.Ended, at(6)) // a program that says nothing new does not let time pass
	if err := m.Start(at(61), 5_000_000); err != nil {
		t.Fatal(err)
	}
	check(next(t, m, at(62)), 140, 5_000_000, 500, meter.Charging, at(62))
}

func TestBeforeTheFirstReadingThereIsNone(t *testing.T) {
	m := open(t, "mute")
	if _, err := m.Sample(start); !errors.Is(err, meter.ErrNoSample) {
		t.Fatal(err)
	}
	if err := m.Start(start, 1); m.Plugged() || !errors.Is(err, meter.ErrNotPlugged) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestAProgramMayCountAndTellThatNothingIsPlugged(t *testing.T) {
	m := open(t, "unplugged")
	if s := next(t, m, start); s.Unit != meter.Count || s.Register != 5 || m.Plugged() {
		t.Fatalf("%+v", s)
	}
	if err := m.Start(start, 1); !errors.Is(err, meter.ErrNotPlugged) {
		t.Fatal(err)
	}
	if err := m.Stop(start); err != nil {
		t.Fatal(err)
	}
}

func TestTheLastReadingOfAProgramThatEndsIsGiven(t *testing.T) {
	m := open(t, "brief")
	var last meter.Sample
	for {
		if err := m.Next(t.Context()); err != nil {
			if !errors.Is(err, execmeter.ErrExited) {
				t.Fatal(err)
			}
			break
		}
		var err error
		if last, err = m.Sample(start); err != nil {
			t.Fatal(err)
		}
	}
	if last.Register != 2 || last.State != meter.Ended {
		t.Fatalf("%+v", last)
	}
	if _, err := m.Sample(start); !errors.Is(err, execmeter.ErrExited) || m.Plugged() {
		t.Fatal(err)
	}
	if err := m.Start(start, 1); !errors.Is(err, execmeter.ErrExited) {
		t.Fatal(err)
	}
	if err := m.SetLimit(start, 1); !errors.Is(err, execmeter.ErrExited) {
		t.Fatal(err)
	}
}

func TestAProgramThatFailsLeavesItsStatusAndLastWords(t *testing.T) {
	err := open(t, "broken").Next(t.Context())
	if !errors.Is(err, execmeter.ErrExited) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no device at the port") {
		t.Fatal(err)
	}
}

func TestI9_AProgramThatBreaksTheFormatIsEnded(t *testing.T) {
	for role, line := range map[string]int{"endless": 1, "falling": 2} {
		t.Run(role, func(t *testing.T) {
			listen(t)
			m := open(t, role)
			err := m.Next(t.Context())
			for err == nil {
				_, err = m.Sample(start)
				if err == nil {
					err = m.Next(t.Context())
				}
			}
			var where *execmeter.LineError
			if !errors.Is(err, execmeter.ErrLine) || !errors.As(err, &where) || where.Line != line {
				t.Fatal(err)
			}
		})
	}
}

func TestAProgramThatDoesNotReadBlocksNobody(t *testing.T) {
	listener := listen(t)
	m := open(t, "deaf")
	next(t, m, start)
	accept(t, listener)
	if err := m.Start(start, 1); err != nil {
		t.Fatal(err)
	}
	for i := range int64(20_000) { // 600 kB, ten times what a pipe holds
		if err := m.SetLimit(start, i); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALateProgramGetsTheLastStateWanted(t *testing.T) {
	listener := listen(t)
	m := open(t, "late")
	next(t, m, start)
	cue := accept(t, listener)
	if err := m.Start(start, 1); err != nil {
		t.Fatal(err)
	}
	const last = 5000 // far more than a pipe holds
	for i := range int64(last) {
		if err := m.SetLimit(start, i+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := cue.Close(); err != nil {
		t.Fatal(err)
	}
	for power := int64(0); power != last; power = next(t, m, start).PowerMilliwatts {
	}
}

func TestCloseEndsTheProgramAndAllItStarted(t *testing.T) {
	for _, role := range []string{"parent", "stubborn", "deserting"} {
		t.Run(role, func(t *testing.T) {
			listener := listen(t)
			m := open(t, role)
			if err := m.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			process := accept(t, listener)
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			expectDeath(t, process)
			if _, err := m.Sample(start); err == nil {
				t.Fatal("a closed meter gives readings")
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAClosedMeterSaysSo(t *testing.T) {
	m := open(t, "obedient")
	next(t, m, start)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sample(start); !errors.Is(err, execmeter.ErrClosed) {
		t.Fatal(err)
	}
	if err := m.Next(t.Context()); !errors.Is(err, execmeter.ErrClosed) {
		t.Fatal(err)
	}
}

func TestACommandThatCannotRunIsRefused(t *testing.T) {
	for _, command := range [][]string{nil, {filepath.Join(t.TempDir(), "none")}, {t.TempDir()}} {
		if _, err := execmeter.Open(command, 1); !errors.Is(err, execmeter.ErrCommand) {
			t.Errorf("%q: %v", command, err)
		}
	}
}

func ExampleOpen() {
	m, err := execmeter.Open([]string{"echo", `{"register_mwh":1234567,"power_mw":11000000}`}, 22_000_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	if err := m.Next(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	sample, err := m.Sample(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))
	fmt.Println(sample.Register, sample.Unit, sample.State, err)
	// Output: 1234567 mWh charging <nil>
}
