package operator

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// finalWaitMax is how long a command waits for finality: a healthy ledger takes seconds, one without its witnesses
// for ever.
const finalWaitMax = 2 * time.Minute

// remote is the node that a command talks to.
type remote struct {
	app       *cli.App
	url       string
	tokenFile string
}

func addRemote(app *cli.App, command *cobra.Command) *remote {
	r := &remote{app: app}
	flags := command.Flags()
	flags.StringVar(&r.url, "ledger", "http://"+HTTPDefault, "address of the node's API")
	flags.StringVar(&r.tokenFile, "token-file", "", "file with the operator's token, of mode 0600, where the node asks for one")
	return r
}

func (r *remote) client() (*client.Client, error) {
	token, err := readToken(r.tokenFile)
	if err != nil {
		return nil, err
	}
	return client.New(r.url, client.Options{Token: token})
}

// pinned meets the node. Where the data directory has a genesis, the node must be of that network.
func (r *remote) pinned(ctx context.Context) (*client.Pinned, error) {
	api, err := r.client()
	if err != nil {
		return nil, err
	}
	own, err := r.ownNetwork()
	if err != nil {
		return nil, err
	}
	return api.Pin(ctx, own)
}

// ownNetwork gives the network of the data directory, or zero when it has none.
func (r *remote) ownNetwork() (wallet.NetworkID, error) {
	genesis, err := readGenesis(filepath.Join(r.app.Data(), genesisFile))
	if errors.Is(err, fs.ErrNotExist) {
		return wallet.NetworkID{}, nil
	}
	if err != nil {
		return wallet.NetworkID{}, err
	}
	return genesis.NetworkID(), nil
}

// waitFinal waits for a bounded time.
func waitFinal(ctx context.Context, app *cli.App, api *client.Client, id settle.VertexID) (client.Vertex, error) {
	ctx, cancel := context.WithTimeout(ctx, finalWaitMax)
	defer cancel()
	app.Progress("waiting until vertex %s is final", id)
	v, err := api.WaitFinal(ctx, client.ID(id))
	if ctx.Err() != nil {
		return client.Vertex{}, cli.Fail("`ledger status` shows whether the witnesses work; what was accepted stays",
			"vertex %s was accepted, and is not final yet", id)
	}
	return v, err
}
