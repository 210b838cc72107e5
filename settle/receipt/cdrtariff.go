package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"joulepay/pricing"
)

// tariffsAs writes the tariffs that priced the session. Periods name them by their ids, which must tell them apart.
func (v Visit) tariffsAs(version OCPIVersion, country, party string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	seen := map[string]bool{}
	for _, t := range v.Tariffs {
		if seen[t.ID()] {
			return nil, fmt.Errorf("%w: two of its tariffs have the id %.40q", ErrExport, t.ID())
		}
		seen[t.ID()] = true
		raw, err := tariffAs(version, t, country, party, v.Start())
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	return list, nil
}

// tariffAs writes a tariff in the words of a version of OCPI. What the operator wrote stays as it is, but for the fields in
// which the versions differ: tax_included, and the names of the sums in min_price and max_price.
func tariffAs(version OCPIVersion, t *pricing.Tariff, country, party string, updated time.Time) (json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(t.Bytes()))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("%w: tariff: %w", ErrExport, err)
	}
	for name, value := range map[string]string{"country_code": country, "party_id": party, "last_updated": ocpiTime(updated)} {
		if fields[name] == nil {
			fields[name] = value
		}
	}
	rename := map[string]string{"excl_vat": "before_taxes", "incl_vat": "after_taxes"}
	var err error
	if version == OCPI221 {
		rename = map[string]string{"before_taxes": "excl_vat", "after_taxes": "incl_vat"}
		err = withoutTaxMode(fields)
	} else {
		withTaxMode(fields)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"min_price", "max_price"} {
		renameSums(fields[name], rename)
	}
	return json.Marshal(fields)
}

func renameSums(limit any, names map[string]string) {
	sums, _ := limit.(map[string]any)
	for from, to := range names {
		if value, found := sums[from]; found {
			delete(sums, from)
			sums[to] = value
		}
	}
}

// components calls each with every price component of a tariff that was parsed before.
func components(fields map[string]any, each func(map[string]any)) {
	elements, _ := fields["elements"].([]any)
	for _, e := range elements {
		element, _ := e.(map[string]any)
		list, _ := element["price_components"].([]any)
		for _, c := range list {
			if component, ok := c.(map[string]any); ok {
				each(component)
			}
		}
	}
}

// withTaxMode states what 2.2.1 implies: prices are before tax, and a component without VAT has none.
func withTaxMode(fields map[string]any) {
	if fields["tax_included"] != nil {
		return
	}
	fields["tax_included"] = "NO"
	components(fields, func(c map[string]any) {
		if c["vat"] == nil {
			c["vat"] = json.Number("0")
		}
	})
}

// withoutTaxMode leaves out what 2.2.1 does not know. Prices after tax cannot be told there.
func withoutTaxMode(fields map[string]any) error {
	mode := fields["tax_included"]
	delete(fields, "tax_included")
	switch mode {
	case "YES":
		return fmt.Errorf("%w: OCPI %s has no prices after tax, as the tariff states them: export as %s", ErrExport, OCPI221, OCPI230)
	case "N/A":
		components(fields, func(c map[string]any) { delete(c, "vat") })
	}
	return nil
}
