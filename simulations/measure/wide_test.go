package measure

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestI10_SumsOfProductsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum wide
		exact := new(big.Int)
		for range rapid.IntRange(1, 8).Draw(t, "terms") {
			a, b := rapid.Int64().Draw(t, "a")>>1, rapid.Int64().Draw(t, "b")>>2 // eight of them fit
			sum.add(a, b)
			exact.Add(exact, new(big.Int).Mul(big.NewInt(a), big.NewInt(b)))
		}
		if sum.big().Cmp(exact) != 0 {
			t.Fatalf("got %s, want %s", sum.big(), exact)
		}
		den := rapid.Int64Range(1, 1<<62).Draw(t, "den")
		twice := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(sum.per(den)), big.NewInt(den)), exact)
		twice.Lsh(twice.Abs(twice), 1)
		if q := new(big.Int).Quo(exact, big.NewInt(den)); q.IsInt64() && q.BitLen() < 62 && twice.Cmp(big.NewInt(den)) > 0 {
			t.Fatalf("%s/%d is not nearest to %d", exact, den, sum.per(den))
		}
	})
}

func TestQuantilesAreWithinAThousandth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<50), 1, 60).Draw(t, "values")
		var d distribution
		for _, v := range values {
			d.add(v, 3)
		}
		num := rapid.Int64Range(1, 100).Draw(t, "percent")
		slices.Sort(values)
		want := values[(int64(len(values))*num+99)/100-1]
		if got := d.quantile(num, 100); got < want || got-want > want/1000 {
			t.Fatalf("%d of 100 are at most %d, not %d", num, want, got)
		}
	})
}

func TestDecimalTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		e, r := Energy(v), Ratio(v)
		var energy Energy
		var ratio Ratio
		if err := energy.UnmarshalText([]byte(e.String())); err != nil || energy != e {
			t.Fatalf("%s: %d, %v", e, energy, err)
		}
		if err := ratio.UnmarshalText([]byte(r.String())); err != nil || ratio != r {
			t.Fatalf("%s: %d, %v", r, ratio, err)
		}
	})
}
