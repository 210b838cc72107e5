package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/snapshot"
	"joulepay/settle/store"
	"joulepay/wallet"
)

// baseFile holds, in a node's directory, the ledger at the checkpoint from which the log can be audited: above what was
// pruned. There is none while the whole log is kept.
const baseFile = "base.snapshot"

const (
	// keepEvery is how often the log is looked at for what need not be kept.
	keepEvery = time.Second
	// keepPause lies between two steps of pruning, so that commits come in between.
	keepPause = 20 * time.Millisecond
)

// keepFlags say how much of the log a node keeps, and from what it begins.
type keepFlags struct {
	keep              uint64
	snapshot, network string
}

func (k *keepFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.Uint64Var(&k.keep, "keep", 0, "entries of the log that are kept below the final checkpoint, at least; 0 keeps all")
	flags.StringVar(&k.snapshot, "snapshot", "", "snapshot from which the first run begins, with --genesis or --network")
	flags.StringVar(&k.network, "network", "", "id of the network whose genesis is taken from --snapshot")
}

// apply takes the genesis from the snapshot when the network is named and no genesis is.
func (k *keepFlags) apply(o *Options) error {
	o.Keep, o.Snapshot = k.keep, k.snapshot
	pin, err := pinOf("", k.network)
	switch {
	case err != nil:
		return err
	case k.snapshot == "" && k.network != "":
		return cli.Usage("`ledger run --snapshot FILE --network ID` begins from a snapshot", "--network is of no use without --snapshot")
	case k.snapshot == "" || o.Genesis != nil && pin == (wallet.NetworkID{}):
		return nil
	}
	if pin == (wallet.NetworkID{}) {
		own, err := readGenesis(filepath.Join(o.Dir, genesisFile))
		if errors.Is(err, fs.ErrNotExist) {
			return cli.Usage("`ledger snapshot verify FILE` shows the id; ask somebody whom you trust whether it is right",
				"--snapshot needs --genesis FILE or --network ID: what the file says of itself proves nothing")
		}
		o.Genesis = own
		return err
	}
	genesis, err := genesisOf(k.snapshot, pin)
	if err != nil {
		return err
	}
	if o.Genesis != nil && o.Genesis.NetworkID() != pin {
		return fmt.Errorf("%w: --genesis is of network %s, --network says %s", ErrOtherNetwork, o.Genesis.NetworkID(), pin)
	}
	o.Genesis = genesis
	return nil
}

// beginFrom begins an empty store from a snapshot. The snapshot is stored beside it first: if we crash in between, the
// next run does it again.
func (n *Node) beginFrom(ctx context.Context, path string, network wallet.NetworkID) error {
	if _, err := n.store.Load(ctx); !errors.Is(err, store.ErrEmpty) {
		return err // it has begun; as with --genesis, later runs go on from there
	}
	n.options.Log.Info("beginning from a snapshot", "file", path)
	err := snapshot.WriteFile(filepath.Join(n.options.Dir, baseFile), func(w io.Writer) error {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open the snapshot: %w", err)
		}
		defer func() { _ = file.Close() }() // read only: nothing to lose
		_, err = snapshot.Verify(io.TeeReader(file, w), network, nil)
		return err
	})
	if err != nil {
		return err
	}
	r, file, err := snapshot.OpenFile(filepath.Join(n.options.Dir, baseFile), network)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	return n.store.Begin(ctx, r.Base())
}

// genesisOf gives the genesis in a snapshot of a network that the caller trusts.
func genesisOf(path string, network wallet.NetworkID) (*settle.Vertex, error) {
	r, file, err := snapshot.OpenFile(path, network)
	if err != nil {
		return nil, err
	}
	return r.Genesis(), file.Close()
}

// keep prunes the log for as long as the node runs. What goes wrong is tried again: the disk is full, most likely.
func (n *Node) keep() {
	keeper := snapshot.Keeper{
		Ledger: n.runner, Store: n.store, Path: filepath.Join(n.options.Dir, baseFile), Keep: n.options.Keep, Every: n.options.keepBases,
	}
	ctx := context.Background() // a step is short, and Close waits for it
	look := time.NewTimer(keepEvery)
	defer look.Stop()
	for {
		select {
		case <-n.runner.Done():
			return
		case <-look.C:
		}
		pause := keepPause
		done, err := keeper.Step(ctx)
		if err != nil {
			n.options.Log.Warn("the log cannot be pruned", "error", err)
		}
		if done || err != nil {
			pause = keepEvery
		}
		look.Reset(pause)
	}
}

// Snapshot implements api.Snapshots: it writes the file beside the database, from where it vanishes when it is closed.
func (n *Node) Snapshot(ctx context.Context) (api.SnapshotFile, error) {
	file, err := os.CreateTemp(n.options.Dir, ".sending-*.tmp")
	if err != nil {
		return api.SnapshotFile{}, err
	}
	sent := passing{file}
	made, err := n.runner.WriteSnapshot(ctx, file)
	if err != nil {
		return api.SnapshotFile{}, errors.Join(err, sent.Close())
	}
	c := made.Final.Checkpoint
	return api.SnapshotFile{ReadSeekCloser: sent, Checkpoint: c.Number, ID: client.ID(c.Hash())}, nil
}

// passing is a file that is removed when it is closed.
type passing struct{ *os.File }

func (f passing) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }
