package dataset

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Profile is a standard load profile of the BDEW: for each month and kind of day a value in each quarter of an hour, for a
// consumption of a million kWh a year.
type Profile struct {
	days    [12][3][quarters]int64 // mWh in a quarter of an hour: Saturday, Sunday and holiday, working day
	dynamic bool
}

// Slots of a day.
const (
	quarters    = 96
	quarterHour = 15 * time.Minute
)

var (
	profileMonths = []string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	profileKinds  = []string{"SA", "FT", "WT"}
)

// ReadProfile reads a table of the BDEW's profiles of 2025 (H25, G25, L25, P25, S25), packed or not. The values of households
// (H25, P25, S25) are to be made dynamic: the file does not tell, the caller does.
func ReadProfile(data []byte, dynamic bool) (*Profile, error) {
	data, err := Unpack(data)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	const heads = 2
	if len(rows) != heads+quarters {
		return nil, fmt.Errorf("%w: %d rows, want months, kinds of days and %d quarters of an hour", ErrRow, len(rows), quarters)
	}
	p := &Profile{dynamic: dynamic}
	seen := map[[2]int]bool{}
	for column := 1; column < len(rows[0]); column++ {
		month, kind := slices.Index(profileMonths, rows[0][column]), slices.Index(profileKinds, rows[1][column])
		if month < 0 || kind < 0 || seen[[2]int{month, kind}] {
			return nil, fmt.Errorf("%w: column %d is %.20q %.20q", ErrRow, column+1, rows[0][column], rows[1][column])
		}
		seen[[2]int{month, kind}] = true
		for q := range quarters {
			value, err := kilo(rows[heads+q][column])
			if err != nil || value > profileValueMax {
				return nil, fmt.Errorf("%w: line %d: %.20q", ErrRow, heads+q+1, rows[heads+q][column])
			}
			p.days[month][kind][q] = value
		}
	}
	if len(seen) != len(profileMonths)*len(profileKinds) {
		return nil, fmt.Errorf("%w: %d columns of months and kinds of days", ErrRow, len(seen))
	}
	return p, nil
}

// profileValueMax bounds a value: a million kWh in a quarter of an hour.
const profileValueMax = 1_000_000_000_000

// YearlyMax bounds the consumption that a profile is scaled to, in mWh a year: 1 TWh.
const YearlyMax = 1_000_000_000_000_000

// Powers gives the mean power in milliwatts of each quarter of an hour from a time on, for a consumption in mWh a year. Days
// are those of the zone; a Sunday's values stand for the holidays that a caller names as days at midnight UTC, and a
// Saturday's for Christmas Eve and New Year's Eve that are no Sundays, as the BDEW has it.
func (p *Profile) Powers(from time.Time, count int, zone *time.Location, yearlyMilliwattHours int64, holidays []time.Time) []int64 {
	powers := make([]int64, count)
	for i := range powers {
		local := from.Add(time.Duration(i) * quarterHour).In(zone)
		value := p.days[local.Month()-1][kindOf(local, holidays)][local.Hour()*4+local.Minute()/15]
		if p.dynamic {
			value = roundedDiv(value*dynamics(local.YearDay()), factorOne)
		}
		powers[i] = scaledPower(value, yearlyMilliwattHours)
	}
	return powers
}

func kindOf(local time.Time, holidays []time.Time) int {
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	eve := local.Month() == time.December && (local.Day() == 24 || local.Day() == 31)
	switch {
	case local.Weekday() == time.Sunday || slices.ContainsFunc(holidays, day.Equal):
		return slices.Index(profileKinds, "FT")
	case local.Weekday() == time.Saturday || eve:
		return slices.Index(profileKinds, "SA")
	}
	return slices.Index(profileKinds, "WT")
}

// factorOne is 1 with the four decimals that the BDEW rounds factors to.
const factorOne = 10_000

// dynamics is the BDEW's polynomial of the day of the year: -3.92e-10 d⁴ + 3.20e-7 d³ - 7.02e-5 d² + 2.10e-3 d + 1.24.
func dynamics(day int) int64 {
	d := int64(day)
	const trillion = 1_000_000_000_000
	return roundedDiv(((-392*d+320_000)*d-70_200_000)*d*d+2_100_000_000*d+1_240_000_000_000, trillion/factorOne)
}

// scaledPower gives the power of an energy in a quarter of an hour, of a million kWh a year scaled to another consumption.
func scaledPower(value, yearly int64) int64 {
	const quartersOfHour, millionKilowattHours = 4, 1_000_000_000_000
	product := new(big.Int).Mul(big.NewInt(value*quartersOfHour), big.NewInt(yearly))
	product.Add(product, big.NewInt(millionKilowattHours/2))
	return product.Quo(product, big.NewInt(millionKilowattHours)).Int64()
}

func roundedDiv(value, by int64) int64 {
	if value < 0 {
		return -((-value + by/2) / by)
	}
	return (value + by/2) / by
}

// Dynamic tells whether a profile of that name is one whose values are to be made dynamic.
func Dynamic(name string) bool {
	return slices.ContainsFunc([]string{"h25", "p25", "s25"}, func(part string) bool { return strings.Contains(strings.ToLower(name), part) })
}
