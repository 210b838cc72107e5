package stationcmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/meter/ocmf"
)

// Verdicts on records, in the words of --json.
const (
	verdictValid      = "valid"
	verdictLooseDER   = "valid-lenient-der"
	verdictRaw        = "valid-raw-key-raw-sig"
	verdictInvalid    = "invalid"
	verdictFormat     = "reject-format"
	verdictCurve      = "reject-curve-mismatch"
	verdictNoKey      = "no-key"
	verdictIncomplete = "reject-transaction"
)

const holds = "the signature holds"

// ocmfVerified is what a file of signed meter records proves.
type ocmfVerified struct {
	Verdict     string           `json:"verdict"`      // that of the first record that fails, else that of all
	Reason      string           `json:"reason"`       // what was found, in words
	KeySource   string           `json:"key_source"`   // "flag", "file" or ""
	Meter       ocmfMeter        `json:"meter"`        // as the records state it; proven if they are valid
	EnergyWh    *string          `json:"energy_wh"`    // to the vehicle; null without a whole transaction
	ExportedWh  *string          `json:"exported_wh"`  // to the grid
	Transaction *ocmfTransaction `json:"transaction"`  // null when the records make no whole one
	NotBillable string           `json:"not_billable"` // why they make none, or ""
	Records     []ocmfRecord     `json:"records"`
}

type ocmfMeter struct {
	Vendor        string `json:"vendor"`
	Model         string `json:"model"`
	Serial        string `json:"serial"`
	Firmware      string `json:"firmware"`
	GatewaySerial string `json:"gateway_serial"`
}

type ocmfTransaction struct {
	Register        string `json:"register"`
	Unit            string `json:"unit"`
	Begin           string `json:"begin"` // register, as the meter wrote it
	End             string `json:"end"`
	BeginTime       string `json:"begin_time"`
	EndTime         string `json:"end_time"`
	DurationSeconds int64  `json:"duration_seconds"`
	TimeUsable      bool   `json:"time_usable"` // time may be billed too
}

type ocmfRecord struct {
	Verdict  string `json:"verdict"`
	Reason   string `json:"reason"`
	Page     string `json:"page"`
	Curve    string `json:"curve"`
	Readings int    `json:"readings"`
}

func ocmfCommand(app *cli.App) *cobra.Command {
	group := &cobra.Command{
		Use: "ocmf", Short: "Verify signed meter records (OCMF)",
		Example: "  chargepoint ocmf verify record.ocmf --public-key 3059…",
	}
	group.AddCommand(ocmfVerifyCommand(app))
	return group
}

func ocmfVerifyCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "verify FILE", Short: "Verify signed meter records, and the energy of their transaction", Args: cobra.ExactArgs(1),
		Long: "Verify signed meter records: the signature over the bytes as they are, and, where there are several, that they make\n" +
			"one whole transaction. The file holds records one after the other, or the XML of the transparency software. The key is\n" +
			"that on the meter; one that the XML carries is used when none is named, and the answer says so.",
		Example: "  chargepoint ocmf verify record.ocmf --public-key 3059301306072a86…\n" +
			"  chargepoint ocmf verify transaction.xml --json\n" +
			"  chargepoint ocmf verify record.ocmf --public-key 3049301306072a86… --lenient",
	}
	var key string
	var lenient, whole bool
	f := command.Flags()
	f.StringVar(&key, "public-key", "", "key of the meter: `HEX` (or base64) of its DER SubjectPublicKeyInfo")
	f.BoolVar(&lenient, "lenient", false, "accept what some real meters do against the standard: loose DER, raw signatures, raw keys")
	f.BoolVar(&whole, "transaction", false, "fail unless the records make a whole transaction; always so for several records")
	command.RunE = func(_ *cobra.Command, args []string) error {
		values, err := readOCMF(args[0])
		if err != nil {
			return err
		}
		quirks := ocmf.Quirks{}
		if lenient {
			quirks = ocmf.AllQuirks
		}
		v, err := verifyOCMF(values, key, quirks, whole || len(values) > 1)
		if err != nil && !app.JSON() {
			return explainOCMF(args[0], err)
		}
		if printing := app.Print(v, v.print); printing != nil {
			return printing
		}
		return explainOCMF(args[0], err)
	}
	return command
}

