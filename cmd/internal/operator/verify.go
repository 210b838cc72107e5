package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/sqlite"
)

func verifyCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "verify", Short: "Derive the ledger in --data anew from its log, and compare",
		Long: "Derive every balance, root and certificate of the ledger in --data anew from its genesis and its log, and\n" +
			"compare them with what is stored. It needs no node; one may be running. Where the log was pruned, it begins with\n" +
			"the snapshot beside the database.",
		Example: "  ledger verify\n  ledger verify --data /backup/ledger --json",
	}
	command.RunE = func(command *cobra.Command, _ []string) error {
		result, err := verify(command.Context(), app)
		if err != nil {
			return err
		}
		return app.Print(result, result.print)
	}
	return command
}

// progressEvery is how many entries of the log pass between two words about it.
const progressEvery = 10_000

func verify(ctx context.Context, app *cli.App) (result audited, err error) {
	genesis, err := readGenesis(filepath.Join(app.Data(), genesisFile))
	if err != nil {
		return audited{}, err
	}
	path := filepath.Join(app.Data(), databaseFile)
	if _, err := os.Stat(path); err != nil {
		return audited{}, fmt.Errorf("open the ledger: %w", err)
	}
	st, err := sqlite.Open(ctx, sqlite.Options{Path: path, ReadOnly: true})
	if err != nil {
		return audited{}, fmt.Errorf("open the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := st.Check(ctx); err != nil {
		return audited{}, fmt.Errorf("check the file of the ledger: %w", err)
	}
	return audit(ctx, st, genesis, filepath.Join(app.Data(), baseFile), func(height uint64) {
		if height > 0 && height%progressEvery == 0 {
			app.Progress("entry %d of the log", height)
		}
	})
}

func (r audited) print(p *cli.Printer) {
	p.Line("everything follows from the log: money is conserved, and roots and certificates hold")
	if r.Base > 0 {
		p.Line("the log was pruned: it was checked from the snapshot at height %d on, which the witnesses certified", r.Base)
	}
	p.Fields("network", r.Network.String(), "height", fmt.Sprint(r.Height), "vertices", fmt.Sprint(r.Vertices), "slots", fmt.Sprint(r.Slots),
		"checkpoints", fmt.Sprintf("%d, of which certified %d", r.Checkpoints, r.Certificates), "final", fmt.Sprintf("checkpoint %d", r.Final),
		"issued", r.Issued.String(), "redeemed", r.Redeemed.String(), "in channels", r.Locked.String())
}
