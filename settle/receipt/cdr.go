package receipt

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"joulepay/meter"
	"joulepay/pricing"
)

// OCPIVersion is a version of OCPI in which CDRs are written.
type OCPIVersion string

// The versions.
const (
	OCPI221 OCPIVersion = "2.2.1"
	OCPI230 OCPIVersion = "2.3.0"
)

// Location is a CdrLocation of OCPI, the EVSE aside, which the quote names.
type Location struct {
	ID                 string      `json:"id"`
	Name               string      `json:"name,omitempty"`
	Address            string      `json:"address"`
	City               string      `json:"city"`
	PostalCode         string      `json:"postal_code,omitempty"`
	State              string      `json:"state,omitempty"`
	Country            string      `json:"country"` // ISO 3166-1 alpha-3
	Coordinates        Coordinates `json:"coordinates"`
	EVSEUID            string      `json:"evse_uid"`
	EVSEID             string      `json:"evse_id"`
	ConnectorID        string      `json:"connector_id"`
	ConnectorStandard  string      `json:"connector_standard"`
	ConnectorFormat    string      `json:"connector_format"`
	ConnectorPowerType string      `json:"connector_power_type"`
}

// Coordinates are a GeoLocation of OCPI, in degrees.
type Coordinates struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
}

// CDROptions say what a CDR needs and no receipt knows.
type CDROptions struct {
	Version  OCPIVersion // empty: OCPI221
	Party    string      // country code and party id of the operator, such as "DE*ABC"; empty: those of the EVSE id
	Location Location    // empty fields are filled with what is known, or say that it is not stated
}

type cdr struct {
	CountryCode      string            `json:"country_code"`
	PartyID          string            `json:"party_id"`
	ID               string            `json:"id"`
	Start            string            `json:"start_date_time"`
	End              string            `json:"end_date_time"`
	SessionID        string            `json:"session_id"`
	Token            cdrToken          `json:"cdr_token"`
	AuthMethod       string            `json:"auth_method"`
	Location         Location          `json:"cdr_location"`
	Currency         string            `json:"currency"`
	Tariffs          []json.RawMessage `json:"tariffs"`
	Periods          []cdrPeriod       `json:"charging_periods"`
	SignedData       *cdrSignedData    `json:"signed_data,omitempty"`
	TotalCost        any               `json:"total_cost"`
	TotalFixedCost   any               `json:"total_fixed_cost,omitempty"`
	TotalEnergy      json.Number       `json:"total_energy"`
	TotalEnergyCost  any               `json:"total_energy_cost,omitempty"`
	TotalTime        json.Number       `json:"total_time"`
	TotalTimeCost    any               `json:"total_time_cost,omitempty"`
	TotalParkingTime json.Number       `json:"total_parking_time,omitempty"`
	TotalParkingCost any               `json:"total_parking_cost,omitempty"`
	Remark           string            `json:"remark"`
	LastUpdated      string            `json:"last_updated"`
}

type cdrToken struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

type cdrPeriod struct {
	Start      string         `json:"start_date_time"`
	Dimensions []cdrDimension `json:"dimensions"`
	TariffID   string         `json:"tariff_id"`
}

// cdrSignedData is a SignedData of OCPI: the records that the meter signed, as it wrote them.
type cdrSignedData struct {
	Method    string           `json:"encoding_method"`
	PublicKey string           `json:"public_key"`
	Values    []cdrSignedValue `json:"signed_values"`
}

type cdrSignedValue struct {
	Nature string `json:"nature"`
	Plain  string `json:"plain_data"`
	Signed string `json:"signed_data"`
}

type cdrDimension struct {
	Type   string      `json:"type"`
	Volume json.Number `json:"volume"`
}