func readOCMF(path string) ([]ocmf.Value, error) {
	raw, err := readBounded(path, ocmf.FileSizeMax)
	if err != nil {
		return nil, cli.Hint(err, "check the name of the file: it holds records that start with OCMF|, or XML with them")
	}
	values, err := ocmf.ReadFile(raw)
	if err != nil {
		return nil, explainOCMF(path, err)
	}
	return values, nil
}

// verifyOCMF verifies every record, then the transaction. The result says what was found also when there is an error.
func verifyOCMF(values []ocmf.Value, key string, quirks ocmf.Quirks, whole bool) (ocmfVerified, error) {
	result := ocmfVerified{Verdict: verdictValid, Reason: holds}
	var verified []ocmf.Verified
	var failed error
	for i, value := range values {
		text, source := value.PublicKey, "file"
		if key != "" {
			text, source = key, "flag"
		}
		if text != "" {
			result.KeySource = source
		}
		one, v, err := verifyRecord(value.Data, text, quirks, &result.Meter)
		result.Records = append(result.Records, one)
		if failed == nil && one.Verdict != verdictValid {
			result.Verdict, result.Reason = one.Verdict, one.Reason
		}
		if failed == nil && err != nil {
			failed = fmt.Errorf("record %d of %d: %w", i+1, len(values), err)
		}
		verified = append(verified, v)
	}
	if failed != nil {
		return result, failed
	}
	t, err := ocmf.CheckTransaction(verified)
	if err == nil {
		result.bill(t)
		return result, nil
	}
	result.NotBillable = err.Error()
	if !whole {
		return result, nil
	}
	result.Verdict, result.Reason = verdictIncomplete, err.Error()
	return result, err
}

func verifyRecord(raw []byte, key string, quirks ocmf.Quirks, meter *ocmfMeter) (ocmfRecord, ocmf.Verified, error) {
	record, err := ocmf.Parse(raw)
	if err != nil {
		return ocmfRecord{Verdict: verdictOf(err), Reason: err.Error()}, ocmf.Verified{}, err
	}
	p := record.Payload()
	if *meter == (ocmfMeter{}) {
		*meter = ocmfMeter{ocmf.Printable(p.Meter.Vendor), ocmf.Printable(p.Meter.Model), ocmf.Printable(p.MeterSerial()),
			ocmf.Printable(p.Meter.Firmware), ocmf.Printable(p.Gateway.Serial)}
	}
	one := ocmfRecord{Verdict: verdictValid, Reason: holds, Page: p.Page.String(), Curve: record.Curve().String(), Readings: len(p.Readings)}
	public, err := ocmf.DecodePublicKey(key, quirks, record.Curve())
	var v ocmf.Verified
	if err == nil {
		v, err = record.Verify(public, quirks)
	}
	if err != nil {
		one.Verdict, one.Reason = verdictOf(err), err.Error()
		return one, v, err
	}
	switch used := v.Quirks(); {
	case used.RawSignature || used.RawKey:
		one.Verdict, one.Reason = verdictRaw, "the signature holds; signature or key are raw, against the standard"
	case used.LooseDER:
		one.Verdict, one.Reason = verdictLooseDER, "the signature holds; it is not strict DER, against the standard"
	}
	return one, v, nil
}

func verdictOf(err error) string {
	switch {
	case errors.Is(err, ocmf.ErrNoKey):
		return verdictNoKey
	case errors.Is(err, ocmf.ErrCurveMismatch):
		return verdictCurve
	case errors.Is(err, ocmf.ErrSignature):
		return verdictInvalid
	}
	return verdictFormat
}

