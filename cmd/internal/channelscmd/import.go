package channelscmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"github.com/spf13/cobra"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/settle/client"
)

// Outcomes of an imported channel.
const (
	outcomeImported = "imported"
	outcomeKnown    = "known"   // the store knows just this already
	outcomeOlder    = "refused" // the store knows more, or a session uses the channel
)

// imported is what became of a file.
type imported struct {
	Channels []importedChannel `json:"channels"`
	Pending  int               `json:"pending"` // operations that go on to the ledger
}

type importedChannel struct {
	Channel client.ID `json:"channel"`
	Outcome string    `json:"outcome"`
	Why     string    `json:"why,omitempty"`
	State   string    `json:"state,omitempty"` // on the ledger
}

func importCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "import FILE", Short: "Take over the channels of an export", Args: cobra.ExactArgs(1),
		Long: "Take over the channels of an export into the store of the wallet that made it. What the store knows better is refused.\n" +
			"Nothing is signed on an imported channel before the other side has shown the best claims that it holds, at the next visit.\n" +
			"If the file turns out to be the latest word, the channel goes on. If it was old, the other side's claims are taken over\n" +
			"and the channel can only be closed, as it can be at any time: `" + program + " channels close ID --alone`.\n" +
			"Claims that this side received after the export come back only if the other side shows them.",
		Example: "  " + program + " channels import channels-2026-03-01",
	}
	a := addActor(app, program, command)
	command.RunE = func(command *cobra.Command, args []string) error { return a.importFile(command.Context(), args[0]) }
	return command
}

func (a *actor) importFile(ctx context.Context, name string) error {
	raw, err := readExport(name)
	if err != nil {
		return err
	}
	p, err := a.open(ctx, "")
	if err != nil {
		return err
	}
	defer p.Close()
	e, err := decodeExport(raw, p.Wallet)
	if err != nil {
		return explainImport(err)
	}
	if e.Network != p.Ledger.Trusted().ID {
		return explainImport(fmt.Errorf("%w: %s", ErrExportNetwork, e.Network))
	}
	result, batch, err := a.decide(ctx, p, e)
	if err != nil {
		return err
	}
	// If we crash before this is stored, nothing was imported; after it, the same file is known.
	if err := p.Store.Commit(ctx, batch); err != nil {
		return err
	}
	w, end := begin(ctx, a.app, p)
	defer end()
	refused := 0
	for i, c := range result.Channels {
		if c.Outcome == outcomeImported {
			result.Channels[i].State = a.state(ctx, w, channel.ID(c.Channel))
		} else if c.Outcome == outcomeOlder {
			refused++
		}
	}
	a.app.EndProgress()
	if err := a.app.Print(result, result.print); err != nil || refused == 0 {
		return err
	}
	return cli.Fail("`{program} channels list` shows what the store knows, which is newer", "%d of %d channels were refused", refused, len(result.Channels))
}

// readExport reads a file of bounded size.
func readExport(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	raw, err := io.ReadAll(io.LimitReader(file, exportSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return raw, nil
}

func explainImport(err error) error {
	for _, known := range []struct {
		err  error
		hint string
	}{
		{ErrExportWallet, "name the wallet that exported it: `{command} FILE --wallet NAME`, or restore it: `{program} wallet restore`"},
		{ErrExportNetwork, "name a node of that ledger: `{command} FILE --ledger URL`"},
		{ErrExportVersion, "a newer program wrote it: `{program} --version` tells which one this is"},
		{ErrExportFile, "take an undamaged copy of what `{program} channels export FILE` wrote"},
	} {
		if errors.Is(err, known.err) {
			return cli.Hint(err, known.hint)
		}
	}
	return err
}

// decide sorts the channels of a file, and gives what to store.
func (a *actor) decide(ctx context.Context, p *party.Party, e export) (imported, session.Batch, error) {
	var batch session.Batch
	var result imported
	taken := map[channel.ID]bool{}
	for _, r := range e.Channels {
		c := importedChannel{Channel: client.ID(r.ID), Outcome: outcomeImported}
		kept, news, err := decideOne(ctx, p, r)
		switch {
		case errors.Is(err, session.ErrOldCopy) || errors.Is(err, errInUse):
			c.Outcome, c.Why = outcomeOlder, err.Error()
		case err != nil:
			return result, batch, err
		case !news:
			c.Outcome = outcomeKnown
		default:
			taken[r.ID] = true
			batch.Channels = append(batch.Channels, kept)
		}
		result.Channels = append(result.Channels, c)
	}
	for _, op := range e.Ops {
		if taken[op.Channel] {
			batch.Ops = append(batch.Ops, op)
		}
	}
	result.Pending = len(batch.Ops)
	return result, batch, nil
}

// errInUse refuses a channel that a session of the store is not done with.
var errInUse = errors.New("a session that is not over uses the channel")

func decideOne(ctx context.Context, p *party.Party, r session.ChannelRecord) (session.ChannelRecord, bool, error) {
	var known *session.ChannelRecord
	stored, err := p.Store.Channel(ctx, r.ID)
	switch {
	case err == nil:
		known = &stored
	case !errors.Is(err, store.ErrNotFound):
		return r, false, err
	}
	kept, news, err := session.ImportChannel(r, known, p.Wallet, 1+rand.Uint32N(channel.CopyStretchMax))
	if err != nil || !news || known == nil {
		return kept, news, err
	}
	unfinished, err := p.Store.Unfinished(ctx)
	for _, u := range unfinished {
		if u.Channel == r.ID {
			return kept, false, fmt.Errorf("%w: %s", errInUse, u.ID)
		}
	}
	return kept, true, err
}

// state asks the ledger what it certifies of an imported channel, which may show that the file is old.
func (a *actor) state(ctx context.Context, w *work, id channel.ID) string {
	record, _, err := w.look(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "not on the ledger"
	case err != nil:
		a.app.Log().Warn("looking at an imported channel", "channel", id.String(), "error", err) // the next run looks again
		return "unknown"
	}
	if record.Side.Frozen {
		a.app.Note("channel %s: the ledger knows more than the file, or a close is signed: it can only be closed", id)
	}
	return record.State.String()
}

func (i imported) print(p *cli.Printer) {
	var rows [][]string
	for _, c := range i.Channels {
		rows = append(rows, []string{c.Channel.String(), c.Outcome, c.State, c.Why})
	}
	p.Table([]string{"CHANNEL", "OUTCOME", "STATE", ""}, rows)
	p.Line("Nothing is signed on an imported channel before the other side has shown what it holds; it can be closed alone at any time.")
}
