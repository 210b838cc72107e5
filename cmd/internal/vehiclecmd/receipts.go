package vehiclecmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/quote"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

func receiptsCommand(app *cli.App) *cobra.Command {
	group := &cobra.Command{
		Use: "receipts", Short: "Show what was paid, and export the proof of it",
		Example: "  vehicle receipts\n  vehicle receipts show ID\n  vehicle receipts export ID receipt.json",
	}
	group.RunE = listReceipts(app, group)
	group.AddCommand(receiptListCommand(app), receiptShowCommand(app), receiptExportCommand(app))
	return group
}

// listed is one session that was paid for.
type listed struct {
	Session  string         `json:"session"`
	Station  wallet.DID     `json:"station"`
	Start    time.Time      `json:"start"`
	Service  string         `json:"service"`
	Unit     string         `json:"unit"`            // mWh, s or count
	Quantity int64          `json:"quantity,string"` // in Unit
	EnergyWh *client.Energy `json:"energy_wh,omitempty"`
	Amount   money.Money    `json:"amount"`
	Claims   uint64         `json:"claims"`
	Over     bool           `json:"over"`  // the session ended
	Final    bool           `json:"final"` // the final receipt is in the store
}

func receiptListCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List the sessions that were paid for, newest first",
		Example: "  vehicle receipts list\n  vehicle receipts list --json",
	}
	command.RunE = listReceipts(app, command)
	return command
}

// listReceipts gives what lists: the group by itself does it too.
func listReceipts(app *cli.App, command *cobra.Command) func(*cobra.Command, []string) error {
	selected := walletcmd.AddFlags(app, command).AddIdentity(command, false)
	return func(command *cobra.Command, _ []string) error {
		list, err := readReceipts(command.Context(), app, selected)
		if err != nil {
			return err
		}
		object := struct {
			Receipts []listed `json:"receipts"`
		}{list}
		return app.Print(object, func(p *cli.Printer) { printReceipts(p, list) })
	}
}

const (
	// receiptsRead is how many sessions are read at once, and receiptsShown bounds what list prints.
	receiptsRead  = 100
	receiptsShown = 1000
)

// readReceipts reads the store, also beside a vehicle that charges.
func readReceipts(ctx context.Context, app *cli.App, selected *walletcmd.Selection) (list []listed, err error) {
	s, err := party.OpenStore(ctx, party.Where(app, selected), party.AccessRead)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	list = []listed{}
	var before channel.SessionID
	for {
		records, err := s.Sessions(ctx, before, receiptsRead)
		if err != nil || len(records) == 0 {
			return list, err
		}
		for _, record := range records {
			before = record.ID
			if record.Claims == 0 {
				continue
			}
			if len(list) == receiptsShown {
				app.Note("the newest %d are shown", receiptsShown)
				return list, nil
			}
			shown, err := entryOf(ctx, s, record)
			if err != nil {
				return list, err
			}
			list = append(list, shown)
		}
	}
}

func entryOf(ctx context.Context, s store.Store, r session.SessionRecord) (listed, error) {
	signed, err := quote.Parse(r.Quote, quote.AnyKey)
	if err != nil {
		return listed{}, fmt.Errorf("session %s: %w", r.ID, err)
	}
	currency, err := money.ParseCurrency(signed.Quote.Currency)
	if err != nil {
		return listed{}, err
	}
	_, err = s.Receipt(ctx, r.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return listed{}, err
	}
	unit := meter.Unit(signed.Quote.Unit).String()
	return listed{
		Session: r.ID.String(), Station: r.Peer, Start: time.UnixMilli(r.StartedMs).UTC(), Service: r.Service, Unit: unit,
		Quantity: r.Quantity, EnergyWh: party.EnergyOf(unit, r.Quantity), Amount: money.Of(r.Paid, currency), Claims: r.Claims, Over: r.Phase.Over(), Final: err == nil,
	}, nil
}

func printReceipts(p *cli.Printer, list []listed) {
	if len(list) == 0 {
		p.Line("nothing was paid yet; `vehicle charge` charges")
		return
	}
	var rows [][]string
	for _, l := range list {
		state := "not final yet"
		switch {
		case !l.Over:
			state = "not over"
		case l.Final:
			state = "final"
		}
		rows = append(rows, []string{
			l.Session, l.Start.Local().Format(time.DateTime), l.Station.Short(), party.QuantityWords(l.Service, l.Unit, l.Quantity),
			l.Amount.Amount.Cents() + " " + l.Amount.Currency.String(), state,
		})
	}
	p.Table([]string{"SESSION", "START", "STATION", "QUANTITY", "AMOUNT", "RECEIPT"}, rows)
}

func receiptShowCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "show ID", Short: "Show the receipt of a session in words", Args: cobra.ExactArgs(1),
		Example: "  vehicle receipts show 07fc7d258556c1f5c3e1af8ee2880e84",
	}
	r := addReach(app, command, false)
	command.RunE = func(command *cobra.Command, args []string) error {
		proof, err := r.receipt(command.Context(), args[0])
		if err != nil {
			return err
		}
		return app.Print(party.ResultOf(proof), func(p *cli.Printer) { printWords(p, proof) })
	}
	return command
}

// receipt gives the final receipt of a session: the stored one, else the one that the ledger certifies now.
func (r *reach) receipt(ctx context.Context, argument string) (receipt.Receipt, error) {
	id, err := client.ParseSessionID(argument)
	if err != nil {
		return receipt.Receipt{}, cli.Usage("`vehicle receipts` lists the ids", "%w", err)
	}
	stored, found, err := r.stored(ctx, channel.SessionID(id))
	if err != nil || found {
		return stored, err
	}
	p, err := r.open(ctx, false, party.AccessWrite)
	if err != nil {
		return receipt.Receipt{}, err
	}
	defer p.Close()
	if r.later(ctx, p, channel.SessionID(id)) {
		proof, err := p.Receipt(ctx, channel.SessionID(id))
		if err == nil && !proof.Summary.Final {
			r.app.Note("not final yet: it is paid in the channel, and the station settles when enough has come together")
		}
		return proof, err
	}
	waiting, cancel := context.WithTimeout(ctx, receiptMax)
	defer cancel()
	r.app.Progress("waiting until the ledger has certified the session")
	proof, err := p.AwaitReceipt(waiting, channel.SessionID(id))
	r.app.EndProgress()
	if errors.Is(err, party.ErrNotFinal) {
		return proof, cli.Fail("`ledger status` shows whether the ledger works; the station settles within minutes, then run `{command} "+argument+"` again",
			"session %s is not final yet", argument)
	}
	return proof, err
}

// later tells whether the station of a session settles it when enough has come together.
func (r *reach) later(ctx context.Context, p *party.Party, id channel.SessionID) bool {
	record, err := p.Store.Session(ctx, id)
	return err == nil && settlesLater(record)
}

// stored reads the receipt that is final already, also beside a vehicle that charges.
func (r *reach) stored(ctx context.Context, id channel.SessionID) (proof receipt.Receipt, found bool, err error) {
	s, err := party.OpenStore(ctx, party.Where(r.app, r.wallet), party.AccessRead)
	if err != nil {
		return proof, false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Session(ctx, id); errors.Is(err, store.ErrNotFound) {
		return proof, false, cli.Fail("`vehicle receipts` lists those that exist", "no session %s", id)
	} else if err != nil {
		return proof, false, err
	}
	raw, err := s.Receipt(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return proof, false, nil
	}
	if err != nil {
		return proof, false, err
	}
	proof, err = receipt.Parse(raw)
	return proof, true, err
}

func receiptExportCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "export ID FILE", Short: "Write the receipt of a session to a file, which anybody verifies offline", Args: cobra.ExactArgs(2),
		Example: "  vehicle receipts export 07fc7d258556c1f5c3e1af8ee2880e84 receipt.json",
	}
	r := addReach(app, command, false)
	command.RunE = func(command *cobra.Command, args []string) error {
		proof, err := r.receipt(command.Context(), args[0])
		if err != nil {
			return err
		}
		raw, err := proof.Encode()
		if err != nil {
			return err
		}
		if err := writeNew(args[1], raw); err != nil {
			return err
		}
		object := struct {
			Session string `json:"session"`
			File    string `json:"file"`
			Bytes   int    `json:"bytes"`
		}{args[0], args[1], len(raw)}
		return app.Print(object, func(p *cli.Printer) { p.Line("wrote %s; verify it: vehicle verify %s", args[1], args[1]) })
	}
	return command
}

// writeNew writes a file that must not exist: a receipt never takes another one's place.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return cli.Fail("choose another name", "%s exists", path)
	}
	if err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the receipt: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}
