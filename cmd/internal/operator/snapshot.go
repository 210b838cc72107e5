package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/dag"
	"joulepay/settle/snapshot"
	"joulepay/settle/sqlite"
	"joulepay/wallet"
)

// snapped is the result of ledger snapshot and of ledger snapshot verify.
type snapped struct {
	File       string           `json:"file"`
	Size       uint64           `json:"size"` // bytes
	Network    wallet.NetworkID `json:"network"`
	Name       string           `json:"name"`
	Checkpoint uint64           `json:"checkpoint"` // number of the final checkpoint
	Height     uint64           `json:"height"`     // of the log there
	Vertices   uint64           `json:"vertices"`   // accepted until then
	Slots      uint64           `json:"slots"`
	verified   bool
}

func snappedOf(file string, s snapshot.Summary) snapped {
	return snapped{
		File: file, Size: s.Size, Network: s.Network, Name: s.Name, Checkpoint: s.Final.Checkpoint.Number, Height: s.Final.Checkpoint.Height,
		Vertices: s.Accepted, Slots: s.Slots,
	}
}

func (r snapped) print(p *cli.Printer) {
	if r.verified {
		p.Line("the witnesses certified all of it")
	}
	p.Fields("file", r.File, "size", fmt.Sprintf("%d bytes", r.Size), "network", r.Network.String(), "name", r.Name,
		"final", fmt.Sprintf("checkpoint %d, height %d", r.Checkpoint, r.Height), "vertices", fmt.Sprint(r.Vertices), "slots", fmt.Sprint(r.Slots))
}

func snapshotCommand(app *cli.App) *cobra.Command {
	var out string
	var offline bool
	command := &cobra.Command{
		Use: "snapshot", Short: "Write the ledger at its last final checkpoint to a file",
		Long: "Write the ledger at its last final checkpoint to a file, from which `ledger run --snapshot FILE` begins a node.\n" +
			"It asks the node at --ledger; --offline reads the directory of a node that has stopped, --data.",
		Example: "  ledger snapshot --out region.snapshot\n  ledger snapshot --out region.snapshot --ledger http://ledger.example:8420\n" +
			"  ledger snapshot --out region.snapshot --offline --data /var/lib/ledger\n" +
			"  ledger snapshot verify region.snapshot --genesis region.bin",
		Args: cobra.NoArgs,
	}
	r := addRemote(app, command)
	command.Flags().StringVar(&out, "out", "", "file to write; one that is there is replaced")
	command.Flags().BoolVar(&offline, "offline", false, "read the directory of a node that has stopped, instead of asking a node")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if out == "" {
			return cli.Usage("`ledger snapshot --out FILE` names it", "--out is missing: the file to write")
		}
		write := r.writeSnapshot
		if offline {
			write = func(ctx context.Context, out string) (snapshot.Summary, error) {
				return writeStopped(ctx, app.Data(), out)
			}
		}
		s, err := write(command.Context(), out)
		if err != nil {
			return err
		}
		result := snappedOf(out, s)
		return app.Print(result, result.print)
	}
	command.AddCommand(snapshotVerifyCommand(app))
	return command
}

func snapshotVerifyCommand(app *cli.App) *cobra.Command {
	var genesis, network string
	command := &cobra.Command{
		Use: "verify FILE", Short: "Check a snapshot against the witnesses of a genesis",
		Long: "Check every byte of a snapshot: that the witnesses of the genesis made its checkpoint final, and that slots, money,\n" +
			"log and earlier checkpoints are those that they certified.",
		Example: "  ledger snapshot verify region.snapshot --genesis region.bin\n  ledger snapshot verify region.snapshot --network 1b2c…",
		Args:    cobra.ExactArgs(1),
	}
	addPin(command, &genesis, &network)
	command.RunE = func(_ *cobra.Command, args []string) error {
		pin, err := pinOf(genesis, network)
		if err != nil {
			return err
		}
		if pin == (wallet.NetworkID{}) {
			own := remote{app: app}
			if pin, err = own.ownNetwork(); err != nil {
				return err
			}
		}
		s, err := verifyFile(app, args[0], pin)
		if err != nil {
			return err
		}
		if pin == (wallet.NetworkID{}) {
			app.Note("the genesis in the file was taken as it is: --genesis or --network says which it must be")
		}
		result := snappedOf(args[0], s)
		result.verified = true
		return app.Print(result, result.print)
	}
	return command
}

