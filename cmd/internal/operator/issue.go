package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// ErrNotIssuer is returned when the wallet in use may not issue on the network.
var ErrNotIssuer = errors.New("operator: this wallet is no issuer of the network")

// issued is the result of ledger issue.
type issued struct {
	Vertex    client.ID    `json:"vertex"`
	Issuer    wallet.DID   `json:"issuer"`
	To        wallet.DID   `json:"to"`
	Amount    money.Money  `json:"amount"`
	Reference string       `json:"reference"`
	Repeated  bool         `json:"repeated"` // it was issued under this reference before: nothing more was
	Height    uint64       `json:"height"`
	Final     bool         `json:"final"`
	Balance   *money.Money `json:"balance,omitempty"` // of To, now; absent where the node shows accounts to its operator only
}

// issueCmd is what was asked for on the command line.
type issueCmd struct {
	app    *cli.App
	remote *remote
	wallet *walletcmd.Selection

	to, amount, reference string
}

func issueCommand(app *cli.App) *cobra.Command {
	c := &issueCmd{app: app}
	command := &cobra.Command{
		Use: "issue --to DID --amount 50EUR", Short: "Put money on an account, against money received outside the ledger",
		Long: "Put money on an account, against money received outside the ledger. Only an issuer of the network may, up to\n" +
			"its cap: the wallet in --data signs, or else, with --token-file, the node with its own wallet.\n" +
			"Money is issued once for a reference: to repeat a command with the same reference is safe.",
		Example: "  ledger issue --to did:joule:z6Mk… --amount 50EUR\n" +
			"  ledger issue --to did:joule:z6Mk… --amount 12.50EUR --reference INVOICE-2026-0042",
	}
	c.remote, c.wallet = addRemote(app, command), walletcmd.AddFlags(app, command)
	flags := command.Flags()
	flags.StringVar(&c.to, "to", "", "DID of the account that gets the money")
	flags.StringVar(&c.amount, "amount", "", "how much, with its currency: 50EUR")
	flags.StringVar(&c.reference, "reference", "", "the payment that it stands for, 64 bytes at most (default: a random one)")
	cli.OnlyTyped(command, "to", "amount", "reference")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *issueCmd) run(ctx context.Context) error {
	ask, err := c.request()
	if err != nil {
		return err
	}
	api, err := c.remote.pinned(ctx)
	if err != nil {
		return err
	}
	if err := checkCurrency(api, ask.Amount); err != nil {
		return err
	}
	result, err := c.issue(ctx, api, ask)
	if err != nil {
		return err
	}
	return c.app.Print(result, result.print)
}

func (r issued) print(p *cli.Printer) {
	if r.Repeated {
		p.Line("issued before under reference %s: nothing more was issued", r.Reference)
	} else {
		p.Line("issued %s to %s, final", r.Amount, r.To)
	}
	fields := []string{"reference", r.Reference, "vertex", r.Vertex.String()}
	if r.Balance != nil {
		fields = append(fields, "balance", r.Balance.String())
	}
	p.Fields(fields...)
}

func (c *issueCmd) request() (client.IssueRequest, error) {
	none := client.IssueRequest{}
	if c.to == "" || c.amount == "" {
		return none, cli.Usage("`{command} --to DID --amount 50EUR`; `vehicle wallet show` prints a vehicle's DID", "--to and --amount are needed")
	}
	to, err := wallet.ParseDID(c.to)
	if err != nil {
		return none, fmt.Errorf("--to: %w", err)
	}
	amount, err := parseAmount(c.amount)
	if err != nil {
		return none, err
	}
	if len(c.reference) > client.ReferenceSizeMax {
		return none, cli.Usage("shorten it, for example to the number of the invoice", "--reference has %d bytes, at most %d",
			len(c.reference), client.ReferenceSizeMax)
	}
	reference := c.reference
	if reference == "" {
		reference = "issue-" + strings.ToLower(rand.Text())
	}
	return client.IssueRequest{To: to, Amount: amount, Reference: reference}, nil
}

func parseAmount(text string) (money.Money, error) {
	amount, err := money.ParseMoney(text)
	if err != nil {
		return money.Money{}, fmt.Errorf("--amount: %w", err)
	}
	if amount.Amount <= 0 {
		return money.Money{}, cli.Usage("name a sum such as 50EUR", "--amount %s: more than zero is needed", amount)
	}
	return amount, nil
}

func checkCurrency(api *client.Pinned, amount money.Money) error {
	if own := api.Trusted().Genesis.Currency; amount.Currency != own {
		return cli.Usage("write the sum in the ledger's currency: --amount "+amount.Amount.String()+own.String(),
			"%w: --amount %s, the ledger has %s", settle.ErrWrongCurrency, amount, own)
	}
	return nil
}

// issue lets the issuer sign that is at hand.
func (c *issueCmd) issue(ctx context.Context, api *client.Pinned, ask client.IssueRequest) (issued, error) {
	w, err := c.wallet.Open()
	switch {
	case err == nil && isIssuer(api.Trusted().Genesis, w.DID()):
		return c.sign(ctx, api, w, ask)
	case c.remote.tokenFile != "" && (err == nil || errors.Is(err, walletcmd.ErrNoWallet)):
		return c.delegate(ctx, api, ask)
	case errors.Is(err, walletcmd.ErrNoWallet):
		return issued{}, cli.Hint(err, "run it where the issuer's wallet is, `{command} --data DIR --wallet NAME`, or let its node sign: --token-file FILE")
	case err != nil:
		return issued{}, err
	}
	return issued{}, fmt.Errorf("%w: %s", ErrNotIssuer, w.DID())
}

