package ocmf

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strings"
)

// Value is one data set of a file of the transparency software: values/value/{signedData, publicKey}. A key that travels
// with its data proves nothing about the meter: compare it with the one on the meter.
type Value struct {
	TransactionID string // number, shown by the software; may be empty
	Context       string // for example "Transaction.Begin"; may be empty
	Data          []byte // the record, byte for byte
	PublicKey     string // hexadecimal or base64 text; may be empty
}

type xmlFile struct {
	XMLName xml.Name   `xml:"values"`
	Values  []xmlValue `xml:"value"`
}

type xmlValue struct {
	TransactionID string    `xml:"transactionId,attr,omitempty"`
	Context       string    `xml:"context,attr,omitempty"`
	SignedData    []xmlData `xml:"signedData"`
	PublicKey     []xmlData `xml:"publicKey"`
}

type xmlData struct {
	Format   string `xml:"format,attr,omitempty"`
	Encoding string `xml:"encoding,attr,omitempty"`
	Text     string `xml:",chardata"`
}

// EncodeXML writes a file that the transparency software reads.
func EncodeXML(values []Value) ([]byte, error) {
	var file xmlFile
	for _, v := range values {
		x := xmlValue{TransactionID: v.TransactionID, Context: v.Context, SignedData: []xmlData{{header, "plain", string(v.Data)}}}
		if v.PublicKey != "" {
			key := xmlData{Encoding: "base64", Text: v.PublicKey}
			if _, err := hex.DecodeString(v.PublicKey); err == nil {
				key.Encoding = "hex"
			}
			x.PublicKey = []xmlData{key}
		}
		file.Values = append(file.Values, x)
	}
	body, err := xml.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: write XML: %w", ErrFormat, err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

// DecodeXML reads such a file. It returns ErrFormat.
func DecodeXML(text []byte) ([]Value, error) {
	if len(text) > FileSizeMax {
		return nil, fmt.Errorf("%w: a file of %d bytes, at most %d", ErrFormat, len(text), FileSizeMax)
	}
	var file xmlFile
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(text)))
	if err := decoder.Decode(&file); err != nil || decoder.InputOffset() != int64(len(bytes.TrimSpace(text))) {
		return nil, fmt.Errorf("%w: not the XML of the transparency software", ErrFormat)
	}
	if len(file.Values) == 0 || len(file.Values) > RecordsMax {
		return nil, fmt.Errorf("%w: %d values, want 1 to %d", ErrFormat, len(file.Values), RecordsMax)
	}
	var values []Value
	for i, x := range file.Values {
		if len(x.SignedData) != 1 || len(x.PublicKey) > 1 {
			return nil, fmt.Errorf("%w: value %d has not one signedData and at most one publicKey", ErrFormat, i+1)
		}
		data, err := x.SignedData[0].decode()
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i+1, err)
		}
		v := Value{TransactionID: x.TransactionID, Context: x.Context, Data: data}
		for _, key := range x.PublicKey {
			v.PublicKey = strings.Join(strings.Fields(key.Text), "")
		}
		values = append(values, v)
	}
	return values, nil
}

// decode gives the record. White space around it belongs to the XML: a record starts and ends with neither.
func (d xmlData) decode() ([]byte, error) {
	if d.Format != "" && !strings.EqualFold(d.Format, header) {
		return nil, fmt.Errorf("%w: format %s is not OCMF", ErrFormat, quoted(d.Format))
	}
	text := strings.TrimSpace(d.Text)
	var data []byte
	var err error
	switch strings.ToLower(d.Encoding) {
	case "", "plain":
		data = []byte(text)
	case "hex":
		data, err = hex.DecodeString(text)
	case "base64":
		data, err = base64.StdEncoding.DecodeString(text)
	default:
		err = fmt.Errorf("encoding %s", quoted(d.Encoding))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the signed data cannot be decoded", ErrFormat)
	}
	return data, nil
}

// ReadFile reads the records of a file: plain ones with white space between them, or the XML of the transparency software.
// It does not parse them.
func ReadFile(text []byte) ([]Value, error) {
	if start := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF"))); bytes.HasPrefix(start, []byte("<")) {
		return DecodeXML(start)
	}
	records, err := Split(text)
	if err != nil {
		return nil, err
	}
	var values []Value
	for _, record := range records {
		values = append(values, Value{Data: record})
	}
	return values, nil
}