func addPin(command *cobra.Command, genesis, network *string) {
	command.Flags().StringVar(genesis, "genesis", "", "genesis file of the network that it must be of")
	command.Flags().StringVar(network, "network", "", "id of the network that it must be of, instead of --genesis")
}

// pinOf gives the network that was named; zero for none.
func pinOf(genesis, network string) (wallet.NetworkID, error) {
	var pin wallet.NetworkID
	if network != "" {
		if err := pin.UnmarshalText([]byte(network)); err != nil {
			return pin, cli.Usage("`ledger status` shows the id of a network", "--network: %v", err)
		}
	}
	if genesis == "" {
		return pin, nil
	}
	g, err := readGenesis(genesis)
	if err != nil {
		return pin, err
	}
	if id := g.NetworkID(); pin != (wallet.NetworkID{}) && id != pin {
		return pin, fmt.Errorf("%w: %s is of network %s, --network says %s", ErrOtherNetwork, genesis, id, pin)
	}
	return g.NetworkID(), nil
}

// verifyFile reads a snapshot through, with progress.
func verifyFile(app *cli.App, path string, pin wallet.NetworkID) (snapshot.Summary, error) {
	file, err := os.Open(path)
	if err != nil {
		return snapshot.Summary{}, fmt.Errorf("open the snapshot: %w", err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	info, err := file.Stat()
	if err != nil {
		return snapshot.Summary{}, err
	}
	return snapshot.Verify(file, pin, func(read uint64) { app.Progress("checked %s", share(read, info.Size())) })
}

// share draws how much of a whole is done.
func share(done uint64, whole int64) string {
	if whole <= 0 {
		return fmt.Sprintf("%d MB", done/1_000_000)
	}
	const width = 20
	part := min(width, int(done*width/uint64(whole)))
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = ' '
		if i < part {
			bar[i] = '='
		}
	}
	return fmt.Sprintf("[%s] %d of %d MB", bar, done/1_000_000, whole/1_000_000)
}

// writeSnapshot takes it from a node, and keeps only what checks against the network of the data directory, or that
// which the node says that it is of.
func (r *remote) writeSnapshot(ctx context.Context, out string) (made snapshot.Summary, err error) {
	api, err := r.pinned(ctx)
	if err != nil {
		return made, err
	}
	body, size, err := api.Snapshot(ctx)
	if err != nil {
		return made, err
	}
	defer func() { _ = body.Close() }() // read only: nothing to lose
	err = snapshot.WriteFile(out, func(file io.Writer) error {
		made, err = snapshot.Verify(io.TeeReader(body, file), api.Trusted().ID, func(read uint64) {
			r.app.Progress("received %s", share(read, size))
		})
		return err
	})
	return made, err
}

// writeStopped takes it from the directory of a node that has stopped.
func writeStopped(ctx context.Context, dir, out string) (made snapshot.Summary, err error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return made, fmt.Errorf("open the ledger: %w", err)
	}
	st, err := sqlite.Open(ctx, sqlite.Options{Path: path, ReadOnly: true})
	if err != nil {
		return made, fmt.Errorf("open the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	stored, err := st.Load(ctx)
	if err != nil {
		return made, err
	}
	state, err := dag.Load(stored.Snapshot)
	if err != nil {
		return made, err
	}
	slots, err := state.SlotsAt(stored.Final.Checkpoint.Number)
	if err != nil {
		return made, cli.Fail("`ledger run` makes it final within seconds; ask it: `ledger snapshot --out FILE --ledger http://"+HTTPDefault+"`",
			"the ledger in %s did not end at a final checkpoint", dir)
	}
	base, err := snapshot.Of(ctx, st, stored.Snapshot.Genesis, stored.Final, slots)
	if err != nil {
		return made, err
	}
	err = snapshot.WriteFile(out, func(file io.Writer) error {
		made, err = snapshot.Write(file, base)
		return err
	})
	return made, err
}
