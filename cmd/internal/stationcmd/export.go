package stationcmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/station"
	"joulepay/meter/ocmf"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

// exportCmd is what was asked for on the command line.
type exportCmd struct {
	app    *cli.App
	source *sessionSource

	format, version, out, party, location, key string
	xml                                        bool
}

func sessionExportCommand(app *cli.App) *cobra.Command {
	c := &exportCmd{app: app}
	command := &cobra.Command{
		Use: "export [ID…]", Short: "Write finished sessions as OCPI CDRs, CSV or signed meter records", Args: cobra.ArbitraryArgs,
		Long: "Write finished sessions, all of them or those named: as OCPI CDRs (one object for one ID, else a list), as CSV, or as the\n" +
			"signed records of the meter (OCMF), plain or as XML for the transparency software. Sessions that go on are left out.",
		Example: "  chargepoint sessions export --format csv --out sessions.csv\n" +
			"  chargepoint sessions export --format cdr --version 2.3.0 --location location.json 07fc7d258556c1f5c3e1af8ee2880e84\n" +
			"  chargepoint sessions export --format ocmf --xml --public-key 3059… 07fc7d258556c1f5c3e1af8ee2880e84 --out records.xml",
	}
	c.source = addSource(app, command)
	f := command.Flags()
	cli.ChoiceVar(f, &c.format, "format", "cdr", "what to write", "cdr", "csv", "ocmf")
	cli.ChoiceVar(f, &c.version, "version", string(receipt.OCPI221), "of OCPI, for CDRs", string(receipt.OCPI221), string(receipt.OCPI230))
	f.StringVar(&c.out, "out", "", "write to a new `FILE` (default: standard output)")
	f.StringVar(&c.party, "party", "", "country code and party id in CDRs, such as DE*ABC (default: those of the EVSE id)")
	f.StringVar(&c.location, "location", "", "CdrLocation object of OCPI for CDRs, JSON `FILE`: address, city, country, coordinates, connector")
	f.StringVar(&c.key, "public-key", "", "key of the meter, to stand in the XML: `HEX` of its DER SubjectPublicKeyInfo (default: that of the quote)")
	f.BoolVar(&c.xml, "xml", false, "write OCMF records as XML for the transparency software")
	command.RunE = func(command *cobra.Command, args []string) error { return c.run(command.Context(), args) }
	return command
}

func (c *exportCmd) run(ctx context.Context, args []string) error {
	if c.xml && c.format != "ocmf" {
		return cli.Usage("`{command} --format ocmf --xml`", "--xml is for --format ocmf")
	}
	visits, err := c.visits(ctx, args)
	if err != nil {
		return err
	}
	var content []byte
	told := len(visits)
	switch c.format {
	case "csv":
		var b bytes.Buffer
		err = receipt.WriteCSV(&b, visits)
		content = b.Bytes()
	case "ocmf":
		content, err = c.records(visits)
	default:
		content, told, err = c.cdrs(visits, len(args) == 1)
	}
	if err != nil {
		return err
	}
	return c.write(content, told)
}

// write puts the export into a file, or on standard output as it is.
func (c *exportCmd) write(content []byte, sessions int) error {
	if c.out == "" {
		var object any = json.RawMessage(content)
		if c.format != "cdr" {
			object = struct {
				Format  string `json:"format"`
				Content string `json:"content"`
			}{c.format, string(content)}
		}
		return c.app.Print(object, func(p *cli.Printer) { printLines(p, strings.ReplaceAll(string(content), "\r\n", "\n")) })
	}
	if err := writeNew(c.out, content); err != nil {
		return err
	}
	object := struct {
		File     string `json:"file"`
		Format   string `json:"format"`
		Sessions int    `json:"sessions"`
		Bytes    int    `json:"bytes"`
	}{c.out, c.format, sessions, len(content)}
	return c.app.Print(object, func(p *cli.Printer) {
		p.Line("wrote %s: %d sessions as %s", c.out, sessions, strings.ToUpper(c.format))
	})
}

// visits reads the sessions that are named, or all that have ended.
func (c *exportCmd) visits(ctx context.Context, args []string) ([]receipt.Visit, error) {
	from, opened, err := c.source.open(ctx)
	if err != nil {
		return nil, err
	}
	visits, err := c.readVisits(ctx, from, opened, args)
	return visits, apiHint(closeStore(opened, err))
}

