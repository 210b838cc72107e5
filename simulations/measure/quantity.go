package measure

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// ErrQuantity is returned for text that is no decimal number with as many decimals as the quantity has.
var ErrQuantity = errors.New("measure: not a decimal quantity")

// Energy is an amount of energy in mWh. Its text is decimal, in Wh.
type Energy int64

// Power is a power in mW. Its text is decimal, in W.
type Power int64

// Current is a current in mA. Its text is decimal, in A.
type Current int64

// Mass is a mass in mg. Its text is decimal, in kg.
type Mass int64

// Ratio is a number in millionths: a share, or a count per another. Its text is decimal.
type Ratio int64

// Seconds is a length of time. Its text is decimal, in seconds, to the millisecond.
type Seconds time.Duration

// Parts of the units of the texts.
const (
	milli = 1000
	micro = 1_000_000
)

// String gives Wh, with as many of three decimals as it needs.
func (e Energy) String() string { return decimal(int64(e), milli) }

// KWh gives kWh with as many decimals as it needs.
func (e Energy) KWh() string { return decimal(int64(e), micro) }

// String gives W, with as many of three decimals as it needs.
func (p Power) String() string { return decimal(int64(p), milli) }

// KW gives kW with as many decimals as it needs.
func (p Power) KW() string { return decimal(int64(p), micro) }

// String gives A, with as many of three decimals as it needs.
func (c Current) String() string { return decimal(int64(c), milli) }

// String gives kg, with as many of six decimals as it needs.
func (m Mass) String() string { return decimal(int64(m), micro) }

// String gives the number, with as many of six decimals as it needs.
func (r Ratio) String() string { return decimal(int64(r), micro) }

// Percent gives the number in percent, with as many of four decimals as it needs.
func (r Ratio) Percent() string { return decimal(int64(r), micro/100) }

// String gives seconds, with as many of three decimals as it needs.
func (s Seconds) String() string { return decimal(time.Duration(s).Milliseconds(), milli) }

// Minutes gives minutes, rounded to as many of two decimals as it needs.
func (s Seconds) Minutes() string {
	const hundredths = 100
	part := time.Minute / hundredths
	return decimal(int64((time.Duration(s)+part/2)/part), hundredths)
}

// MarshalText implements encoding.TextMarshaler.
func (e Energy) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (p Power) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (c Current) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (m Mass) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (s Seconds) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Energy) UnmarshalText(text []byte) error { return parse((*int64)(e), text, 3) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Power) UnmarshalText(text []byte) error { return parse((*int64)(p), text, 3) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Current) UnmarshalText(text []byte) error { return parse((*int64)(c), text, 3) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mass) UnmarshalText(text []byte) error { return parse((*int64)(m), text, 6) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ratio) UnmarshalText(text []byte) error { return parse((*int64)(r), text, 6) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Seconds) UnmarshalText(text []byte) error {
	var ms int64
	if err := parse(&ms, text, 3); err != nil {
		return err
	}
	if ms > math.MaxInt64/int64(time.Millisecond) || ms < math.MinInt64/int64(time.Millisecond) {
		return fmt.Errorf("%w: %.40q", ErrQuantity, text)
	}
	*s = Seconds(time.Duration(ms) * time.Millisecond)
	return nil
}

// decimal writes a count of parts as decimal text without needless zeros.
func decimal(parts, perWhole int64) string {
	sign, m := "", uint64(parts)
	if parts < 0 {
		sign, m = "-", -m
	}
	whole := uint64(perWhole)
	text := sign + strconv.FormatUint(m/whole, 10)
	if rest := m % whole; rest != 0 {
		width := len(strconv.FormatInt(perWhole, 10)) - 1
		text += "." + strings.TrimRight(fmt.Sprintf("%0*d", width, rest), "0")
	}
	return text
}

// parse reads decimal text into a count of parts, 10⁻ᵈᵉᶜⁱᵐᵃˡˢ each.
func parse(into *int64, text []byte, decimals int) error {
	whole, fraction, point := strings.Cut(string(text), ".")
	if len(text) > 24 || len(fraction) > decimals || point && fraction == "" || strings.ContainsAny(fraction, "+-") {
		return fmt.Errorf("%w: %.40q", ErrQuantity, text)
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil || whole == "" || whole == "-" || whole[0] == '+' {
		return fmt.Errorf("%w: %.40q", ErrQuantity, text)
	}
	*into = v
	return nil
}

// rounded gives the whole number nearest to num/den, half away from zero, held within 64 bits.
func rounded(num, den *big.Int) int64 {
	if den.Sign() == 0 {
		return 0
	}
	half := new(big.Int).Quo(new(big.Int).Abs(den), big.NewInt(2))
	if num.Sign()*den.Sign() < 0 {
		half.Neg(half)
	}
	if den.Sign() < 0 {
		half.Neg(half)
	}
	q := new(big.Int).Quo(new(big.Int).Add(num, half), den)
	switch {
	case q.IsInt64():
		return q.Int64()
	case q.Sign() < 0:
		return math.MinInt64
	default:
		return math.MaxInt64
	}
}
