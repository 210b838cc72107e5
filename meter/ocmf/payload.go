package ocmf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Payload is what a record says. Names in brackets are those of the standard.
type Payload struct {
	Version            string // of the format [FV], "1.0"; empty when the record does not state it
	Gateway            Gateway
	Page               Page // [PG]
	Meter              Meter
	User               User
	ControllerFirmware string            // [CF, CCV] of the charge controller, at most 25 letters
	Loss               *LossCompensation // [LC] nil for none
	ChargePoint        ChargePoint
	Readings           []Reading // [RD] with what they inherit from the reading before filled in
}

// Gateway is the component that signed, unless the meter did.
type Gateway struct{ Identification, Serial, Version string } // [GI, GS, GV]; [VI, VV] of drafts

// Meter is the meter.
type Meter struct{ Vendor, Model, Serial, Firmware string } // [MV, MM, MS, MF]

// User is to whom a transaction is assigned.
type User struct {
	Assigned   bool     // [IS]
	Level      string   // [IL] NONE, HEARSAY … SECURE, or an error
	Flags      []string // [IF]
	Type       string   // [IT] for example ISO14443, EMAID
	Data       string   // [ID]
	TariffText string   // [TT] at most 250 letters
}

// ChargePoint says where the meter is.
type ChargePoint struct{ Type, Identification string } // [CT] EVSEID or CBIDC, [CI]

// LossCompensation describes the cable whose loss the meter takes off its register.
type LossCompensation struct {
	Name           string // [LN] at most 20 letters
	Identification Number // [LI] may be absent
	Resistance     Number // [LR] in Unit
	Unit           string // [LU] "mOhm" or "uOhm"
}

// Page is the place of a record among all that a signer ever signed in one context, without a gap.
type Page struct {
	Context Context
	Number  uint64
}

// Context tells what a page counts.
type Context byte

// Contexts.
const (
	Transactional Context = 'T' // readings of transactions
	Fiscal        Context = 'F' // readings at set times
)

// ParsePage reads "T32" or "F7".
func ParsePage(text string) (Page, error) {
	const digitsMax = 20 // of a uint64
	if len(text) < 2 || len(text) > 1+digitsMax || !strings.Contains("TF", text[:1]) ||
		!allDigits(text[1:]) || text[1] == '0' && text != text[:1]+"0" {
		return Page{}, fmt.Errorf("%w: PG: %s is not T or F and a number", ErrFormat, quoted(text))
	}
	n, err := strconv.ParseUint(text[1:], 10, 64)
	if err != nil {
		return Page{}, fmt.Errorf("%w: PG: %s is too large", ErrFormat, quoted(text))
	}
	return Page{Context(text[0]), n}, nil
}

// String gives "T32".
func (p Page) String() string { return fmt.Sprintf("%c%d", p.Context, p.Number) }

// drafts are the versions before 1.0 that occur in the field.
var drafts = []string{"0.1", "0.2", "0.3", "0.4"}

func checkVersion(version string) error {
	major, minor, _ := strings.Cut(version, ".")
	if version == "" || slices.Contains(drafts, version) || major == "1" && minor != "" && len(minor) <= 2 && allDigits(minor) {
		return nil
	}
	return fmt.Errorf("%w: FV %s", ErrVersion, quoted(version))
}

func parsePayload(section string) (Payload, error) {
	of, err := parseSection(section)
	if err != nil {
		return Payload{}, err
	}
	f := &fields{of: of}
	p := Payload{
		Version:            f.text("FV", 8),
		Gateway:            Gateway{f.either("GI", "VI"), f.text("GS", textSizeMax), f.either("GV", "VV")},
		Meter:              Meter{f.text("MV", textSizeMax), f.text("MM", textSizeMax), f.text("MS", textSizeMax), f.text("MF", textSizeMax)},
		User:               f.user(),
		ControllerFirmware: f.either("CF", "CCV"),
		Loss:               f.loss(),
		ChargePoint:        ChargePoint{f.text("CT", textSizeMax), f.text("CI", textSizeMax)},
	}
	page := f.text("PG", textSizeMax)
	if f.err != nil {
		return Payload{}, f.err
	}
	if err := checkVersion(p.Version); err != nil {
		return Payload{}, err
	}
	if p.Page, err = ParsePage(page); err != nil {
		return Payload{}, err
	}
	p.Readings, err = parseReadings(of["RD"])
	return p, err
}

// either gives the text of a key, or that of the name which another version of the standard has for it.
func (f *fields) either(key, other string) string {
	if first := f.text(key, textSizeMax); first != "" {
		return first
	}
	return f.text(other, textSizeMax)
}

func (f *fields) user() User {
	const tariffTextMax = 250 // OCMF 1.x, table 4
	u := User{
		Level: f.text("IL", textSizeMax), Type: f.text("IT", textSizeMax), Data: f.text("ID", textSizeMax),
		TariffText: f.text("TT", tariffTextMax),
	}
	switch status := f.of["IS"]; status.kind {
	case null:
	case boolean:
		u.Assigned = status.text == "true"
	case text: // drafts: the level stands here
		if u.Level == "" {
			u.Level = f.text("IS", textSizeMax)
		}
		u.Assigned = u.Level != "NONE"
	default:
		f.fail("IS", "neither true nor false")
	}
	flags := f.of["IF"]
	if flags.kind != null && flags.kind != array || len(flags.items) > flagsMax {
		f.fail("IF", "not a list of at most %d texts", flagsMax)
		return u
	}
	for _, flag := range flags.items {
		if flag.kind != text || len(flag.text) > textSizeMax {
			f.fail("IF", "not a list of texts")
		}
		u.Flags = append(u.Flags, flag.text)
	}
	return u
}

func (f *fields) loss() *LossCompensation {
	const nameMax = 20 // OCMF 1.x, table 24
	v := f.of["LC"]
	if v.kind == null {
		return nil
	}
	inner := &fields{of: v.fields}
	l := &LossCompensation{Name: inner.text("LN", nameMax), Identification: inner.number("LI"), Resistance: inner.number("LR"), Unit: inner.text("LU", textSizeMax)}
	switch {
	case v.kind != object:
		f.fail("LC", "not an object")
	case inner.err != nil:
		f.fail("LC", "%v", inner.err)
	case !l.Resistance.Present() || l.Resistance.Decimal().IsNegative():
		f.fail("LC", "no resistance of the cable")
	case l.Unit != "mOhm" && l.Unit != "uOhm":
		f.fail("LC", "resistance neither in mOhm nor in uOhm")
	}
	return l
}
