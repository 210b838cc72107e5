package ocpp

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"joulepay/meter"
)

// Measurands that matter here (OCPP 1.6, section 7.31; 2.0.1, MeasurandEnumType).
const (
	measurandEnergy = "Energy.Active.Import.Register"
	measurandPower  = "Power.Active.Import"
	measurandSoC    = "SoC"
)

// meterValue is a moment with its sampled values, in either version.
type meterValue struct {
	Timestamp timestamp      `json:"timestamp"`
	Sampled   []sampledValue `json:"sampledValue"`
}

type sampledValue struct {
	Value     number `json:"value"` // a text in 1.6, a number in 2.0.1
	Context   string `json:"context"`
	Format    string `json:"format"` // 1.6: "Raw" or "SignedData"
	Measurand string `json:"measurand"`
	Phase     string `json:"phase"`
	Location  string `json:"location"`
	Unit      string `json:"unit"`
	Measure   struct {
		Unit       string `json:"unit"`
		Multiplier int    `json:"multiplier"`
	} `json:"unitOfMeasure"` // 2.0.1
	Signed *signedValue `json:"signedMeterValue"` // 2.0.1
}

// number is a value as the station wrote it: a JSON number, or a text with a number in it, or a signed record.
type number string

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, (*string)(n))
	}
	var plain json.Number
	err := json.Unmarshal(raw, &plain)
	*n = number(plain)
	return err
}

// timestamp is RFC 3339, or the same without a zone, which some stations send and mean as UTC.
type timestamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *timestamp) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil || len(text) > textMax {
		return fmt.Errorf("%w: timestamp", ErrPayload)
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%w: timestamp %.40q", ErrPayload, text)
}

// look is what one message says of a connector at one moment.
type look struct {
	at           time.Time // by the station's clock
	registerMwh  int64
	hasRegister  bool
	saysKWh      bool // the register was labelled kWh, so that a label that is wrong can be told
	powerMw      int64
	hasPower     bool
	socPermille  int16
	hasSoC       bool
	signed       []signedValue
	signedFormat error // what was meant to be signed and cannot be read
}

// readLooks makes looks of meter values, oldest first as the station sent them.
func readLooks(values []meterValue) ([]look, error) {
	total := 0
	var looks []look
	for _, v := range values {
		if total += len(v.Sampled); total > valuesMax {
			return nil, fmt.Errorf("%w: more than %d sampled values", ErrPayload, valuesMax)
		}
		l := look{at: v.Timestamp.Time, socPermille: meter.StateOfChargeUnknown}
		for _, s := range v.Sampled {
			if err := l.add(s); err != nil {
				return nil, err
			}
		}
		looks = append(looks, l)
	}
	return looks, nil
}

func (l *look) add(s sampledValue) error {
	if s.Signed != nil {
		l.signed = append(l.signed, *s.Signed)
	}
	if s.Format == "SignedData" {
		signed, err := readSignedData(string(s.Value))
		if err != nil {
			l.signedFormat = err
			return nil
		}
		l.signed = append(l.signed, signed)
		return nil
	}
	if s.Phase != "" || (s.Location != "" && s.Location != "Outlet" && s.Measurand != measurandSoC) {
		return nil // of one phase, or at the inlet of the station
	}
	switch s.Measurand {
	case "", measurandEnergy:
		return l.addEnergy(s)
	case measurandPower:
		power, err := s.scaled(map[string]int32{"": 3, "W": 3, "kW": 6})
		if err == nil {
			l.powerMw, l.hasPower = power, true
		}
	case measurandSoC:
		soc, err := s.scaled(map[string]int32{"": 1, "Percent": 1, "%": 1})
		if err == nil && soc >= 0 && soc <= meter.StateOfChargeMax {
			l.socPermille, l.hasSoC = int16(soc), true
		}
	}
	return nil
}

func (s sampledValue) unit() string {
	if s.Unit != "" {
		return s.Unit
	}
	return s.Measure.Unit
}

func (l *look) addEnergy(s sampledValue) error {
	register, err := s.scaled(map[string]int32{"": 3, "Wh": 3, "kWh": 6})
	if err != nil {
		return err
	}
	if register < 0 {
		return fmt.Errorf("%w: the register is negative", ErrPayload)
	}
	l.registerMwh, l.hasRegister, l.saysKWh = register, true, s.unit() == "kWh"
	return nil
}

// multiplierMax bounds the decimal exponent of 2.0.1: from nano to giga.
const multiplierMax = 9

// numberMax bounds the text of a number.
const numberMax = 40

// scaled gives the value in 10⁻³ of the unit with shift 3, rounded down. Only known units are read.
func (s sampledValue) scaled(shifts map[string]int32) (int64, error) {
	shift, ok := shifts[s.unit()]
	if !ok || s.Measure.Multiplier < -multiplierMax || s.Measure.Multiplier > multiplierMax {
		return 0, fmt.Errorf("%w: unit %.20q", ErrPayload, s.unit())
	}
	return parseScaled(string(s.Value), shift+int32(s.Measure.Multiplier))
}

// parseScaled reads a decimal number and gives it times 10^shift, rounded down.
func parseScaled(text string, shift int32) (int64, error) {
	text = strings.TrimSpace(text)
	if len(text) > numberMax || strings.ContainsAny(text, "eE") && len(text) > numberMax/2 {
		return 0, fmt.Errorf("%w: a number of %d characters", ErrPayload, len(text))
	}
	value, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q is not a number", ErrPayload, text)
	}
	const exponentMax = 30 // beyond it no register is meant, and the arithmetic would grow
	if value.Exponent() > exponentMax || value.Exponent() < -2*exponentMax {
		return 0, fmt.Errorf("%w: %.40q is out of range", ErrPayload, text)
	}
	whole := value.Shift(shift).Floor()
	if whole.GreaterThan(decimal.NewFromInt(math.MaxInt64/4)) || whole.LessThan(decimal.NewFromInt(math.MinInt64/4)) {
		return 0, fmt.Errorf("%w: %.40q is out of range", ErrPayload, text)
	}
	return whole.IntPart(), nil
}
