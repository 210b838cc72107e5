package replay

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Bounds of a table. The known ones have 211 kB, 1,878 rows and lines of 188 bytes.
const (
	fileSizeMax = 16 << 20
	lineSizeMax = 4096
	rowsMax     = 100_000
)

// format reads the rows of one kind of table.
type format struct {
	name   string
	header []string
	record func(row int, fields []string) (*Recording, error)
}

var formats = []format{
	{name: "epfl", header: epflHeader, record: epflRecord},
	{name: "acn", header: acnHeader, record: acnRecord},
}

// Open reads the zero-based data row of a session table. It fails with ErrFileMissing, ErrNoSuchRow or a
// *FormatError; other errors are the file system's.
func Open(path string, row int) (*Recording, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrFileMissing, path)
	}
	if err != nil {
		return nil, fmt.Errorf("replay: opening a session table: %w", err)
	}
	defer file.Close()
	recording, err := Read(file, row)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return recording, nil
}

// Read is Open on a stream. Rows before the one asked for must be well-formed lines; only that one is
// understood.
func Read(r io.Reader, row int) (*Recording, error) {
	if row < 0 || row >= rowsMax {
		return nil, fmt.Errorf("%w: %d", ErrNoSuchRow, row)
	}
	t, err := newTable(r)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		line, fields, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %d, the table has rows 0 to %d", ErrNoSuchRow, row, n-1)
		}
		if err != nil {
			return nil, err
		}
		if n == row {
			return t.recording(line, row, fields)
		}
	}
}

// ReadAll reads every row, in order.
func ReadAll(r io.Reader) ([]*Recording, error) {
	t, err := newTable(r)
	if err != nil {
		return nil, err
	}
	var all []*Recording
	for {
		line, fields, err := t.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		recording, err := t.recording(line, len(all), fields)
		if err != nil {
			return nil, err
		}
		all = append(all, recording)
	}
}

// table reads lines one by one, so that memory is bounded by one line.
type table struct {
	limited *io.LimitedReader
	lines   *bufio.Scanner
	line    int
	format  format
}

func newTable(r io.Reader) (*table, error) {
	t := &table{limited: &io.LimitedReader{R: r, N: fileSizeMax + 1}}
	t.lines = bufio.NewScanner(t.limited)
	t.lines.Buffer(make([]byte, 0, lineSizeMax), lineSizeMax)
	_, header, err := t.next()
	if errors.Is(err, io.EOF) {
		return nil, &FormatError{Line: 1, Reason: "the file is empty"}
	}
	if err != nil {
		return nil, err
	}
	for _, f := range formats {
		if slices.Equal(f.header, header) {
			t.format = f
			return t, nil
		}
	}
	return nil, &FormatError{Line: 1, Reason: "the header is neither EPFL's nor ACN-Sim's"}
}

// next gives the fields of the next line, and its number; io.EOF after the last.
func (t *table) next() (int, []string, error) {
	t.line++
	if !t.lines.Scan() {
		return 0, nil, t.end()
	}
	if t.limited.N == 0 {
		return 0, nil, t.fail(fmt.Sprintf("the file is longer than %d bytes", fileSizeMax))
	}
	if t.line > rowsMax {
		return 0, nil, t.fail(fmt.Sprintf("more than %d lines", rowsMax))
	}
	fields, err := csv.NewReader(strings.NewReader(t.lines.Text())).Read()
	if err != nil {
		return 0, nil, t.fail("not comma-separated values")
	}
	if t.format.header != nil && len(fields) != len(t.format.header) {
		return 0, nil, t.fail(fmt.Sprintf("%d fields, want %d", len(fields), len(t.format.header)))
	}
	return t.line, fields, nil
}

// end tells why there is no further line.
func (t *table) end() error {
	err := t.lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return t.fail(fmt.Sprintf("longer than %d bytes", lineSizeMax))
	case err != nil:
		return fmt.Errorf("replay: reading line %d: %w", t.line, err)
	}
	return io.EOF
}

func (t *table) fail(reason string) error { return &FormatError{Line: t.line, Reason: reason} }

func (t *table) recording(line, row int, fields []string) (*Recording, error) {
	recording, err := t.format.record(row, fields)
	if err != nil {
		return nil, &FormatError{Line: line, Reason: err.Error()}
	}
	recording.format = t.format.name
	return recording, nil
}
