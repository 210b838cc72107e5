package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// textSessionsMax is how many sessions the text lists: two screens.
const textSessionsMax = 50

// Text gives the summary for people.
func (s *Summary) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, seed %d: %s of virtual time\n", s.Scenario, s.Seed, span(s.Start, s.End))
	if s.About != "" {
		fmt.Fprintf(&b, "%s\n", s.About)
	}
	b.WriteString("\n")
	table(&b, s.sessionTable())
	if more := len(s.Sessions) - textSessionsMax; more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	t := s.Totals
	fmt.Fprintf(&b, "\n%d sessions: %s kWh", t.Sessions, t.EnergyWh.KWh())
	if s.pays() {
		fmt.Fprintf(&b, " for %s %s, %d claims, %d channels, %d ledger vertices of sessions",
			t.Cost.Amount.Cents(), t.Cost.Currency, t.Claims, t.Channels, t.Vertices)
	}
	b.WriteString("\n")
	if m := s.Money; m != (Conservation{}) {
		fmt.Fprintf(&b, "money: %s issued = %s on accounts + %s in channels\n", m.Issued, m.Balances.Amount, m.Locked.Amount)
	}
	if s.Ledger.Height > 0 || len(s.Ledger.Vertices) > 0 {
		fmt.Fprintf(&b, "ledger: height %d, %d checkpoints final, %s; %d vertices refused\n",
			s.Ledger.Height, s.Ledger.Checkpoints, counts(s.Ledger.Vertices), s.Ledger.Refused)
	}
	if len(s.Invariants) > 0 {
		fmt.Fprintf(&b, "held after every event: %s\n", strings.Join(slices.Sorted(maps.Keys(s.Invariants)), ", "))
	}
	if len(s.Faults) > 0 {
		fmt.Fprintf(&b, "faults that fired: %s\n", counts(s.Faults))
	}
	s.writeAttackers(&b)
	s.writeFigures(&b)
	return b.String()
}

// writeAttackers says what those who cheat came to.
func (s *Summary) writeAttackers(b *strings.Builder) {
	if len(s.Attackers) == 0 {
		return
	}
	b.WriteString("\n")
	rows := [][]string{{"attacker", "attack", "tries", "gained", "declared exposure", "held"}}
	for _, a := range s.Attackers {
		held := "yes"
		if !a.Held() {
			held = "NO"
		}
		rows = append(rows, []string{a.Name, a.Attack, strconv.Itoa(a.Tries), a.Gained.String(), a.Exposure.String(), held})
	}
	table(b, rows)
}

// writeFigures gives what is known of the key figures, a line a section.
func (s *Summary) writeFigures(b *strings.Builder) {
	if s.Figures == nil {
		return
	}
	b.WriteString("\n")
	last := ""
	for _, f := range s.KeyFigures() {
		shown := f.Shown()
		if shown == "" || f.Section == "faults" || f.Key == "money.conserved" {
			continue
		}
		if f.Section != last {
			if last != "" {
				b.WriteString("\n")
			}
			fmt.Fprintf(b, "%s: %s %s", f.Section, f.Name, shown)
			last = f.Section
			continue
		}
		fmt.Fprintf(b, ", %s %s", f.Name, shown)
	}
	b.WriteString("\n")
}

func (s *Summary) sessionTable() [][]string {
	head := []string{"vehicle", "station", "from", "charging", "kWh"}
	if s.pays() {
		head = append(head, s.currency(), "claims", "vertices", "channel", "end")
	} else {
		head = append(head, "of kWh", "end")
	}
	rows := [][]string{head}
	for _, x := range s.Sessions[:min(len(s.Sessions), textSessionsMax)] {
		began, charging := clock(s.Start, x.Began), "-"
		if x.Started != nil && x.Ended != nil {
			charging = span(*x.Started, *x.Ended)
		}
		row := []string{x.Vehicle, x.Station, began, charging, x.sold()}
		if s.pays() {
			row = append(row, x.Cost.Amount.String(), strconv.FormatUint(x.Claims, 10), strconv.Itoa(x.Vertices), x.kept(), x.ending())
		} else {
			row = append(row, x.Requested.KWh(), x.ending())
		}
		rows = append(rows, row)
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