func (v *ocmfVerified) bill(t ocmf.Transaction) {
	imported, exported := t.Imported.String(), t.Exported.String()
	v.EnergyWh, v.ExportedWh = &imported, &exported
	const layout = "2006-01-02T15:04:05.000Z07:00"
	v.Transaction = &ocmfTransaction{
		Register: ocmf.Printable(t.Register), Unit: t.Begin.Unit, Begin: t.Begin.Value.String(), End: t.End.Value.String(),
		BeginTime: t.Begin.Time.Format(layout), EndTime: t.End.Time.Format(layout),
		DurationSeconds: int64(t.Duration().Seconds()), TimeUsable: t.TimeUsable,
	}
}

func (v ocmfVerified) print(p *cli.Printer) {
	fields := []string{"verdict", fmt.Sprintf("%s: %s", v.Verdict, v.Reason),
		"meter", v.Meter.Serial, "model", fmt.Sprintf("%s %s", v.Meter.Vendor, v.Meter.Model)}
	if t := v.Transaction; t != nil {
		fields = append(fields,
			"energy", *v.EnergyWh+" Wh",
			"register", fmt.Sprintf("%s from %s to %s %s", t.Register, t.Begin, t.End, t.Unit),
			"time", fmt.Sprintf("%s to %s", t.BeginTime, t.EndTime))
		if *v.ExportedWh != "0" {
			fields = append(fields, "to the grid", *v.ExportedWh+" Wh")
		}
		if !t.TimeUsable {
			fields = append(fields, "note", "the meter does not vouch for the time: bill no time by it")
		}
	} else {
		fields = append(fields, "energy", "none: "+v.NotBillable)
	}
	if v.KeySource == "file" {
		fields = append(fields, "note", "the key comes from the file itself: compare it with the one on the meter")
	}
	p.Fields(fields...)
	if len(v.Records) < 2 {
		return
	}
	rows := [][]string{}
	for _, r := range v.Records {
		rows = append(rows, []string{r.Page, r.Curve, fmt.Sprint(r.Readings), r.Verdict})
	}
	p.Table([]string{"PAGE", "CURVE", "READINGS", "VERDICT"}, rows)
}

// ocmfHints says what to do about a verdict; the first that matches.
var ocmfHints = []cli.Known{
	{Err: ocmf.ErrNoKey, Hint: "name the key that is on the meter: `{command} FILE --public-key HEX`"},
	{Err: ocmf.ErrKey, Hint: "the key is the hexadecimal text of a DER SubjectPublicKeyInfo (3059…); some meters have a raw one: `{command} FILE --public-key HEX --lenient`"},
	{Err: ocmf.ErrNotDER, Hint: "some meters write it so: `{command} FILE --public-key HEX --lenient` accepts it"},
	{Err: ocmf.ErrCurveMismatch, Hint: "the key is of another meter: name the one on the meter with --public-key"},
	{Err: ocmf.ErrSignature, Hint: "the record was altered, or is of another meter: do not rely on it"},
	{Err: ocmf.ErrVersion, Hint: "OCMF 1.x and its drafts from 0.1 on are known"},
	{Err: ocmf.ErrAlgorithm, Hint: "docs/ocmf.md lists the curves that are verified"},
	{Err: ocmf.ErrFormat, Hint: "the file holds records that start with OCMF|, byte for byte as the meter gave them, or XML with them"},
	{Err: ocmf.ErrPagination, Hint: "ask for all records of the transaction, and only for those"},
	{Err: ocmf.ErrBoundary, Hint: "name a file with all records of one transaction, from its begin to its end"},
}

func explainOCMF(path string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range ocmfHints {
		if errors.Is(err, known.Err) {
			return cli.Hint(fmt.Errorf("%s: %w", path, err), known.Hint)
		}
	}
	return cli.Hint(fmt.Errorf("%s: %w", path, err), "the meter does not vouch for this transaction: do not bill it by these records")
}
