package didcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/wallet"
)

// shown is the result of did show: what the wallet knows without a ledger.
type shown struct {
	DID      wallet.DID       `json:"did"`
	DIDKey   string           `json:"did_key"`
	Key      wallet.PublicKey `json:"key"`       // that signs now
	Rotation uint32           `json:"rotation"`  // how often it was rotated
	MeterKey string           `json:"meter_key"` // verifies a charger's readings: multibase, as a calibration names it
	Document did.Document     `json:"document"`  // of the inception; the ledger's is newer when the DID is registered
}

func showCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "show", Short: "Show the DID of a wallet and its keys, without a ledger",
		Example: "  " + program + " did show\n  " + program + " did show --json",
	}
	selection := walletcmd.AddFlags(app, command)
	command.RunE = func(*cobra.Command, []string) error {
		w, err := selection.Open()
		if err != nil {
			return err
		}
		meter := strings.TrimPrefix(wallet.DIDOf(w.Meter().Public()).DIDKey(), "did:key:")
		s := shown{w.DID(), w.DID().DIDKey(), w.Account().Public(), w.Rotation(), meter, did.Inception(w.DID()).Document}
		return app.Print(s, func(p *cli.Printer) {
			p.Fields("DID", s.DID.String(), "twin", s.DIDKey, "key", s.Key.String(), "rotated", fmt.Sprintf("%d times", s.Rotation),
				"meter key", s.MeterKey)
			p.Line("what the ledger knows of it: %s did resolve %s", program, s.DID)
		})
	}
	return command
}

// proven is the result of did resolve, and what was proven of it.
type proven struct {
	did.Resolution
	Proven      bool       `json:"proven"`                 // by the witnesses, not only said by the node
	CertifiedAt *time.Time `json:"certified_at,omitempty"` // by their clocks
}

// resolveCmd is what was asked for on the command line.
type resolveCmd struct {
	*actor
	maxAge time.Duration
}

func resolveCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "resolve [DID]", Short: "Show what the ledger says of a DID, with a proof",
		Long: "Show what the ledger says of a DID: its document, its key of now, and whether it was deactivated. Where it is registered,\n" +
			"the witnesses' signatures are checked, so that the node that answers is not trusted. Without DID, the wallet's own.",
		Example: "  " + program + " did resolve did:joule:z6Mk…\n  " + program + " did resolve --max-age 1h --json",
		Args:    cobra.MaximumNArgs(1),
	}
	c := &resolveCmd{actor: addActor(app, program, command)}
	command.Flags().DurationVar(&c.maxAge, "max-age", 0, "how old the proof may be (default: any age)")
	command.RunE = func(command *cobra.Command, args []string) error { return c.run(command.Context(), args) }
	return command
}

func (c *resolveCmd) run(ctx context.Context, args []string) error {
	var subject wallet.DID
	var err error
	if len(args) == 1 {
		if subject, err = wallet.ParseDID(args[0]); err != nil {
			return err
		}
		if strings.HasPrefix(args[0], "did:key:") { // it certifies itself, without a ledger
			result := proven{Resolution: did.Key(subject), Proven: true}
			return c.app.Print(result, result.print)
		}
	}
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	if len(args) == 0 {
		subject = p.Wallet.DID()
	}
	result, err := c.resolve(ctx, p, subject)
	if err != nil {
		return err
	}
	return c.app.Print(result, result.print)
}

// resolve believes of a registered DID only what is proven: document, key and status come from the proof.
func (c *resolveCmd) resolve(ctx context.Context, p *party.Party, subject wallet.DID) (proven, error) {
	registration, err := p.Ledger.CertifiedDID(ctx, subject)
	if errors.Is(err, client.ErrUnproven) {
		said, saidErr := p.Ledger.DID(ctx, subject, false)
		if saidErr != nil {
			return proven{}, saidErr
		}
		if c.maxAge > 0 {
			return proven{}, cli.Hint(err, "it is not registered, or not yet for good: `{program} did register` with its wallet")
		}
		return proven{Resolution: said}, nil
	}
	if err != nil {
		return proven{}, err
	}
	if age := time.Since(registration.At); c.maxAge > 0 && age > c.maxAge {
		return proven{}, fmt.Errorf("%w: certified %s ago, at most %s", did.ErrStale, age.Round(time.Second), c.maxAge)
	}
	return proven{Resolution: did.Resolve(subject, registration.Identity), Proven: true, CertifiedAt: &registration.At}, nil
}

func (r proven) print(p *cli.Printer) {
	standing, key := "not registered", "none"
	switch {
	case r.Metadata.Deactivated:
		standing = "deactivated"
	case r.Metadata.Registered:
		standing = "registered, version " + r.Metadata.VersionID
	}
	if len(r.Document.VerificationMethod) > 0 {
		key = r.Document.VerificationMethod[0].PublicKeyMultibase
	}
	p.Fields("DID", r.Document.ID, "standing", standing, "key", key, "role", r.Document.Role, "proof", r.proof())
	var rows [][]string
	for _, s := range r.Document.Service {
		rows = append(rows, []string{s.ID[strings.LastIndexByte(s.ID, '#')+1:], s.Type, s.ServiceEndpoint})
	}
	if len(rows) > 0 {
		p.Table([]string{"SERVICE", "TYPE", "ENDPOINT"}, rows)
	}
}

func (r proven) proof() string {
	switch {
	case r.CertifiedAt != nil:
		return "certified by the witnesses at " + r.CertifiedAt.UTC().Format(time.RFC3339)
	case r.Proven:
		return "the DID certifies itself"
	}
	return "none: the node says so"
}