func (c *exportCmd) readVisits(ctx context.Context, from sessions, opened store.Store, args []string) ([]receipt.Visit, error) {
	wanted, err := c.wanted(ctx, from, args)
	if err != nil {
		return nil, err
	}
	visits := []receipt.Visit{}
	for _, s := range wanted {
		v, err := readVisit(ctx, from, opened, s)
		if err != nil && len(args) == 0 {
			c.app.Note("session %s is left out: %v", s.ID, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		visits = append(visits, v)
	}
	return visits, nil
}

func (c *exportCmd) wanted(ctx context.Context, from sessions, args []string) ([]client.Session, error) {
	var wanted []client.Session
	for _, text := range args {
		id, err := client.ParseSessionID(text)
		if err != nil {
			return nil, cli.Usage("`chargepoint sessions list` shows the ids", "%w", err)
		}
		s, err := from.Session(ctx, id)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, s)
	}
	if len(args) > 0 {
		return wanted, nil
	}
	fetch := func(cursor string) (client.Page[client.Session], error) {
		return from.Sessions(ctx, client.SessionQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: client.PageSizeMax}})
	}
	for s, err := range client.All(fetch) {
		if err != nil {
			return nil, err
		}
		if s.End != nil && s.State != client.SessionFailed { // failed before anything flowed: there is nothing to tell
			wanted = append(wanted, s)
		}
	}
	return wanted, nil
}

// receipts is what the API answers beside sessions.
type receipts interface {
	Receipt(context.Context, client.SessionID) (json.RawMessage, error)
}

// readVisit takes a session from the store with what it has, or from an API with its receipt.
func readVisit(ctx context.Context, from sessions, opened store.Store, s client.Session) (receipt.Visit, error) {
	if opened != nil {
		return station.VisitOf(ctx, opened, s)
	}
	remote, ok := from.(receipts)
	if !ok {
		return receipt.Visit{}, client.ErrNotServedHere
	}
	raw, err := remote.Receipt(ctx, s.ID)
	if err != nil {
		return receipt.Visit{}, err
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return receipt.Visit{}, err
	}
	return receipt.VisitOf(r)
}

// cdrs gives the CDRs of the sessions that can be told so, and how many those are.
func (c *exportCmd) cdrs(visits []receipt.Visit, single bool) ([]byte, int, error) {
	o := receipt.CDROptions{Version: receipt.OCPIVersion(c.version), Party: c.party}
	if c.location != "" {
		raw, err := readBounded(c.location, locationBytesMax)
		if err != nil {
			return nil, 0, cli.Hint(err, "name a JSON file with the CdrLocation of the charger: `{command} --location FILE`")
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&o.Location); err != nil {
			return nil, 0, cli.Fail("write the fields of OCPI's CdrLocation, such as address, city, country, coordinates", "%s: %w", c.location, err)
		}
	} else {
		c.app.Note("address and coordinates are not stated: name them with --location FILE")
	}
	list := []json.RawMessage{}
	var untold error
	for _, v := range visits {
		raw, err := v.CDR(o)
		if err != nil && !single {
			c.app.Note("session %s is left out: %v", v.Session, err)
			untold = err
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		list = append(list, raw)
	}
	switch {
	case single && len(list) == 1:
		return list[0], 1, nil
	case len(list) == 0 && untold != nil: // none can be told, as a rule for the same reason
		return nil, 0, untold
	}
	content, err := json.Marshal(list)
	return content, len(list), err
}

// locationBytesMax bounds the file of a location, which has fourteen short fields.
const locationBytesMax = 16 << 10

// records gives the signed records of the meter, byte for byte, one line each or as XML.
func (c *exportCmd) records(visits []receipt.Visit) ([]byte, error) {
	var values []ocmf.Value
	for _, v := range visits {
		found, err := recordsOf(v)
		if err != nil {
			return nil, err
		}
		for _, raw := range found {
			values = append(values, ocmf.Value{TransactionID: fmt.Sprint(len(values) + 1), Data: raw, PublicKey: or(c.key, hex.EncodeToString(v.Quote.OCMFKey))})
		}
	}
	if len(values) == 0 {
		return nil, cli.Fail("sessions have such records where the meter signs OCMF; `{command} --format cdr` writes what was billed",
			"no session here has records that its meter signed")
	}
	if c.xml {
		return ocmf.EncodeXML(values)
	}
	var b bytes.Buffer
	for _, v := range values {
		b.Write(v.Data)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// recordsOf gives the records of a session in the order of its readings.
func recordsOf(v receipt.Visit) ([][]byte, error) {
	var list [][]byte
	for _, r := range v.Readings {
		if !bytes.HasPrefix(r.Evidence, []byte("OCMF|")) {
			continue
		}
		found, err := ocmf.Split(r.Evidence)
		if err != nil {
			return nil, fmt.Errorf("session %s, reading %d: %w", v.Session, r.Reading.Sequence, err)
		}
		for _, record := range found {
			if !slices.ContainsFunc(list, func(known []byte) bool { return bytes.Equal(known, record) }) { // two readings may rest on one
				list = append(list, record)
			}
		}
	}
	return list, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
