package channelscmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// shown is a channel as the party itself knows it, of which the ledger may know less.
type shown struct {
	ID            client.ID       `json:"id"`
	Role          string          `json:"role"` // opener or partner
	Peer          wallet.DID      `json:"peer"`
	State         string          `json:"state"`     // opening, open, closing or closed, as last seen on the ledger
	Deposited     client.PerParty `json:"deposited"` // in total
	Withdrawn     client.PerParty `json:"withdrawn"` // in total
	Claimed       client.PerParty `json:"claimed"`   // what each party owes in total, as both signed it
	Settled       client.PerParty `json:"settled"`   // of that, what the ledger is known to know
	Share         money.Money     `json:"share"`     // what this party gets if the channel ends now
	Frozen        bool            `json:"frozen"`    // a close is signed: nothing more is signed or accepted
	Unsynced      bool            `json:"unsynced"`  // imported: nothing is signed before the peer showed what it holds
	Pending       int             `json:"pending"`   // operations on their way to the ledger
	WindowSeconds int64           `json:"window_seconds"`
	Expiry        time.Time       `json:"expiry"` // ledger time
}

func shape(r session.ChannelRecord, pending int) shown {
	o := r.Side.Opening
	per := func(amounts [2]money.Amount) client.PerParty {
		return client.PerParty{Opener: money.Of(amounts[channel.Opener], o.Terms.Currency), Partner: money.Of(amounts[channel.Partner], o.Terms.Currency)}
	}
	lanes := lanesOf(r)
	s := shown{
		ID: client.ID(r.ID), Role: "opener", Peer: r.Peer, State: "opening", Deposited: per(r.Side.Funds.Deposited),
		Withdrawn: per(r.Side.Funds.Withdrawn), Claimed: per(lanes), Settled: per(r.Settled), Frozen: r.Side.Frozen, Unsynced: r.Side.Unsynced, Pending: pending,
		WindowSeconds: int64(o.Terms.Window / time.Second), Expiry: r.Expiry.UTC(),
	}
	if r.Side.Me == channel.Partner {
		s.Role = "partner"
	}
	if r.State != 0 {
		s.State = r.State.String()
	}
	s.Share = money.Of(share(r, lanes), o.Terms.Currency)
	return s
}

// lanesOf gives both lanes by lane, and lane 0 is the opener's.
func lanesOf(r session.ChannelRecord) channel.PerLane {
	var lanes channel.PerLane
	lanes[r.Side.Me.Pays()], lanes[r.Side.Me.Other().Pays()] = r.Side.Out.Owed(), r.Side.In.Owed()
	return lanes
}

func share(r session.ChannelRecord, lanes channel.PerLane) money.Amount {
	if r.State == channel.Closed {
		return 0
	}
	shares, err := channel.Payout(r.Side.Funds, lanes)
	if err != nil {
		return 0 // a record that the ledger contradicts; show tells the rest
	}
	return shares[r.Side.Me]
}

func listCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List the channels of this wallet, newest first",
		Example: "  " + program + " channels list\n  " + program + " channels list --json",
	}
	selected := addWallet(app, program, command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		list, err := readAll(command.Context(), app, selected)
		if err != nil {
			return err
		}
		object := struct {
			Channels []shown `json:"channels"`
		}{list}
		return app.Print(object, func(p *cli.Printer) { printList(p, list) })
	}
	return command
}

// readAll reads the store, also beside the process that works with it.
func readAll(ctx context.Context, app *cli.App, selected *walletcmd.Selection) (list []shown, err error) {
	s, err := party.OpenStore(ctx, party.Where(app, selected), party.AccessRead)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	records, err := s.Channels(ctx)
	if err != nil {
		return nil, err
	}
	pending, err := pendingOf(ctx, s)
	list = []shown{}
	for i := len(records) - 1; i >= 0; i-- {
		list = append(list, shape(records[i], len(pending[records[i].ID])))
	}
	return list, err
}

// pendingOf gives the outbox by channel.
func pendingOf(ctx context.Context, s store.Store) (map[channel.ID][]session.OpRecord, error) {
	ops, err := s.PendingOps(ctx)
	byChannel := map[channel.ID][]session.OpRecord{}
	for _, op := range ops {
		byChannel[op.Channel] = append(byChannel[op.Channel], op)
	}
	return byChannel, err
}

func printList(p *cli.Printer, list []shown) {
	if len(list) == 0 {
		p.Line("no channels")
		return
	}
	var rows [][]string
	for _, c := range list {
		rows = append(rows, []string{c.ID.String(), c.state(), c.Role, c.Peer.Short(), c.Share.String(), c.Expiry.Format(time.RFC3339)})
	}
	p.Table([]string{"CHANNEL", "STATE", "ROLE", "PEER", "SHARE", "EXPIRES"}, rows)
}

// state gives the state with what is under way.
func (c shown) state() string {
	switch {
	case c.Pending > 0:
		return fmt.Sprintf("%s, %d pending", c.State, c.Pending)
	case c.Frozen && c.State == channel.Open.String():
		if c.Unsynced {
			return "open, old copy"
		}
		return "open, close signed"
	case c.Unsynced && c.State == channel.Open.String():
		return "open, imported"
	}
	return c.State
}

func showCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "show ID", Short: "Show one channel", Args: cobra.ExactArgs(1),
		Example: "  " + program + " channels show 9241795eaa924636734cdedb03ec0d9a7e589515cd68f7891aa16c3d1bb02588",
	}
	selected := addWallet(app, program, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		id, err := channelArgument(program, args)
		if err != nil {
			return err
		}
		list, err := readAll(command.Context(), app, selected)
		if err != nil {
			return err
		}
		for _, c := range list {
			if c.ID == client.ID(id) {
				return app.Print(c, c.print)
			}
		}
		return unknown(program, id)
	}
	return command
}

func unknown(program string, id channel.ID) error {
	return cli.Fail("`"+program+" channels list` shows the channels that this wallet knows", "no channel %s", id)
}

func (c shown) print(p *cli.Printer) {
	p.Fields("channel", c.ID.String(), "state", c.state(), "role", c.Role, "peer", c.Peer.String(), "share", c.Share.String(),
		"expires", c.Expiry.Format(time.RFC3339), "window", (time.Duration(c.WindowSeconds) * time.Second).String())
	p.Table([]string{"", "OPENER", "PARTNER"}, [][]string{
		{"deposited", c.Deposited.Opener.String(), c.Deposited.Partner.String()},
		{"claimed", c.Claimed.Opener.String(), c.Claimed.Partner.String()},
		{"settled", c.Settled.Opener.String(), c.Settled.Partner.String()},
		{"withdrawn", c.Withdrawn.Opener.String(), c.Withdrawn.Partner.String()},
	})
}
