package money

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// amounts draws from the whole range, and often from its edges, where overflow lives.
func amounts() *rapid.Generator[int64] {
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -Nano, -1, 0, 1, Nano, math.MaxInt64 - 1, math.MaxInt64}
	return rapid.OneOf(rapid.Int64(), rapid.SampledFrom(edges), rapid.Int64Range(-2*Nano, 2*Nano))
}

// sameAs checks a result against the exact one: equal where it fits 64 bits, ErrOverflow where it does not.
func sameAs(t *rapid.T, got Amount, err error, exact *big.Int) {
	t.Helper()
	switch {
	case exact.IsInt64() && (err != nil || int64(got) != exact.Int64()):
		t.Fatalf("got %d, %v, want %s", got, err, exact)
	case !exact.IsInt64() && !errors.Is(err, ErrOverflow):
		t.Fatalf("got %d, %v, want ErrOverflow for %s", got, err, exact)
	}
}

func TestI10_ArithmeticIsExactOrOverflows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		bigA, bigB := big.NewInt(a), big.NewInt(b)

		sum, err := Amount(a).Add(Amount(b))
		sameAs(t, sum, err, new(big.Int).Add(bigA, bigB))
		difference, err := Amount(a).Sub(Amount(b))
		sameAs(t, difference, err, new(big.Int).Sub(bigA, bigB))
		opposite, err := Amount(a).Neg()
		sameAs(t, opposite, err, new(big.Int).Neg(bigA))
	})
}

func TestI10_SubUndoesAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := Amount(amounts().Draw(t, "a")), Amount(amounts().Draw(t, "b"))
		sum, err := a.Add(b)
		if err != nil {
			t.Skip("overflow")
		}
		if back, err := sum.Sub(b); err != nil || back != a {
			t.Fatalf("%d + %d - %d = %d, %v", a, b, b, back, err)
		}
	})
}

func TestI10_MulDivRoundsTowardMinusInfinity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, num := amounts().Draw(t, "a"), amounts().Draw(t, "num")
		den := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "den")
		got, err := Amount(a).MulDiv(num, den)
		sameAs(t, got, err, floorMulDiv(a, num, den))
	})
}

func floorMulDiv(a, num, den int64) *big.Int {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(num))
	return product.Div(product, big.NewInt(den)) // Euclidean, which is floor for a positive divisor
}

func TestI10_MulDivAtTheEdges(t *testing.T) {
	tests := []struct {
		name        string
		a, num, den int64
	}{
		{"smallest amount", math.MinInt64, 1, 1},
		{"its opposite overflows", math.MinInt64, -1, 1},
		{"rounded down to the smallest", math.MinInt64, math.MaxInt64, math.MaxInt64},
		// |a×num| = 2⁶⁶−1: the magnitude of the quotient is 2⁶⁴−1 before it is rounded away from zero.
		{"rounding up carries out of 64 bits", -(1<<33 - 1), 1<<33 + 1, 4},
		{"half a unit below zero", -1, 1, 2},
		{"nothing times a negative", 0, -7, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Amount(test.a).MulDiv(test.num, test.den)
			exact := floorMulDiv(test.a, test.num, test.den)
			if exact.IsInt64() && (err != nil || int64(got) != exact.Int64()) {
				t.Errorf("got %d, %v, want %s", got, err, exact)
			}
			if !exact.IsInt64() && !errors.Is(err, ErrOverflow) {
				t.Errorf("got %d, %v, want ErrOverflow", got, err)
			}
		})
	}
}

func TestI10_MulDivRefusesADivisorThatIsNotPositive(t *testing.T) {
	for _, den := range []int64{0, -1, math.MinInt64} {
		if got, err := Amount(1).MulDiv(1, den); !errors.Is(err, ErrOverflow) {
			t.Errorf("1 * 1 / %d = %d, %v", den, got, err)
		}
	}
}

