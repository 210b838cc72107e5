package operator

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/client"
	"joulepay/wallet"
)

func channelsCommand(app *cli.App) *cobra.Command {
	group := &cobra.Command{
		Use: "channels", Short: "Show payment channels as the ledger knows them", Example: "  ledger channels list\n  ledger channels show ID",
	}
	group.AddCommand(channelListCommand(app), channelShowCommand(app))
	return group
}

// channelsShown bounds what list prints: the rest is for the API, page by page.
const channelsShown = 1000

func channelListCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List channels, newest first",
		Example: "  ledger channels list\n  ledger channels list --party did:joule:z6Mk… --state open",
	}
	r := addRemote(app, command)
	var party, state string
	flags := command.Flags()
	flags.StringVar(&party, "party", "", "only channels of this DID")
	cli.ChoiceVar(flags, &state, "state", "any", "only channels in this state",
		"any", client.ChannelOpen, client.ChannelClosing, client.ChannelClosed)
	command.RunE = func(command *cobra.Command, _ []string) error {
		var ask client.ChannelQuery
		if party != "" {
			did, err := wallet.ParseDID(party)
			if err != nil {
				return err
			}
			ask.Party = did
		}
		if state != "any" {
			ask.State = state
		}
		return listChannels(command.Context(), app, r, ask)
	}
	return command
}

func listChannels(ctx context.Context, app *cli.App, r *remote, ask client.ChannelQuery) error {
	api, err := r.pinned(ctx)
	if err != nil {
		return err
	}
	channels := []client.Channel{}
	ask.Limit = client.PageSizeMax
	fetch := func(cursor string) (client.Page[client.Channel], error) {
		ask.Cursor = cursor
		return api.Channels(ctx, ask)
	}
	for c, err := range client.All(fetch) {
		if err != nil {
			return err
		}
		if channels = append(channels, c); len(channels) == channelsShown {
			app.Note("the newest %d are shown; the API has the rest", channelsShown)
			break
		}
	}
	object := struct {
		Channels []client.Channel `json:"channels"`
	}{channels}
	return app.Print(object, func(p *cli.Printer) { printChannels(p, channels) })
}

func printChannels(p *cli.Printer, channels []client.Channel) {
	if len(channels) == 0 {
		p.Line("no channels")
		return
	}
	var rows [][]string
	for _, c := range channels {
		rows = append(rows, []string{c.ID.String(), c.State, c.Opener.Short(), c.Partner.Short(), c.Locked.String(), c.Expiry.Format(time.RFC3339)})
	}
	p.Table([]string{"CHANNEL", "STATE", "OPENER", "PARTNER", "LOCKED", "EXPIRES"}, rows)
}

func channelShowCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "show ID", Short: "Show one channel", Args: cobra.ExactArgs(1),
		Example: "  ledger channels show 7c1f…",
	}
	r := addRemote(app, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		id, err := client.ParseID(args[0])
		if err != nil {
			return cli.Usage("`ledger channels list` shows the ids", "%w", err)
		}
		api, err := r.pinned(command.Context())
		if err != nil {
			return err
		}
		c, err := api.Channel(command.Context(), id)
		if err != nil {
			return err
		}
		return app.Print(c, func(p *cli.Printer) { printChannel(p, c) })
	}
	return command
}

func printChannel(p *cli.Printer, c client.Channel) {
	p.Fields("channel", c.ID.String(), "state", c.State, "opener", c.Opener.String(), "partner", c.Partner.String(), "pays out to", c.Payout.String(),
		"locked", c.Locked.String(), "expires", c.Expiry.Format(time.RFC3339), "window", (time.Duration(c.WindowSeconds) * time.Second).String())
	if c.ClosingSince != nil {
		p.Fields("closing since", c.ClosingSince.Format(time.RFC3339))
	}
	p.Table([]string{"", "OPENER", "PARTNER"}, [][]string{
		{"deposited", c.Deposited.Opener.String(), c.Deposited.Partner.String()},
		{"claimed", c.Claimed.Opener.String(), c.Claimed.Partner.String()},
		{"withdrawn", c.Withdrawn.Opener.String(), c.Withdrawn.Partner.String()},
		{"paid out", c.PaidOut.Opener.String(), c.PaidOut.Partner.String()},
	})
}
