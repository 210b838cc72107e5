package ocpp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"joulepay/meter"
	"joulepay/meter/ocmf"
)

// signedValue is a signed record as it travels (OCPP 2.0.1, SignedMeterValueType; in 1.6 the text of the same object).
// signingMethod may be empty: for OCMF the standard asks for that, since the record names its own.
type signedValue struct {
	Data     string `json:"signedMeterData"`
	Value    string `json:"signedMeterValue"` // the other spelling of the first
	Encoding string `json:"encodingMethod"`
	Key      string `json:"publicKey"`
}

// ocmfMark begins a record of OCMF.
var ocmfMark = []byte("OCMF|")

// readSignedData reads what a sampled value of format SignedData holds in 1.6: the object as text, or the record itself,
// plain or in base64.
func readSignedData(text string) (signedValue, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return signedValue{Data: text, Encoding: "OCMF"}, nil
	}
	if err := checkDepth([]byte(text)); err != nil {
		return signedValue{}, err
	}
	var v signedValue
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return signedValue{}, fmt.Errorf("%w: signed data: %w", ErrPayload, err)
	}
	return v, nil
}

// record gives the bytes of the record: base64 or plain, under either spelling.
func (v signedValue) record() ([]byte, error) {
	text := v.Data
	if text == "" {
		text = v.Value
	}
	raw := []byte(strings.TrimSpace(text))
	if !bytes.HasPrefix(raw, ocmfMark) {
		decoded, err := base64.StdEncoding.DecodeString(string(raw))
		if err != nil || !bytes.HasPrefix(decoded, ocmfMark) {
			return nil, fmt.Errorf("%w: neither a record of OCMF nor base64 of one", ErrUnsigned)
		}
		raw = decoded
	}
	if len(raw) > ocmf.RecordSizeMax {
		return nil, fmt.Errorf("%w: a record of %d bytes", ErrUnsigned, len(raw))
	}
	return raw, nil
}

// keyPrefix is how the application note of the Open Charge Alliance marks a key: base64 of "oca:base16:asn1:" and the
// hexadecimal text of a SubjectPublicKeyInfo.
const keyPrefix = "oca:base16:asn1:"

// key gives the public key that travels with a record; ErrNoKey of ocmf when none does.
func (v signedValue) key(met quirks) (ocmf.PublicKey, error) {
	text := strings.TrimSpace(v.Key)
	if inner, err := base64.StdEncoding.DecodeString(text); err == nil {
		plain := strings.TrimSpace(string(inner))
		if rest, ok := strings.CutPrefix(plain, keyPrefix); ok {
			text = rest
		} else if _, err := hex.DecodeString(plain); err == nil && plain != "" {
			met[QuirkKeyText], text = true, plain
		}
	}
	text = strings.TrimPrefix(text, keyPrefix)
	return ocmf.DecodePublicKey(text, ocmf.Quirks{}, 0)
}

// signedStop is what the signed records of a transaction prove.
type signedStop struct {
	energyMwh int64
	evidence  string // the records, one after the other
	key       ocmf.PublicKey
	page      uint64 // of the last record
	meter     string // its serial, as text of the record
}

// claimed is what the central system knows of a transaction, and the records must fit.
type claimed struct {
	token      string    // the idToken that the transaction was started with
	begin, end time.Time // when start and stop happened, by the station's clock
	heard      time.Time // when the stop was reported, by ours
	deltaMwh   int64     // by the unsigned registers
	deltaKnown bool
	stepMwh    int64          // what the rounding of a stop may hide
	pinned     ocmf.PublicKey // the meter's key, when it is known; zero otherwise
	// pageAfter gives the last page of a meter that was billed; false when none is known.
	pageAfter func(meter string) (page uint64, known bool)
}

// verifySigned checks the records of a transaction against what is known of it. It returns ErrUnsigned when no signature
// holds, or ErrSigned when one holds over something else.
func verifySigned(values []signedValue, c claimed, met quirks) (signedStop, error) {
	records, err := verifyAll(values, c.pinned, met)
	if err != nil {
		return signedStop{}, err
	}
	chosen, transaction, err := chooseRecords(records)
	if err != nil {
		return signedStop{}, fmt.Errorf("%w: %w", ErrSigned, err)
	}
	stop := signedStop{key: chosen[0].Key(), page: transaction.Last.Number, meter: chosen[0].Record().Payload().MeterSerial()}
	if stop.energyMwh, err = transaction.EnergyMilliwattHours(); err != nil {
		return signedStop{}, fmt.Errorf("%w: %w", ErrSigned, err)
	}
	if err := c.fits(transaction, chosen, &stop, met); err != nil {
		return signedStop{}, err
	}
	var evidence []string
	for _, v := range chosen {
		evidence = append(evidence, string(v.Record().Raw()))
	}
	stop.evidence = strings.Join(evidence, "\n")
	if len(stop.evidence) > meter.EvidenceSizeMax {
		return signedStop{}, fmt.Errorf("%w: records of %d bytes, at most %d fit a reading", ErrSigned, len(stop.evidence), meter.EvidenceSizeMax)
	}
	return stop, nil
}

