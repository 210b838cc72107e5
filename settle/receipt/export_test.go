package receipt_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/meter"
	"joulepay/pricing"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// tariffs are those of the reference data that a session without reservation and current can be priced by, and one that
// has every other rule: steps, bands, night prices, limits, idle time.
func tariffs(t testing.TB) map[string]string {
	t.Helper()
	list := map[string]string{
		"default":  string(pricing.Default().Bytes()),
		"negative": negativeTariff,
		"rich": `{"id":"rich","currency":"EUR","min_price":{"excl_vat":0.5,"incl_vat":0.6},"max_price":{"excl_vat":40,"incl_vat":48},"elements":[
			{"price_components":[{"type":"FLAT","price":0.5,"vat":20,"step_size":1}]},
			{"price_components":[{"type":"ENERGY","price":0.3,"vat":10,"step_size":500}],"restrictions":{"start_time":"13:30","end_time":"14:00"}},
			{"price_components":[{"type":"ENERGY","price":0.6,"vat":10,"step_size":1000}],"restrictions":{"min_power":20}},
			{"price_components":[{"type":"ENERGY","price":0.2,"vat":10,"step_size":1000}],"restrictions":{"min_kwh":5}},
			{"price_components":[{"type":"ENERGY","price":0.5,"vat":10,"step_size":1},{"type":"TIME","price":0.6,"vat":20,"step_size":300}]},
			{"price_components":[{"type":"PARKING_TIME","price":6,"vat":20,"step_size":600}],"restrictions":{"min_duration":1800}}]}`,
		"2.3.0": `{"country_code":"DE","party_id":"ABC","id":"new","currency":"EUR","tax_included":"NO","max_price":{"before_taxes":9},"elements":[
			{"price_components":[{"type":"ENERGY","price":0.5,"vat":19,"step_size":100},{"type":"PARKING_TIME","price":3,"vat":7,"step_size":60}]}],
			"last_updated":"2026-01-01T00:00:00Z"}`,
		"untaxed": `{"id":"n","currency":"EUR","tax_included":"N/A","elements":[{"price_components":[{"type":"ENERGY","price":0.5,"step_size":1}]}]}`,
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "vectors", "ocpi-tariffs", "*", "tariff.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tariff, err := pricing.ParseTariff(raw)
		if err != nil || tariff.NeedsCurrent() || tariff.Currency() != eur || tariff.ValidAt(start) != nil {
			continue
		}
		list[filepath.Base(filepath.Dir(file))] = string(raw)
	}
	return list
}

// facts make a session of readings without a ledger.
type facts struct {
	quote  quote.Quote
	chain  meter.Chain
	signed [][]byte
}

func newFacts(tariff string) *facts {
	q := quote.Quote{
		Session: channel.SessionID{9}, Station: station, StationKey: stationLane.Public(), Payout: station, MeterKey: meterKey.Public(),
		Attestation: uint8(meter.AttestedByStation), Service: "charging", EVSE: "DE*ABC*E1*1", Unit: uint8(meter.MilliwattHours),
		Tariff: []byte(tariff), TimeZone: "Europe/Berlin", Currency: "EUR", IssuedAtMs: start.UnixMilli(),
		ValidUntilMs: start.Add(time.Minute).UnixMilli(), ClaimEveryMs: 10_000, WindowSeconds: 60,
	}
	return &facts{quote: q, chain: meter.NewChain(q.Session)}
}

