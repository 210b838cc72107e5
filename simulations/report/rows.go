package report

import (
	"slices"
	"time"
)

// rowsListed bounds the sessions of a page: less than half a megabyte.
const rowsListed = 4000

// sessionsData is the table of sessions as the script shows it.
type sessionsData struct {
	Head     []heading `json:"head"`
	Stations []string  `json:"stations"` // by number, in the order of their first session
	Rows     [][]any   `json:"rows"`     // a list of values as Head says
}

// heading says what a column has.
type heading struct {
	Name  string `json:"name"`
	Kind  string `json:"kind,omitempty"`  // "time" and "span" in seconds, "energy" in Wh, "money" as text, "station" by number
	Left  bool   `json:"left,omitempty"`  // text, which the search looks through
	Share *int   `json:"share,omitempty"` // the column that this one is a part of
}

func (s *Summary) sessionsData() sessionsData {
	asked := 5
	d := sessionsData{Stations: []string{}, Head: []heading{
		{Name: "vehicle", Left: true}, {Name: "station", Kind: "station", Left: true}, {Name: "began", Kind: "time"}, {Name: "waited", Kind: "span"},
		{Name: "served", Kind: "span"}, {Name: "asked kWh", Kind: "energy"}, {Name: "kWh", Kind: "energy", Share: &asked},
	}}
	pays, others := s.pays(), slices.ContainsFunc(s.Sessions, func(x Session) bool { return x.Service != "" })
	if pays {
		d.Head = append(d.Head, heading{Name: "cost " + s.currency(), Kind: "money"}, heading{Name: "paid", Kind: "money"}, heading{Name: "claims"}, heading{Name: "vertices"})
	}
	if others {
		d.Head = append(d.Head, heading{Name: "service", Left: true}, heading{Name: "sold", Left: true})
	}
	d.Head = append(d.Head, heading{Name: "end", Left: true})
	number := map[string]int{}
	for i := range s.Sessions[:min(len(s.Sessions), rowsListed)] {
		x := &s.Sessions[i]
		if _, seen := number[x.Station]; !seen {
			number[x.Station] = len(d.Stations)
			d.Stations = append(d.Stations, x.Station)
		}
		row := []any{x.Vehicle, number[x.Station], seconds(s.Start, x.Began), between(x.Arrived, x.Started), between(x.Started, x.Ended), nonzero(x.Requested), wattHours(x.EnergyWh)}
		if pays {
			row = append(row, x.Cost.Amount.String(), x.Paid.Amount.String(), x.Claims, x.Vertices)
		}
		if others {
			row = append(row, x.service(), x.sold())
		}
		d.Rows = append(d.Rows, append(row, x.ending()))
	}
	return d
}

func seconds(from, to time.Time) int64 {
	return int64(to.Sub(from) / time.Second)
}

// between gives the time between two moments, nil when one is not known.
func between(from, to *time.Time) any {
	if from == nil || to == nil {
		return nil
	}
	return seconds(*from, *to)
}

// nonzero gives an energy in Wh, nil when nobody knows it.
func nonzero(e Energy) any {
	if e == 0 {
		return nil
	}
	return wattHours(e)
}

func wattHours(e Energy) int64 { return (int64(e) + 500) / 1000 }
