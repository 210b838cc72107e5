package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// acnPeriod is the length of a period in the files of ACN-Sim's experiments.
const acnPeriod = 5 * time.Minute

// acnColumns are the columns of "acn-sim", the sessions of ACN-Sim's experiments in periods from a start.
var acnColumns = []string{
	"arrival_period", "departure_period", "estimated_departure_period", "requested_kwh", "battery_capacity_kwh", "battery_init_kwh",
	"max_power_kw", "station_id", "session_id",
}

func readACNSim(data []byte, o Options) ([]Session, error) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil || !slices.Equal(head, acnColumns) {
		return nil, fmt.Errorf("%w: line 1: not the columns of acn-sim", ErrRow)
	}
	var all []Session
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		line, _ := rows.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRow, err)
		}
		s, err := acnSession(row, o.Start)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrRow, line, err)
		}
		if all = append(all, s); len(all) > SessionsMax {
			return nil, fmt.Errorf("%w: more than %d sessions", ErrLimit, SessionsMax)
		}
	}
}

func acnSession(row []string, start time.Time) (Session, error) {
	s := Session{ID: row[8], Station: row[7], FromPermille: Unknown, ToPermille: Unknown}
	for i, into := range []*time.Time{&s.Arrives, &s.Leaves, &s.Says} {
		period, err := strconv.Atoi(row[i])
		if err != nil || period < 0 || period > periodsMax {
			return s, fmt.Errorf("%s %.20q is not a number of periods", acnColumns[i], row[i])
		}
		*into = start.Add(time.Duration(period) * acnPeriod)
	}
	var err error
	if s.EnergyMilliwattHours, err = kilo(row[3]); err != nil {
		return s, err
	}
	if s.CapacityMilliwattHours, err = kilo(row[4]); err != nil {
		return s, err
	}
	if s.PowerMilliwatts, err = kilo(row[6]); err != nil {
		return s, err
	}
	if !s.Arrives.Before(s.Leaves) {
		return s, errors.New("leaves before it arrives")
	}
	return s, nil
}

// periodsMax is ten years of five minutes.
const periodsMax = 10 * 366 * 24 * 12

// kilo reads a decimal of kW or kWh into milliwatts or milliwatt-hours, rounded half to even as the published figures are
// no finer.
func kilo(text string) (int64, error) {
	number, ok := number(text)
	if !ok {
		return 0, fmt.Errorf("%.20q is not a number", text)
	}
	return rounded(number.Mul(number, big.NewRat(1_000_000, 1)))
}

// number reads digits with at most one point, and no exponent: it would make a short text a large number.
func number(text string) (*big.Rat, bool) {
	const digitsMax = 40
	if len(text) > digitsMax || strings.Trim(text, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// kiloMax bounds a power or an energy: 10 GW, 10 GWh.
const kiloMax = 10_000_000_000_000

func rounded(number *big.Rat) (int64, error) {
	whole, rest := new(big.Int).QuoRem(number.Num(), number.Denom(), new(big.Int))
	switch twice := rest.Lsh(rest, 1).CmpAbs(number.Denom()); {
	case twice > 0, twice == 0 && whole.Bit(0) == 1:
		whole.Add(whole, big.NewInt(int64(number.Sign())))
	}
	if !whole.IsInt64() || whole.Int64() < 0 || whole.Int64() > kiloMax {
		return 0, errors.New("a number out of range")
	}
	return whole.Int64(), nil
}
