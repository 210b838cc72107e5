package ocpp

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// outletMw is 50 kW: 0.83 kWh a minute.
const outletMw = 50_000_000

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func register(seconds int, mwh int64) look {
	return look{at: at(seconds), registerMwh: mwh, hasRegister: true}
}

func power(seconds int, mwh, milliwatts int64) look {
	l := register(seconds, mwh)
	l.powerMw, l.hasPower = milliwatts, true
	return l
}

func kWh(seconds int, mwh int64) look {
	l := register(seconds, mwh)
	l.saysKWh = true
	return l
}

func TestARegisterIsFollowedUntilItContradictsItself(t *testing.T) {
	const begin = 5_000_000
	cases := []struct {
		name  string
		looks []look
		want  error
		delta int64
	}{
		{"rises", []look{register(60, begin+800_000), register(120, begin+1_600_000)}, nil, 1_600_000},
		{"rests", []look{register(60, begin+800_000), register(120, begin+800_000)}, nil, 800_000},
		{"repeats a message", []look{register(60, begin+800_000), register(60, begin+800_000)}, nil, 800_000},
		{"repeats with less digits", []look{register(60, begin+800_060), register(60, begin+800_000)}, nil, 800_060},
		{"tells late what was surpassed", []look{register(120, begin+900_000), register(60, begin+800_000)}, nil, 900_000},
		{"tells late more than since", []look{register(120, begin+900_000), register(60, begin+950_000)}, nil, 900_000},
		{"jumps back", []look{register(60, begin+800_000), register(120, begin+700_000)}, ErrRegisterFell, 800_000},
		{"resets", []look{register(60, begin+800_000), register(120, 0)}, ErrRegisterFell, 800_000},
		{"jumps ahead", []look{register(60, begin+800_000), register(61, begin+90_000_000)}, ErrRegisterJumped, 800_000},
		{"stays broken", []look{register(60, begin+800_000), register(120, 0), register(180, begin+2_000_000)}, ErrRegisterFell, 800_000},
		{"stands still while power flows", []look{
			power(60, begin+800_000, outletMw), power(90, begin+800_000, outletMw), power(120, begin+800_000, outletMw)}, ErrRegisterStuck, 800_000},
		{"stands still without power", []look{power(60, begin+800_000, 0), power(600, begin+800_000, 0), power(1200, begin+800_000, 0)}, nil, 800_000},
		{"moves on after a pause", []look{power(60, begin+800_000, outletMw), power(85, begin+900_000, outletMw), power(110, begin+1_000_000, outletMw)}, nil, 1_000_000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tx := newTransaction("1", "token", outletMw, stepDefaultMwh, noon, noon)
			tx.begin(begin)
			var err error
			for _, l := range c.looks {
				err = tx.follow(l, l.at)
			}
			if !errors.Is(err, c.want) || tx.delta() != c.delta {
				t.Fatalf("%v after %d mWh, want %v after %d", err, tx.delta(), c.want, c.delta)
			}
		})
	}
}

func TestAStopIsTakenUnlessItLiesBelowWhatWasBilled(t *testing.T) {
	const begin = 1_000
	for _, c := range []struct {
		name        string
		last, stop  int64
		want        error
		delta       int64
		wantRounded bool
	}{
		{"as last seen", 28_060, 28_060, nil, 28_060, false},
		{"more", 28_060, 29_000, nil, 29_000, false},
		{"rounded to watt-hours", 28_060, 28_000, nil, 28_000, true},
		{"a watt-hour less", 28_060, 27_000, ErrRegisterFell, 28_060, false},
		{"reset", 28_060, 0, ErrRegisterFell, 28_060, false},
		{"far more", 28_060, 90_000_000, ErrRegisterJumped, 28_060, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTransaction("1", "token", outletMw, stepDefaultMwh, noon, noon)
			tx.begin(begin)
			if err := tx.follow(register(60, begin+c.last), at(60)); err != nil {
				t.Fatal(err)
			}
			stop := c.stop + begin
			if c.stop == 0 {
				stop = 0
			}
			if err := tx.end(stop, true, at(61)); !errors.Is(err, c.want) || tx.delta() != c.delta || tx.quirks[QuirkStopRounded] != c.wantRounded {
				t.Fatalf("%v, %d mWh, quirks %v", err, tx.delta(), tx.quirks)
			}
			if !tx.ended() {
				t.Fatal("it goes on")
			}
		})
	}
}

func TestAWrongKWhLabelIsOnlyBelievedWhereItCosts(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin int64 // mWh as labelled
		looks []look
		delta int64
		quirk bool
		want  error
	}{
		{"Wh labelled kWh", 0, []look{kWh(15, 150_010_000), register(20, 200_030)}, 200_030, true, nil},
		{"with a register behind it", 5_000_000_000, []look{kWh(15, 5_150_000_000)}, 150_000, true, nil},
		{"truly kWh", 5_000_000_000, []look{kWh(60, 5_000_800_000)}, 800_000, false, nil},
		{"truly kWh and too much", 0, []look{kWh(60, 400_000), kWh(61, 90_000_000)}, 400_000, false, ErrRegisterJumped},
		{"too much either way", 0, []look{kWh(1, math.MaxInt64/8)}, 0, false, ErrRegisterJumped},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := newTransaction("1", "token", outletMw, stepDefaultMwh, noon, noon)
			tx.begin(c.begin)
			var err error
			for _, l := range c.looks {
				err = tx.follow(l, l.at)
			}
			if !errors.Is(err, c.want) || tx.delta() != c.delta || tx.quirks[QuirkKWhLabel] != c.quirk {
				t.Fatalf("%v, %d mWh, quirks %v", err, tx.delta(), tx.quirks)
			}
		})
	}
}

// Whatever a station says, in whatever order: what is billed never falls, never exceeds what the outlet can deliver, and
// rests after the first contradiction.
func TestWhateverAStationSaysTheBillNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := newTransaction("1", "token", outletMw, stepDefaultMwh, noon, noon)
		tx.begin(rapid.Int64Range(0, 1<<40).Draw(t, "begin"))
		begin := tx.startMwh
		billed, latest, broken := int64(0), 0, false
		for range rapid.IntRange(0, 30).Draw(t, "looks") {
			l := look{
				at: at(rapid.IntRange(-10, 7200).Draw(t, "second")), hasRegister: rapid.Bool().Draw(t, "register"),
				registerMwh: begin + rapid.Int64Range(-begin, 1<<33).Draw(t, "rise"),
				hasPower:    rapid.Bool().Draw(t, "power"), powerMw: rapid.Int64().Draw(t, "milliwatts"),
				saysKWh: rapid.Bool().Draw(t, "kWh"),
			}
			latest = max(latest, int(l.at.Sub(noon)/time.Second))
			err := tx.follow(l, l.at)
			now := tx.billable()
			if now < billed || broken && now != billed || now > tx.most(at(latest)) {
				t.Fatalf("%d mWh after %d mWh (%v)", now, billed, err)
			}
			billed, broken = now, broken || err != nil
		}
		stop := rapid.Int64Range(0, 1<<41).Draw(t, "stop")
		err := tx.end(stop, true, at(latest))
		if tx.delta() < billed || err == nil && tx.delta() != stop-tx.startMwh {
			t.Fatalf("%d mWh at the stop after %d mWh: %v", tx.delta(), billed, err)
		}
	})
}
