package pricing

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"time"

	"joulepay/wallet/money"
)

// idLengthMax is CiString(36) of OCPI, with room for identifiers longer than the standard allows.
const idLengthMax = 64

var tariffTypes = []string{"AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"}

// ParseTariff reads an OCPI Tariff object, of 2.2.1 (vat, excl_vat, incl_vat) or 2.3.0 (tax_included, before_taxes,
// after_taxes). Elements, restrictions and components may hold only fields that OCPI defines; fields of the tariff itself that
// no price depends on are passed over. Errors wrap ErrTariff, and ErrNumber or ErrLimit where those apply.
func ParseTariff(data []byte) (*Tariff, error) {
	if len(data) > TariffBytesMax {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrTariff, ErrLimit, len(data), TariffBytesMax)
	}
	document, err := parseObject(data, ErrTariff)
	if err != nil {
		return nil, err
	}
	t, err := tariffOf(document)
	if err != nil {
		return nil, err
	}
	t.bytes, t.hash = bytes.Clone(data), sha256.Sum256(data)
	return t, nil
}

func tariffOf(document object) (*Tariff, error) {
	t := &Tariff{}
	for _, read := range []func(object) error{
		t.readIdentity, t.readTexts, t.readEnergyMix, t.readValidity, t.readTax, t.readElements, t.readLimits,
	} {
		if err := read(document); err != nil {
			return nil, err
		}
	}
	t.marks = marksOf(t.elements)
	return t, nil
}

func (t *Tariff) readIdentity(document object) error {
	var err error
	if t.id, err = document.text("id", true); err != nil {
		return err
	}
	if t.id == "" || len(t.id) > idLengthMax {
		return document.errorf("id", "%w: %d characters, from 1 to %d", ErrLimit, len(t.id), idLengthMax)
	}
	country, err := document.text("country_code", false)
	if err != nil {
		return err
	}
	party, err := document.text("party_id", false)
	if err != nil {
		return err
	}
	if country != "" && party != "" {
		t.party = country + "*" + party
	}
	code, err := document.text("currency", true)
	if err != nil {
		return err
	}
	if t.currency, err = money.ParseCurrency(code); err != nil {
		return document.errorf("currency", "%w", err)
	}
	t.kind, err = document.text("type", false)
	if err == nil && t.kind != "" && !slices.Contains(tariffTypes, t.kind) {
		err = document.errorf("type", "%.40q is no TariffType", t.kind)
	}
	return err
}

func (t *Tariff) readValidity(document object) error {
	var err error
	if t.validFrom, err = document.instant("start_date_time", false); err != nil {
		return err
	}
	t.validUntil, err = document.instant("end_date_time", false)
	return err
}

// instant reads an OCPI DateTime: RFC 3339, or the same without a zone, which is UTC.
func (o object) instant(name string, required bool) (time.Time, error) {
	text, err := o.text(name, required)
	if err != nil || text == "" && !required {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse("2006-01-02T15:04:05", text); err != nil {
			return time.Time{}, o.errorf(name, "%.40q is no date and time", text)
		}
	}
	if year := at.UTC().Year(); year < 1970 || year > 9999 {
		return time.Time{}, o.errorf(name, "%w: year %d", ErrLimit, year)
	}
	return at, nil
}

func (t *Tariff) readTax(document object) error {
	text, err := document.text("tax_included", false)
	switch {
	case err != nil:
		return err
	case !document.has("tax_included"):
		t.tax = taxImplied
	case text == "NO":
		t.tax = taxExcluded
	case text == "YES":
		t.tax = taxIncluded
	case text == "N/A":
		t.tax = taxNone
	default:
		return document.errorf("tax_included", "%.40q, want YES, NO or N/A", text)
	}
	return nil
}

