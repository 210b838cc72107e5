package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
)

// detailRecord is an OCPI CDR (2.2.1 and 2.3.0, mod_cdrs), as far as it is used here.
type detailRecord struct {
	ID       string      `json:"id"`
	Begins   string      `json:"start_date_time"`
	Ends     string      `json:"end_date_time"`
	Energy   json.Number `json:"total_energy"`
	Location struct {
		ID   string `json:"id"`
		EVSE string `json:"evse_uid"`
	} `json:"cdr_location"`
	Periods []struct {
		Dimensions []struct {
			Type   string      `json:"type"`
			Volume json.Number `json:"volume"`
		} `json:"dimensions"`
	} `json:"charging_periods"`
}

// readCDRs reads one record, a list of them, or the answer of an OCPI server, which has the list in data.
func readCDRs(data []byte, o Options, g *gathering) error {
	if len(o.Column) > 0 {
		return fmt.Errorf("%w: ocpi has no columns", ErrOption)
	}
	list, err := records(data)
	if err != nil {
		return err
	}
	clock := newClock(o.Zone, "") // OCPI's times are UTC, with or without a Z
	for i, raw := range list {
		s, p := record(raw, clock)
		if err := g.add(item(i), s, p); err != nil {
			return err
		}
	}
	return nil
}

func records(data []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRow, err)
		}
		return list, nil
	}
	var page struct {
		Data   json.RawMessage `json:"data"`
		Begins json.RawMessage `json:"start_date_time"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	switch {
	case page.Begins != nil:
		return []json.RawMessage{data}, nil
	case bytes.HasPrefix(bytes.TrimSpace(page.Data), []byte("[")):
		return records(page.Data)
	case bytes.HasPrefix(bytes.TrimSpace(page.Data), []byte("{")):
		return []json.RawMessage{page.Data}, nil
	}
	return nil, fmt.Errorf("%w: neither a charge detail record nor a page of them", ErrRow)
}

func record(raw []byte, clock *clock) (Session, *problem) {
	s := Session{FromPermille: Unknown, ToPermille: Unknown}
	var x detailRecord
	if err := json.Unmarshal(raw, &x); err != nil {
		return s, bad(ReasonObject, "")
	}
	s.ID, s.Station = clip(x.ID), clip(or(x.Location.EVSE, x.Location.ID))
	if p := parseTimes(clock, &s, x.Begins, x.Ends); p != nil {
		return s, p
	}
	energy, p := x.energy()
	s.EnergyMilliwattHours, s.DeliveredMilliwattHours = energy, energy
	return s, p
}

// energy is the total that the record states, or else what its periods have.
func (x *detailRecord) energy() (int64, *problem) {
	if x.Energy != "" {
		total, err := kilo(x.Energy.String())
		if err != nil {
			return 0, bad(ReasonNumber, x.Energy.String())
		}
		return total, nil
	}
	sum, found := new(big.Rat), false
	for _, period := range x.Periods {
		for _, d := range period.Dimensions {
			if d.Type != "ENERGY" {
				continue
			}
			volume, ok := number(d.Volume.String())
			if !ok {
				return 0, bad(ReasonNumber, d.Volume.String())
			}
			sum, found = sum.Add(sum, volume), true
		}
	}
	if !found {
		return 0, bad(ReasonNoEnergy, "")
	}
	total, err := rounded(sum.Mul(sum, big.NewRat(milliPerKilo, 1)))
	if err != nil {
		return 0, bad(ReasonNumber, "")
	}
	return total, nil
}
