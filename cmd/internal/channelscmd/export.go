package channelscmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// exportMode is that of an exported file, which says whose it is.
const exportMode = 0o600

// exported is what an export says of itself.
type exported struct {
	File     string      `json:"file"`
	DID      wallet.DID  `json:"did"`
	Channels []client.ID `json:"channels"`
	Pending  int         `json:"pending"`  // operations on their way to the ledger
	Sessions int         `json:"sessions"` // under way: what they sign from now on is not in the file
}

func exportCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "export FILE", Short: "Write all that is needed to go on with the open channels, or to close them", Args: cobra.ExactArgs(1),
		Long: "Write all that is needed to go on with the open channels of this wallet, or to close them, to a new file: terms, the best\n" +
			"claims of both sides, the indices of the keys, and what is on its way to the ledger. Only this wallet opens it, also when\n" +
			"it was restored from its 24 words. Words and newest export together are the whole backup; either alone is not.\n" +
			"A file is old as soon as one more claim is signed. To move to another machine, stop the program first, export, and\n" +
			"never start it here again.",
		Example: "  " + program + " channels export channels-2026-03-01",
	}
	selected := addWallet(app, program, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		return writeExport(command.Context(), app, program, selected, args[0])
	}
	return command
}

func writeExport(ctx context.Context, app *cli.App, program string, selected *walletcmd.Selection, name string) (err error) {
	w, err := selected.Open()
	if err != nil {
		return err
	}
	dir := party.Where(app, selected)
	var e export
	if e.Network, err = party.Pinned(dir); err != nil {
		return err
	}
	s, err := party.OpenStore(ctx, dir, party.AccessRead)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	result := exported{DID: w.DID()}
	if e, result.Sessions, err = gather(ctx, s, e.Network); err != nil {
		return err
	}
	if len(e.Channels) == 0 {
		return cli.Fail("`"+program+" channels list` shows those that there are", "no channel is open: there is nothing to export")
	}
	if result.File, err = filepath.Abs(name); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := writeNew(result.File, e.encode(w)); err != nil {
		return err
	}
	for _, r := range e.Channels {
		result.Channels = append(result.Channels, client.ID(r.ID))
	}
	result.Pending = len(e.Ops)
	if result.Sessions > 0 {
		app.Note("%d sessions are under way: what they sign from now on is not in the file", result.Sessions)
	}
	return app.Print(result, result.print)
}

// gather reads one store. Claims that are signed between its reads are of a later export.
func gather(ctx context.Context, s store.Store, network wallet.NetworkID) (export, int, error) {
	e := export{Network: network}
	pending, err := s.PendingOps(ctx)
	if err != nil {
		return e, 0, err
	}
	if e.Channels, err = s.Unclosed(ctx); err != nil {
		return e, 0, err
	}
	if len(e.Channels) > exportCountMax || len(pending) > exportCountMax {
		return e, 0, cli.Fail("close some: `{program} channels close ID`", "%d channels and %d operations, at most %d", len(e.Channels), len(pending), exportCountMax)
	}
	for _, op := range pending {
		if travels(op) {
			e.Ops = append(e.Ops, op)
		}
	}
	unfinished, err := s.Unfinished(ctx)
	return e, len(unfinished), err
}

// travels tells whether an operation may be repeated by whoever imports it: those that spend only once their payload, with the
// account's sequence in it, is fixed, for else two could be made of one.
func travels(op session.OpRecord) bool {
	spends := op.Kind == session.OpOpen || op.Kind == session.OpTopUp
	return !spends || len(op.Payload) > 0
}

// writeNew writes a new file, durable before anybody relies on it.
func writeNew(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, exportMode)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(exportMode), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("export: %w", errors.Join(err, os.Remove(path)))
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return errors.Join(directory.Sync(), directory.Close())
}

func (e exported) print(p *cli.Printer) {
	p.Line("%d channels of %s are in %s", len(e.Channels), e.DID, e.File)
	p.Line("Only this wallet opens it: keep its 24 words (`wallet backup`) apart from it. It is old as soon as one more claim is signed.")
}
