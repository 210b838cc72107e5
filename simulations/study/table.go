package study

import (
	"encoding/csv"
	"io"
	"strconv"

	"joulepay/simulations/report"
)

// Table writes outcomes as CSV (RFC 4180): a row a run, with its settings, its seed, its key figures and, when it failed,
// what went wrong. Every row is written at once, so that what is finished stays.
type Table struct {
	out  *csv.Writer
	head []string // keys of figures
}

// NewTable writes the head of a table.
func NewTable(out io.Writer, settings []Setting) (*Table, error) {
	t := &Table{out: csv.NewWriter(out)}
	var row []string
	for _, s := range settings {
		row = append(row, s.Path)
	}
	row = append(row, "seed")
	for _, f := range (&report.Summary{}).KeyFigures() {
		t.head = append(t.head, f.Key)
	}
	return t, t.write(append(append(row, t.head...), "error"))
}

// Add writes the row of a run.
func (t *Table) Add(x Outcome) error {
	var row []string
	for _, c := range x.Run.Choices {
		row = append(row, c.Value)
	}
	row = append(row, strconv.FormatUint(x.Run.Seed, 10))
	failure := ""
	if x.Err != nil {
		failure = x.Err.Error()
		row = append(row, make([]string, len(t.head))...)
	} else {
		for _, f := range x.Figures {
			row = append(row, f.Value)
		}
	}
	return t.write(append(row, failure))
}

func (t *Table) write(row []string) error {
	if err := t.out.Write(row); err != nil {
		return err
	}
	t.out.Flush()
	return t.out.Error()
}
