package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"joulepay/settle"
	"joulepay/settle/proof"
	"joulepay/settle/store"
	"joulepay/wallet"
)

// Ledger is a running ledger of which snapshots are made.
type Ledger interface {
	Genesis() *settle.Vertex
	LatestFinal() proof.Final
	WriteSnapshot(context.Context, io.Writer) (Summary, error)
}

// Keeper keeps a ledger's log short: it deletes what lies deeper below the final checkpoint than Keep entries. Before
// that it writes a snapshot beside the store, the base, at or above everything that it deletes, so that what is left
// can be audited from there on. It is used by one goroutine.
type Keeper struct {
	Ledger Ledger
	Store  store.Store
	Path   string // of the base
	Keep   uint64 // entries
	Every  uint64 // entries at least between two bases; zero for BaseEvery

	base  uint64 // height of the base
	known bool
}

// BaseEvery is how many entries at least pass between two bases, or Keep if that is more: each costs a look at every slot.
const BaseEvery = 1 << 16

// Step does a little work, so that commits do not wait, and tells whether there is nothing left to do now.
// If we crash between the base and the pruning, the base is newer than it need be.
func (k *Keeper) Step(ctx context.Context) (done bool, err error) {
	final := k.Ledger.LatestFinal().Checkpoint.Height
	if final <= k.Keep {
		return true, nil
	}
	if err := k.readBase(); err != nil {
		return false, err
	}
	target := final - k.Keep
	if k.base < target && final-k.base >= max(k.Keep, cmp.Or(k.Every, BaseEvery)) {
		if err := k.writeBase(ctx); err != nil {
			return false, err
		}
	}
	return k.Store.Prune(ctx, min(target, k.base))
}

// readBase finds the height of the base that is there.
func (k *Keeper) readBase() error {
	if k.known {
		return nil
	}
	r, file, err := OpenFile(k.Path, k.Ledger.Genesis().NetworkID())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		k.base = r.Final().Checkpoint.Height
		if err := file.Close(); err != nil {
			return err
		}
	}
	k.known = true
	return nil
}

func (k *Keeper) writeBase(ctx context.Context) error {
	var made Summary
	err := WriteFile(k.Path, func(w io.Writer) (err error) {
		made, err = k.Ledger.WriteSnapshot(ctx, w)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the base of the log: %w", err)
	}
	k.base = made.Final.Checkpoint.Height
	return nil
}

// OpenFile opens a snapshot in a file, which the caller closes.
func OpenFile(path string, pin wallet.NetworkID) (*Reader, io.Closer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open a snapshot: %w", err)
	}
	r, err := Open(file, pin)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return r, file, nil
}

// WriteFile writes a file whole and durably: after a crash at any moment there is the old one, or the new one.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	folder := filepath.Dir(path)
	file, err := os.CreateTemp(folder, ".snapshot-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // a leftover harms nobody
		}
	}()
	err = write(file)
	if err == nil {
		err = errors.Join(file.Chmod(0o644), file.Sync())
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
