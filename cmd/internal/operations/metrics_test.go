package operations_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// family is what a scrape says of one metric.
type family struct{ kind, help, labels string }

var (
	helpLine   = regexp.MustCompile(`^# HELP (joulepay_\w+) (.*)$`)
	typeLine   = regexp.MustCompile(`^# TYPE (joulepay_\w+) (\w+)$`)
	sampleLine = regexp.MustCompile(`^(joulepay_\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	labelName  = regexp.MustCompile(`(\w+)="`)
	metricName = regexp.MustCompile(`\bjoulepay_\w+`)
)

// families reads the project's own metrics out of a scrape.
func families(page string) map[string]family {
	found := map[string]family{}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if m := helpLine.FindStringSubmatch(line); m != nil {
			found[m[1]] = family{help: m[2]}
		} else if m := typeLine.FindStringSubmatch(line); m != nil {
			f := found[m[1]]
			f.kind = m[2]
			found[m[1]] = f
		} else if m := sampleLine.FindStringSubmatch(line); m != nil {
			name := m[1]
			f, known := found[name]
			if !known {
				name += m[2] // not a histogram's: the ending belongs to the name
				f = found[name]
			}
			var labels []string
			for _, l := range labelName.FindAllStringSubmatch(m[3], -1) {
				if l[1] != "le" {
					labels = append(labels, "`"+l[1]+"`")
				}
			}
			if text := strings.Join(labels, ", "); len(text) > len(f.labels) {
				f.labels = text
			}
			found[name] = f
		}
	}
	return found
}

// TestWhatPrometheusReadsIsWhatThePagesSay scrapes running processes during and after a session, and compares that with
// docs/metrics.md and with every query of the board in docs/grafana.json. Run with UPDATE_DOCS=1 to write the page.
func TestWhatPrometheusReadsIsWhatThePagesSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--log-level", "info", "--log-format", "json")
	w.fund("--insecure-no-password")
	run(t, w.dir, "vehicle", "charge", "--energy", "200Wh", "--nats", w.nats(), "--ledger", w.api())
	var charger string
	eventually(t, "the charger's session is over", func() bool {
		charger, _ = fetch(t, w.charger.says("api")+"/metrics")
		return strings.Contains(charger, `joulepay_sessions_ended_total{reason="target"} 1`) && strings.Contains(charger, "joulepay_http_requests_total")
	})
	node, _ := fetch(t, w.api()+"/metrics")
	for _, shown := range []string{`joulepay_sessions_running{service="charging"} 0`,
		`joulepay_nats_connected{connection="station"} 1`, `joulepay_amount_at_risk{currency="EUR"} 0`} {
		if !strings.Contains(charger, shown+"\n") {
			t.Errorf("the charger does not show %s", shown)
		}
	}
	for _, shown := range []string{`joulepay_ledger_vertices_total{kind="open",verdict="applied"} 1`, `joulepay_nats_connected{connection="ledger"} 1`} {
		if !strings.Contains(node, shown+"\n") {
			t.Errorf("the node does not show %s", shown)
		}
	}
	for name, page := range map[string]string{"joulepay_claims_accepted_total": charger, "joulepay_claim_latency_seconds_count": charger,
		"joulepay_ledger_finality_seconds_count": node} {
		if !regexp.MustCompile(`(?m)^` + name + ` [1-9]`).MatchString(page) {
			t.Errorf("%s counts nothing", name)
		}
	}
	ofCharger, ofNode := families(charger), families(node)
	comparePage(t, ofCharger, ofNode)
	checkBoard(t, ofCharger, ofNode)
	logsOfASession(t, w.charger)
	maps.Copy(ofNode, ofCharger)
	for name, f := range ofNode {
		if f.help == "" || (f.kind == "counter") != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s with the help %q: counters end in _total, all have a help", name, f.kind, f.help)
		}
	}
}

const tableBegin, tableEnd = "<!-- table: begin -->\n", "<!-- table: end -->"

// comparePage keeps the table of docs/metrics.md as processes are.
func comparePage(t *testing.T, charger, node map[string]family) {
	t.Helper()
	all := maps.Clone(charger)
	maps.Copy(all, node)
	var table strings.Builder
	table.WriteString(tableBegin + "| metric | type | labels | by | what |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var by []string
		if _, shows := charger[name]; shows {
			by = append(by, "charger")
		}
		if _, shows := node[name]; shows {
			by = append(by, "node")
		}
		f := all[name]
		table.WriteString("| `" + name + "` | " + f.kind + " | " + f.labels + " | " + strings.Join(by, ", ") + " | " + f.help + " |\n")
	}
	page := docs(t, "metrics.md")
	head, rest, begins := strings.Cut(page, tableBegin)
	_, tail, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatal("docs/metrics.md has lost its marks")
	}
	keepPage(t, "metrics.md", page, head+table.String()+tableEnd+tail)
}

// keepPage compares a page with what it should be, or writes it.
func keepPage(t *testing.T, name, is, want string) {
	t.Helper()
	if is == want {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Errorf("docs/%s is not what processes show: UPDATE_DOCS=1 go test ./cmd/internal/operations", name)
		return
	}
	if err := os.WriteFile(docsPath(name), []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkBoard looks up every metric that the board asks for.
func checkBoard(t *testing.T, pages ...map[string]family) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(docs(t, "grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				asked++
				if !slices.ContainsFunc(pages, func(known map[string]family) bool { return shows(known, name) }) {
					t.Errorf("%s asks for %s, which no process shows", panel.Title, name)
				}
			}
		}
	}
	if asked < 20 {
		t.Errorf("the board asks for %d metrics", asked)
	}
}

// shows tells whether there is a metric, or a histogram with this series.
func shows(known map[string]family, name string) bool {
	if _, found := known[name]; found {
		return true
	}
	for _, ending := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, ending); ok && known[base].kind == "histogram" {
			return true
		}
	}
	return false
}

// logsOfASession checks that what a charger logs of a session names it and its channel.
func logsOfASession(t *testing.T, p *process) {
	t.Helper()
	found := 0
	for line := range strings.Lines(p.text()) {
		var entry struct{ Level, Msg, Session, Channel, Note string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "session" {
			continue
		}
		found++
		if len(entry.Session) != 32 || len(entry.Channel) != 64 || entry.Level == "" {
			t.Errorf("logged %s", line)
		}
	}
	if found < 3 {
		t.Errorf("the charger logged %d lines of the session:\n%s", found, p.text())
	}
}
