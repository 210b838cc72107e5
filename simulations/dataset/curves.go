package dataset

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Model is a vehicle that one can buy, with how its battery takes power.
type Model struct {
	ID                     string
	Name                   string // brand, model, variant and year
	CapacityMilliwattHours int64  // usable
	Curve                  []CurvePoint
}

// CurvePoint is the most that a battery takes at a state of charge; between two points the power is on the line.
type CurvePoint struct {
	Permille        int16
	PowerMilliwatts int64
}

// Bounds of a list of models.
const (
	modelsMax = 100_000
	pointsMax = 1000
)

// Models reads the vehicles of Open EV Data whose id is the text, or whose name has each of its words.
func Models(data []byte, text string) ([]Model, error) {
	data, err := Unpack(data)
	if err != nil {
		return nil, err
	}
	var file struct {
		Data []struct {
			ID      string      `json:"id"`
			Brand   string      `json:"brand"`
			Model   string      `json:"model"`
			Variant string      `json:"variant"`
			Year    int         `json:"release_year"`
			Usable  json.Number `json:"usable_battery_size"`
			Curve   []struct {
				Percentage json.Number `json:"percentage"`
				Power      json.Number `json:"power"`
			} `json:"charging_curve"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	if len(file.Data) == 0 || len(file.Data) > modelsMax {
		return nil, fmt.Errorf("%w: %d vehicles", ErrRow, len(file.Data))
	}
	var found []Model
	for i, x := range file.Data {
		m := Model{ID: x.ID, Name: strings.Join(strings.Fields(x.Brand+" "+x.Model+" "+x.Variant+" "+strconv.Itoa(x.Year)), " ")}
		if !m.matches(text) {
			continue
		}
		if m.CapacityMilliwattHours, err = kilo(x.Usable.String()); err != nil || m.CapacityMilliwattHours == 0 || len(x.Curve) == 0 || len(x.Curve) > pointsMax {
			return nil, fmt.Errorf("%w: item %d: its battery of %.20q kWh with %d points", ErrRow, i+1, x.Usable, len(x.Curve))
		}
		for _, p := range x.Curve {
			charge, err1 := unsigned(p.Percentage.String(), permillePerCent)
			power, err2 := kilo(p.Power.String())
			before := int16(-1)
			if len(m.Curve) > 0 {
				before = m.Curve[len(m.Curve)-1].Permille
			}
			if err1 != nil || err2 != nil || charge > fullPermille || int16(charge) <= before || power == 0 {
				return nil, fmt.Errorf("%w: item %d: its curve at %.20q %% and %.20q kW", ErrRow, i+1, p.Percentage, p.Power)
			}
			m.Curve = append(m.Curve, CurvePoint{int16(charge), power})
		}
		found = append(found, m)
	}
	return found, nil
}

const fullPermille = 1000

func (m *Model) matches(text string) bool {
	if text == m.ID {
		return true
	}
	name := " " + strings.ToLower(m.Name) + " "
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if !strings.Contains(name, " "+word+" ") {
			return false
		}
	}
	return true
}