func TestI10_SumOverflowsAsAddDoes(t *testing.T) {
	if total, err := Sum(1, 2, -4); err != nil || total != -1 {
		t.Errorf("got %d, %v", total, err)
	}
	if total, err := Sum(); err != nil || total != 0 {
		t.Errorf("empty sum: got %d, %v", total, err)
	}
	if total, err := Sum(math.MaxInt64, 1, -1); !errors.Is(err, ErrOverflow) {
		t.Errorf("got %d, %v, want ErrOverflow", total, err)
	}
}

func TestI10_ParseUndoesString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Amount(amounts().Draw(t, "a"))
		if back, err := Parse(a.String()); err != nil || back != a {
			t.Fatalf("Parse(%q) = %d, %v, want %d", a, back, err, a)
		}
	})
}

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want Amount
		err  error
	}{
		{text: "4.82", want: 4_820_000_000},
		{text: "12", want: 12 * Nano},
		{text: "-0.5", want: -500_000_000},
		{text: "0.000000001", want: 1},
		{text: "-0", want: 0},
		{text: "007", want: 7 * Nano},
		{text: "9223372036.854775807", want: math.MaxInt64},
		{text: "-9223372036.854775808", want: math.MinInt64},
		{text: "9223372036.854775808", err: ErrOverflow},
		{text: "-9223372036.854775809", err: ErrOverflow},
		{text: "9999999999.999999999", err: ErrOverflow},
		{text: "10000000000", err: ErrOverflow},
		{text: "", err: ErrSyntax},
		{text: "-", err: ErrSyntax},
		{text: ".5", err: ErrSyntax},
		{text: "5.", err: ErrSyntax},
		{text: "1.2.3", err: ErrSyntax},
		{text: "0.0000000001", err: ErrSyntax},
		{text: "1e3", err: ErrSyntax},
		{text: "+1", err: ErrSyntax},
		{text: "--1", err: ErrSyntax},
		{text: "1,5", err: ErrSyntax},
		{text: " 1", err: ErrSyntax},
		{text: "١", err: ErrSyntax},
		{text: "NaN", err: ErrSyntax},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := Parse(test.text)
			if got != test.want || !errors.Is(err, test.err) || (err != nil) != (test.err != nil) {
				t.Errorf("got %d, %v, want %d, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestErrorsRepeatOnlyTheStartOfALongText(t *testing.T) {
	_, err := Parse(strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("got an error of %d characters", len(err.Error()))
	}
}

func TestString(t *testing.T) {
	tests := map[Amount]string{
		0: "0.00", 1: "0.000000001", -1: "-0.000000001", 4_820_000_000: "4.82", 100_000_000: "0.10",
		-3 * Nano: "-3.00", math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	}
	for a, want := range tests {
		if got := a.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(a), got, want)
		}
	}
}

func TestCentsRoundHalfAwayFromZero(t *testing.T) {
	tests := map[Amount]string{
		0: "0.00", 4_999_999: "0.00", 5_000_000: "0.01", -5_000_000: "-0.01", -4_999_999: "0.00",
		995_000_000: "1.00", 4_824_999_999: "4.82", math.MinInt64: "-9223372036.85", math.MaxInt64: "9223372036.85",
	}
	for a, want := range tests {
		if got := a.Cents(); got != want {
			t.Errorf("%d: got %q, want %q", int64(a), got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"4.82", "-0.5", "9223372036.854775808", "1e3", ".", "007.10"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrOverflow) {
				t.Fatalf("Parse(%q): untyped error %v", text, err)
			}
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok || new(big.Rat).Mul(exact, big.NewRat(Nano, 1)).Cmp(new(big.Rat).SetInt64(int64(a))) != 0 {
			t.Fatalf("Parse(%q) = %d", text, a)
		}
		if back, err := Parse(a.String()); err != nil || back != a {
			t.Fatalf("Parse(%q) = %d, whose text %q parses to %d, %v", text, a, a, back, err)
		}
	})
}
