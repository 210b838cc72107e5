package vehiclecmd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/receipt"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// verified is what a receipt proves.
type verified struct {
	party.Result
	Network wallet.NetworkID `json:"network"`
	Pinned  bool             `json:"pinned"`  // the network is the one that was named, or that this vehicle met
	Settled bool             `json:"settled"` // final, ended, and nothing is left unpaid
	Checks  []string         `json:"checks"`  // what was checked and holds
	Stated  []string         `json:"stated"`  // what the issuer states and nothing proves
}

func verifyCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "verify RECEIPT", Short: "Verify a receipt offline", Args: cobra.ExactArgs(1),
		Long: "Verify a receipt offline: every signature, the chain of readings, the price, and that the witnesses of the network\n" +
			"certified it. The network is the one named with --network, else the one that this vehicle met first; where neither is\n" +
			"known, the receipt's own is believed, and the answer says so. What others said of the station is told with who said it; whom you\n" +
			"name with --trust-calibration or --trust-delegation is trusted, and without what you require the receipt does not verify.\n" +
			"Nobody is asked: an issuer's status list is a file that you fetched, and its key the one that its DID names.",
		Example: "  vehicle verify receipt.json\n" +
			"  vehicle verify receipt.json --require-calibration --trust-calibration did:joule:z6Mk… --status-list list.jwt\n" +
			"  vehicle verify receipt.json --network 303c83667425688b186e43b35da089cb3a1c98db82fc14749a47a821669f1e52",
	}
	selected := walletcmd.AddFlags(app, command)
	var network string
	var lists []string
	t := &trust{}
	t.addIssuers(command.Flags())
	command.Flags().StringArrayVar(&lists, "status-list", nil, "status list of an issuer, a file that was fetched just now; again for more")
	cli.OnlyTyped(command, "status-list")
	command.Flags().StringVar(&network, "network", "", "id of the network that the receipt must be of")
	command.RunE = func(_ *cobra.Command, args []string) error {
		id, err := networkFor(app, selected, network)
		if err != nil {
			return err
		}
		believed, err := t.believed(lists, time.Now())
		if err != nil {
			return err
		}
		v, proof, err := verify(args[0], receipt.Options{Network: id, Trust: believed})
		if err != nil {
			return err
		}
		return app.Print(v, func(p *cli.Printer) { v.print(p, proof) })
	}
	return command
}

// networkFor gives the network to insist on; zero for none.
func networkFor(app *cli.App, selected *walletcmd.Selection, named string) (wallet.NetworkID, error) {
	if named == "" {
		return party.Pinned(party.Where(app, selected))
	}
	var id wallet.NetworkID
	raw, err := hex.DecodeString(named)
	if err != nil || len(raw) != len(id) {
		return id, cli.Usage("`ledger status` shows the id of a network", "--network %q is not an id", named)
	}
	if copy(id[:], raw); id == (wallet.NetworkID{}) {
		return id, cli.Usage("`ledger status` shows the id of a network", "--network %s is no network", named)
	}
	return id, nil
}

// believed gives what the flags say about the station of a receipt.
func (t *trust) believed(lists []string, now time.Time) (receipt.Trust, error) {
	demands, trusted, err := t.issuers()
	if err != nil {
		return receipt.Trust{}, err
	}
	// The lists are of now, and asked for the time of the session: what they say of now counts.
	cache, err := status.NewCache(status.Options{MaxAge: math.MaxInt64, OnUnknown: status.FailClosed})
	if err != nil {
		return receipt.Trust{}, err
	}
	for _, name := range lists {
		raw, err := readBounded(name, "status list", credential.StatusListSizeMax)
		if err != nil {
			return receipt.Trust{}, err
		}
		if err := cache.Put(strings.TrimSpace(string(raw)), now); err != nil {
			return receipt.Trust{}, cli.Hint(fmt.Errorf("%s: %w", name, err), "fetch it again from the address that the credential names")
		}
	}
	return receipt.Trust{Issuers: credential.TrustFor(trusted), Demands: demands, Status: cache}, nil
}

func verify(path string, o receipt.Options) (verified, receipt.Receipt, error) {
	raw, err := readBounded(path, "receipt", receipt.SizeMax)
	if err != nil {
		return verified{}, receipt.Receipt{}, err
	}
	proof, err := receipt.Parse(raw)
	if err != nil {
		return verified{}, proof, fmt.Errorf("%s: %w", path, err)
	}
	report, err := receipt.Verify(proof, o)
	if err != nil {
		return verified{}, proof, demanded(fmt.Errorf("%s: %w", path, err))
	}
	return verified{
		Result: party.ResultOf(proof), Network: proof.Network, Pinned: report.Pinned, Settled: report.Settled,
		Checks: report.Checks, Stated: report.Stated,
	}, proof, nil
}

// demanded adds to a refusal for what the reader demands what to do about it.
func demanded(err error) error {
	var failed *receipt.Error
	switch {
	case !errors.As(err, &failed) || failed.Part != receipt.PartCredentials:
		return err
	case errors.Is(err, credential.ErrStatusUnavailable):
		return cli.Hint(err, "fetch the list that the credential names and give it: `{command} --status-list FILE`")
	case errors.Is(err, credential.ErrUntrusted):
		return cli.Hint(err, "if you trust that issuer: `{command} --trust-calibration DID` or --trust-delegation DID")
	}
	return cli.Hint(err, "without --require-calibration and --require-delegation it says what the station showed")
}

// readBounded reads a file of at most a size; what is larger comes as one byte more, which its parser refuses.
func readBounded(path, what string, sizeMax int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", what, err)
	}
	defer func() { _ = file.Close() }() // read only: nothing to lose
	raw, err := io.ReadAll(io.LimitReader(file, sizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", what, err)
	}
	return raw, nil
}

func (v verified) print(p *cli.Printer, proof receipt.Receipt) {
	p.Line("the receipt holds:")
	for _, check := range v.Checks {
		p.Line("  + %s", check)
	}
	if len(v.Stated) > 0 {
		p.Line("stated, and not proven:")
		for _, claim := range v.Stated {
			p.Line("  - %s", claim)
		}
	}
	p.Line("")
	printWords(p, proof)
}
