package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// decimal writes a count of parts as decimal text without needless zeros.
func decimal(parts, perWhole int64) string {
	sign := ""
	if parts < 0 {
		sign, parts = "-", -parts
	}
	text := sign + strconv.FormatInt(parts/perWhole, 10)
	if rest := parts % perWhole; rest != 0 {
		width := len(strconv.FormatInt(perWhole, 10)) - 1
		text += "." + strings.TrimRight(fmt.Sprintf("%0*d", width, rest), "0")
	}
	return text
}

// Text gives the summary for people.
func (s *Summary) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, seed %d: %s of virtual time\n", s.Scenario, s.Seed, span(s.Start, s.End))
	if s.About != "" {
		fmt.Fprintf(&b, "%s\n", s.About)
	}
	b.WriteString("\n")
	table(&b, s.sessionTable())
	t := s.Totals
	fmt.Fprintf(&b, "\n%d sessions: %s kWh for %s %s, %d claims, %d channels, %d ledger vertices of sessions\n",
		t.Sessions, t.EnergyWh.KWh(), t.Cost.Amount.Cents(), t.Cost.Currency, t.Claims, t.Channels, t.Vertices)
	m := s.Money
	fmt.Fprintf(&b, "money: %s issued = %s on accounts + %s in channels\n", m.Issued, m.Balances.Amount, m.Locked.Amount)
	fmt.Fprintf(&b, "ledger: height %d, %d checkpoints final, %s; %d vertices refused\n",
		s.Ledger.Height, s.Ledger.Checkpoints, counts(s.Ledger.Vertices), s.Ledger.Refused)
	fmt.Fprintf(&b, "held after every event: %s\n", strings.Join(slices.Sorted(maps.Keys(s.Invariants)), ", "))
	if len(s.Faults) > 0 {
		fmt.Fprintf(&b, "faults that fired: %s\n", counts(s.Faults))
	}
	return b.String()
}

func (s *Summary) sessionTable() [][]string {
	rows := [][]string{{"vehicle", "station", "from", "charging", "kWh", s.Totals.Cost.Currency.String(), "claims", "vertices", "channel", "end"}}
	for _, x := range s.Sessions {
		began, charging := clock(s.Start, x.Began), "-"
		if x.Started != nil && x.Ended != nil {
			charging = span(*x.Started, *x.Ended)
		}
		kept := "new"
		switch {
		case x.Channel == "":
			kept = "none"
		case x.Reused:
			kept = "reused"
		}
		end := x.StationEnd
		if x.Settled != nil {
			end = "settled"
		}
		if x.Reason != "" {
			end += " (" + x.Reason + ")"
		}
		rows = append(rows, []string{x.Vehicle, x.Station, began, charging, x.EnergyWh.KWh(), x.Cost.Amount.String(),
			strconv.FormatUint(x.Claims, 10), strconv.Itoa(x.Vertices), kept, end})
	}
	return rows
}

func table(b *strings.Builder, rows [][]string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")) // into memory
	}
	_ = w.Flush()
}

// counts writes numbers by name, in the order of names.
func counts[N int | int64](by map[string]N) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, by[name]))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func span(from, to time.Time) string { return to.Sub(from).Round(time.Second).String() }

// clock gives a moment as time since the start.
func clock(start, at time.Time) string { return "+" + span(start, at) }

// File is one file of a report.
type File struct {
	Name    string
	Content []byte
}

// Files gives the whole report: summary.txt, summary.json and the tables as CSV (RFC 4180).
func (s *Summary) Files() ([]File, error) {
	raw, err := s.JSON()
	if err != nil {
		return nil, err
	}
	files := []File{{"summary.json", raw}, {"summary.txt", []byte(s.Text())}}
	for _, t := range []struct {
		name string
		rows [][]string
	}{{"sessions.csv", s.sessionRows()}, {"channels.csv", s.channelRows()}, {"accounts.csv", s.accountRows()}} {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(t.rows); err != nil {
			return nil, err
		}
		files = append(files, File{t.name, b.Bytes()})
	}
	return files, nil
}

func (s *Summary) sessionRows() [][]string {
	rows := [][]string{{"session", "vehicle", "station", "channel", "reused", "began", "started", "ended", "settled",
		"energy_wh", "cost", "paid", "currency", "claims", "vertices", "vehicle_phase", "station_phase", "reason", "failure"}}
	for _, x := range s.Sessions {
		rows = append(rows, []string{x.ID, x.Vehicle, x.Station, x.Channel, strconv.FormatBool(x.Reused),
			stamp(&x.Began), stamp(x.Started), stamp(x.Ended), stamp(x.Settled),
			x.EnergyWh.String(), x.Cost.Amount.String(), x.Paid.Amount.String(), x.Cost.Currency.String(),
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

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