func (t *Tariff) readElements(document object) error {
	elements, err := document.children("elements", elementsMax)
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		return document.errorf("elements", "at least one wanted")
	}
	for _, o := range elements {
		if err := t.readElement(o); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tariff) readElement(o object) error {
	if err := o.only("price_components", "restrictions"); err != nil {
		return err
	}
	e := element{when: unrestricted(), components: [componentTypes]int16{none, none, none, none}}
	if o.has("restrictions") {
		restrictions, err := o.child("restrictions")
		if err != nil {
			return err
		}
		if e.when, err = restrictionOf(restrictions); err != nil {
			return err
		}
	}
	components, err := o.children("price_components", componentsMax)
	if err != nil {
		return err
	}
	if len(components) == 0 {
		return o.errorf("price_components", "at least one wanted")
	}
	for _, o := range components {
		c, err := t.readComponent(o)
		if err != nil {
			return err
		}
		if e.types.has(c.kind) {
			return o.errorf("type", "second %s price of one element", c.kind)
		}
		e.types |= 1 << c.kind
		e.components[c.kind] = int16(len(t.components))
		t.components = append(t.components, c)
	}
	t.offers[e.when.reservation] |= e.types
	t.elements = append(t.elements, e)
	return nil
}

func (t *Tariff) readComponent(o object) (component, error) {
	c := component{element: len(t.elements)}
	if err := o.only("type", "price", "vat", "step_size"); err != nil {
		return c, err
	}
	name, err := o.text("type", true)
	if err != nil {
		return c, err
	}
	kind := slices.Index(componentNames[:], name)
	if kind < 0 {
		return c, o.errorf("type", "%.40q, want ENERGY, TIME, PARKING_TIME or FLAT", name)
	}
	c.kind = ComponentType(kind)
	if c.price, err = o.number("price"); err != nil {
		return c, err
	}
	step, err := o.integer("step_size", stepMax)
	if err != nil {
		return c, err
	}
	switch c.kind {
	case Energy:
		c.step = quantity(step) * quantityWattHour
	case Time, ParkingTime:
		c.step = quantity(step) * quantitySecond
	}
	c.rate, err = t.readRate(o)
	return c, err
}

func (t *Tariff) readRate(o object) (int, error) {
	var r rate
	if o.has("vat") {
		vat, err := o.number("vat")
		if err != nil {
			return 0, err
		}
		if vat < 0 || vat > vatMax || vat%vatUnit != 0 {
			return 0, o.errorf("vat", "%w: %s per cent, from 0 to 100 with at most 6 decimals", ErrLimit, vat)
		}
		r = rate{true, rateScale + int64(vat/vatUnit)}
	}
	if at := slices.Index(t.rates, r); at >= 0 {
		return at, nil
	}
	if len(t.rates) == ratesMax {
		return 0, o.errorf("vat", "%w: more than %d different rates", ErrLimit, ratesMax)
	}
	t.rates = append(t.rates, r)
	return len(t.rates) - 1, nil
}

func (t *Tariff) readLimits(document object) error {
	lowest, highest := t.rateFactors()
	var err error
	if t.min, err = readLimit(document, "min_price", lowest); err != nil {
		return err
	}
	t.max, err = readLimit(document, "max_price", highest)
	return err
}

// rateFactors gives the lowest and the highest tax factor of the tariff's components.
func (t *Tariff) rateFactors() (lowest, highest int64) {
	factors := make([]int64, len(t.rates))
	for i, r := range t.rates {
		factors[i] = rateScale
		if r.stated && t.tax != taxNone {
			factors[i] = r.factor
		}
	}
	return slices.Min(factors), slices.Max(factors)
}

// readLimit reads a Price (2.2.1) or PriceLimit (2.3.0). Where the sum after tax is left out, the factor gives it.
func readLimit(document object, name string, factor int64) (limits, error) {
	if !document.has(name) {
		return limits{}, nil
	}
	o, err := document.child(name)
	if err != nil {
		return limits{}, err
	}
	if err := o.only("before_taxes", "after_taxes", "excl_vat", "incl_vat"); err != nil {
		return limits{}, err
	}
	before, after := "before_taxes", "after_taxes"
	if o.has("excl_vat") {
		before, after = "excl_vat", "incl_vat"
	}
	excl, err := o.number(before)
	if err != nil {
		return limits{}, err
	}
	if !o.has(after) {
		scaled := new(big.Int).Mul(big.NewInt(int64(excl)), big.NewInt(factor))
		return limits{excl.exact(), Exact{scaled, bigTaxedFixed}}, nil
	}
	incl, err := o.number(after)
	return limits{excl.exact(), incl.exact()}, err
}

var bigTaxedFixed = new(big.Int).Mul(bigFixed, big.NewInt(rateScale))
