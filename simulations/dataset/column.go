package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Column reads one column of a table with a head as numbers, scaled and rounded half to even. Fields are separated by
// commas, or by semicolons where the head has any; then a comma is the decimal point. An empty name takes the only column
// beside the first. Rows may end before columns that are filled in now and then, as EnergyPlus's monthly ones. The file may be packed with gzip.
func Column(data []byte, name string, scale int64) ([]int64, error) {
	data, err := Unpack(data)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(bytes.NewReader(data))
	head, _, _ := bytes.Cut(data, []byte("\n"))
	decimalComma := bytes.ContainsRune(head, ';')
	if decimalComma {
		rows.Comma = ';'
	}
	rows.FieldsPerRecord = -1
	names, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRow, err)
	}
	at := slices.Index(names, name)
	if name == "" && len(names) == 2 {
		at = 1
	}
	if at < 0 {
		return nil, fmt.Errorf("%w: line 1: no column %.40q; there are %.200s", ErrRow, name, strings.Join(names, ", "))
	}
	var values []int64
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRow, err)
		}
		if at >= len(row) {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("%w: line %d: it ends before its column %.40q", ErrRow, line, names[at])
		}
		text := row[at]
		if decimalComma {
			text = strings.ReplaceAll(text, ",", ".")
		}
		value, err := scaled(text, scale)
		if err != nil {
			line, _ := rows.FieldPos(at)
			return nil, fmt.Errorf("%w: line %d: %w", ErrRow, line, err)
		}
		if values = append(values, value); len(values) > SessionsMax {
			return nil, fmt.Errorf("%w: more than %d rows", ErrLimit, SessionsMax)
		}
	}
}

// scaled reads a decimal of either sign.
func scaled(text string, scale int64) (int64, error) {
	positive := strings.TrimPrefix(strings.TrimSpace(text), "-")
	number, ok := number(positive)
	if !ok {
		return 0, fmt.Errorf("%.20q is not a number", text)
	}
	value, err := rounded(number.Mul(number, new(big.Rat).SetInt64(scale)))
	if positive != strings.TrimSpace(text) {
		value = -value
	}
	return value, err
}