func (f *facts) read(t testing.TB, at time.Time, register int64, state meter.State) {
	reading, err := f.chain.Next(meter.Sample{Time: at, Register: register, Unit: meter.Unit(f.quote.Unit),
		StateOfChargePermille: meter.StateOfChargeUnknown, State: state}, meter.AttestedByStation)
	if err == nil {
		err = f.chain.Accept(reading)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.signed = append(f.signed, meter.Sign(reading, meterKey, wallet.NetworkID{}).Encode())
}

func (f *facts) visit() (receipt.Visit, error) {
	return receipt.NewVisit(receipt.Facts{Vehicle: vehicle, Quotes: [][]byte{quote.Sign(f.quote, stationKey).Bytes()}, Readings: f.signed,
		Paid: 3 * money.Nano, Claims: 7, Reason: "user", Settlement: strings.Repeat("ab", 32)})
}

// The CDR of a session, priced again under the tariff in it, comes to what was billed.
func TestACDRIsPricedAsItsSessionWas(t *testing.T) {
	berlin, err := pricing.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	all, priced := tariffs(t), map[string]bool{}
	names := slices.Sorted(maps.Keys(all))
	for part := range 4 { // each is 100 cases
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				name := rapid.SampledFrom(names).Draw(r, "tariff")
				f := newFacts(all[name])
				at, register := start.Add(time.Duration(rapid.IntRange(0, 86_400_000).Draw(r, "start"))*time.Millisecond), int64(5)
				f.read(t, at, register, meter.Charging)
				for range rapid.IntRange(0, 12).Draw(r, "readings") {
					at = at.Add(time.Duration(rapid.IntRange(0, 1_500_000).Draw(r, "pause")) * time.Millisecond)
					register += rapid.Int64Range(0, 8_000_000).Draw(r, "energy")
					f.read(t, at, register, rapid.SampledFrom([]meter.State{meter.Charging, meter.SuspendedVehicle, meter.SuspendedStation}).Draw(r, "state"))
				}
				f.read(t, at.Add(time.Duration(rapid.IntRange(0, 2000).Draw(r, "end"))*time.Millisecond), register, meter.Ended)
				v, err := f.visit()
				if err != nil {
					t.Fatal(err)
				}
				for _, version := range []receipt.OCPIVersion{receipt.OCPI221, receipt.OCPI230} {
					raw, err := v.CDR(receipt.CDROptions{Version: version})
					if errors.Is(err, receipt.ErrExport) {
						continue // nothing flowed in no time; the last case counts the others
					}
					if err != nil {
						t.Fatal(err)
					}
					checkFields(t, raw, version)
					session, err := pricing.ParseSession(raw, berlin)
					if err != nil {
						t.Fatalf("%v\n%s", err, raw)
					}
					cost, err := session.Price()
					if err != nil {
						t.Fatalf("%v\n%s", err, raw)
					}
					if cost.Payable() != v.Cost.Payable() || cost.ExclVAT.Cmp(v.Cost.ExclVAT) != 0 || cost.InclVAT.Known() && v.Cost.InclVAT.Known() && cost.InclVAT.Cmp(v.Cost.InclVAT) != 0 {
						t.Fatalf("%s: CDR %s and %s, billed %s and %s\n%s", version, cost.ExclVAT, cost.InclVAT, v.Cost.ExclVAT, v.Cost.InclVAT, raw)
					}
					priced[name] = true
				}
			})
		})
	}
	if len(priced) < len(names)/2 {
		t.Errorf("of %d tariffs, only %d were priced", len(names), len(priced))
	}
}

// rules are the field rules of mod_cdrs, mod_locations and types for the fields that are written: required, and a pattern.
func rules(version receipt.OCPIVersion) map[string]*regexp.Regexp {
	const instant, number, text = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, `^-?\d+(\.\d+)?$`, `^.{1,255}$`
	r := map[string]string{
		"country_code": `^[A-Z]{2}$`, "party_id": `^[A-Z0-9]{3}$`, "id": `^[ -~]{1,39}$`, "session_id": `^[ -~]{1,36}$`,
		"start_date_time": instant, "end_date_time": instant, "last_updated": instant, "auth_method": `^(AUTH_REQUEST|COMMAND|WHITELIST)$`,
		"cdr_token.country_code": `^[A-Z]{2}$`, "cdr_token.party_id": `^[A-Z0-9]{3}$`, "cdr_token.uid": `^[ -~]{1,36}$`,
		"cdr_token.type": `^(AD_HOC_USER|APP_USER|OTHER|RFID)$`, "cdr_token.contract_id": `^[ -~]{1,36}$`,
		"cdr_location.id": `^[ -~]{1,36}$`, "cdr_location.address": `^.{1,45}$`, "cdr_location.city": `^.{1,45}$`, "cdr_location.country": `^[A-Z]{3}$`,
		"cdr_location.coordinates.latitude": `^-?\d{1,2}\.\d{5,7}$`, "cdr_location.coordinates.longitude": `^-?\d{1,3}\.\d{5,7}$`,
		"cdr_location.evse_uid": `^[ -~]{1,36}$`, "cdr_location.evse_id": `^[ -~]{1,48}$`, "cdr_location.connector_id": `^[ -~]{1,36}$`,
		"cdr_location.connector_standard": `^(IEC_62196_T2|IEC_62196_T2_COMBO|CHADEMO)$`, "cdr_location.connector_format": `^(SOCKET|CABLE)$`,
		"cdr_location.connector_power_type": `^(AC_1_PHASE|AC_2_PHASE|AC_2_PHASE_SPLIT|AC_3_PHASE|DC)$`,
		"currency":                          `^[A-Z]{3}$`, "total_energy": number, "total_time": number, "remark": text,
		"tariffs.0.id": text, "tariffs.0.country_code": `^[A-Z]{2}$`, "tariffs.0.party_id": `^[A-Z0-9]{3}$`, "tariffs.0.last_updated": `^.{19,}`,
		"tariffs.0.elements.0.price_components.0.step_size": number,
		"charging_periods.0.start_date_time":                instant, "charging_periods.0.dimensions.0.volume": number, "charging_periods.0.tariff_id": `^[ -~]{1,36}$`,
		"charging_periods.0.dimensions.0.type": `^(ENERGY|TIME|PARKING_TIME|MIN_POWER|MAX_POWER)$`,
	}
	if version == receipt.OCPI221 {
		r["total_cost.excl_vat"] = number
	} else {
		r["total_cost.before_taxes"], r["tariffs.0.tax_included"] = number, `^(YES|NO|N/A)$`
	}
	compiled := map[string]*regexp.Regexp{}
	for path, pattern := range r {
		compiled[path] = regexp.MustCompile(pattern)
	}
	return compiled
}

