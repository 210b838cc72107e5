package channelscmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/settle/client"
	"joulepay/wallet/money"
)

const (
	// agreeMax is how long the peer is asked to sign: a station that runs answers at once.
	agreeMax = 5 * time.Second
	// lookEvery is how often a closing channel is looked at.
	lookEvery = 500 * time.Millisecond
)

// closed is what a channel ended with.
type closed struct {
	Channel client.ID       `json:"channel"`
	State   string          `json:"state"`
	Alone   bool            `json:"alone"`    // this run asked the ledger without the peer
	PaidOut client.PerParty `json:"paid_out"` // by the ledger
	Share   money.Money     `json:"share"`    // of it, this side's
	Balance money.Money     `json:"balance"`  // of this wallet's account, now
}

// closer is what was asked for on the command line.
type closer struct {
	*actor
	alone bool
}

func closeCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "close ID", Short: "End a channel and pay it out", Args: cobra.ExactArgs(1),
		Long: "End a channel and pay it out. Together with the peer this takes a moment. Alone it takes the channel's challenge\n" +
			"window, in which the peer may bring a better claim; this command waits for it, and typed again it goes on waiting.",
		Example: "  " + program + " channels close ID --alone",
	}
	c := &closer{actor: addActor(app, program, command)}
	command.Flags().BoolVar(&c.alone, "alone", false, "without the peer's signature")
	cli.OnlyTyped(command, "alone")
	if reachesPeer(program) {
		command.Example += "\n  " + program + " channels close ID"
		command.Flags().StringVar(&c.nats, "nats", party.NATSDefault, "NATS server on which the station is asked to sign")
		c.tls.AddTrust(command)
	}
	command.RunE = func(command *cobra.Command, args []string) error { return c.run(command.Context(), args) }
	return command
}

func (c *closer) run(ctx context.Context, args []string) error {
	id, err := channelArgument(c.program, args)
	if err != nil {
		return err
	}
	nats := c.nats
	if c.alone {
		nats = ""
	}
	p, err := c.open(ctx, nats)
	if err != nil {
		return err
	}
	defer p.Close()
	w, end := begin(ctx, c.app, p)
	defer end()
	if _, err := w.record(ctx, c.program, id); err != nil {
		return err
	}
	if err := c.close(ctx, w, id); err != nil {
		return c.later(ctx, id, err)
	}
	result, err := c.result(ctx, p, id)
	if err != nil {
		return err
	}
	c.app.EndProgress()
	return c.app.Print(result, result.print)
}

// later says how to go on after an interruption.
func (c *closer) later(ctx context.Context, id channel.ID, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return cli.Fail(fmt.Sprintf("`%s channels close %s` goes on", c.program, id), "interrupted before channel %s was paid out", id)
}

// close brings the channel to its end, from wherever it stands.
func (c *closer) close(ctx context.Context, w *work, id channel.ID) error {
	if _, err := w.awaitPending(ctx, id); err != nil {
		return err
	}
	_, view, err := w.look(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return cli.Fail("`{program} channels list` shows the others", "channel %s is not on the ledger: nothing is locked in it", id)
	}
	if err != nil {
		return err
	}
	if view.State == channel.Open {
		if err := c.begin(ctx, w, id, view); err != nil {
			return err
		}
	}
	return c.follow(ctx, w, id)
}

// begin starts the end of an open channel.
func (c *closer) begin(ctx context.Context, w *work, id channel.ID, view session.View) error {
	if err := c.unused(ctx, w.party.Store, id); err != nil {
		return err
	}
	if !c.alone {
		return c.together(ctx, w, id, view)
	}
	op, err := agent.CloseAlone(ctx, w.deps(), id)
	if err == nil {
		_, err = w.await(ctx, op.ID)
	}
	return err
}

// unused refuses to end a channel under a session that can be resumed.
func (c *closer) unused(ctx context.Context, s store.Store, id channel.ID) error {
	unfinished, err := s.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, r := range unfinished {
		if r.Channel == id && !c.alone {
			return cli.Fail("finish it with `vehicle resume`, or end the channel all the same: `{command} --alone "+id.String()+"`",
				"session %s, which uses the channel, is not over", r.ID)
		}
	}
	return nil
}

// together asks the peer to sign, and gives the ledger what both signed.
func (c *closer) together(ctx context.Context, w *work, id channel.ID, view session.View) error {
	alone := fmt.Sprintf("close it without the peer: `%s channels close %s --alone`", c.program, id)
	if !reachesPeer(c.program) {
		return cli.Usage(alone, "a vehicle can be reached only while it charges")
	}
	record, err := w.party.Store.Channel(ctx, id)
	if err != nil {
		return err
	}
	l, err := w.party.Dial(nil)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // what was agreed is stored
	proposed, err := agent.ProposeClose(ctx, w.deps(), id, view.Time)
	if errors.Is(err, channel.ErrUnsynced) {
		return cli.Hint(err, "visit the station once more, `vehicle charge --station "+record.Peer.String()+"`; or "+alone)
	}
	if err != nil {
		return err
	}
	c.app.Progress("asking %s to sign", record.Peer.Short())
	asking, cancel := context.WithTimeout(ctx, agreeMax)
	defer cancel()
	signed, err := agent.AgreeClose(asking, l, secure.AddrOf(record.Peer), record.Side.Opening, proposed)
	if err != nil {
		return cli.Hint(err, alone)
	}
	op, err := agent.EnterClose(ctx, w.deps(), signed)
	if err != nil {
		return err
	}
	if _, err = w.await(ctx, op.ID); errors.Is(err, agent.ErrLedgerRefused) {
		return cli.Hint(err, alone)
	}
	return err
}

// follow waits until the channel is paid out, and answers meanwhile what session.Keep finds to answer.
func (c *closer) follow(ctx context.Context, w *work, id channel.ID) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	told := false
	for {
		_, view, err := w.look(ctx, id)
		switch {
		case err != nil && ctx.Err() == nil:
			c.app.Log().Warn("looking at the channel", "error", err) // looked at again
		case err == nil && view.State == channel.Closed:
			return nil
		case err == nil && view.State == channel.Closing:
			if !told {
				c.app.Note("the challenge window runs, %s of ledger time; Ctrl-C leaves it running", view.Opening.Terms.Window)
			}
			told = true
			c.tell(view)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (c *closer) tell(view session.View) {
	if left := view.WindowEnd.Sub(view.Time); left > 0 {
		c.app.Progress("the challenge window ends in %s of ledger time, then the channel is paid out", left.Round(time.Second))
		return
	}
	c.app.Progress("the challenge window is over: paying out")
}

func (c *closer) result(ctx context.Context, p *party.Party, id channel.ID) (closed, error) {
	ended, err := p.Ledger.Channel(ctx, client.ID(id))
	if err != nil {
		return closed{}, err
	}
	account, err := p.Ledger.Account(ctx, p.Wallet.DID())
	if err != nil {
		return closed{}, err
	}
	r := closed{Channel: ended.ID, State: ended.State, Alone: c.alone, PaidOut: ended.PaidOut, Share: ended.PaidOut.Opener, Balance: account.Balance}
	if ended.Opener != p.Wallet.DID() {
		r.Share = ended.PaidOut.Partner
	}
	return r, nil
}

func (r closed) print(p *cli.Printer) {
	p.Line("channel %s is %s", r.Channel, r.State)
	p.Fields("paid out to the opener", r.PaidOut.Opener.String(), "to the partner", r.PaidOut.Partner.String(),
		"of it to this side", r.Share.String(), "balance", r.Balance.String())
}
