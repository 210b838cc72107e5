package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"joulepay/pricing/market"
)

// Prices reads day-ahead prices: the CSV of start_utc, start_local, eur_per_mwh; the JSON of Energy-Charts and of aWATTar; and
// the CSV that SMARD lets one download, in German or English, whose column is that of Germany and Luxembourg unless another
// is named. Which it is shows in the file. Errors wrap those of this package or of pricing/market.
func Prices(data []byte, column string) (market.Series, error) {
	data, err := Unpack(data)
	if err != nil {
		return market.Series{}, err
	}
	head, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.ContainsRune(head, ';') {
		if data, err = fromSMARD(data, column); err != nil {
			return market.Series{}, err
		}
	}
	return market.Parse(data)
}

// smardForm is one of the forms in which SMARD has published downloads: fields are separated by semicolons.
type smardForm struct {
	starts []string // the columns of the start
	layout string
	comma  bool // decimals have a comma, thousands a point
}

var smardForms = []smardForm{
	{[]string{"Datum von"}, "02.01.2006 15:04", true},
	{[]string{"Datum", "Anfang"}, "02.01.2006 15:04", true}, // until 2024
	{[]string{"Start date"}, "Jan 2, 2006 3:04 PM", false},
	{[]string{"Date", "Start"}, "Jan 2, 2006 3:04 PM", false},
}

// Germany and Luxembourg, as heads of SMARD begin.
var smardAreas = []string{"Deutschland/Luxemburg [€/MWh]", "Germany/Luxembourg [€/MWh]"}

// fromSMARD makes the CSV that package market reads of a download. Hours without a price, at the end of a file that was
// loaded before the auction, are left out: a gap between prices is for package market to refuse.
func fromSMARD(data []byte, column string) ([]byte, error) {
	zone, err := Zone("Europe/Berlin")
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comma = ';'
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: line 1: %w", ErrRow, err)
	}
	form, starts, price, err := smardHead(head, column)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBufferString("start_utc,start_local,eur_per_mwh\n")
	local := autumn{zone: zone}
	for count := 0; ; count++ {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return out.Bytes(), nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrRow, err)
		case count == SessionsMax:
			return nil, fmt.Errorf("%w: more than %d rows", ErrLimit, SessionsMax)
		}
		if err := form.add(out, &local, row, starts, price); err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("%w: line %d: %w", ErrRow, line, err)
		}
	}
}

// smardHead finds the columns.
func smardHead(head []string, column string) (*smardForm, []int, int, error) {
	price := slices.IndexFunc(head, func(name string) bool {
		if column != "" {
			return name == column
		}
		return slices.ContainsFunc(smardAreas, func(area string) bool { return strings.HasPrefix(name, area) })
	})
	for i := range smardForms {
		starts := columnsOf(head, strings.Join(smardForms[i].starts, "+"))
		if starts != nil && price >= 0 {
			return &smardForms[i], starts, price, nil
		}
	}
	return nil, nil, 0, fmt.Errorf("%w: line 1: not a SMARD download with that price; its columns are %.200s", ErrRow, strings.Join(head, ", "))
}

func (f *smardForm) add(out *bytes.Buffer, local *autumn, row []string, starts []int, price int) error {
	parts := make([]string, len(starts))
	for i, at := range starts {
		parts[i] = row[at]
	}
	wall, err := time.Parse(f.layout, strings.Join(parts, " "))
	if err != nil {
		return fmt.Errorf("%.40q is not a time", strings.Join(parts, " "))
	}
	start := local.at(wall)
	text := row[price]
	if text == "-" || text == "" {
		return nil
	}
	if f.comma {
		text = strings.Replace(strings.ReplaceAll(text, ".", ""), ",", ".", 1)
	} else {
		text = strings.ReplaceAll(text, ",", "")
	}
	number, err := market.ParseDecimal(text)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s,%s,%s\n", start.UTC().Format(time.RFC3339), start.Format(time.RFC3339), number)
	return err
}

// autumn tells the two hours apart that the end of summer time gives one name: the second is where times no longer rise.
type autumn struct {
	zone *time.Location
	last time.Time
}

func (a *autumn) at(wall time.Time) time.Time {
	at := firstOf(time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, a.zone))
	if later := at.Add(time.Hour); !at.After(a.last) && later.Hour() == at.Hour() {
		at = later
	}
	a.last = at
	return at
}
