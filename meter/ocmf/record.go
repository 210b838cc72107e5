package ocmf

import (
	"fmt"
	"log/slog"
	"strings"
)

const header = "OCMF"

// Record is a signed record as it was received. Its signature is not verified: only Verify says whether to believe it.
type Record struct {
	raw       string
	signed    string // the payload section of raw: the bytes that are signed
	payload   Payload
	signature signature
}

// Parse reads one record, "OCMF|payload|signature", with nothing in front of it. It returns ErrFormat, ErrVersion or
// ErrAlgorithm.
func Parse(raw []byte) (Record, error) {
	if len(raw) > RecordSizeMax {
		return Record{}, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, len(raw), RecordSizeMax)
	}
	text := string(raw)
	parts := strings.Split(text, "|")
	if len(parts) != 3 || parts[0] != header {
		return Record{}, fmt.Errorf("%w: not OCMF|payload|signature", ErrFormat)
	}
	payload, err := parsePayload(parts[1])
	if err != nil {
		return Record{}, err
	}
	signature, err := parseSignature(parts[2])
	if err != nil {
		return Record{}, err
	}
	return Record{raw: text, signed: parts[1], payload: payload, signature: signature}, nil
}

// Split finds the records in a text, with white space between them. Since no section has a pipe in it, "OCMF|" is only
// ever the start of a record. It does not parse them.
func Split(text []byte) ([][]byte, error) {
	if len(text) > FileSizeMax {
		return nil, fmt.Errorf("%w: a file of %d bytes, at most %d", ErrFormat, len(text), FileSizeMax)
	}
	const byteOrderMark = "\uFEFF"
	const mark = header + "|"
	pieces := strings.SplitN(strings.TrimPrefix(string(text), byteOrderMark), mark, RecordsMax+2)
	if len(pieces) < 2 || strings.TrimSpace(pieces[0]) != "" {
		return nil, fmt.Errorf("%w: the text does not start with OCMF|", ErrFormat)
	}
	if len(pieces) > RecordsMax+1 {
		return nil, fmt.Errorf("%w: more than %d records", ErrFormat, RecordsMax)
	}
	var records [][]byte
	for _, piece := range pieces[1:] {
		records = append(records, []byte(strings.TrimSpace(mark+piece)))
	}
	return records, nil
}

// Raw gives the bytes as received.
func (r Record) Raw() []byte { return []byte(r.raw) }

// Payload says what the record states. It shares its slices with the record: do not change them.
func (r Record) Payload() Payload { return r.payload }

// Curve gives the curve that the signature names.
func (r Record) Curve() Curve { return r.signature.curve }

// String names the record in a form that is safe to log: page and meter.
func (r Record) String() string {
	return fmt.Sprintf("OCMF %s of meter %s", r.payload.Page, quoted(r.payload.MeterSerial()))
}

// LogValue is String, so that no logger writes the foreign text of a record.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MeterSerial gives the serial number of the meter, or of the gateway where the record names no meter.
func (p Payload) MeterSerial() string {
	if p.Meter.Serial != "" {
		return p.Meter.Serial
	}
	return p.Gateway.Serial
}

// Verified is a record whose signature holds under a key. Only Record.Verify makes one.
type Verified struct {
	record Record
	key    PublicKey
	used   Quirks
}

// Verify checks the signature over the payload section, byte for byte as received. The key says nothing about which meter
// it belongs to: that is for the caller to know. It returns ErrNoKey, ErrCurveMismatch, ErrNotDER or ErrSignature.
func (r Record) Verify(key PublicKey, allowed Quirks) (Verified, error) {
	if key.curve == 0 || r.signature.curve == 0 {
		return Verified{}, ErrNoKey
	}
	if key.curve != r.signature.curve {
		return Verified{}, fmt.Errorf("%w: %s in place of %s", ErrCurveMismatch, key.curve, r.signature.curve)
	}
	first, second, used, err := r.signature.numbers(allowed)
	if err != nil {
		return Verified{}, err
	}
	if !key.holds(r.signed, first, second) {
		return Verified{}, ErrSignature
	}
	used.RawKey = key.raw
	return Verified{record: r, key: key, used: used}, nil
}

// Record gives the record.
func (v Verified) Record() Record { return v.record }

// Key gives the key under which the signature holds.
func (v Verified) Key() PublicKey { return v.key }

// Quirks tells which departures from the standard had to be accepted.
func (v Verified) Quirks() Quirks { return v.used }
