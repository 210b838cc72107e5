package execmeter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"joulepay/meter"
)

const (
	// lineSizeMax bounds a line: all fields together take less than 250 bytes.
	lineSizeMax = 4096
	// powerMilliwattsMax is 10 GW either way: beyond any outlet, and far from overflow.
	powerMilliwattsMax = 10_000_000_000_000
)

// reading is what one line says.
type reading struct {
	sample  meter.Sample // Time is zero when the line has none
	plugged bool
}

// line is the JSON of a reading. Pointers tell what is absent.
type line struct {
	RegisterMilliwattHours *int64       `json:"register_mwh"`
	Register               *int64       `json:"register"`
	Unit                   *meter.Unit  `json:"unit"`
	ExportedMilliwattHours int64        `json:"exported_mwh"`
	Time                   *time.Time   `json:"time"`
	PowerMilliwatts        int64        `json:"power_mw"`
	StateOfChargePermille  *int16       `json:"soc_permille"`
	State                  *meter.State `json:"state"`
	Plugged                *bool        `json:"plugged"`
}

// parseLine reads one line, strictly: unknown fields are refused, since they are more likely misspelt than meant
// for nobody.
func parseLine(text []byte) (reading, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var l line
	if err := decoder.Decode(&l); err != nil {
		return reading{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return reading{}, errors.New("more than one JSON object")
	}
	return l.reading()
}

func (l line) reading() (reading, error) {
	register, unit, err := l.register()
	if err != nil {
		return reading{}, err
	}
	r := reading{plugged: l.Plugged == nil || *l.Plugged}
	r.sample = meter.Sample{
		Register:              register,
		Exported:              l.ExportedMilliwattHours,
		Unit:                  unit,
		PowerMilliwatts:       l.PowerMilliwatts,
		StateOfChargePermille: meter.StateOfChargeUnknown,
		State:                 meter.Charging,
	}
	if exported := l.ExportedMilliwattHours; exported < 0 || exported > 0 && unit != meter.MilliwattHours {
		return reading{}, fmt.Errorf("exported_mwh is %d, of %v", exported, unit)
	}
	if l.PowerMilliwatts < -powerMilliwattsMax || l.PowerMilliwatts > powerMilliwattsMax {
		return reading{}, fmt.Errorf("power_mw is %d", l.PowerMilliwatts)
	}
	if l.Time != nil {
		if l.Time.Year() < 1970 || l.Time.Year() > 9999 {
			return reading{}, errors.New("time is outside 1970…9999")
		}
		r.sample.Time = time.UnixMilli(l.Time.UnixMilli()).UTC()
	}
	if soc := l.StateOfChargePermille; soc != nil {
		if *soc < meter.StateOfChargeUnknown || *soc > meter.StateOfChargeMax {
			return reading{}, fmt.Errorf("soc_permille is %d", *soc)
		}
		r.sample.StateOfChargePermille = *soc
	}
	if l.State != nil {
		r.sample.State = *l.State
	}
	return r, nil
}

// register gives the one register that a line must have, and its unit.
func (l line) register() (int64, meter.Unit, error) {
	value, unit := l.RegisterMilliwattHours, meter.MilliwattHours
	switch {
	case l.RegisterMilliwattHours != nil && (l.Register != nil || l.Unit != nil):
		return 0, 0, errors.New("register_mwh excludes register and unit")
	case l.RegisterMilliwattHours == nil && (l.Register == nil || l.Unit == nil):
		return 0, 0, errors.New("neither register_mwh nor register with unit")
	case l.Register != nil:
		value, unit = l.Register, *l.Unit
	}
	if *value < 0 {
		return 0, 0, fmt.Errorf("register is %d", *value)
	}
	return *value, unit, nil
}

// follows tells whether a reading can come after another of the same meter.
func (r reading) follows(before reading) error {
	now, then := r.sample, before.sample
	switch {
	case now.Unit != then.Unit:
		return fmt.Errorf("%w: %v after %v", meter.ErrUnitChanged, now.Unit, then.Unit)
	case now.Register < then.Register:
		return fmt.Errorf("%w: %d after %d", meter.ErrRegisterFell, now.Register, then.Register)
	case now.Exported < then.Exported:
		return fmt.Errorf("%w: %d flowed back after %d", meter.ErrRegisterFell, now.Exported, then.Exported)
	case now.Time.IsZero() != then.Time.IsZero():
		return errors.New("all lines have a time, or none")
	case now.Time.Before(then.Time):
		return fmt.Errorf("%w: %v after %v", meter.ErrTimeFell, now.Time, then.Time)
	}
	return nil
}
