package meter_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"joulepay/meter"
)

func TestI6_OnlyConfirmedQuantitiesPass(t *testing.T) {
	c, err := meter.NewComparison(meter.SideDC, 30_000, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		claimed, measured int64
		good              bool
	}{
		{0, 0, true}, {100, 0, true}, {101, 0, false},
		{10_000, 10_000, true}, {10_400, 10_000, true}, {10_401, 10_000, false},
		{0, 10_000, true}, // the station gives away
		{-1, 10_000, false}, {0, -1, false},
		{134, 33, false}, {133, 33, true}, // 3 % of 33 is less than one
		{math.MaxInt64, math.MaxInt64, true}, {math.MaxInt64, math.MaxInt64 / 2, false},
	} {
		err := c.Check(v.claimed, v.measured)
		if (err == nil) != v.good {
			t.Errorf("claimed %d, measured %d: %v", v.claimed, v.measured, err)
		}
		var numbers *meter.Disagreement
		if err != nil && (!errors.Is(err, meter.ErrDisagrees) || !errors.As(err, &numbers) ||
			numbers.Claimed != v.claimed || numbers.Measured != v.measured || numbers.Side != meter.SideDC) {
			t.Errorf("claimed %d, measured %d: %v", v.claimed, v.measured, err)
		}
	}
}

func TestI6_WhatWasGivenBackIsCreditedInFull(t *testing.T) {
	c, err := meter.NewComparison(meter.SideDC, 30_000, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		credited, measured int64
		good               bool
	}{
		{0, 0, true}, {0, 100, true}, {0, 101, false},
		{10_000, 10_000, true}, {10_000, 10_400, true}, {10_000, 10_401, false},
		{10_000, 0, true}, // the station gives away
		{-1, 0, false}, {0, -1, false},
	} {
		err := c.CheckReturned(v.credited, v.measured)
		if (err == nil) != v.good {
			t.Errorf("credited %d, measured %d: %v", v.credited, v.measured, err)
		}
		var numbers *meter.Disagreement
		if err != nil && (!errors.Is(err, meter.ErrDisagrees) || !errors.As(err, &numbers) ||
			numbers.Claimed != v.credited || numbers.Measured != v.measured || !numbers.Returned) {
			t.Errorf("credited %d, measured %d: %v", v.credited, v.measured, err)
		}
	}
}

func TestI6_TheToleranceIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ppm := rapid.Int64Range(0, 1_000_000).Draw(t, "ppm")
		absolute := rapid.Int64Min(0).Draw(t, "absolute")
		claimed, measured := rapid.Int64Min(0).Draw(t, "claimed"), rapid.Int64Min(0).Draw(t, "measured")
		if rapid.Bool().Draw(t, "near") {
			claimed = measured
		}
		c, err := meter.NewComparison(meter.SideAC, ppm, absolute)
		if err != nil {
			t.Fatal(err)
		}
		most := new(big.Int).Mul(big.NewInt(measured), big.NewInt(ppm))
		most.Div(most, big.NewInt(1_000_000)).Add(most, big.NewInt(measured)).Add(most, big.NewInt(absolute))
		if good := big.NewInt(claimed).Cmp(most) <= 0; (c.Check(claimed, measured) == nil) != good {
			t.Fatalf("claimed %d, measured %d, at most %v: %v", claimed, measured, most, c.Check(claimed, measured))
		}
	})
}

func TestAToleranceWithoutSideOrBoundIsRefused(t *testing.T) {
	for _, v := range []struct {
		side          meter.Side
		ppm, absolute int64
	}{{0, 1, 1}, {3, 1, 1}, {meter.SideAC, -1, 1}, {meter.SideAC, 1_000_001, 1}, {meter.SideAC, 1, -1}} {
		if _, err := meter.NewComparison(v.side, v.ppm, v.absolute); !errors.Is(err, meter.ErrComparison) {
			t.Errorf("%+v: %v", v, err)
		}
	}
	if err := (meter.Comparison{}).Check(1, 0); !errors.Is(err, meter.ErrDisagrees) {
		t.Errorf("the zero value tolerates: %v", err)
	}
	c, err := meter.DefaultComparison(meter.SideAC)
	if err != nil || c.Side() != meter.SideAC || c.Side().String() != "AC" || meter.SideDC.String() != "DC" {
		t.Errorf("%v %v", c.Side(), err)
	}
}
