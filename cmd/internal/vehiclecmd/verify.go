package vehiclecmd

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/receipt"
	"joulepay/wallet"
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
			"known, the receipt's own is believed, and the answer says so.",
		Example: "  vehicle verify receipt.json\n  vehicle verify receipt.json --network 303c83667425688b186e43b35da089cb3a1c98db82fc14749a47a821669f1e52",
	}
	selected := walletcmd.AddFlags(app, command)
	var network string
	command.Flags().StringVar(&network, "network", "", "id of the network that the receipt must be of")
	command.RunE = func(_ *cobra.Command, args []string) error {
		id, err := networkFor(app, selected, network)
		if err != nil {
			return err
		}
		v, proof, err := verify(args[0], id)
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

func verify(path string, network wallet.NetworkID) (verified, receipt.Receipt, error) {
	raw, err := readReceipt(path)
	if err != nil {
		return verified{}, receipt.Receipt{}, err
	}
	proof, err := receipt.Parse(raw)
	if err != nil {
		return verified{}, proof, fmt.Errorf("%s: %w", path, err)
	}
	report, err := receipt.Verify(proof, receipt.Options{Network: network})
	if err != nil {
		return verified{}, proof, fmt.Errorf("%s: %w", path, err)
	}
	return verified{
		Result: party.ResultOf(proof), Network: proof.Network, Pinned: report.Pinned, Settled: report.Settled,
		Checks: report.Checks, Stated: report.Stated,
	}, proof, nil
}

func readReceipt(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the receipt: %w", err)
	}
	defer func() { _ = file.Close() }()                             // read only: nothing to lose
	raw, err := io.ReadAll(io.LimitReader(file, receipt.SizeMax+1)) // Parse refuses what is larger
	if err != nil {
		return nil, fmt.Errorf("read the receipt: %w", err)
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