// sign issues with the wallet of the data directory.
func (c *issueCmd) sign(ctx context.Context, api *client.Pinned, w *wallet.Wallet, ask client.IssueRequest) (issued, error) {
	payload := payloadOf(ask)
	if done, found, err := earlierIssue(ctx, api, payload, w.DID()); err != nil || found {
		return c.repeat(ctx, api, ask, done, err)
	}
	c.announce(ask)
	outcome, err := client.NewSubmitter(api.Client, api.Trusted().ID, w.DID(), w.Account()).Submit(ctx, payload)
	if err != nil {
		return issued{}, c.again(ask, err)
	}
	return c.finish(ctx, api.Client, ask, issued{
		Vertex: client.ID(outcome.Vertex), Issuer: w.DID(), Repeated: outcome.Verdict == settle.NoOp, Height: outcome.Height,
	})
}

func payloadOf(ask client.IssueRequest) *settle.Issue {
	return &settle.Issue{Reference: settle.ReferenceOf(ask.Reference), To: ask.To, Amount: ask.Amount.Amount}
}

// earlierIssue finds the vertex of one of the issuers that issued the same before.
func earlierIssue(ctx context.Context, api *client.Pinned, payload *settle.Issue, issuers ...wallet.DID) (client.Vertex, bool, error) {
	for _, issuer := range issuers {
		id := settle.PayloadIDOf(api.Trusted().ID, issuer, payload)
		page, err := api.Vertices(ctx, client.VertexQuery{Payload: client.ID(id), State: client.VertexAccepted})
		if err != nil {
			return client.Vertex{}, false, err
		}
		for _, v := range page.Items {
			if v.Verdict == settle.Applied.String() {
				return v, true, nil
			}
		}
	}
	return client.Vertex{}, false, nil
}

// repeat tells of what was issued before.
func (c *issueCmd) repeat(ctx context.Context, api *client.Pinned, ask client.IssueRequest, done client.Vertex, err error) (issued, error) {
	if err != nil {
		return issued{}, err
	}
	return c.finish(ctx, api.Client, ask, issued{Vertex: done.ID, Issuer: done.Issuer, Repeated: true, Height: done.Height})
}

// delegate lets the node issue that holds the issuer's wallet.
func (c *issueCmd) delegate(ctx context.Context, api *client.Pinned, ask client.IssueRequest) (issued, error) {
	var issuers []wallet.DID
	for _, i := range api.Trusted().Genesis.Issuers {
		issuers = append(issuers, i.DID)
	}
	if done, found, err := earlierIssue(ctx, api, payloadOf(ask), issuers...); err != nil || found {
		return c.repeat(ctx, api, ask, done, err)
	}
	c.announce(ask)
	done, err := api.Issue(ctx, ask)
	if err != nil {
		return issued{}, c.again(ask, err)
	}
	return c.finish(ctx, api.Client, ask, issued{Vertex: done.Vertex, Issuer: done.Issuer, Height: done.Height})
}

// announce says the reference before anything is sent, so that whatever happens the command can be repeated.
func (c *issueCmd) announce(ask client.IssueRequest) {
	if c.reference == "" {
		c.app.Note("reference %s (to repeat this command safely, add --reference with it)", ask.Reference)
	}
}

// again names the command that finds out what happened, where it is not known.
func (c *issueCmd) again(ask client.IssueRequest, err error) error {
	switch {
	case errors.Is(err, settle.ErrMintedTwice), errors.Is(err, client.ErrConflict):
		return cli.Hint(err, "each payment has its own reference: `ledger issue --reference` with another one issues anew")
	case errors.Is(err, client.ErrOutcomeUnknown), errors.Is(err, client.ErrUnreachable), errors.Is(err, context.Canceled):
		return cli.Fail(fmt.Sprintf("it takes effect once: `ledger issue --to %s --amount %s%s --reference %s`", ask.To,
			ask.Amount.Amount, ask.Amount.Currency, ask.Reference), "whether it was issued is not known: %v", err)
	}
	return err
}

// finish waits until what was issued is final, and fills in the rest.
func (c *issueCmd) finish(ctx context.Context, api *client.Client, ask client.IssueRequest, result issued) (issued, error) {
	if _, err := waitFinal(ctx, c.app, api, settle.VertexID(result.Vertex)); err != nil {
		return issued{}, c.again(ask, err)
	}
	result.To, result.Amount, result.Reference, result.Final = ask.To, ask.Amount, ask.Reference, true
	account, err := api.Account(ctx, ask.To)
	switch {
	case err == nil:
		result.Balance = &account.Balance
	case !errors.Is(err, client.ErrForbidden) && !errors.Is(err, client.ErrUnauthorized):
		return issued{}, err
	}
	return result, nil
}

func isIssuer(g settle.Genesis, did wallet.DID) bool {
	return slices.ContainsFunc(g.Issuers, func(i settle.Issuer) bool { return i.DID == did })
}
