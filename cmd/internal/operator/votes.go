package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"joulepay/settle/store"
	"joulepay/wallet"
)

// votedFile says, in a node's directory, that its witness may have voted: so a database without votes has lost them.
const votedFile = "voted"

// ErrVotesLost is returned to a witness whose database is gone or empty. It could vote for what contradicts its votes, and
// be named as a liar.
var ErrVotesLost = errors.New("operator: this witness has voted, and its database does not know for what")

// keepsVotes refuses a witness that lost its votes.
func (n *Node) keepsVotes(ctx context.Context, witness wallet.PrivateKey) error {
	_, err := os.Stat(filepath.Join(n.options.Dir, votedFile))
	if witness.IsZero() || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known, err := n.store.Checkpoints(ctx, store.Page{Limit: 1})
	if err == nil && len(known) == 0 {
		return fmt.Errorf("%w: %s", ErrVotesLost, filepath.Join(n.options.Dir, databaseFile))
	}
	return err
}

// markVotes says for the next runs that there is a database with votes. If we crash before it does, there is one all the
// same.
func (n *Node) markVotes(witness wallet.PrivateKey) error {
	if witness.IsZero() {
		return nil
	}
	if err := writeNew(filepath.Join(n.options.Dir, votedFile), nil); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
