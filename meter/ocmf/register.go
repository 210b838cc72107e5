package ocmf

import (
	"cmp"
	"strings"
)

// register is an OBIS code A-B:C.D.E*F in one spelling, so that two readings can be seen to be of the same register.
// Meters write 1-b:1.8.0, 1-0:1.8.0*198, 01-00:01.08.00.FF and 0100010800FF.
type register struct{ a, b, c, d, e, f string }

func parseRegister(text string) (register, bool) {
	const pairs = 12 // six groups of two hexadecimal digits
	if len(text) == pairs && !strings.ContainsAny(text, "-:.*") {
		return register{group(text[0:2]), group(text[2:4]), group(text[4:6]), group(text[6:8]), group(text[8:10]), group(text[10:12])}.known()
	}
	medium, rest, ok := strings.Cut(text, ":")
	a, b, ok2 := strings.Cut(medium, "-")
	rest, f, _ := strings.Cut(rest, "*")
	parts := strings.Split(rest, ".")
	if len(parts) == 4 && f == "" {
		f, parts = parts[3], parts[:3]
	}
	if !ok || !ok2 || len(parts) != 3 {
		return register{}, false
	}
	return register{group(a), group(b), group(parts[0]), group(parts[1]), group(parts[2]), group(f)}.known()
}

// group gives a group without leading zeros, in capitals. An F of FF or 255 is none: the current value.
func group(text string) string {
	text = strings.ToUpper(strings.TrimLeft(text, "0"))
	return cmp.Or(text, "0")
}

func (r register) known() (register, bool) {
	if r.f == "FF" || r.f == "255" {
		r.f = "0"
	}
	for _, part := range []string{r.a, r.b, r.c, r.d, r.e, r.f} {
		if len(part) > 3 || strings.IndexFunc(part, func(c rune) bool { return c < '0' || c > 'Z' || c > '9' && c < 'A' }) >= 0 {
			return register{}, false
		}
	}
	return r, true
}

// flow is what a register of energy counts.
type flow struct {
	exported bool // toward the grid
	rank     int  // the register of a higher rank is billed
}

// flows lists the registers of energy by their group C (OCMF 1.4, table 25; 98 in meters before it). A register that takes
// off the loss of the cable, or measures at the vehicle's side, wins over one that does not, and one of the transaction
// over the total.
var flows = map[string]flow{
	"1": {false, 1}, "B0": {false, 2}, "B2": {false, 3}, "98": {false, 4}, "B1": {false, 5}, "B3": {false, 6},
	"2": {true, 1}, "C0": {true, 2}, "C2": {true, 3}, "C1": {true, 5}, "C3": {true, 6},
}

// flow tells what the register counts, and false when it is no register of energy that can be billed.
func (r register) flow() (flow, bool) {
	const electricity, integral = "1", "8"
	f, ok := flows[r.c]
	return f, ok && r.a == electricity && r.d == integral
}
