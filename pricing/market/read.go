package market

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"joulepay/pricing"
)

// marketZone is the time of the coupled day-ahead market, whose delivery days it delimits.
var marketZone = mustZone("Europe/Brussels")

func mustZone(name string) *time.Location {
	location, err := pricing.LoadLocation(name)
	if err != nil {
		panic(err) // the zone database is part of package pricing
	}
	return location
}

var columns = []string{"start_utc", "start_local", "eur_per_mwh"}

// parseCSV reads lines of start in UTC, the same in local time, and price, below a header that says so. Both times must
// name one moment: that is what tells the two hours apart that the end of summer time repeats.
func parseCSV(data []byte) ([]point, error) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	reader.FieldsPerRecord, reader.ReuseRecord = len(columns), true
	header, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if header[0] == columns[0] && header[1] == columns[1] && header[2] != columns[2] {
		return nil, fmt.Errorf("%w: column %.40q, want %s", ErrUnit, header[2], columns[2])
	}
	if strings.Join(header, ",") != strings.Join(columns, ",") {
		return nil, fmt.Errorf("%w: header %.80q, want %s", ErrFormat, strings.Join(header, ","), strings.Join(columns, ","))
	}
	var points []point
	for line := 2; ; line++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return points, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		p, err := linePoint(record)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		points = append(points, p)
	}
}

func linePoint(record []string) (point, error) {
	start, err := time.Parse(time.RFC3339, record[0])
	if err != nil {
		return point{}, fmt.Errorf("%w: %.40q is no time", ErrFormat, record[0])
	}
	local, err := time.Parse(time.RFC3339, record[1])
	if err != nil {
		return point{}, fmt.Errorf("%w: %.40q is no time", ErrFormat, record[1])
	}
	if !local.Equal(start) {
		return point{}, fmt.Errorf("%w: %s and %s are two moments", ErrFormat, record[0], record[1])
	}
	if record[2] == "" {
		return point{}, fmt.Errorf("%w: at %s", ErrGap, record[0])
	}
	price, err := ParseDecimal(record[2])
	return point{start: start.UTC(), price: price}, err
}

// document holds what Energy-Charts and aWATTar answer. Fields beside these say nothing about prices.
type document struct {
	// Energy-Charts: two lists side by side.
	Seconds []int64       `json:"unix_seconds"`
	Prices  []json.Number `json:"price"` // null is a price that is not known yet
	Unit    string        `json:"unit"`
	// aWATTar: one object a slot, as "data" from the service and as "values" from its mirrors.
	Data   []awattarSlot `json:"data"`
	Values []awattarSlot `json:"values"`
}

type awattarSlot struct {
	Start json.Number `json:"start_timestamp"` // Unix milliseconds
	End   json.Number `json:"end_timestamp"`
	Price json.Number `json:"marketprice"`
	Unit  string      `json:"unit"`
}

func parseJSON(data []byte) ([]point, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var d document
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one JSON value", ErrFormat)
	}
	lists := 0
	for _, n := range []int{len(d.Seconds), len(d.Data), len(d.Values)} {
		if n > 0 {
			lists++
		}
	}
	switch {
	case lists != 1:
		return nil, fmt.Errorf("%w: want one of unix_seconds (Energy-Charts), data or values (aWATTar)", ErrFormat)
	case len(d.Seconds) > 0:
		return energyCharts(d)
	}
	return awattar(append(d.Data, d.Values...))
}

// energyCharts pairs the two lists. Prices that are not known yet come at the end; one in the middle is a gap.
func energyCharts(d document) ([]point, error) {
	if err := checkUnit(d.Unit); err != nil {
		return nil, err
	}
	if len(d.Seconds) != len(d.Prices) {
		return nil, fmt.Errorf("%w: %d times and %d prices", ErrFormat, len(d.Seconds), len(d.Prices))
	}
	known := len(d.Prices)
	for known > 0 && d.Prices[known-1] == "" {
		known--
	}
	points := make([]point, known)
	for i := range points {
		start, err := unix(d.Seconds[i])
		if err != nil {
			return nil, err
		}
		if d.Prices[i] == "" {
			return nil, fmt.Errorf("%w: at %s", ErrGap, stamp(start))
		}
		price, err := ParseDecimal(d.Prices[i].String())
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", stamp(start), err)
		}
		points[i] = point{start: start, price: price}
	}
	return points, nil
}

func awattar(slots []awattarSlot) ([]point, error) {
	points := make([]point, len(slots))
	for i, s := range slots {
		if err := checkUnit(s.Unit); err != nil {
			return nil, err
		}
		start, err := milliseconds(s.Start)
		if err != nil {
			return nil, err
		}
		end, err := milliseconds(s.End)
		if err != nil {
			return nil, err
		}
		if !end.After(start) {
			return nil, fmt.Errorf("%w: a slot from %s to %s", ErrOrder, stamp(start), stamp(end))
		}
		if s.Price == "" {
			return nil, fmt.Errorf("%w: at %s", ErrGap, stamp(start))
		}
		price, err := ParseDecimal(s.Price.String())
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", stamp(start), err)
		}
		points[i] = point{start, end, price}
	}
	return points, nil
}

// checkUnit takes the spellings of both services: "EUR / MWh", "Eur/MWh".
func checkUnit(unit string) error {
	if strings.EqualFold(strings.ReplaceAll(unit, " ", ""), "EUR/MWh") {
		return nil
	}
	return fmt.Errorf("%w: %.40q", ErrUnit, unit)
}

func milliseconds(n json.Number) (time.Time, error) {
	ms, err := n.Int64()
	if err != nil || ms%1000 != 0 {
		return time.Time{}, fmt.Errorf("%w: %.40q is no time in milliseconds", ErrFormat, n.String())
	}
	return unix(ms / 1000)
}

// unix takes seconds of this and the next century: others are milliseconds, or no times.
func unix(seconds int64) (time.Time, error) {
	const from, until = 946_684_800, 4_102_444_800 // 2000 to 2100
	if seconds < from || seconds >= until {
		return time.Time{}, fmt.Errorf("%w: %d is no time in seconds", ErrFormat, seconds)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
