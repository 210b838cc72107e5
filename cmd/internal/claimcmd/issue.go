package claimcmd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// issueFlags are what a claim is made of.
type issueFlags struct {
	kind, customType, subject, file, valid, id, out string
	claims, lists                                   []string
	didKey                                          bool
}

func issueCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "issue", Short: "Sign a claim about a machine",
		Long: "Sign a claim about a machine, this one unless --subject names another. Members of the claims, by --type:\n" +
			"  calibration  meterKey (z6Mk…), meterSerial, typeExamination; evidenceKey of OCMF records, when it is another\n" +
			"  delegation   payoutAccount (a DID); operator, a name\n" +
			"  contract     contractId, such as an eMAID\n" +
			"  custom       any; the values of --claim are text, a JSON --file may say more",
		Example: "  " + program + " claim issue --type custom --claim celsius=21.5 --valid 1d\n" +
			"  " + program + " claim issue --type calibration --subject did:joule:z6Mk… --claim meterKey=z6Mk… --claim meterSerial=1EMH0012345678 \\\n" +
			"      --claim typeExamination=DE-22-M-PTB-0047 --valid 8y --status-list 2026 --out calibration.jwt",
	}
	var f issueFlags
	flags := command.Flags()
	cli.ChoiceVar(flags, &f.kind, "type", string(credential.KindCustom), "what is claimed",
		string(credential.KindCalibration), string(credential.KindDelegation), string(credential.KindContract), string(credential.KindCustom))
	flags.StringVar(&f.customType, "name", "", "type of a custom claim, in CamelCase (default "+credential.CustomType+")")
	flags.StringVar(&f.subject, "subject", "", "DID that the claim is about (default: this wallet's)")
	flags.StringArrayVar(&f.claims, "claim", nil, "name=value that is claimed; again for more")
	flags.StringVar(&f.file, "file", "", "JSON object with what is claimed; - reads it from stdin")
	flags.StringVar(&f.valid, "valid", "1y", "for how long, such as 2y, 6mo, 30d or 12h")
	flags.StringVar(&f.id, "id", "", "URI that names the credential (default: a random urn:uuid)")
	flags.StringArrayVar(&f.lists, "status-list", nil, "list on which it can be revoked or suspended: its name below --data, or a file; again for both")
	flags.BoolVar(&f.didKey, "did-key", false, "sign as did:key, for verifiers that do not know did:joule")
	flags.StringVar(&f.out, "out", "", "write the claim to a new file")
	cli.OnlyTyped(command, "type", "name", "subject", "claim", "file", "valid", "id", "status-list", "did-key", "out")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		w, err := selected.Open()
		if err != nil {
			return err
		}
		template, err := f.template(command, w.DID(), time.Now())
		if err != nil {
			return err
		}
		by := credential.SignerOf(w)
		by.AsDIDKey = f.didKey
		compact, err := issueListed(app, by, template, f.lists)
		if err != nil {
			return err
		}
		return printIssued(app, f.out, compact)
	}
	return command
}

func (f issueFlags) template(command *cobra.Command, self wallet.DID, now time.Time) (t credential.Template, err error) {
	t = credential.Template{ID: f.id, Subject: self, ValidFrom: now.UTC().Truncate(time.Second)}
	if f.subject != "" {
		if t.Subject, err = parseDID("subject", f.subject); err != nil {
			return t, err
		}
	}
	if t.ValidUntil, err = lifeAfter(t.ValidFrom, f.valid); err != nil {
		return t, err
	}
	if t.ID == "" {
		t.ID = newURN()
	}
	all, err := members(command, f.file, f.claims)
	if err != nil {
		return t, err
	}
	if t.Claims, err = credential.ClaimsOf(credential.Kind(f.kind), all); err != nil {
		return t, err
	}
	custom, ok := t.Claims.(credential.Custom)
	if _, hasID := all["id"]; ok && hasID {
		return t, cli.Usage("name it with --subject", "id is the subject itself")
	}
	if f.customType != "" && !ok {
		return t, cli.Usage("leave --name out", "only a custom claim has a name of its own")
	}
	if ok {
		custom.Type = f.customType
		t.Claims = custom
	}
	return t, nil
}

// newURN gives a random UUID of version 4 (RFC 9562, section 5.4).
func newURN() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails since Go 1.24
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// issueListed takes an index of each list first: if we crash in between, an index is lost, and never given twice.
func issueListed(app *cli.App, by credential.Signer, t credential.Template, names []string) (string, error) {
	if _, err := credential.Issue(by, t); err != nil { // before anything is taken
		return "", err
	}
	for _, name := range names {
		entry, err := allocate(app, by, name)
		if err != nil {
			return "", err
		}
		t.Status = append(t.Status, entry)
	}
	return credential.Issue(by, t)
}

func allocate(app *cli.App, by credential.Signer, name string) (entry credential.StatusEntry, err error) {
	path, err := listPath(app, name)
	if err != nil {
		return entry, err
	}
	file, err := status.Open(path)
	if err != nil {
		return entry, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if issuer := file.Summary().Issuer; issuer != by.DID.String() {
		return entry, fmt.Errorf("%w: %s", status.ErrOwner, issuer)
	}
	return file.Allocate()
}

// issued is the result of claim issue.
type issued struct {
	Credential string `json:"credential"`
	summary
	File string `json:"file,omitempty"`
}

func printIssued(app *cli.App, out, compact string) error {
	parsed, err := credential.Parse(compact)
	if err != nil {
		return err
	}
	s := summaryOf(credential.Credential(parsed))
	return output(app, out, compact, issued{compact, s, out}, s.print)
}
