package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// errSecondObject is our own bug: a command printed two results.
var errSecondObject = errors.New("cli: a second JSON object on stdout")

// Print writes the result of a command: the object as one line of JSON with --json, else what human writes.
// It is called once. A service calls it when it is ready.
func (a *App) Print(object any, human func(*Printer)) error {
	if !a.JSON() {
		return a.say(human)
	}
	if a.printed {
		return errSecondObject
	}
	a.printed = true
	return a.writeJSON(object)
}

// Say writes a line for people to stdout, and nothing with --json.
func (a *App) Say(format string, args ...any) error {
	if a.JSON() {
		return nil
	}
	return a.say(func(p *Printer) { p.Line(format, args...) })
}

// FollowFlag adds --follow to a command that reports events while it runs.
func (a *App) FollowFlag(command *cobra.Command) {
	command.Flags().Bool("follow", false, "with --json: print events while they happen, one JSON object a line, before the result")
}

// Event writes {"event":kind,"data":…} on a line of its own with --json and --follow, and nothing otherwise.
func (a *App) Event(command *cobra.Command, kind string, data any) error {
	if follow, err := command.Flags().GetBool("follow"); err != nil || !follow || !a.JSON() {
		return err
	}
	return a.writeJSON(struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{kind, data})
}

// Printer collects what a person reads. What came from a peer is made safe for terminals.
type Printer struct{ text bytes.Buffer }

// Line adds one line.
func (p *Printer) Line(format string, args ...any) {
	p.text.WriteString(clean(fmt.Sprintf(format, args...)))
	p.text.WriteByte('\n')
}

// Fields adds a line for each pair of name and value, the values aligned.
func (p *Printer) Fields(pairs ...string) {
	var rows [][]string
	for i := 0; i+1 < len(pairs); i += 2 {
		rows = append(rows, pairs[i:i+2])
	}
	p.rows(rows)
}

// Table adds a header and rows, in aligned columns.
func (p *Printer) Table(header []string, rows [][]string) {
	p.rows(append([][]string{header}, rows...))
}

func (p *Printer) rows(rows [][]string) {
	const gap = 2
	w := tabwriter.NewWriter(&p.text, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) // into memory
	}
	_ = w.Flush()
}

func (a *App) say(human func(*Printer)) error {
	if human == nil {
		return nil
	}
	p := &Printer{}
	human(p)
	return a.write(p.text.Bytes())
}

func (a *App) writeJSON(object any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return a.write(line.Bytes())
}

// write puts whole lines on stdout, clear of the progress line when both are the same terminal.
func (a *App) write(text []byte) error {
	a.screen.mu.Lock()
	defer a.screen.mu.Unlock()
	a.screen.clear()
	if _, err := a.streams.Out.Write(text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	a.screen.redraw()
	return nil
}
