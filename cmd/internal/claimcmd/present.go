package claimcmd

import (
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// presentation is the result of claim present.
type presentation struct {
	Presentation string     `json:"presentation"`
	Holder       wallet.DID `json:"holder"`
	Audience     wallet.DID `json:"audience"`
	Credentials  int        `json:"credentials"`
	ExpiresAt    time.Time  `json:"expires_at"`
	File         string     `json:"file,omitempty"`
}

func presentCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "present FILE...", Short: "Show claims about this machine to one verifier", Args: cobra.MinimumNArgs(1),
		Long: "Sign a presentation of claims about this wallet's DID, good for one verifier, for the nonce that it chose, and for\n" +
			credential.PresentationLife.String() + ". Nobody else can use it, nor this verifier a second time.",
		Example: "  " + program + " claim present --to did:joule:z6Mk… --nonce n-0S6_WzA2Mj contract.jwt",
	}
	var to, nonce, out string
	command.Flags().StringVar(&to, "to", "", "DID of the verifier")
	command.Flags().StringVar(&nonce, "nonce", "", "what the verifier chose for this occasion")
	command.Flags().StringVar(&out, "out", "", "write the presentation to a new file")
	cli.OnlyTyped(command, "to", "nonce", "out")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, names []string) error {
		audience, err := parseDID("to", to)
		if err != nil {
			return err
		}
		if nonce == "" {
			return cli.Usage("ask the verifier for one: `{command} --nonce NONCE`", "--nonce is needed")
		}
		compacts, err := readClaims(command, names)
		if err != nil {
			return err
		}
		w, err := selected.Open()
		if err != nil {
			return err
		}
		now := time.Now()
		compact, err := credential.Present(credential.SignerOf(w), audience, nonce, now, compacts...)
		if err != nil {
			return err
		}
		p := presentation{
			Presentation: compact, Holder: w.DID(), Audience: audience, Credentials: len(compacts),
			ExpiresAt: now.Add(credential.PresentationLife).UTC().Truncate(time.Second), File: out,
		}
		return output(app, out, compact, p, func(printer *cli.Printer, more ...string) {
			printer.Fields(append([]string{
				"holder", p.Holder.String(), "audience", p.Audience.String(), "expires", p.ExpiresAt.Format(time.RFC3339),
			}, more...)...)
		})
	}
	return command
}

// readClaims reads credentials of files.
func readClaims(command *cobra.Command, names []string) ([]string, error) {
	if err := stdinOnce(names); err != nil {
		return nil, err
	}
	var compacts []string
	for _, name := range names {
		compact, err := readFile(command, name, credential.SizeMax)
		if err != nil {
			return nil, err
		}
		compacts = append(compacts, compact)
	}
	return compacts, nil
}
