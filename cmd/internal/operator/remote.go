package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// tokenSizeMax bounds an operator's token, far above what is hard to guess.
const tokenSizeMax = 1024

// readToken reads the one line of a token file; no file gives no token.
func readToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the operator's token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", cli.Fail("`chmod 600 "+path+"` when nobody else can have read it; else write a new token",
			"the operator's token in %s can be read by others, mode %04o", path, info.Mode().Perm())
	}
	raw, err := readBounded(path, tokenSizeMax)
	if err != nil {
		return "", fmt.Errorf("read the operator's token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", cli.Fail("write one line: `(umask 077; head -c 24 /dev/urandom | base64 > "+path+")`",
			"%s does not hold one token", path)
	}
	return token, nil
}
