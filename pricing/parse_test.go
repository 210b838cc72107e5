package pricing

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// with gives a tariff of one component with one part replaced.
func with(old, new string) string {
	const plain = `{"id":"x","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":10,"step_size":1}],"restrictions":{"min_kwh":0}}]}`
	if !strings.Contains(plain, old) {
		panic(old)
	}
	return strings.Replace(plain, old, new, 1)
}

func TestParseTariffRefusesWhatItCannotPrice(t *testing.T) {
	for name, c := range map[string]struct {
		json string
		want error
	}{
		"nothing":                 {``, ErrTariff},
		"a list":                  {`[]`, ErrTariff},
		"not UTF-8":               {with(`"x"`, "\"\xff\""), ErrTariff},
		"data after":              {with(`}]}`, `}]}{}`), ErrTariff},
		"cut short":               {with(`}}]}`, `}`), ErrTariff},
		"repeated key":            {with(`"price":0.25`, `"price":0.25,"price":0.01`), ErrTariff},
		"other case":              {with(`"price"`, `"Price"`), ErrTariff},
		"unknown restriction":     {with(`"min_kwh":0`, `"min_soc":20`), ErrTariff},
		"unknown component field": {with(`"vat":10`, `"tax":10`), ErrTariff},
		"no id":                   {with(`"id":"x",`, ``), ErrTariff},
		"long id":                 {with(`"x"`, `"`+strings.Repeat("x", 65)+`"`), ErrLimit},
		"no currency":             {with(`"EUR"`, `""`), ErrTariff},
		"no elements":             {`{"id":"x","currency":"EUR","elements":[]}`, ErrTariff},
		"no components":           {`{"id":"x","currency":"EUR","elements":[{"price_components":[]}]}`, ErrTariff},
		"too many elements":       {`{"id":"x","currency":"EUR","elements":[` + strings.Repeat(`{},`, elementsMax) + `{}]}`, ErrLimit},
		"two prices of one kind":  {with(`}],"r`, `},{"type":"ENERGY","price":1,"step_size":1}],"r`), ErrTariff},
		"unknown dimension":       {with(`ENERGY`, `POWER`), ErrTariff},
		"unknown type":            {with(`"id"`, `"type":"CHEAP","id"`), ErrTariff},
		"tax_included maybe":      {with(`"id"`, `"tax_included":"MAYBE","id"`), ErrTariff},
		"price as text":           {with(`0.25`, `"0.25"`), ErrTariff},
		"price not a number":      {with(`0.25`, `NaN`), ErrTariff},
		"huge exponent":           {with(`0.25`, `1e999999999`), ErrNumber},
		"tiny exponent":           {with(`0.25`, `1e-999999999`), ErrNumber},
		"exponent beyond int":     {with(`0.25`, `1e99999999999999999999`), ErrNumber},
		"too many digits":         {with(`0.25`, strings.Repeat("9", 100_000)), ErrNumber},
		"too fine":                {with(`0.25`, `0.0000000000001`), ErrNumber},
		"too large":               {with(`0.25`, `10000000`), ErrNumber},
		"VAT above 100":           {with(`"vat":10`, `"vat":100.1`), ErrLimit},
		"VAT below 0":             {with(`"vat":10`, `"vat":-1`), ErrLimit},
		"negative step":           {with(`"step_size":1`, `"step_size":-1`), ErrLimit},
		"huge step":               {with(`"step_size":1`, `"step_size":1e9`), ErrNumber},
		"large step":              {with(`"step_size":1`, `"step_size":10000001`), ErrLimit},
		"broken step":             {with(`"step_size":1`, `"step_size":1.5`), ErrNumber},
		"no step":                 {with(`,"step_size":1`, ``), ErrTariff},
		"time of day":             {with(`"min_kwh":0`, `"start_time":"24:00"`), ErrTariff},
		"short time of day":       {with(`"min_kwh":0`, `"start_time":"9:00"`), ErrTariff},
		"date":                    {with(`"min_kwh":0`, `"start_date":"2025-02-30"`), ErrTariff},
		"weekday":                 {with(`"min_kwh":0`, `"day_of_week":["monday"]`), ErrTariff},
		"negative kWh":            {with(`"min_kwh":0`, `"min_kwh":-1`), ErrNumber},
		"reservation":             {with(`"min_kwh":0`, `"reservation":"MAYBE"`), ErrTariff},
		"limit without sum":       {with(`"id"`, `"min_price":{"incl_vat":1},"id"`), ErrTariff},
		"validity":                {with(`"id"`, `"start_date_time":"tomorrow","id"`), ErrTariff},
		"deep":                    {with(`"id"`, `"a":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`,"id"`), ErrTariff},
		"large":                   {with(`"id"`, `"a":"`+strings.Repeat("a", TariffBytesMax)+`","id"`), ErrLimit},
		"many VAT rates":          {manyRates(), ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTariff([]byte(c.json))
			if !errors.Is(err, ErrTariff) || !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("an error of %d characters", len(err.Error()))
			}
		})
	}
}

func manyRates() string {
	element := `{"price_components":[{"type":"ENERGY","price":1,"vat":%d,"step_size":1}]},`
	list := ""
	for vat := range ratesMax + 1 {
		list += fmt.Sprintf(element, vat)
	}
	return `{"id":"x","currency":"EUR","elements":[` + strings.TrimSuffix(list, ",") + `]}`
}

func TestParseTariffAcceptsWhatOCPIAllows(t *testing.T) {
	for name, json := range map[string]string{
		"plain":                  with(`x`, `x`),
		"own field of operator":  with(`"id"`, `"x_note":{"a":[1,2]},"id"`),
		"null restriction":       with(`"min_kwh":0`, `"min_kwh":null`),
		"empty weekdays":         with(`"min_kwh":0`, `"day_of_week":[]`),
		"exponent":               with(`0.25`, `25e-2`),
		"negative price":         with(`0.25`, `-0.25`),
		"step as decimal":        with(`"step_size":1`, `"step_size":1.0`),
		"limit beyond a session": with(`"min_kwh":0`, `"max_kwh":999999`),
		"12 decimals":            with(`0.25`, `0.250000000001`),
	} {
		if _, err := ParseTariff([]byte(json)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTariffKeepsItsBytesAndFacts(t *testing.T) {
	data := []byte(`{"country_code":"DE","party_id":"ALL","id":"f","currency":"EUR","type":"REGULAR","tariff_alt_url":"https://example.com/t",
		"tariff_alt_text":[{"language":"en","text":"hello"}],"start_date_time":"2025-01-01T00:00:00Z",
		"energy_mix":{"is_green_energy":true,"supplier_name":"Sun","energy_sources":[{"source":"SOLAR","percentage":99.5}]},
		"elements":[{"price_components":[{"type":"FLAT","price":1,"step_size":1}]}]}`)
	tariff := mustTariff(t, string(data))
	mix, ok := tariff.EnergyMix()
	from, until := tariff.Validity()
	if tariff.Hash() != sha256.Sum256(data) || !bytes.Equal(tariff.Bytes(), data) || tariff.ID() != "f" || tariff.Party() != "DE*ALL" ||
		tariff.Currency().String() != "EUR" || tariff.Type() != "REGULAR" || tariff.AltURL() != "https://example.com/t" ||
		len(tariff.AltTexts()) != 1 || !ok || mix.SupplierName != "Sun" || mix.Sources[0].Percent.String() != "99.5" ||
		!from.Equal(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)) || !until.IsZero() {
		t.Errorf("%+v", tariff)
	}
	data[0] = 'x'
	if tariff.Bytes()[0] != '{' {
		t.Error("the tariff shares the caller's bytes")
	}
}

func TestHourFiguresStandForWholeSeconds(t *testing.T) {
	for text, want := range map[string]string{ // hours as written: seconds
		"0.083333": "300", "0.0833": "300", "0.083": "299", "0.0834": "300.24", "0.666667": "2400", "0.666666": "2400",
		"1.973": "7103", "2.5": "9000", "0": "0", "0.1": "360", "1.183333333333": "4260",
	} {
		v, err := parseFixed(text)
		if err != nil {
			t.Fatal(err)
		}
		q, err := snapHours(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.exact().times(3600 * quantityOne).String(); got != want {
			t.Errorf("%s h is %s s, want %s", text, got, want)
		}
	}
}

func TestVolumesAreReadToTheTwelfthDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0.08333333333333333": "0.083333333333", "0.1234567890125": "0.123456789013", "1e-400": "", "0.9999999999999": "1", "1e-13": "0",
		"5e-13": "0.000000000001", "9223372.0368547758079": "", "20": "20", "0.6666666666666666": "0.666666666667",
	} {
		v, err := parseVolume(text)
		if (err != nil) != (want == "") || err == nil && v.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, v, err, want)
		}
	}
	twelfth, err := parseVolume("0.08333333333333333")
	if err != nil {
		t.Fatal(err)
	}
	if q, err := snapHours(twelfth); err != nil || q != 300*quantitySecond {
		t.Errorf("an hour's twelfth is %v, %v", q, err)
	}
}

func TestNumbersAreReadAndWrittenExactly(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "-0.0": "0", "0e9": "0", "1": "1", "1.50": "1.5", "1e3": "1000", "12e-1": "1.2", "-4.000000000001": "-4.000000000001",
		"0.000000000001": "0.000000000001", "10E-13": "0.000000000001", "9223372.036854775807": "9223372.036854775807",
	} {
		v, err := parseFixed(text)
		if err != nil || v.String() != want || v.exact().String() != want {
			t.Errorf("%s: %s, %s, %v", text, v, v.exact(), err)
		}
	}
	if got := fixed(math.MinInt64).String(); got != "-9223372.036854775808" {
		t.Error(got)
	}
}

func TestParseSessionRefusesWhatItCannotPrice(t *testing.T) {
	const plain = `{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}]}`
	if _, err := CostOfCDR(Default(), []byte(plain), nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		old, new string
		want     error
	}{
		"end before start":   {`"end_date_time":"2024-12-02T12`, `"end_date_time":"2024-12-02T09`, ErrSession},
		"century":            {`"end_date_time":"2024`, `"end_date_time":"2124`, ErrLimit},
		"zone":               {`"charging`, `"time_zone":"Mars/Base","charging`, ErrSession},
		"zone of machine":    {`"charging`, `"time_zone":"Local","charging`, ErrSession},
		"zone outside":       {`"charging`, `"time_zone":"../../etc/passwd","charging`, ErrSession},
		"kind":               {`"charging`, `"kind":"x","charging`, ErrSession},
		"other currency":     {`"charging`, `"currency":"CHF","charging`, ErrCurrency},
		"period after end":   {`[{"start_date_time":"2024-12-02T10`, `[{"start_date_time":"2024-12-02T13`, ErrSession},
		"negative volume":    {`"volume":1`, `"volume":-1`, ErrLimit},
		"huge volume":        {`"volume":1`, `"volume":200000`, ErrLimit},
		"volume as text":     {`"volume":1`, `"volume":"1"`, ErrSession},
		"huge exponent":      {`"volume":1`, `"volume":1e400000`, ErrNumber},
		"dimension repeated": {`{"type":"ENERGY","volume":1}`, `{"type":"ENERGY","volume":1},{"type":"ENERGY","volume":1}`, ErrSession},
		"broken tariff":      {`"charging`, `"tariffs":[{}],"charging`, ErrTariff},
		"no periods":         {`"charging_periods"`, `"periods"`, ErrSession},
	} {
		if _, err := CostOfCDR(Default(), []byte(strings.Replace(plain, c.old, c.new, 1)), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAmountOutOfRangeIsAnError(t *testing.T) {
	tariff := mustTariff(t, `{"id":"x","currency":"VND","elements":[{"price_components":[{"type":"ENERGY","price":9000000,"step_size":0}]}]}`)
	run := mustRun(t, tariff, noon, time.UTC)
	mustAdd(t, run, Sample{Time: noon.Add(time.Hour), EnergyMilliwattHours: 2_000_000_000})
	if _, err := run.Cost(); !errors.Is(err, ErrAmount) {
		t.Errorf("18 thousand million: %v", err)
	}
}

func FuzzParseTariff(f *testing.F) {
	f.Add(Default().Bytes())
	f.Add([]byte(with(`"min_kwh":0`, `"start_time":"22:00","end_time":"06:00","day_of_week":["FRIDAY"],"max_power":11,"min_duration":60`)))
	f.Add([]byte(with(`"id"`, `"tax_included":"YES","min_price":{"before_taxes":1},"max_price":{"before_taxes":0.1,"after_taxes":2},"id"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tariff, err := ParseTariff(data)
		if err != nil {
			if !errors.Is(err, ErrTariff) {
				t.Fatalf("%v does not wrap ErrTariff", err)
			}
			return
		}
		_ = tariff.Describe()
		_ = Check(tariff)
		start, _ := tariff.Validity()
		if start.IsZero() {
			start = noon
		}
		run, err := NewRun(tariff, start, time.UTC)
		if err != nil {
			return
		}
		for i := range int64(4) {
			sample := Sample{Time: start.Add(time.Duration(i*i) * 7 * time.Hour), EnergyMilliwattHours: i * 11_111_111, CurrentMilliamperes: 16_000 * (i + 1), State: State(i % 2)}
			if err := run.Add(sample); err != nil {
				t.Fatal(err)
			}
			if _, err := run.Final(); err != nil && !errors.Is(err, ErrAmount) {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParseSession(f *testing.F) {
	f.Add([]byte(`{"start_date_time":"2024-12-02T10:00:00Z","end_date_time":"2024-12-02T12:00:00Z","charging_periods":[{"start_date_time":"2024-12-02T10:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cost, err := CostOfCDR(Default(), data, nil); err == nil {
			if _, err := cost.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