var fieldRules = map[receipt.OCPIVersion]map[string]*regexp.Regexp{receipt.OCPI221: rules(receipt.OCPI221), receipt.OCPI230: rules(receipt.OCPI230)}

func checkFields(t testing.TB, raw []byte, version receipt.OCPIVersion) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	for path, pattern := range fieldRules[version] {
		value := document
		for name := range strings.SplitSeq(path, ".") {
			switch at := value.(type) {
			case map[string]any:
				value = at[name]
			case []any:
				if value = nil; len(at) > 0 {
					value = at[0]
				}
			}
		}
		if text := fmt.Sprint(value); value == nil || !pattern.MatchString(text) {
			t.Fatalf("%s: %s is %v, want %s\n%s", version, path, value, pattern, raw)
		}
	}
}

func TestTheCDRSaysWhatWasBilledPerComponent(t *testing.T) {
	f := newFacts(string(pricing.Default().Bytes()))
	f.read(t, start, 1_000_000, meter.Charging)
	f.read(t, start.Add(30*time.Minute), 11_000_000, meter.SuspendedVehicle)
	f.read(t, start.Add(45*time.Minute), 11_000_000, meter.Ended)
	v, err := f.visit()
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[receipt.OCPIVersion]string{
		receipt.OCPI221: `{"excl_vat":6.4,"incl_vat":7.616} {"excl_vat":4.9,"incl_vat":5.831} {"excl_vat":1.5,"incl_vat":1.785} 10 0.75 0.25`,
		receipt.OCPI230: `{"before_taxes":6.4,"taxes":[{"name":"VAT","amount":1.216}]} {"before_taxes":4.9,"taxes":[{"name":"VAT","amount":0.931}]} ` +
			`{"before_taxes":1.5,"taxes":[{"name":"VAT","amount":0.285}]} 10 0.75 0.25`,
	} {
		raw, err := v.CDR(receipt.CDROptions{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Cost    json.RawMessage `json:"total_cost"`
			Energy  json.RawMessage `json:"total_energy_cost"`
			Parking json.RawMessage `json:"total_parking_cost"`
			KWh     json.Number     `json:"total_energy"`
			Hours   json.Number     `json:"total_time"`
			Parked  json.Number     `json:"total_parking_time"`
			Remark  string          `json:"remark"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s %s %s %s %s %s", c.Cost, c.Energy, c.Parking, c.KWh, c.Hours, c.Parked); got != want {
			t.Errorf("%s:\n got %s\nwant %s", version, got, want)
		}
		if !strings.Contains(c.Remark, vehicle.String()+" paid 3 of 7.616 EUR by 7 claims") {
			t.Errorf("remark %q", c.Remark)
		}
	}
}

func TestWhatACDRCannotTellIsRefused(t *testing.T) {
	running := newFacts(string(pricing.Default().Bytes()))
	running.read(t, start, 0, meter.Charging)
	counted := newFacts(`{"id":"toll","currency":"EUR","elements":[{"price_components":[{"type":"FLAT","price":2,"vat":19,"step_size":1}]}]}`)
	counted.quote.Unit = uint8(meter.Count)
	counted.read(t, start, 0, meter.Charging)
	counted.read(t, start, 1, meter.Ended)
	after := newFacts(`{"id":"x","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":1,"vat":19,"step_size":1}]}]}`)
	after.read(t, start, 0, meter.Charging)
	after.read(t, start.Add(time.Second), 0, meter.Ended)
	nothing := newFacts(string(pricing.Default().Bytes()))
	nothing.read(t, start, 0, meter.Ended)
	nobody := newFacts(negativeTariff)
	nobody.quote.EVSE = "the one at the door"
	nobody.read(t, start, 0, meter.Charging)
	nobody.read(t, start.Add(time.Second), 0, meter.Ended)
	for name, test := range map[string]struct {
		facts   *facts
		options receipt.CDROptions
		want    error
	}{
		"a session that goes on":     {running, receipt.CDROptions{}, receipt.ErrNotEnded},
		"nothing in no time":         {nothing, receipt.CDROptions{}, receipt.ErrExport},
		"counted units":              {counted, receipt.CDROptions{}, receipt.ErrExport},
		"prices after tax, in 2.2.1": {after, receipt.CDROptions{}, receipt.ErrExport},
		"prices after tax, in 2.3.0": {after, receipt.CDROptions{Version: receipt.OCPI230}, nil},
		"another version":            {after, receipt.CDROptions{Version: "2.1.1"}, receipt.ErrExport},
		"no operator":                {nobody, receipt.CDROptions{}, receipt.ErrExport},
		"a named operator":           {nobody, receipt.CDROptions{Party: "nl*tnm"}, nil},
		"a wrong name":               {after, receipt.CDROptions{Version: receipt.OCPI230, Party: "Netherlands"}, receipt.ErrExport},
	} {
		v, err := test.facts.visit()
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := v.CDR(test.options); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, err := receipt.NewVisit(receipt.Facts{Quotes: [][]byte{quote.Sign(running.quote, stationKey).Bytes()}}); !errors.Is(err, receipt.ErrExport) {
		t.Errorf("no readings: %v", err)
	}
}

// A station, a tariff or a peer writes text that a spreadsheet would run.
func TestCSVRunsNothingInASpreadsheet(t *testing.T) {
	f := newFacts(`{"id":"@SUM(A1)","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":-0.5,"vat":19,"step_size":1}]}]}`)
	f.quote.EVSE, f.quote.Service = "=cmd|' /C calc'!A0", "\t+charging,\"x\"\r\n"
	f.read(t, start, 0, meter.Charging)
	f.read(t, start.Add(time.Hour), 1_500_000, meter.Ended)
	v, err := f.visit()
	if err != nil {
		t.Fatal(err)
	}
	v.Reason = "-2+3"
	var b bytes.Buffer
	if err := receipt.WriteCSV(&b, []receipt.Visit{v}); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != 2 || strings.Join(lines[0], ",") != strings.Join(receipt.CSVHeader, ",") {
		t.Fatalf("%v, %v", lines, err)
	}
	got := map[string]string{}
	for i, name := range lines[0] {
		got[name] = lines[1][i]
	}
	for name, want := range map[string]string{
		"evse": "'=cmd|' /C calc'!A0", "service": "' +charging,\"x\"  ", "tariff": "'@SUM(A1)", "reason": "'-2+3", "energy_kwh": "1.5", "seconds": "3600",
		"cost_excl_vat": "-0.75", "cost_incl_vat": "-0.8925", "payable": "-0.8925", "paid": "3", "unpaid": "-3.8925", "claims": "7", "final": "false", "ended": "true",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestAReceiptIsExportedAsItWasBilled(t *testing.T) {
	r := signed(t, charged(t).evidence())
	v, err := receipt.VisitOf(r)
	if err != nil {
		t.Fatal(err)
	}
	if v.Cost.Payable() != r.Summary.Payable.Amount || v.Unpaid() != r.Summary.Unpaid.Amount || !v.Final || v.Quantity() != 9_632_000 {
		t.Errorf("%+v", v)
	}
	if _, err := v.CDR(receipt.CDROptions{}); err != nil {
		t.Error(err)
	}
}
