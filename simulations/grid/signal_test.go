package grid

import (
	"errors"
	"testing"
	"time"
)

func TestTheLeastSignalHolds(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1, LimitMilliwatts: 100}}, []Station{{MaxMilliwatts: 1}}, nil)
	limits, err := NewLimits(site, []Signal{
		{Source: "a", Start: time.Hour, End: 4 * time.Hour, LimitMilliwatts: 50},
		{Source: "b", Start: 2 * time.Hour, End: 3 * time.Hour, LimitMilliwatts: 40},
		{Source: "b", Start: 5 * time.Hour, LimitMilliwatts: 200},
		{Source: "a", Start: 3 * time.Hour, LimitMilliwatts: 60},
		{Source: "a", Start: 6 * time.Hour, LimitMilliwatts: Unlimited},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{100, 50, 40, 60, 60, 60, 100}
	var got [1]int64
	for hour, limit := range want {
		if limits.At(time.Duration(hour)*time.Hour, got[:]); got[0] != limit {
			t.Errorf("at %d h: %d mW, want %d", hour, got[0], limit)
		}
	}
	now, changes := time.Duration(0), 0
	for next, any := limits.Next(now); any; next, any = limits.Next(now) {
		now, changes = next, changes+1
	}
	if now != 6*time.Hour || changes != 6 {
		t.Errorf("%d changes, the last at %v", changes, now)
	}
}

// A control box that is not heard for longer than agreed leaves the circuit with its failsafe, as § 14a EnWG has it.
func TestASilentSourceLeavesItsFailsafe(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1}, {Above: 0}}, []Station{{MaxMilliwatts: 1}}, nil)
	limits, err := NewLimits(site, []Signal{
		{Source: "grid operator", Circuit: 1, Start: 30 * time.Minute, LimitMilliwatts: 9_000},
		{Source: "grid operator", Circuit: 1, Start: 2 * time.Hour, LimitMilliwatts: 8_000},
	}, []Source{{Name: "grid operator", Circuit: 1, FailsafeMilliwatts: 4_200, Patience: 30 * time.Minute,
		Silences: []Silence{{Start: time.Hour, End: 3 * time.Hour}}}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[time.Duration]int64{
		0:                             Unlimited,
		30 * time.Minute:              9_000, // heard
		80 * time.Minute:              9_000, // silent, within its patience
		90 * time.Minute:              4_200,
		2 * time.Hour:                 4_200, // what it says now is not heard
		3*time.Hour - time.Nanosecond: 4_200,
		3 * time.Hour:                 8_000, // heard at last
	}
	for at, want := range tests {
		var got [2]int64
		if limits.At(at, got[:]); got[0] != Unlimited || got[1] != want {
			t.Errorf("at %v: %v, want %d", at, got, want)
		}
	}
}

// The failsafe also replaces a signal that is stricter than it: nobody knows whether that still holds.
func TestAFailsafeLiftsAStricterSignal(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1}}, []Station{{MaxMilliwatts: 1}}, nil)
	limits, err := NewLimits(site, []Signal{{Source: "operator", LimitMilliwatts: 1_000}}, []Source{{Name: "operator", FailsafeMilliwatts: 4_200,
		Patience: time.Minute, Silences: []Silence{{Start: time.Hour, End: 2 * time.Hour}}}})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]int64{time.Hour: 1_000, time.Hour + time.Minute: 4_200, 2 * time.Hour: 1_000} {
		var got [1]int64
		if limits.At(at, got[:]); got[0] != want {
			t.Errorf("at %v: %d mW, want %d", at, got[0], want)
		}
	}
}

func TestWhatIsNoSignalIsRefused(t *testing.T) {
	site := mustSite(t, []Circuit{{Above: -1}}, nil, nil)
	signals := map[string]Signal{
		"no circuit":     {Circuit: 1},
		"negative limit": {LimitMilliwatts: -2},
		"ends first":     {Start: 2, End: 1},
	}
	for name, signal := range signals {
		if _, err := NewLimits(site, []Signal{signal}, nil); !errors.Is(err, ErrSite) {
			t.Errorf("%s: %v, want ErrSite", name, err)
		}
	}
	sources := map[string]Source{
		"no circuit":       {Circuit: 1},
		"no failsafe":      {FailsafeMilliwatts: -1},
		"silences overlap": {Silences: []Silence{{Start: 1, End: 3}, {Start: 2, End: 4}}},
	}
	for name, source := range sources {
		if _, err := NewLimits(site, nil, []Source{source}); !errors.Is(err, ErrSite) {
			t.Errorf("%s: %v, want ErrSite", name, err)
		}
	}
}
