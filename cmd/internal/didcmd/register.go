package didcmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// changed is the result of a change of a DID.
type changed struct {
	DID      wallet.DID       `json:"did"`
	Key      wallet.PublicKey `json:"key"` // of now
	Version  uint64           `json:"version"`
	Vertex   *client.ID       `json:"vertex,omitempty"` // absent when there was nothing to change
	Rotation uint32           `json:"rotation"`
	Final    bool             `json:"final"`
}

func (c changed) print(p *cli.Printer, done string) {
	p.Line("%s", done)
	vertex := "none: nothing to change"
	if c.Vertex != nil {
		vertex = c.Vertex.String()
	}
	p.Fields("DID", c.DID.String(), "key", c.Key.String(), "vertex", vertex)
}

// registerCmd is what was asked for on the command line.
type registerCmd struct {
	*actor
	role     string
	services []string
	bindings []string
}

func registerCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "register", Short: "Register the wallet's DID on the ledger, or replace its document",
		Long: "Register the wallet's DID on the ledger with a document, or replace the one that it has: its role, where it is reached,\n" +
			"and hashes of its derived keys. The wallet signs; its own credit pays, or a sponsor's, so a machine needs no money.",
		Example: "  " + program + " did register --role station --service broker=JoulepayNATS=nats://depot:4222 --bind noise --bind nats\n" +
			"  " + program + " did register --role station --sponsor operator",
	}
	c := &registerCmd{actor: addActor(app, program, command)}
	c.addSponsor(command)
	flags := command.Flags()
	flags.StringVar(&c.role, "role", "none", "what it is: vehicle, station, operator, issuer or meter")
	flags.StringArrayVar(&c.services, "service", nil, "NAME=TYPE=ENDPOINT where it is reached; may be repeated")
	flags.StringArrayVar(&c.bindings, "bind", nil, "derived key whose hash is published: noise, nats or meter; may be repeated")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *registerCmd) run(ctx context.Context) error {
	document, err := c.document()
	if err != nil {
		return err
	}
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	network := p.Ledger.Trusted().ID
	if document.Bindings, err = bindingsOf(p.Wallet, network, c.bindings); err != nil {
		return err
	}
	settle.SortDocument(&document)
	if err := document.Check(); err != nil {
		return err
	}
	_, version, err := resolved(ctx, p)
	if err != nil {
		return err
	}
	result := changed{DID: p.Wallet.DID(), Key: p.Wallet.Account().Public(), Version: version, Rotation: p.Wallet.Rotation(), Final: true}
	// What says the same already stays as it is, so that a command typed twice publishes once.
	if now, err := p.Ledger.CertifiedDID(ctx, p.Wallet.DID()); err != nil || !now.Identity.Document.Equal(document) || version > now.Identity.Version {
		vertex, err := c.submit(ctx, p, settle.NewPublish(network, p.Wallet.DID(), version+1, document, p.Wallet.Account()))
		if err != nil {
			return err
		}
		result.Version, result.Vertex = version+1, &vertex
	}
	return c.app.Print(result, func(p *cli.Printer) { result.print(p, "registered, for good") })
}

func (c *registerCmd) document() (settle.Document, error) {
	role, err := settle.ParseRole(c.role)
	if err != nil {
		return settle.Document{}, cli.Usage("take vehicle, station, operator, issuer or meter", "--role: %w", err)
	}
	d := settle.Document{Role: role}
	for _, text := range c.services {
		parts := strings.SplitN(text, "=", 3)
		if len(parts) != 3 {
			return d, cli.Usage("write NAME=TYPE=ENDPOINT, for example broker=JoulepayNATS=nats://depot:4222", "--service %q", text)
		}
		d.Services = append(d.Services, settle.Service{Name: parts[0], Type: parts[1], Endpoint: parts[2]})
	}
	return d, nil
}

// deactivateCmd is what was asked for on the command line.
type deactivateCmd struct {
	*actor
	confirmed bool
}

func deactivateCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "deactivate", Short: "End the wallet's DID for good",
		Long: "End the wallet's DID for good: it signs nothing on the ledger any more and opens no channel. Its open channels are still\n" +
			"settled and paid out, by whoever else submits it; what is on its account then stays there for ever: send it away before.",
		Example: "  " + program + " did deactivate --for-good",
	}
	c := &deactivateCmd{actor: addActor(app, program, command)}
	c.addSponsor(command)
	command.Flags().BoolVar(&c.confirmed, "for-good", false, "yes, for good")
	cli.OnlyTyped(command, "for-good")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *deactivateCmd) run(ctx context.Context) error {
	if !c.confirmed {
		return cli.Usage("send its money away and close its channels first, then `{command} --for-good`", "a DID that is deactivated never comes back")
	}
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	r, version, err := resolved(ctx, p)
	if err != nil {
		return err
	}
	result := changed{DID: p.Wallet.DID(), Key: p.Wallet.Account().Public(), Version: version, Rotation: p.Wallet.Rotation(), Final: true}
	if !r.Metadata.Deactivated {
		payload := settle.NewDeactivate(p.Ledger.Trusted().ID, p.Wallet.DID(), version+1, p.Wallet.Account())
		vertex, err := c.submit(ctx, p, payload)
		if err != nil {
			return err
		}
		result.Version, result.Vertex = version+1, &vertex
	}
	return c.app.Print(result, func(p *cli.Printer) { result.print(p, "deactivated, for good") })
}
