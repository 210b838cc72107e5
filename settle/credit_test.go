package settle_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/settle"
	"joulepay/wallet/money"
)

func drawLimits(t *rapid.T) settle.Limits {
	l := settle.DefaultLimits()
	l.CreditInterval = time.Duration(rapid.Int64Range(1, 1<<31).Draw(t, "interval")) * time.Millisecond
	l.CreditCap = time.Duration(rapid.Int64Range(1, 1<<31).Draw(t, "cap")) * time.Millisecond
	l.RegistrationCredit = rapid.Uint32().Draw(t, "registration")
	return l
}

func drawWealth(t *rapid.T) money.Amount {
	return money.Amount(rapid.Int64Range(0, math.MaxInt64).Draw(t, "wealth"))
}

// exact is the definition: wealth times time over the interval, in arithmetic without bounds.
func exact(wealth money.Amount, d time.Duration, l settle.Limits) *big.Int {
	n := new(big.Int).Mul(big.NewInt(int64(wealth)), big.NewInt(d.Milliseconds()))
	unit := new(big.Int).Mul(big.NewInt(money.Nano), big.NewInt(l.CreditInterval.Milliseconds()))
	return n.Div(n, unit)
}

func TestCreditIsWealthTimesTimeUpToTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wealth := drawLimits(t), drawWealth(t)
		d := time.Duration(rapid.Int64Range(0, 1<<33).Draw(t, "elapsed")) * time.Millisecond
		got := settle.Credit{Since: 5}.At(settle.LedgerTime(5+d.Milliseconds()), wealth, l)
		want, most := exact(wealth, d, l), exact(wealth, l.CreditCap, l)
		if floor := big.NewInt(int64(l.RegistrationCredit)); most.Cmp(floor) < 0 {
			most = floor
		}
		if want.Cmp(most) > 0 {
			want = most
		}
		if !want.IsUint64() {
			want.SetUint64(math.MaxUint64)
		}
		if got.Units != want.Uint64() {
			t.Fatalf("%d units, want %s", got.Units, want)
		}
	})
}

func TestCreditDoesNotDependOnHowOftenOneLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wealth := drawLimits(t), drawWealth(t)
		c := settle.Credit{Units: rapid.Uint64Range(0, 1000).Draw(t, "units")}
		end := rapid.Int64Range(1, 1<<33).Draw(t, "end")
		stepped := c
		for _, at := range rapid.SliceOfN(rapid.Int64Range(0, end), 0, 20).Draw(t, "looks") {
			before := stepped.Units
			if stepped = stepped.At(settle.LedgerTime(at), wealth, l); stepped.Units < before {
				t.Fatal("credit fell by waiting")
			}
		}
		at := settle.LedgerTime(end)
		if got, want := stepped.At(at, wealth, l), c.At(at, wealth, l); got != want {
			t.Fatalf("%+v, at once %+v", got, want)
		}
	})
}

func TestAfterTheWaitTheCreditIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, wealth := drawLimits(t), drawWealth(t)
		c := settle.Credit{Units: rapid.Uint64Range(0, 50).Draw(t, "units")}
		want := rapid.Uint64Range(0, 200).Draw(t, "wanted")
		wait, ever := c.Wait(want, wealth, l)
		if !ever {
			if later := c.At(1<<31, wealth, l); later.Units >= want && wealth > 0 {
				t.Fatalf("never, but later there are %d of %d", later.Units, want)
			}
			return
		}
		if got := c.At(settle.LedgerTime(wait.Milliseconds()), wealth, l); got.Units < want {
			t.Fatalf("%d of %d after %s", got.Units, want, wait)
		}
		if wait > 0 {
			if got := c.At(settle.LedgerTime(wait.Milliseconds()-1), wealth, l); got.Units >= want {
				t.Fatalf("%d of %d before %s", got.Units, want, wait)
			}
		}
	})
}

func TestDefaultCreditLetsAMachineWithFiftyPaySomeTimesASecond(t *testing.T) {
	l := settle.DefaultLimits()
	c := settle.Credit{}.At(1000, 50*eur, l)
	if c.Units != 5 || l.CreditMax(50*eur) != 500 || l.CreditMax(0) != uint64(l.RegistrationCredit) {
		t.Errorf("%d a second, %d at most, %d without money", c.Units, l.CreditMax(50*eur), l.CreditMax(0))
	}
	if l.RegistrationCredit < settle.WorkOpen+2*settle.WorkVertex {
		t.Error("a new account cannot open a channel and top it up")
	}
	l.CreditInterval = 0
	if (settle.Credit{}).At(1000, 50*eur, l) != (settle.Credit{}) {
		t.Error("credit is counted in a network without")
	}
}

func TestCreditAboveTheCapIsKeptAndDoesNotGrow(t *testing.T) {
	l := settle.DefaultLimits()
	rich := settle.Credit{Units: 400, Fraction: 9}
	if got := rich.At(1e6, 10*eur, l); got.Units != 400 || got.Fraction != 0 {
		t.Errorf("%+v", got)
	}
}

func TestLimitsUnderWhichNoNetworkRunsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*settle.Limits){
		"credit by the microsecond": func(l *settle.Limits) { l.CreditInterval += time.Microsecond },
		"negative interval":         func(l *settle.Limits) { l.CreditInterval = -time.Second },
		"interval of a year":        func(l *settle.Limits) { l.CreditInterval = 365 * 24 * time.Hour },
		"credit never saved":        func(l *settle.Limits) { l.CreditCap = 0 },
		"cap of a year":             func(l *settle.Limits) { l.CreditCap = 365 * 24 * time.Hour },
		"negative account lock":     func(l *settle.Limits) { l.AccountLock = -1 },
		"negative channel lock":     func(l *settle.Limits) { l.ChannelLock = -1 },
	} {
		l := settle.DefaultLimits()
		change(&l)
		if l.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
