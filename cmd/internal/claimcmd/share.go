package claimcmd

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/secure"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
)

// sendWait is how long a sender waits for the other side to come up.
const sendWait = time.Minute

func sendCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "send FILE...", Short: "Show claims to another machine over NATS", Args: cobra.MinimumNArgs(1),
		Long: "Show claims about this wallet's DID to the machine with another DID, which runs `claim receive`. Both prove who they\n" +
			"are, the broker learns neither the sender nor what is sent, and the receiver signs that it verified it.",
		Example: "  " + program + " claim send --to did:joule:z6Mk… measured.jwt",
	}
	var to string
	var f carriageFlags
	var ledger keyFlags
	command.Flags().StringVar(&to, "to", "", "DID of the receiver")
	f.add(command, sendWait, "how long to wait for the receiver")
	ledger.add(command)
	cli.OnlyTyped(command, "to", "wait")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, names []string) error {
		receiver, err := parseDID("to", to)
		if err != nil {
			return err
		}
		compacts, err := readClaims(command, names)
		if err != nil {
			return err
		}
		w, err := selected.Open()
		if err != nil {
			return err
		}
		if err := presentable(w, compacts); err != nil {
			return err
		}
		keys, err := ledger.open(app.Stopping(), app, selected)
		if err != nil {
			return err
		}
		if err := f.send(app, w, receiver, keys, compacts); err != nil {
			return err
		}
		sent := struct {
			To          wallet.DID `json:"to"`
			Credentials int        `json:"credentials"`
			Accepted    bool       `json:"accepted"`
		}{receiver, len(compacts), true}
		return app.Print(sent, func(p *cli.Printer) { p.Line("%s verified and accepted %d", receiver, len(compacts)) })
	}
	return command
}

// presentable refuses before anybody is asked what could not be presented.
func presentable(w *wallet.Wallet, compacts []string) error {
	_, err := credential.Present(credential.SignerOf(w), w.DID(), "-", time.Now(), compacts...)
	return err
}

func (f *carriageFlags) send(app *cli.App, w *wallet.Wallet, to wallet.DID, keys *keyring, compacts []string) error {
	failed := make(chan error, 1)
	l, err := f.dial(app, w, keys, func(err error) {
		if errors.Is(err, secure.ErrRefused) {
			select {
			case failed <- err:
			default: // the first is enough
			}
		}
	})
	if err != nil {
		return err
	}
	defer l.close()
	ctx, cancel := context.WithTimeout(app.Stopping(), f.wait)
	defer cancel()
	var id share.ID
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	s := share.NewSender(credential.SignerOf(w), to, keys.keys(), id, compacts...)
	return stopped(app, send(ctx, l, secure.AddrOf(to), s, failed))
}

// stopped tells an interrupt from the end of patience.
func stopped(app *cli.App, err error) error {
	if err != nil && app.Stopping().Err() != nil {
		return app.Stopping().Err()
	}
	return err
}

func receiveCommand(app *cli.App, program string) *cobra.Command {
	command := &cobra.Command{
		Use: "receive", Short: "Take claims that another machine shows over NATS",
		Long: "Wait for the machine with another DID to show claims about itself with `claim send`, verify them and write them down.\n" +
			"Its own word is trusted; that of other issuers only when they are named with --trust.",
		Example: "  " + program + " claim receive --from did:joule:z6Mk… --out measured.jwt",
	}
	var from, out string
	var trust []string
	var f carriageFlags
	var statuses statusFlags
	var ledger keyFlags
	command.Flags().StringVar(&from, "from", "", "DID of the sender")
	command.Flags().StringArrayVar(&trust, "trust", nil, "DID of another issuer that is trusted; again for more")
	command.Flags().StringVar(&out, "out", "", "write the claims to a new file, one a line")
	f.add(command, 0, "how long to wait for the sender; 0 waits until interrupted")
	statuses.add(command)
	ledger.add(command)
	cli.OnlyTyped(command, "from", "out", "wait", "status-list")
	selected := walletcmd.AddFlags(app, command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		sender, err := parseDID("from", from)
		if err != nil {
			return err
		}
		trusted, err := parseDIDs("trust", trust)
		if err != nil {
			return err
		}
		keys, err := ledger.open(app.Stopping(), app, selected)
		if err != nil {
			return err
		}
		policy := credential.Policy{Trust: credential.TrustIssuers(append(trusted, sender)...), Keys: keys.keys()}
		if policy.Status, err = statuses.checker(app.Stopping(), command, time.Now(), policy.Keys); err != nil {
			return err
		}
		w, err := selected.Open()
		if err != nil {
			return err
		}
		presented, err := f.receive(app, w, sender, keys, policy)
		if err != nil {
			return err
		}
		return printReceived(app, out, presented)
	}
	return command
}

func (f *carriageFlags) receive(app *cli.App, w *wallet.Wallet, from wallet.DID, keys *keyring, policy credential.Policy) (credential.Presented, error) {
	l, err := f.listen(app, w, from, keys)
	if err != nil {
		return credential.Presented{}, err
	}
	defer l.close()
	ctx := app.Stopping()
	if f.wait > 0 {
		limited, cancel := context.WithTimeout(ctx, f.wait)
		defer cancel()
		ctx = limited
	}
	app.Note("%s waits for claims of %s", w.DID(), from)
	r := share.NewReceiver(credential.SignerOf(w), from, policy, rand.Text)
	presented, err := receive(ctx, l, r, func(refusal error) { app.Note("refused: %v", refusal) })
	return presented, stopped(app, err)
}

// received is the result of claim receive.
type received struct {
	Holder      wallet.DID `json:"holder"`
	Credentials []issued   `json:"credentials"`
}

func printReceived(app *cli.App, out string, presented credential.Presented) error {
	r := received{Holder: presented.Holder}
	text := ""
	for i, c := range presented.Credentials {
		r.Credentials = append(r.Credentials, issued{c.Compact(), summaryOf(c), out})
		if i > 0 {
			text += "\n"
		}
		text += c.Compact()
	}
	return output(app, out, text, r, func(p *cli.Printer, more ...string) {
		for _, c := range r.Credentials {
			c.print(p, more...)
		}
	})
}
