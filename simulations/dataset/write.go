package dataset

import (
	"encoding/csv"
	"io"
	"math/big"
	"time"
)

// tableHead is the head of tables that are written: the columns of plainLayout.
var tableHead = []string{
	"id", "station", "arrives", "leaves", "says", "energy_kwh", "delivered_kwh", "power_kw", "capacity_kwh", "from_percent", "to_percent",
}

// WriteTable writes sessions as a table that format "csv" reads without a column map, to the last digit.
func WriteTable(to io.Writer, sessions []Session) error {
	rows := csv.NewWriter(to)
	if err := rows.Write(tableHead); err != nil {
		return err
	}
	for _, s := range sessions {
		row := []string{
			s.ID, s.Station, instant(s.Arrives), instant(s.Leaves), instant(s.Says), decimals(s.EnergyMilliwattHours, milliPerKilo),
			decimals(s.DeliveredMilliwattHours, milliPerKilo), known(s.PowerMilliwatts), known(s.CapacityMilliwattHours),
			charge(s.FromPermille), charge(s.ToPermille),
		}
		if err := rows.Write(row); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// decimals writes value/scale exactly; scale is a power of ten.
func decimals(value, scale int64) string {
	number := big.NewRat(value, scale)
	places, _ := number.FloatPrec()
	return number.FloatString(places)
}

func known(value int64) string {
	if value == 0 {
		return ""
	}
	return decimals(value, milliPerKilo)
}

func charge(permille int16) string {
	if permille == Unknown {
		return ""
	}
	return decimals(int64(permille), permillePerCent)
}
