package stationcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

func sessionsCommand(app *cli.App) *cobra.Command {
	group := &cobra.Command{
		Use: "sessions", Short: "Show the sessions of a charger, and export them",
		Example: "  chargepoint sessions list\n  chargepoint sessions show ID\n  chargepoint sessions export --format csv --out sessions.csv",
	}
	group.AddCommand(sessionListCommand(app), sessionShowCommand(app), sessionExportCommand(app))
	return group
}

// sessionSource is where sessions are read: the store in --data, also beside a charger that runs, or the API of any.
type sessionSource struct {
	app    *cli.App
	wallet *walletcmd.Selection
	api    string
}

func addSource(app *cli.App, command *cobra.Command) *sessionSource {
	s := &sessionSource{app: app, wallet: walletcmd.AddFlags(app, command)}
	command.Flags().StringVar(&s.api, "api", "", "read from the API of a charger, such as http://"+HTTPDefault+", in place of --data")
	return s
}

// sessions is what both places answer.
type sessions interface {
	Sessions(context.Context, client.SessionQuery) (client.Page[client.Session], error)
	Session(context.Context, client.SessionID) (client.Session, error)
}

// open gives the sessions, and their store where they come from it.
func (s *sessionSource) open(ctx context.Context) (sessions, store.Store, error) {
	if s.api != "" {
		remote, err := client.New(s.api, client.Options{})
		return remote, nil, apiHint(err)
	}
	opened, err := party.OpenStore(ctx, party.Where(s.app, s.wallet), party.AccessRead)
	if err != nil {
		return nil, nil, err
	}
	return station.HistoryOf(opened), opened, nil
}

// apiHint says of errors of the charger's API what differs from those of the ledger's.
func apiHint(err error) error {
	switch {
	case errors.Is(err, client.ErrUnreachable):
		return cli.Hint(err, "start the charger with `chargepoint run`, or read its store: leave --api out and name --data DIR")
	case errors.Is(err, client.ErrBaseURL):
		return cli.Usage("write the address as --api http://"+HTTPDefault, "%w", err)
	}
	return err
}

func closeStore(s store.Store, err error) error {
	if s == nil {
		return err
	}
	return errors.Join(err, s.Close())
}

// sessionsShown bounds what list prints: the rest is for the API, page by page.
const sessionsShown = 1000

func sessionListCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List sessions, newest first",
		Example: "  chargepoint sessions list\n  chargepoint sessions list --state final --json\n  chargepoint sessions list --api http://127.0.0.1:8421",
	}
	source := addSource(app, command)
	var state string
	cli.ChoiceVar(command.Flags(), &state, "state", "any", "only sessions in this state", "any", client.SessionPreparing, client.SessionRunning,
		client.SessionStopping, client.SessionFinal, client.SessionFailed)
	command.RunE = func(command *cobra.Command, _ []string) error {
		from, opened, err := source.open(command.Context())
		if err != nil {
			return err
		}
		list, err := readSessions(command.Context(), app, from, state)
		if err := closeStore(opened, err); err != nil {
			return apiHint(err)
		}
		object := struct {
			Sessions []client.Session `json:"sessions"`
		}{list}
		return app.Print(object, func(p *cli.Printer) { printSessions(p, list) })
	}
	return command
}

func readSessions(ctx context.Context, app *cli.App, from sessions, state string) ([]client.Session, error) {
	ask := client.SessionQuery{PageQuery: client.PageQuery{Limit: client.PageSizeMax}}
	if state != "any" {
		ask.State = state
	}
	list := []client.Session{}
	fetch := func(cursor string) (client.Page[client.Session], error) {
		ask.Cursor = cursor
		return from.Sessions(ctx, ask)
	}
	for s, err := range client.All(fetch) {
		if err != nil {
			return nil, err
		}
		if list = append(list, s); len(list) == sessionsShown {
			app.Note("the newest %d are shown; the API has the rest", sessionsShown)
			break
		}
	}
	return list, nil
}

func printSessions(p *cli.Printer, list []client.Session) {
	if len(list) == 0 {
		p.Line("no sessions")
		return
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{
			s.ID.String(), s.Start.Local().Format(time.DateTime), s.State, s.Vehicle.Short(), quantity(s),
			s.Amount.Amount.Cents() + " " + s.Currency.String(), fmt.Sprint(s.Claims),
		})
	}
	p.Table([]string{"SESSION", "START", "STATE", "VEHICLE", "QUANTITY", "AMOUNT", "CLAIMS"}, rows)
}

func quantity(s client.Session) string {
	if s.EnergyWh == nil && s.Quantity == 0 {
		return "nothing"
	}
	return party.QuantityWords(s.Service, s.Unit, s.Quantity)
}

func sessionShowCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "show ID", Short: "Show one session", Args: cobra.ExactArgs(1),
		Example: "  chargepoint sessions show 07fc7d258556c1f5c3e1af8ee2880e84",
	}
	source := addSource(app, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		id, err := client.ParseSessionID(args[0])
		if err != nil {
			return cli.Usage("`chargepoint sessions list` shows the ids", "%w", err)
		}
		from, opened, err := source.open(command.Context())
		if err != nil {
			return err
		}
		s, err := from.Session(command.Context(), id)
		words := receiptWords(command.Context(), opened, id)
		if err := closeStore(opened, err); err != nil {
			return apiHint(err)
		}
		return app.Print(s, func(p *cli.Printer) { printSession(p, s, words) })
	}
	return command
}

// receiptWords tells the final receipt, where there is one in the store.
func receiptWords(ctx context.Context, s store.Store, id client.SessionID) string {
	if s == nil {
		return ""
	}
	raw, err := s.Receipt(ctx, channel.SessionID(id))
	if err != nil {
		return "" // none yet: the session itself says how it stands
	}
	r, err := receipt.Parse(raw)
	if err != nil {
		return ""
	}
	return receipt.Words(r)
}

func printSession(p *cli.Printer, s client.Session, words string) {
	fields := []string{"session", s.ID.String(), "state", s.State, "vehicle", s.Vehicle.String(), "station", s.Station.String(),
		"EVSE", s.EVSE, "start", s.Start.Local().Format(time.RFC3339)}
	if s.End != nil {
		fields = append(fields, "end", s.End.Local().Format(time.RFC3339))
	}
	fields = append(fields, "quantity", quantity(s), "amount", s.Amount.String(), "claims", fmt.Sprint(s.Claims), "tariff", s.Tariff,
		"channel", s.Channel.String())
	if s.Reason != "" {
		fields = append(fields, "reason", s.Reason)
	}
	if s.AtRisk != nil {
		fields = append(fields, "at risk", s.AtRisk.String())
	}
	if s.Settlement != nil {
		fields = append(fields, "settlement", s.Settlement.String())
	}
	p.Fields(fields...)
	for line := range strings.Lines(words) {
		p.Line("%s", strings.TrimRight(line, "\n"))
	}
}
