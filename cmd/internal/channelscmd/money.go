package channelscmd

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

// done is what became of an operation.
type done struct {
	Channel   client.ID  `json:"channel"`
	Operation string     `json:"operation"`
	Vertex    *client.ID `json:"vertex,omitempty"` // absent when there was nothing to do
	State     shown      `json:"state"`
}

func topUpCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "topup ID --amount 10EUR", Short: "Lock more of this wallet's money in a channel", Args: cobra.ExactArgs(1),
		Example: "  " + program + " channels topup ID --amount 10EUR",
	}
	a := addActor(app, program, command)
	var amount string
	command.Flags().StringVar(&amount, "amount", "", "how much: 10EUR")
	cli.OnlyTyped(command, "amount")
	command.RunE = func(command *cobra.Command, args []string) error {
		if amount == "" {
			return cli.Usage("`"+program+" channels topup ID --amount 10EUR`", "--amount is needed")
		}
		sum, err := party.ParseSum("amount", amount)
		if err != nil {
			return err
		}
		return a.act(command.Context(), args, func(ctx context.Context, w *work, id channel.ID) (*session.OpRecord, error) {
			return topUp(ctx, w, id, sum)
		})
	}
	return command
}

func settleCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "settle ID", Short: "Bring the best claims of a channel to the ledger; no money moves", Args: cobra.ExactArgs(1),
		Example: "  " + program + " channels settle ID",
	}
	a := addActor(app, program, command)
	command.RunE = func(command *cobra.Command, args []string) error { return a.act(command.Context(), args, settleClaims) }
	return command
}

// act opens everything, does one thing with a channel of the wallet, and shows what became of it. doing gives no operation
// when there was nothing to do.
func (a *actor) act(ctx context.Context, args []string, doing func(context.Context, *work, channel.ID) (*session.OpRecord, error)) error {
	id, err := channelArgument(a.program, args)
	if err != nil {
		return err
	}
	p, err := a.open(ctx, "")
	if err != nil {
		return err
	}
	defer p.Close()
	w, end := begin(ctx, a.app, p)
	defer end()
	if _, err := w.record(ctx, a.program, id); err != nil {
		return err
	}
	op, err := doing(ctx, w, id)
	if err != nil {
		return err
	}
	record, _, err := w.look(ctx, id)
	if err != nil {
		return err
	}
	a.app.EndProgress()
	d := done{Channel: client.ID(id), Operation: "nothing to do", State: shape(record, 0)}
	if op != nil {
		vertex := client.ID(op.Vertex)
		d.Operation, d.Vertex = op.Kind.String(), &vertex
	}
	return a.app.Print(d, d.print)
}

func (d done) print(p *cli.Printer) {
	if d.Vertex == nil {
		p.Line("nothing to do: the ledger knows everything")
	} else {
		p.Line("%s is final: vertex %s", d.Operation, d.Vertex)
	}
	d.State.print(p)
}

// usable refuses what nothing can be done with any more.
func usable(ctx context.Context, w *work, id channel.ID) (session.ChannelRecord, error) {
	record, view, err := w.look(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return record, cli.Fail("`{program} channels list` shows the others", "channel %s is not on the ledger: nothing is locked in it", id)
	}
	if err != nil {
		return record, err
	}
	if view.State != channel.Open {
		return record, cli.Fail("`{program} channels show "+id.String()+"` shows how it stands", "channel %s is %s", id, view.State)
	}
	return record, nil
}

// topUp locks more money. One of the same amount that was asked for before, and whose outcome is not known, is that one.
func topUp(ctx context.Context, w *work, id channel.ID, sum party.Sum) (*session.OpRecord, error) {
	amount, err := sum.In(w.party.Ledger.Trusted().Genesis.Currency)
	if err != nil {
		return nil, err
	}
	if amount == 0 {
		return nil, cli.Usage("name a sum such as 10EUR", "--amount 0: more than zero is needed")
	}
	before, err := w.awaitPending(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, op := range before {
		if asked, err := session.DecodeTopUp(op.Body); err == nil && op.Kind == session.OpTopUp && op.Session == (channel.SessionID{}) &&
			asked.Amount == amount && op.State == session.OpFinal {
			w.app.Note("that was this top-up: nothing more is locked")
			return &op, nil
		}
	}
	record, err := usable(ctx, w, id)
	if err != nil {
		return nil, err
	}
	if record.Side.Frozen {
		return nil, cli.Fail("end it: `{program} channels close "+id.String()+"`", "channel %s: %w", id, channel.ErrFrozen)
	}
	if err := party.CheckFunds(ctx, w.party, amount); err != nil {
		return nil, err
	}
	op, err := w.enter(ctx, session.NewOp(session.OpTopUp, id, channel.SessionID{}, topUpBody(record.Side.Me, amount)))
	return &op, err
}

func topUpBody(me channel.Party, amount money.Amount) []byte {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails since Go 1.24
	return session.TopUp{Party: me, Amount: amount, Nonce: binary.BigEndian.Uint64(nonce[:])}.Encode()
}

// settleClaims raises the lanes that the ledger knows.
func settleClaims(ctx context.Context, w *work, id channel.ID) (*session.OpRecord, error) {
	if _, err := w.awaitPending(ctx, id); err != nil {
		return nil, err
	}
	record, err := usable(ctx, w, id)
	if err != nil {
		return nil, err
	}
	lanes := lanesOf(record)
	if lanes[0] <= record.Settled[0] && lanes[1] <= record.Settled[1] {
		return nil, nil
	}
	op, err := w.enter(ctx, session.NewOp(session.OpSettle, id, channel.SessionID{}, session.EncodeBests(record.Side.In, record.Side.Out)))
	if errors.Is(err, agent.ErrLedgerRefused) {
		err = fmt.Errorf("channel %s: %w", id, err)
	}
	return &op, err
}