// verifyAll verifies every record, each once.
func verifyAll(values []signedValue, pinned ocmf.PublicKey, met quirks) ([]ocmf.Verified, error) {
	var out []ocmf.Verified
	seen := map[string]bool{}
	for _, v := range values {
		raw, err := v.record()
		if err != nil {
			return nil, err
		}
		if seen[string(raw)] {
			continue
		}
		seen[string(raw)] = true
		verified, err := verifyRecord(v, raw, pinned, met)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsigned, err)
		}
		out = append(out, verified)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no record came", ErrUnsigned)
	}
	return out, nil
}

func verifyRecord(v signedValue, raw []byte, pinned ocmf.PublicKey, met quirks) (ocmf.Verified, error) {
	record, err := ocmf.Parse(raw)
	if err != nil {
		return ocmf.Verified{}, err
	}
	key := pinned
	if len(key.DER()) == 0 {
		if key, err = v.key(met); err != nil {
			return ocmf.Verified{}, err
		}
	}
	if bytes.Contains(raw, []byte(`"RV":"`)) {
		met[QuirkRegisterText] = true
	}
	return record.Verify(key, ocmf.Quirks{})
}

// chooseRecords finds those that make one whole transaction: one that holds begin and end, or else all of them.
func chooseRecords(records []ocmf.Verified) ([]ocmf.Verified, ocmf.Transaction, error) {
	for i := len(records) - 1; i >= 0; i-- {
		if one := records[i : i+1]; len(records) > 1 {
			if transaction, err := ocmf.CheckTransaction(one); err == nil {
				return one, transaction, nil
			}
		}
	}
	transaction, err := ocmf.CheckTransaction(records)
	return records, transaction, err
}

// fits checks that the records are about this transaction and no other.
func (c claimed) fits(t ocmf.Transaction, records []ocmf.Verified, stop *signedStop, met quirks) error {
	for _, v := range records {
		user := v.Record().Payload().User
		if user.Data != "" && !sameToken(user.Data, c.token) {
			return fmt.Errorf("%w: it is assigned to another user", ErrSigned)
		}
	}
	last, known := c.pageAfter(stop.meter)
	counts := !known || t.First.Number > last
	if err := c.inTime(t); err != nil {
		return err
	}
	if !counts {
		if t.Begin.Sync == ocmf.Unsynchronised || t.End.Sync == ocmf.Unsynchronised {
			return fmt.Errorf("%w: neither pages nor times tell it from an earlier transaction", ErrSigned)
		}
		met[QuirkPage] = true
	}
	if !c.deltaKnown || stop.energyMwh == c.deltaMwh {
		return nil
	}
	if off := stop.energyMwh - c.deltaMwh; off < -c.stepMwh || off > c.stepMwh {
		return fmt.Errorf("%w: %d mWh signed, %d mWh reported", ErrSigned, stop.energyMwh, c.deltaMwh)
	}
	met[QuirkStopRounded] = true
	return nil
}

// inTime checks the times of the records against those of the transaction, unless the meter says that they mean nothing.
func (c claimed) inTime(t ocmf.Transaction) error {
	for _, end := range [...]struct {
		name   string
		signed ocmf.Reading
		told   time.Time
	}{{"begin", t.Begin, c.begin}, {"end", t.End, c.end}, {"end, by our clock,", t.End, c.heard}} {
		if end.signed.Sync == ocmf.Unsynchronised || end.told.IsZero() {
			continue
		}
		if off := end.signed.Time.Sub(end.told).Abs(); off > clockDeviationMax {
			return fmt.Errorf("%w: its %s is %s off", ErrSigned, end.name, off.Round(time.Second))
		}
	}
	return nil
}

// checkBegin looks at what came with the start of a transaction: a signature that does not hold is told before energy flows.
func checkBegin(values []signedValue, pinned ocmf.PublicKey, met quirks) error {
	if len(values) == 0 {
		return nil
	}
	_, err := verifyAll(values, pinned, met)
	if errors.Is(err, ErrUnsigned) {
		return err
	}
	return nil
}
