package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/client"
	"joulepay/settle/proof"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// lightFile keeps, in the data directory, the latest final checkpoint that a light client has seen.
const lightFile = "light.bin"

// lightSizeMax bounds it: a checkpoint and a certificate of all witnesses.
const lightSizeMax = 64 << 10

// ErrOwnGenesis is returned to a light client without a genesis of its own: it would trust whoever it asks.
var ErrOwnGenesis = errors.New("operator: a light client needs a genesis file of its own")

// light is the result of ledger light.
type light struct {
	Network    wallet.NetworkID `json:"network"`
	Account    wallet.DID       `json:"account"`
	Balance    money.Money      `json:"balance"`
	Sequence   uint64           `json:"sequence"`
	Key        wallet.PublicKey `json:"key"`        // under which the account signs
	Checkpoint uint64           `json:"checkpoint"` // the latest final one
	Height     uint64           `json:"height"`
	Certified  time.Time        `json:"certified"` // by the witnesses' clocks
	Witnesses  int              `json:"witnesses"` // that signed
	Ledger     string           `json:"ledger"`
}

func lightCommand(app *cli.App) *cobra.Command {
	var genesisPath string
	command := &cobra.Command{
		Use: "light DID", Short: "Read an account and believe nobody but the genesis file",
		Long: "Read an account from any node, and verify it against the witnesses in a genesis file of one's own.\n" +
			"Between runs it keeps the latest final checkpoint in --data, so that no node can show it the past.",
		Example: "  ledger light did:joule:z6Mk… --genesis region.bin --ledger http://somebody.example:8420",
		Args:    cobra.ExactArgs(1),
	}
	r := addRemote(app, command)
	command.Flags().StringVar(&genesisPath, "genesis", "", "genesis file of the network; the one in --data when there is one")
	command.RunE = func(command *cobra.Command, args []string) error {
		account, err := wallet.ParseDID(args[0])
		if err != nil {
			return err
		}
		result, err := readLight(command.Context(), r, genesisPath, account)
		if err != nil {
			return err
		}
		return app.Print(result, result.print)
	}
	return command
}

func readLight(ctx context.Context, r *remote, genesisPath string, account wallet.DID) (light, error) {
	network, err := r.lightNetwork(genesisPath)
	if err != nil {
		return light{}, err
	}
	dir, err := r.app.Dir()
	if err != nil {
		return light{}, err
	}
	path := filepath.Join(dir, lightFile)
	l, err := openLight(network, path)
	if err != nil {
		return light{}, err
	}
	api, err := r.client()
	if err != nil {
		return light{}, err
	}
	pinned, err := api.Pin(ctx, network.ID)
	if err != nil {
		return light{}, err
	}
	certified, err := pinned.CertifiedAccount(ctx, account)
	if err != nil {
		return light{}, err
	}
	if err := l.Slot(certified.Proof); err != nil {
		return light{}, fmt.Errorf("%w: %w", client.ErrUnproven, err)
	}
	if err := replace(path, l.Encode()); err != nil {
		return light{}, err
	}
	latest, _ := l.Latest()
	return light{
		Network: network.ID, Account: account, Balance: money.Of(certified.Account.Balance, network.Genesis.Currency),
		Sequence: certified.Account.Sequence, Key: certified.Account.Key, Checkpoint: latest.Checkpoint.Number,
		Height: latest.Checkpoint.Height, Certified: certified.At, Witnesses: len(latest.Certificate.Votes), Ledger: r.url,
	}, nil
}

// lightNetwork reads the genesis that the light client trusts.
func (r *remote) lightNetwork(path string) (*proof.Network, error) {
	if path == "" {
		path = filepath.Join(r.app.Data(), genesisFile)
	}
	genesis, err := readGenesis(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is not there", ErrOwnGenesis, path)
	}
	if err != nil {
		return nil, err
	}
	return proof.NewNetwork(genesis)
}

func openLight(network *proof.Network, path string) (*proof.Light, error) {
	raw, err := readBounded(path, lightSizeMax)
	if errors.Is(err, fs.ErrNotExist) {
		return proof.NewLight(network), nil
	}
	if err != nil {
		return nil, err
	}
	l, err := proof.LoadLight(network, raw)
	if err != nil {
		return nil, cli.Fail("remove it to trust the genesis alone again, or name another directory: `ledger light --data DIR`",
			"%s is not what a light client of this network keeps: %v", path, err)
	}
	return l, nil
}

// replace writes a file whole in the place of another: if we crash, one of the two is there.
func replace(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".light-*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover harms nobody
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(temporary.Name(), path)
}

func (l light) print(p *cli.Printer) {
	p.Line("%s has %s", l.Account, l.Balance)
	p.Fields(
		"network", l.Network.String(),
		"proven by", fmt.Sprintf("final checkpoint %d, height %d, signed by %d witnesses", l.Checkpoint, l.Height, l.Witnesses),
		"certified", l.Certified.Format(time.RFC3339),
		"sequence", fmt.Sprint(l.Sequence),
		"key", l.Key.String(),
		"asked", l.Ledger,
	)
}

// lightHints says what to do when a node does not convince a light client.
var lightHints = []cli.Known{
	{Err: ErrOwnGenesis, Hint: "get the file from somebody whom you trust, and name it: `ledger light DID --genesis FILE`", Code: cli.ExitUsage},
	{Err: proof.ErrOlder, Hint: "that node is behind, or shows you the past: ask another one, `ledger light DID --ledger URL`"},
	{Err: proof.ErrTwoFinals, Hint: "keep --data as it is: it holds evidence against the witnesses; ask the operators of the network"},
}
