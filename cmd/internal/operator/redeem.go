package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// redeemed is the result of ledger redeem.
type redeemed struct {
	Vertex    client.ID   `json:"vertex"`
	From      wallet.DID  `json:"from"`
	Issuer    wallet.DID  `json:"issuer"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"`
	Repeated  bool        `json:"repeated"` // it was redeemed under this reference before: nothing more was
	Height    uint64      `json:"height"`
	Final     bool        `json:"final"`
	Balance   money.Money `json:"balance"` // of From, now
}

// redeemCmd is what was asked for on the command line.
type redeemCmd struct {
	app    *cli.App
	remote *remote
	wallet *walletcmd.Selection

	amount, issuer, reference string
}

func redeemCommand(app *cli.App) *cobra.Command {
	c := &redeemCmd{app: app}
	command := &cobra.Command{
		Use: "redeem --amount 10EUR", Short: "Give money back to its issuer, who pays it out once this is final",
		Long: "Give money of the wallet in --data back to an issuer, who owes it outside the ledger once this is final.\n" +
			"Money is redeemed once for a reference: to repeat a command with the same reference is safe.",
		Example: "  ledger redeem --amount 10EUR\n  ledger redeem --amount 10EUR --issuer did:joule:z6Mk… --reference PAYOUT-7",
	}
	c.remote, c.wallet = addRemote(app, command), walletcmd.AddFlags(app, command)
	flags := command.Flags()
	flags.StringVar(&c.amount, "amount", "", "how much, with its currency: 10EUR")
	flags.StringVar(&c.issuer, "issuer", "", "DID of the issuer who pays out (default: the only one)")
	flags.StringVar(&c.reference, "reference", "", "what the issuer pays it out under, 64 bytes at most (default: a random one)")
	cli.OnlyTyped(command, "amount", "reference")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *redeemCmd) run(ctx context.Context) error {
	if c.amount == "" {
		return cli.Usage("`{command} --amount 10EUR`", "--amount is needed")
	}
	amount, err := parseAmount(c.amount)
	if err != nil {
		return err
	}
	if len(c.reference) > client.ReferenceSizeMax {
		return cli.Usage("shorten it", "--reference has %d bytes, at most %d", len(c.reference), client.ReferenceSizeMax)
	}
	w, err := c.wallet.Open()
	if err != nil {
		return err
	}
	api, err := c.remote.pinned(ctx)
	if err != nil {
		return err
	}
	if err := checkCurrency(api, amount); err != nil {
		return err
	}
	issuer, err := c.choose(api.Trusted().Genesis)
	if err != nil {
		return err
	}
	result, err := c.redeem(ctx, api, w, redeemed{From: w.DID(), Issuer: issuer, Amount: amount, Reference: c.reference})
	if err != nil {
		return err
	}
	return c.app.Print(result, result.print)
}

func (r redeemed) print(p *cli.Printer) {
	if r.Repeated {
		p.Line("redeemed before under reference %s: nothing more was redeemed", r.Reference)
	} else {
		p.Line("redeemed %s, final: %s owes it outside the ledger", r.Amount, r.Issuer)
	}
	p.Fields("reference", r.Reference, "vertex", r.Vertex.String(), "balance", r.Balance.String())
}

// choose gives the issuer that pays out.
func (c *redeemCmd) choose(g settle.Genesis) (wallet.DID, error) {
	if c.issuer == "" {
		if len(g.Issuers) == 1 {
			return g.Issuers[0].DID, nil
		}
		return wallet.DID{}, cli.Usage("`ledger status` shows the issuers; name one with --issuer", "the network has %d issuers", len(g.Issuers))
	}
	did, err := wallet.ParseDID(c.issuer)
	if err != nil {
		return did, fmt.Errorf("--issuer: %w", err)
	}
	if !isIssuer(g, did) {
		return did, cli.Fail("`ledger status` shows the issuers", "%w: %s", settle.ErrNotIssuer, did)
	}
	return did, nil
}

// redeem spends once for a reference. The sequence is read first: whatever was redeemed before that is in the list,
// and whatever comes after takes the sequence, which the submitter then finds to be this very payload.
func (c *redeemCmd) redeem(ctx context.Context, api *client.Pinned, w *wallet.Wallet, r redeemed) (redeemed, error) {
	submitter := client.NewSubmitter(api.Client, api.Trusted().ID, w.DID(), w.Account())
	sequence, err := submitter.NextSequence(ctx)
	if err != nil {
		return redeemed{}, err
	}
	if r.Reference == "" {
		r.Reference = "redeem-" + strings.ToLower(rand.Text())
		c.app.Note("reference %s (to repeat this command safely, add --reference with it)", r.Reference)
	} else if done, err := earlier(ctx, api.Client, r); err != nil || done.Repeated {
		if err != nil {
			return redeemed{}, err
		}
		return c.finish(ctx, api.Client, done)
	}
	payload := &settle.Redeem{Sequence: sequence, Issuer: r.Issuer, Amount: r.Amount.Amount, Reference: settle.ReferenceOf(r.Reference)}
	outcome, err := submitter.Submit(ctx, payload)
	if err != nil {
		return redeemed{}, c.again(r, err)
	}
	r.Vertex, r.Height = client.ID(outcome.Vertex), outcome.Height
	return c.finish(ctx, api.Client, r)
}

// earlier looks for a redemption of this account under the reference.
func earlier(ctx context.Context, api *client.Client, r redeemed) (redeemed, error) {
	reference := client.ID(settle.ReferenceOf(r.Reference))
	fetch := func(cursor string) (client.Page[client.Redemption], error) {
		return api.Redemptions(ctx, client.EntryQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: client.PageSizeMax}, Party: r.From})
	}
	for found, err := range client.All(fetch) {
		if err != nil {
			return redeemed{}, err
		}
		if found.From != r.From || found.Issuer != r.Issuer || found.Reference != reference {
			continue
		}
		if found.Amount != r.Amount {
			return redeemed{}, cli.Fail("each pay-out has its own reference: choose another one for this sum",
				"%s was redeemed under reference %s before", found.Amount, r.Reference)
		}
		r.Vertex, r.Height, r.Repeated = found.Vertex, found.Height, true
		return r, nil
	}
	return r, nil
}

func (c *redeemCmd) again(r redeemed, err error) error {
	if errors.Is(err, client.ErrOutcomeUnknown) || errors.Is(err, client.ErrUnreachable) || errors.Is(err, context.Canceled) {
		return cli.Fail(fmt.Sprintf("it takes effect once: `ledger redeem --amount %s%s --issuer %s --reference %s`",
			r.Amount.Amount, r.Amount.Currency, r.Issuer, r.Reference), "whether it was redeemed is not known: %v", err)
	}
	return err
}

func (c *redeemCmd) finish(ctx context.Context, api *client.Client, r redeemed) (redeemed, error) {
	if _, err := waitFinal(ctx, c.app, api, settle.VertexID(r.Vertex)); err != nil {
		return redeemed{}, c.again(r, err)
	}
	r.Final = true
	account, err := api.Account(ctx, r.From)
	if err != nil {
		return redeemed{}, err
	}
	r.Balance = account.Balance
	return r, nil
}
