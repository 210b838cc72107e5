package vehiclecmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// finalMax is how long a payment is waited for until it is final: a healthy ledger takes seconds.
const finalMax = 2 * time.Minute

// paid is the result of vehicle pay.
type paid struct {
	Vertex    client.ID   `json:"vertex"`
	From      wallet.DID  `json:"from"`
	To        wallet.DID  `json:"to"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"`
	Repeated  bool        `json:"repeated"` // it was paid under this reference before: nothing more was
	Height    uint64      `json:"height"`
	Final     bool        `json:"final"`
	Balance   money.Money `json:"balance"` // of From, now
}

// payCmd is what was asked for on the command line.
type payCmd struct {
	*reach
	to, amount, reference string
}

func payCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "pay --to DID --amount 5EUR", Short: "Send money to another account",
		Long: "Send money to another account, without a fee. Money is sent once for a reference: to repeat a command with the same\n" +
			"reference is safe.",
		Example: "  vehicle pay --to did:joule:z6Mk… --amount 5EUR\n  vehicle pay --to did:joule:z6Mk… --amount 5EUR --reference INVOICE-7",
	}
	c := &payCmd{reach: addReach(app, command, false)}
	f := command.Flags()
	f.StringVar(&c.to, "to", "", "DID of the account that gets the money")
	f.StringVar(&c.amount, "amount", "", "how much: 5EUR")
	f.StringVar(&c.reference, "reference", "", "what it is for, 64 bytes at most (default: a random one)")
	cli.OnlyTyped(command, "to", "amount", "reference")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *payCmd) run(ctx context.Context) error {
	to, sum, err := c.request()
	if err != nil {
		return err
	}
	p, err := c.open(ctx, false, party.AccessNone)
	if err != nil {
		return err
	}
	defer p.Close()
	currency := p.Ledger.Trusted().Genesis.Currency
	amount, err := sum.In(currency)
	if err != nil {
		return err
	}
	if amount == 0 {
		return cli.Usage("name a sum such as 5EUR", "--amount 0: more than zero is needed")
	}
	result, err := c.pay(ctx, p, paid{From: p.Wallet.DID(), To: to, Amount: money.Of(amount, currency), Reference: c.reference})
	if err != nil {
		return err
	}
	return c.app.Print(result, result.print)
}

func (c *payCmd) request() (to wallet.DID, sum party.Sum, err error) {
	if c.to == "" || c.amount == "" {
		return to, sum, cli.Usage("`{command} --to DID --amount 5EUR`", "--to and --amount are needed")
	}
	if len(c.reference) > client.ReferenceSizeMax {
		return to, sum, cli.Usage("shorten it", "--reference has %d bytes, at most %d", len(c.reference), client.ReferenceSizeMax)
	}
	if to, err = wallet.ParseDID(c.to); err != nil {
		return to, sum, fmt.Errorf("--to: %w", err)
	}
	sum, err = party.ParseSum("amount", c.amount)
	return to, sum, err
}

// pay spends once for a reference.
func (c *payCmd) pay(ctx context.Context, p *party.Party, r paid) (paid, error) {
	var err error
	if r.Reference == "" {
		r.Reference = "pay-" + strings.ToLower(rand.Text())
		c.app.Note("reference %s (to repeat this command safely, add --reference with it)", r.Reference)
	}
	for range attemptsMax {
		if r, err = attempt(ctx, p, r); !errors.Is(err, client.ErrStaleSequence) {
			break // else a session of this vehicle spent meanwhile, and this payment never happened
		}
	}
	if err != nil {
		return r, r.again(err)
	}
	return c.finish(ctx, p, r)
}

// attemptsMax is how often a payment gives way to spends of the same account.
const attemptsMax = 3

// attempt reads the sequence first: whatever was paid before that is in the list, and whatever comes after takes the
// sequence, which the submitter then finds to be this very payload.
func attempt(ctx context.Context, p *party.Party, r paid) (paid, error) {
	submitter := client.NewSubmitter(p.Ledger.Client, p.Ledger.Trusted().ID, p.Wallet.DID(), p.Wallet.Account())
	sequence, err := submitter.NextSequence(ctx)
	if err != nil {
		return r, err
	}
	if r, err = earlier(ctx, p.Ledger.Client, r); err != nil || r.Repeated {
		return r, err
	}
	if err := party.CheckFunds(ctx, p, r.Amount.Amount); err != nil {
		return r, err
	}
	payload := &settle.Transfer{Sequence: sequence, To: r.To, Amount: r.Amount.Amount, Reference: settle.ReferenceOf(r.Reference)}
	outcome, err := submitter.Submit(ctx, payload)
	r.Vertex, r.Height = client.ID(outcome.Vertex), outcome.Height
	return r, err
}

// earlier looks for a payment of this account under the reference.
func earlier(ctx context.Context, api *client.Client, r paid) (paid, error) {
	reference := client.ID(settle.ReferenceOf(r.Reference))
	fetch := func(cursor string) (client.Page[client.Transfer], error) {
		return api.Transfers(ctx, client.EntryQuery{PageQuery: client.PageQuery{Cursor: cursor, Limit: client.PageSizeMax}, Party: r.From})
	}
	for found, err := range client.All(fetch) {
		if err != nil {
			return r, err
		}
		if found.From != r.From || found.Reference != reference {
			continue
		}
		if found.Amount != r.Amount || found.To != r.To {
			return r, cli.Fail("each payment has its own reference: choose another one for this one",
				"%s was paid to %s under reference %s before", found.Amount, found.To, r.Reference)
		}
		r.Vertex, r.Height, r.Repeated = found.Vertex, found.Height, true
		return r, nil
	}
	return r, nil
}

// again names the command that finds out what happened, where it is not known.
func (r paid) again(err error) error {
	if errors.Is(err, client.ErrOutcomeUnknown) || errors.Is(err, client.ErrUnreachable) || errors.Is(err, context.Canceled) {
		return cli.Fail(fmt.Sprintf("it takes effect once: `vehicle pay --to %s --amount %s%s --reference %s`",
			r.To, r.Amount.Amount, r.Amount.Currency, r.Reference), "whether it was paid is not known: %v", err)
	}
	return err
}

func (c *payCmd) finish(ctx context.Context, p *party.Party, r paid) (paid, error) {
	waiting, cancel := context.WithTimeout(ctx, finalMax)
	defer cancel()
	c.app.Progress("waiting until vertex %s is final", r.Vertex)
	if _, err := p.Ledger.WaitFinal(waiting, r.Vertex); waiting.Err() != nil {
		return r, cli.Fail("`ledger status` shows whether the witnesses work; what was accepted stays",
			"vertex %s was accepted, and is not final yet", r.Vertex)
	} else if err != nil {
		return r, r.again(err)
	}
	c.app.EndProgress()
	r.Final = true
	account, err := p.Ledger.Account(ctx, r.From)
	r.Balance = account.Balance
	return r, err
}

func (r paid) print(p *cli.Printer) {
	if r.Repeated {
		p.Line("paid before under reference %s: nothing more was paid", r.Reference)
	} else {
		p.Line("paid %s to %s, final", r.Amount, r.To)
	}
	p.Fields("reference", r.Reference, "vertex", r.Vertex.String(), "balance", r.Balance.String())
}
