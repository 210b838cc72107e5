package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"joulepay/simulations/page"
)

var (
	//go:embed body.html
	bodyText string
	//go:embed plots.js
	script string

	body = template.Must(template.New("body").Parse(bodyText))
)

// shown is what the template shows.
type shown struct {
	Summary        *Summary
	From, To, Span string
	Books, AllHeld bool
	Held           string
	Tiles          []tile
	Sections       []card
	Before, After  []grid // of the sessions
	Data           pageData
	Listed, Left   int
}

type tile struct{ Name, Number, Unit string }

type card struct {
	Title   string
	Figures []Figure
}

// HTML gives the report as one page that needs no network: plots, key figures and tables.
func (s *Summary) HTML() ([]byte, error) {
	v := shown{
		Summary: s, From: s.Start.UTC().Format("2 Jan 2006 15:04"), To: s.End.UTC().Format("2 Jan 2006 15:04"), Span: days(s.End.Sub(s.Start)),
		Books: s.Money != (Conservation{}), Held: strings.Join(slices.Sorted(maps.Keys(s.Invariants)), ", "),
		AllHeld: !slices.ContainsFunc(s.Attackers, func(a Attacker) bool { return !a.Held() }),
		Tiles:   s.tiles(), Sections: s.cards(), Before: s.tablesBefore(), After: s.tablesAfter(), Data: s.pageData(),
	}
	v.Listed = len(v.Data.Sessions.Rows)
	v.Left = len(s.Sessions) - v.Listed
	p := page.Page{
		Title: fmt.Sprintf("%s · seed %d", s.Scenario, s.Seed), Body: body, Values: &v, Data: v.Data, Script: script,
		Footer: "Made by simulate from one scenario and one seed: the same two give the same bytes. Times are virtual, in UTC. This page needs no network.",
	}
	return p.Render()
}

// days writes a length of time for people: "31 d 4 h", "3 h 18 min".
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
}

// tileKeys are the figures that stand at the top, as far as a run knows them.
var tileKeys = []string{"service.visits", "service.delivered_kwh", "service.demands_met_pct", "grid.peak_kw", "grid.over_limit_min", "money.paid",
	"money.cost_per_kwh", "money.v2g_payout", "payments.claims_per_vertex", "payments.at_risk_max", "faults.fired", "faults.gained_max"}

func (s *Summary) tiles() []tile {
	figures := map[string]Figure{}
	for _, f := range s.KeyFigures() {
		figures[f.Key] = f
	}
	var all []tile
	for _, key := range tileKeys {
		f := figures[key]
		idle := strings.Trim(f.Value, "0.") == "" && key != "grid.over_limit_min"
		if f.Value != "" && !idle {
			all = append(all, tile{strings.ToUpper(f.Name[:1]) + f.Name[1:], short(f.Value), f.Unit})
		}
	}
	return all
}

func (s *Summary) cards() []card {
	titles := map[string]string{"grid": "Grid", "service": "Service", "money": "Money", "payments": "Payments"}
	var all []card
	for _, f := range s.KeyFigures() {
		if f.Value == "" || f.Section == "faults" || s.Figures == nil && f.Section == "grid" { // faults have a table
			continue
		}
		if len(all) == 0 || all[len(all)-1].Title != titles[f.Section] {
			all = append(all, card{Title: titles[f.Section]})
		}
		last := &all[len(all)-1]
		last.Figures = append(last.Figures, f)
	}
	return all
}

// grid is a table of the page.
type grid struct {
	Title, Note string
	Head        []column
	Rows        [][]cell
}

type column struct {
	Name   string
	Number bool
}

type cell struct{ Text, Class string }

// rowsMax bounds the rows of a table but sessions; CSV files have all.
const rowsMax = 200

// newGrid makes a table of text; columns whose name ends with a star are numbers.
func newGrid(title, note string, head []string, rows [][]string) grid {
	g := grid{Title: title, Note: note}
	if len(rows) > rowsMax {
		g.Note = strings.TrimSpace(fmt.Sprintf("%s The first %d of %d.", note, rowsMax, len(rows)))
		rows = rows[:rowsMax]
	}
	for _, name := range head {
		plain, number := strings.CutSuffix(name, "*")
		g.Head = append(g.Head, column{plain, number})
	}
	for _, row := range rows {
		cells := make([]cell, len(row))
		for i, text := range row {
			cells[i] = cell{Text: text}
			switch {
			case g.Head[i].Number:
				cells[i].Class = "n"
			case text == "held":
				cells[i].Class = "yes"
			case text == "NOT HELD":
				cells[i].Class = "no"
			}
		}
		g.Rows = append(g.Rows, cells)
	}
	return g
}

// Small tells whether two such tables stand side by side.
func (g grid) Small() bool { return len(g.Head) <= 2 }

type grids []grid

func (all *grids) add(title, note string, head []string, rows [][]string) {
	if len(rows) > 0 {
		*all = append(*all, newGrid(title, note, head, rows))
	}
}

func (s *Summary) tablesBefore() []grid {
	var all grids
	all.add("Attackers", "What those who cheat gained at the cost of others, against what quotes declare that may be lost.",
		[]string{"attacker", "attack", "tries*", "gained*", "declared*", ""}, s.attackerCells())
	all.add("Circuits", "", []string{"circuit", "peak kW*", "quarter-hour peak kW*", "drawn kWh*", "fed in kWh*", "lowest limit kW*", "over min*", "over kWh*"}, s.circuitCells())
	return all
}

func (s *Summary) tablesAfter() []grid {
	var all grids
	all.add("Faults that fired", "", []string{"fault", "times*"}, countCells(s.Faults))
	all.add("Invariants", "", []string{"invariant", "checks, none failed*"}, countCells(s.Invariants))
	all.add("Ledger", "", []string{"vertices", "count*"}, s.ledgerCells())
	all.add("Accounts", "", []string{"name", "balance*", "in channels*", "DID"}, s.accountCells())
	return all
}

func (s *Summary) attackerCells() [][]string {
	var rows [][]string
	for _, a := range s.Attackers {
		held := "held"
		if !a.Held() {
			held = "NOT HELD"
		}
		rows = append(rows, []string{a.Name, a.Attack, strconv.Itoa(a.Tries), a.Gained.String(), a.Exposure.String(), held})
	}
	return rows
}

func countCells[N int | int64](by map[string]N) [][]string {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		rows = append(rows, []string{name, fmt.Sprint(by[name])})
	}
	return rows
}

func (s *Summary) circuitCells() [][]string {
	if s.Figures == nil {
		return nil
	}
	var rows [][]string
	for _, c := range s.Figures.Grid.Circuits {
		limit := "–"
		if c.LimitLeast != nil {
			limit = short(c.LimitLeast.KW())
		}
		rows = append(rows, []string{c.Name, short(c.Peak.KW()), short(c.QuarterHourPeak.KW()), short(c.Drawn.KWh()), short(c.FedIn.KWh()), limit,
			short(c.OverTime.Minutes()), short(c.OverEnergy.KWh())})
	}
	return rows
}

func (s *Summary) ledgerCells() [][]string {
	rows := countCells(s.Ledger.Vertices)
	if len(rows) > 0 {
		rows = append(rows, []string{"refused", strconv.Itoa(s.Ledger.Refused)}, []string{"checkpoints final", strconv.FormatUint(s.Ledger.Checkpoints, 10)})
	}
	return rows
}

func (s *Summary) accountCells() [][]string {
	var rows [][]string
	for _, a := range s.Accounts {
		rows = append(rows, []string{a.Name, a.Balance.String(), a.Locked.String(), a.DID})
	}
	return rows
}