// CDR gives a finished session as an OCPI CDR object. It has the readings' periods as the tariff priced them, so that
// pricing.CostOfCDR comes to the same cost. The vehicle is named by a token of its own: the first half of the SHA-256 of its
// DID, which is too long for one and stands in the remark, beside what was paid. A CDR prices energy that was taken, as its tariffs
// do; what was given back (ENERGY_EXPORT is for Session objects alone) and its credit are in the remark. Errors are ErrNotEnded, and ErrExport where
// OCPI has no words for a session.
func (v Visit) CDR(o CDROptions) ([]byte, error) {
	if o.Version == "" {
		o.Version = OCPI221
	}
	c, err := v.cdr(o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

func (v Visit) cdr(o CDROptions) (*cdr, error) {
	switch {
	case o.Version != OCPI221 && o.Version != OCPI230:
		return nil, fmt.Errorf("%w: version %.20q of OCPI, want %s or %s", ErrExport, o.Version, OCPI221, OCPI230)
	case meter.Unit(v.Quote.Unit) == meter.Count:
		return nil, fmt.Errorf("%w: OCPI knows energy and time, and no pieces", ErrExport)
	case !v.Ended():
		return nil, fmt.Errorf("%w: session %s", ErrNotEnded, v.Session)
	case len(v.Cost.Periods()) == 0:
		return nil, fmt.Errorf("%w: in session %s nothing flowed and no time passed", ErrExport, v.Session)
	}
	country, party, err := v.party(o.Party)
	if err != nil {
		return nil, err
	}
	tariffs, err := v.tariffsAs(o.Version, country, party)
	if err != nil {
		return nil, err
	}
	id, digest := v.Session.String(), sha256.Sum256([]byte(v.Vehicle.String()))
	token := hex.EncodeToString(digest[:16])
	c := &cdr{
		CountryCode: country, PartyID: party, ID: id, SessionID: id, Start: ocpiTime(v.Start()), End: ocpiTime(v.End()),
		Token: cdrToken{country, party, token, "OTHER", token}, AuthMethod: "COMMAND", Location: v.location(o.Location, country),
		Currency: v.Quote.Currency, Tariffs: tariffs, Periods: v.periods(),
		TotalCost: priceAs(o.Version, v.Cost.ExclVAT, v.Cost.InclVAT), Remark: v.remark(), LastUpdated: ocpiTime(v.End()),
		TotalEnergy: "0", TotalTime: hours(v.End().Sub(v.Start())),
	}
	if meter.Unit(v.Quote.Unit) == meter.MilliwattHours {
		c.TotalEnergy = json.Number(decimal(v.Quantity(), 6))
	}
	c.SignedData = v.signedData()
	return c, v.addShares(c, o.Version)
}

// Bounds of OCPI for SignedValue and SignedData.
const (
	plainDataMax  = 512
	signedDataMax = 5000
	publicKeyMax  = 512
)

// signedData gives the records of a meter that signs OCMF: "OCMF|payload|signature", one after the other. Where one is longer
// than OCPI has room for, none are given: half of the proof is none, and sessions are exported as OCMF, too.
func (v Visit) signedData() *cdrSignedData {
	key := base64.StdEncoding.EncodeToString(v.Quote.OCMFKey)
	if len(key) == 0 || len(key) > publicKeyMax {
		return nil
	}
	d := &cdrSignedData{Method: "OCMF", PublicKey: key}
	for _, r := range v.Readings {
		for _, record := range strings.Split(string(r.Evidence), "OCMF|")[1:] {
			record = strings.TrimRight(record, " \r\n\t")
			payload, _, whole := strings.Cut(record, "|")
			if !whole || len(payload) > plainDataMax || len(record)+len("OCMF|") > signedDataMax {
				return nil
			}
			value := cdrSignedValue{"Intermediate", payload, "OCMF|" + record}
			if !slices.Contains(d.Values, value) { // two readings may rest on one record
				d.Values = append(d.Values, value)
			}
		}
	}
	if len(d.Values) == 0 {
		return nil
	}
	d.Values[0].Nature, d.Values[len(d.Values)-1].Nature = "Start", "End"
	return d
}

// party gives country code and party id: as asked, or those with which the EVSE id begins (eMI3), or the tariff's.
func (v Visit) party(asked string) (country, id string, err error) {
	for _, text := range []string{asked, v.Quote.EVSE, v.Tariffs[0].Party()} {
		if found := partyPattern.FindStringSubmatch(strings.ToUpper(text)); found != nil {
			return found[1], found[2], nil
		}
		if asked != "" {
			break
		}
	}
	return "", "", fmt.Errorf("%w: no country code and party id, as in DE*ABC: %.40q", ErrExport, asked)
}

var partyPattern = regexp.MustCompile(`^([A-Z]{2})[*-]?([A-Z0-9]{3})(?:[*-]?E.*)?$`)

// periods give the stretches that were priced.
func (v Visit) periods() []cdrPeriod {
	var list []cdrPeriod
	for _, p := range v.Cost.Periods() {
		dimensions := []cdrDimension{}
		for _, volume := range p.Volumes {
			dimensions = append(dimensions, cdrDimension{volume.Type, json.Number(volume.Value.String())})
		}
		list = append(list, cdrPeriod{ocpiTime(p.Start), dimensions, p.TariffID})
	}
	return list
}

func (v Visit) addShares(c *cdr, version OCPIVersion) error {
	shares, err := v.Cost.Shares()
	if err != nil {
		return err
	}
	into := map[pricing.ComponentType]*any{
		pricing.Energy: &c.TotalEnergyCost, pricing.Time: &c.TotalTimeCost,
		pricing.ParkingTime: &c.TotalParkingCost, pricing.Flat: &c.TotalFixedCost,
	}
	for _, s := range shares {
		*into[s.Type] = priceAs(version, s.ExclVAT, s.InclVAT)
	}
	var parked time.Duration
	for _, p := range v.Cost.Periods() {
		for _, volume := range p.Volumes {
			if volume.Type == "PARKING_TIME" {
				parked += p.End.Sub(p.Start)
			}
		}
	}
	if parked > 0 {
		c.TotalParkingTime = hours(parked)
	}
	return nil
}

// location fills in what is known. What is not is said, for OCPI asks for all of it.
func (v Visit) location(l Location, country string) Location {
	const notStated = "not stated"
	fill := func(into *string, text string, most int) {
		if *into == "" {
			*into = text
		}
		if len(*into) > most {
			*into = strings.ToValidUTF8((*into)[:most], "")
		}
	}
	evse := v.Quote.EVSE
	if evse == "" {
		evse = notStated
	}
	fill(&l.ID, evse, 36)
	fill(&l.Address, notStated, 45)
	fill(&l.City, notStated, 45)
	fill(&l.Country, alpha3[country], 3)
	fill(&l.Country, "ZZZ", 3) // user-assigned: unknown
	fill(&l.Coordinates.Latitude, "0.00000", 10)
	fill(&l.Coordinates.Longitude, "0.00000", 11)
	fill(&l.EVSEUID, evse, 36)
	fill(&l.EVSEID, evse, 48)
	fill(&l.ConnectorID, "1", 36)
	fill(&l.ConnectorStandard, "IEC_62196_T2_COMBO", 40)
	fill(&l.ConnectorFormat, "CABLE", 10)
	fill(&l.ConnectorPowerType, "DC", 20)
	return l
}

// alpha3 gives the codes of countries where EVSE ids of eMI3 are common; others are named by the operator.
var alpha3 = map[string]string{
	"AT": "AUT", "BE": "BEL", "BG": "BGR", "CH": "CHE", "CY": "CYP", "CZ": "CZE", "DE": "DEU", "DK": "DNK", "EE": "EST", "ES": "ESP",
	"FI": "FIN", "FR": "FRA", "GB": "GBR", "GR": "GRC", "HR": "HRV", "HU": "HUN", "IE": "IRL", "IS": "ISL", "IT": "ITA", "LI": "LIE",
	"LT": "LTU", "LU": "LUX", "LV": "LVA", "MT": "MLT", "NL": "NLD", "NO": "NOR", "PL": "POL", "PT": "PRT", "RO": "ROU", "SE": "SWE",
	"SI": "SVN", "SK": "SVK", "US": "USA",
}

// remark says what OCPI has no field for, in at most 255 characters.
func (v Visit) remark() string {
	text := fmt.Sprintf("%s paid %s of %s %s by %d claims", v.Vehicle, decimal(int64(v.Paid), 9), decimal(int64(v.Payable), 9),
		v.Quote.Currency, v.Claims)
	if v.Credit != nil && v.Returned() > 0 {
		text += fmt.Sprintf("; less %s for %s kWh back", sumOf(*v.Credit), decimal(v.Returned(), 6))
	}
	if v.Settlement != "" {
		text += "; ledger vertex " + v.Settlement
	}
	return text[:min(len(text), 255)]
}

func ocpiTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// hours gives decimal hours of 6 places, as CDRs have them.
func hours(d time.Duration) json.Number {
	seconds := int64(d / time.Second)
	return json.Number(decimal((seconds*1_000_000+1_800)/3_600, 6))
}

// priceAs gives a Price of OCPI: sums before and after tax (2.2.1), or before tax and the taxes (2.3.0). Where a tariff
// states only the sum after tax, that stands for both.
func priceAs(version OCPIVersion, excl, incl pricing.Exact) any {
	if !excl.Known() {
		excl = incl
	}
	if version == OCPI221 {
		price := map[string]json.Number{"excl_vat": json.Number(excl.String())}
		if incl.Known() {
			price["incl_vat"] = json.Number(incl.String())
		}
		return price
	}
	type tax struct {
		Name   string      `json:"name"`
		Amount json.Number `json:"amount"`
	}
	price := struct {
		Before json.Number `json:"before_taxes"`
		Taxes  []tax       `json:"taxes,omitempty"`
	}{Before: json.Number(excl.String())}
	if incl.Known() && incl.Cmp(excl) != 0 {
		price.Taxes = []tax{{"VAT", json.Number(incl.Sub(excl).String())}}
	}
	return price
}
