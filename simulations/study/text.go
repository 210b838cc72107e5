package study

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"joulepay/simulations/report"
)

// textSessionsMax is how many sessions the text lists of each kind: a screen.
const textSessionsMax = 20

// Text gives the comparison for people.
func (c *Comparison) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s\nafter:  %s\n\n", c.Before, c.After)
	if c.Same {
		b.WriteString("no figure and no session differs\n")
		return b.String()
	}
	if len(c.Figures) > 0 {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "figure\tbefore\tafter\tdifference\t%") // into memory
		for _, f := range c.Figures {
			before, after := f.shown()
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Key, before, after, dash(f.Difference), dash(f.Percent))
		}
		_ = w.Flush()
	}
	s := &c.Sessions
	fmt.Fprintf(&b, "\nsessions: %d before, %d after; %d differ, %d only before, %d only after\n",
		s.Before, s.After, len(s.Changed), len(s.OnlyBefore), len(s.OnlyAfter))
	for _, x := range s.Changed[:min(len(s.Changed), textSessionsMax)] {
		var parts []string
		for _, f := range x.Changes {
			before, after := f.shown()
			parts = append(parts, fmt.Sprintf("%s %s → %s", f.Name, before, after))
		}
		fmt.Fprintf(&b, "  %s: %s\n", x.Session, strings.Join(parts, ", "))
	}
	more(&b, len(s.Changed))
	for _, only := range []struct {
		when  string
		names []string
	}{{"only before", s.OnlyBefore}, {"only after", s.OnlyAfter}} {
		for _, name := range only.names[:min(len(only.names), textSessionsMax)] {
			fmt.Fprintf(&b, "  %s: %s\n", only.when, name)
		}
		more(&b, len(only.names))
	}
	return b.String()
}

func more(b *strings.Builder, n int) {
	if n > textSessionsMax {
		fmt.Fprintf(b, "  and %d more; --json has all\n", n-textSessionsMax)
	}
}

// shown gives both values as people read them, exactly where that would hide what differs.
func (c *Change) shown() (before, after string) {
	before, after = report.Figure{Value: c.Before, Unit: c.Unit}.Shown(), report.Figure{Value: c.After, Unit: c.Unit}.Shown()
	if before == after {
		before, after = strings.TrimSpace(c.Before+" "+c.Unit), strings.TrimSpace(c.After+" "+c.Unit)
	}
	return dash(before), dash(after)
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
