package scenario

import (
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"joulepay/wallet/money"
)

// scalar gives plain text.
func (r *reader) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fail(n, "write a plain value", "a value is missing, or is not plain")
		return "", false
	}
	return n.Value, true
}

// textMax bounds names and sentences.
const textMax = 500

func (r *reader) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", MaxLength: textMax}) {
			return
		}
		text, ok := r.scalar(n)
		if ok && (text == "" || len(text) > textMax) {
			r.fail(n, "", "text of %d bytes, want 1 to %d", len(text), textMax)
		}
		*into = text
	}
}

func (r *reader) duration(into *time.Duration, least, most time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", Pattern: `^([0-9.]+(h|m|s|ms))+$`, Examples: []string{"90s", "30m", "1h30m"}}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			r.fail(n, "write a duration such as 90s, 30m or 1h30m", "%q is not a duration", clip(text))
		case d < least || d > most || d%time.Millisecond != 0:
			r.fail(n, "", "duration %s, want whole milliseconds from %s to %s", d, least, most)
		}
		*into = d
	}
}

func (r *reader) instant(into *time.Time) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", Format: "date-time"}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		at, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil:
			r.fail(n, "write it as 2026-03-02T08:00:00Z", "%q is not a time (RFC 3339)", clip(text))
		case at.Nanosecond() != 0 || at.Year() < 1971 || at.Year() > 2500:
			r.fail(n, "", "time %s, want whole seconds from 1971 to 2500", text)
		}
		*into = at.UTC()
	}
}

// measure reads a number with a unit exactly; scales says how many of the smallest unit each unit is.
func (r *reader) measure(into *int64, most int64, example string, scales map[string]int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", Pattern: "^[0-9.]+ *(" + strings.Join(slices.Sorted(maps.Keys(scales)), "|") + ")$", Examples: []string{example}}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		split := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
		if split < 0 {
			split = len(text)
		}
		number, unit := text[:split], strings.TrimSpace(text[split:])
		scale, known := scales[unit]
		value, ok := decimal(number)
		if !known || !ok {
			r.fail(n, "write it as "+example, "%q is not a number with its unit", clip(text))
			return
		}
		value.Mul(value, new(big.Rat).SetInt64(scale))
		if !value.IsInt() || !value.Num().IsInt64() || value.Num().Int64() > most {
			r.fail(n, "write it as "+example, "%q is too fine or too large", clip(text))
			return
		}
		*into = value.Num().Int64()
	}
}

// decimal reads digits with at most one point, exactly.
func decimal(text string) (*big.Rat, bool) {
	const digitsMax = 30
	if text == "" || len(text) > digitsMax || strings.Trim(text, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

func (r *reader) power(into *int64, most int64) func(*yaml.Node) {
	return r.measure(into, most, "22kW", map[string]int64{"W": 1e3, "kW": 1e6, "MW": 1e9})
}

func (r *reader) energy(into *int64, most int64) func(*yaml.Node) {
	return r.measure(into, most, "12.5kWh", map[string]int64{"Wh": 1e3, "kWh": 1e6, "MWh": 1e9})
}

// share reads a percentage into parts of a whole.
func (r *reader) share(into *int64, whole int64) func(*yaml.Node) {
	const hundred = 100
	return r.measure(into, whole, "12.5%", map[string]int64{"%": whole / hundred})
}

func (r *reader) permille(into *int16) func(*yaml.Node) {
	return func(n *yaml.Node) {
		wide := int64(*into)
		r.share(&wide, 1000)(n)
		*into = int16(wide)
	}
}

// signedPPM reads a percentage of either sign.
func (r *reader) signedPPM(into *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "string", Pattern: "^-?[0-9.]+ *%$", Examples: []string{"-1.5%"}}) {
			return
		}
		positive := *n
		positive.Value = strings.TrimPrefix(n.Value, "-")
		r.share(into, 1e6)(&positive)
		if positive.Value != n.Value {
			*into = -*into
		}
	}
}

// probability reads a percentage.
func (r *reader) probability(into *float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		ppm := int64(*into * 1e6)
		r.share(&ppm, 1e6)(n)
		*into = float64(ppm) / 1e6
	}
}

func (r *reader) money(into *money.Amount) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "number", Minimum: new(float64), Description: "in the ledger's currency, to nine decimals"}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		amount, err := money.Parse(text)
		switch {
		case err != nil:
			r.fail(n, "write an amount such as 12.50, in the ledger's currency", "%q: %v", clip(text), err)
		case amount < 0 || amount > amountMax:
			r.fail(n, "", "amount %s, want 0 to %s", amount, amountMax)
		}
		*into = amount
	}
}

// amountMax keeps the sum of all accounts within range: ten thousand of them hold a quarter of it.
const amountMax = 200_000 * money.Amount(money.Nano)

func (r *reader) flag(into *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "boolean"}) {
			return
		}
		text, _ := r.scalar(n)
		if !r.failed() && text != "true" && text != "false" {
			r.fail(n, "write true or false", "%q is neither true nor false", clip(text))
		}
		*into = text == "true"
	}
}

func (r *reader) count(into *int, most int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "integer", Minimum: new(float64), Maximum: float(most)}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 0 || number > most {
			r.fail(n, "", "%q is not a number from 0 to %d", clip(text), most)
		}
		*into = number
	}
}

func (r *reader) seed(into *uint64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.describes(Schema{Type: "integer", Minimum: new(float64)}) {
			return
		}
		text, _ := r.scalar(n)
		if r.failed() {
			return
		}
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			r.fail(n, "", "%q is not a seed: a number from 0 to 2⁶⁴−1", clip(text))
		}
		*into = number
	}
}
