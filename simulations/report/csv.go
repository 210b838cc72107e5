package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"time"

	"joulepay/simulations/measure"
)

// File is one file of a report.
type File struct {
	Name    string
	Content []byte
}

// Files gives the whole report: report.html, summary.txt, summary.json and the tables as CSV (RFC 4180).
func (s *Summary) Files() ([]File, error) {
	raw, err := s.JSON()
	if err != nil {
		return nil, err
	}
	page, err := s.HTML()
	if err != nil {
		return nil, err
	}
	files := []File{{"report.html", page}, {"summary.json", raw}, {"summary.txt", []byte(s.Text())}}
	for _, t := range []struct {
		name string
		rows [][]string
	}{
		{"figures.csv", s.figureRows()}, {"sessions.csv", s.sessionRows()}, {"channels.csv", s.channelRows()},
		{"accounts.csv", s.accountRows()}, {"circuits.csv", s.circuitRows()}, {"curves.csv", s.curveRows()}, {"attackers.csv", s.attackerRows()},
	} {
		if len(t.rows) == 1 && t.name != "sessions.csv" {
			continue // the run has nothing of the kind
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(t.rows); err != nil {
			return nil, err
		}
		files = append(files, File{t.name, b.Bytes()})
	}
	return files, nil
}

func (s *Summary) figureRows() [][]string {
	rows := [][]string{{"figure", "value", "unit"}}
	for _, f := range s.KeyFigures() {
		rows = append(rows, []string{f.Key, f.Value, f.Unit})
	}
	return rows
}

func (s *Summary) sessionRows() [][]string {
	rows := [][]string{{"session", "vehicle", "station", "service", "channel", "reused", "arrived", "began", "started", "ended", "settled",
		"requested_wh", "energy_wh", "returned_wh", "quantity", "cost", "paid", "earned", "currency", "claims", "vertices",
		"vehicle_phase", "station_phase", "reason", "failure"}}
	for _, x := range s.Sessions {
		rows = append(rows, []string{x.ID, x.Vehicle, x.Station, x.service(), x.Channel, strconv.FormatBool(x.Reused),
			stamp(x.Arrived), stamp(&x.Began), stamp(x.Started), stamp(x.Ended), stamp(x.Settled),
			x.Requested.String(), x.EnergyWh.String(), x.Returned.String(), strconv.FormatInt(x.Quantity, 10),
			x.Cost.Amount.String(), x.Paid.Amount.String(), x.Earned.Amount.String(), x.Cost.Currency.String(),
			strconv.FormatUint(x.Claims, 10), strconv.Itoa(x.Vertices), x.VehicleEnd, x.StationEnd, x.Reason, x.Failure})
	}
	return rows
}

func (s *Summary) channelRows() [][]string {
	rows := [][]string{{"channel", "vehicle", "station", "state", "deposited", "withdrawn", "payout", "claimed", "settled", "currency", "sessions"}}
	for _, c := range s.Channels {
		rows = append(rows, []string{c.ID, c.Vehicle, c.Station, c.State, c.Deposited.Amount.String(), c.Withdrawn.Amount.String(),
			c.Payout.Amount.String(), c.Claimed.Amount.String(), c.Settled.Amount.String(), c.Claimed.Currency.String(), strconv.Itoa(c.Sessions)})
	}
	return rows
}

func (s *Summary) accountRows() [][]string {
	rows := [][]string{{"name", "did", "balance", "locked", "currency"}}
	for _, a := range s.Accounts {
		rows = append(rows, []string{a.Name, a.DID, a.Balance.Amount.String(), a.Locked.Amount.String(), a.Balance.Currency.String()})
	}
	return rows
}

func (s *Summary) circuitRows() [][]string {
	rows := [][]string{{"circuit", "peak_w", "quarter_hour_peak_w", "feed_in_peak_w", "drawn_wh", "fed_in_wh", "limit_least_w", "over_limit_s", "over_limit_wh"}}
	if s.Figures == nil {
		return rows
	}
	for _, c := range s.Figures.Grid.Circuits {
		rows = append(rows, []string{c.Name, c.Peak.String(), c.QuarterHourPeak.String(), c.FeedInPeak.String(), c.Drawn.String(), c.FedIn.String(),
			text(c.LimitLeast), c.OverTime.String(), c.OverEnergy.String()})
	}
	return rows
}

func (s *Summary) attackerRows() [][]string {
	rows := [][]string{{"attacker", "attack", "tries", "gained", "exposure", "currency", "held"}}
	for _, a := range s.Attackers {
		rows = append(rows, []string{a.Name, a.Attack, strconv.Itoa(a.Tries), a.Gained.Amount.String(), a.Exposure.Amount.String(),
			a.Gained.Currency.String(), strconv.FormatBool(a.Held())})
	}
	return rows
}

// curveRows gives a line a point, with columns for the mean, the least and the most of each series, in the units of
// measure.Quantity. What is not known is empty.
func (s *Summary) curveRows() [][]string {
	head := []string{"time"}
	for _, series := range s.Curves.Series {
		name := string(series.Quantity)
		if series.Name != "" {
			name += ":" + series.Name
		}
		name += "_" + rawUnits[series.Quantity]
		head = append(head, name, name+"_min", name+"_max")
	}
	rows := [][]string{head}
	if len(head) == 1 {
		return rows
	}
	for i := range s.Curves.Points {
		row := []string{s.Curves.Start.Add(time.Duration(i) * s.Curves.Width).Format(time.RFC3339)}
		for _, series := range s.Curves.Series {
			row = append(row, known(series.Mean[i]), known(series.Min[i]), known(series.Max[i]))
		}
		rows = append(rows, row)
	}
	return rows
}

// rawUnits are the units in which measure counts.
var rawUnits = map[measure.Quantity]string{
	measure.PowerSeries: "mw", measure.LimitSeries: "mw", measure.ChargeSeries: "mw", measure.ReturnSeries: "mw", measure.BaseSeries: "mw",
	measure.SolarSeries: "mw", measure.StoreSeries: "mw", measure.PriceSeries: "nano_per_kwh", measure.CarbonSeries: "mg_per_kwh",
	measure.ChargeState: "permille", measure.RiskSeries: "nano", measure.ClaimCount: "count", measure.VertexCount: "count",
}

func known(v int64) string {
	if v == measure.Unknown {
		return ""
	}
	return strconv.FormatInt(v, 10)
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
