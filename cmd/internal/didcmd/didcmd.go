// Package didcmd owns the commands "did", the same for every program, and "wallet rotate": showing, resolving,
// registering and ending an identity, and giving it another key.
// It leaves the rules to the ledger, DID documents to settle/did, and wallets to walletcmd.
// It keeps a rotation recoverable: the key file knows that one was begun before anything is sent, both keys derive from
// the wallet's one secret, and the ledger says which of them counts.
package didcmd

import (
	"context"
	"crypto/ecdh"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/wallet"
)

// finalMax is how long a command waits until the ledger has it for good: a healthy ledger takes seconds.
const finalMax = 2 * time.Minute

// knownErrors says what people can do.
var knownErrors = []cli.Known{
	{Err: settle.ErrDeactivated, Hint: "a deactivated DID stays so: make a new wallet, `{program} wallet create --wallet NAME`"},
	{Err: settle.ErrUnknownDID, Hint: "register it: `{program} did register`"},
	{Err: settle.ErrVersion, Hint: "something else changed the DID meanwhile: run `{command}` again"},
	{Err: settle.ErrBadDocument, Hint: "this wallet's key is not the DID's current one: `{program} wallet rotate` finishes a rotation that was begun"},
	{Err: settle.ErrDocument, Hint: "`{command} --help` shows what a document may say"},
	{Err: did.ErrStale, Hint: "ask a node that follows the ledger: `{command} --ledger URL`, or allow more with --max-age"},
	{Err: did.ErrDeactivated, Hint: "do not rely on it: its holder ended it"},
	{Err: did.ErrProof, Hint: "do not rely on it: ask another node, `{command} --ledger URL`"},
}

// Add adds the group "did" to a program, and "rotate" to its group "wallet".
func Add(app *cli.App, root *cobra.Command) {
	app.Know(knownErrors...)
	program := root.Name()
	group := &cobra.Command{
		Use: "did", Short: "Show, resolve and register identities",
		Long: "A DID names a machine or a company by its first key. Registered on the ledger, anybody can prove which key it has now,\n" +
			"where it is reached, and that it still holds.",
		Example: "  " + program + " did show\n  " + program + " did resolve did:joule:z6Mk…",
	}
	group.AddCommand(showCommand(app, program), resolveCommand(app, program), registerCommand(app, program),
		rotateCommand(app, program+" did"), deactivateCommand(app, program))
	root.AddCommand(group)
	for _, c := range root.Commands() {
		if c.Name() == "wallet" {
			c.AddCommand(rotateCommand(app, program+" wallet"))
		}
	}
}

// actor is who acts for a DID.
type actor struct {
	app     *cli.App
	program string
	wallet  *walletcmd.Selection
	ledger  string
	sponsor string // name of the wallet that pays, empty for the same
}

func addActor(app *cli.App, program string, command *cobra.Command) *actor {
	a := &actor{app: app, program: program, wallet: walletcmd.AddFlags(app, command)}
	command.Flags().StringVar(&a.ledger, "ledger", party.LedgerDefault, "API of a ledger node")
	return a
}

func (a *actor) addSponsor(command *cobra.Command) {
	command.Flags().StringVar(&a.sponsor, "sponsor", "", "name of the wallet whose credit pays for it (default: the same wallet)")
}

// open unlocks the wallet and pins the ledger.
func (a *actor) open(ctx context.Context) (*party.Party, error) {
	w, err := a.wallet.Open()
	if err != nil {
		return nil, err
	}
	dir, err := party.Dir(a.app, a.wallet)
	if err != nil {
		return nil, err
	}
	return party.Open(ctx, party.Options{Wallet: w, Dir: dir, Access: party.AccessNone, Ledger: a.ledger, Name: a.program, Log: a.app.Log()})
}

// submit brings a payload onto the ledger, for good, with the sponsor's credit or the DID's own.
func (a *actor) submit(ctx context.Context, p *party.Party, payload settle.Payload) (client.ID, error) {
	payer := p.Wallet
	if a.sponsor != "" {
		var err error
		if payer, err = walletcmd.Named(a.app, a.sponsor).Open(); err != nil {
			return client.ID{}, err
		}
	}
	network := p.Ledger.Trusted().ID
	outcome, err := client.NewSubmitter(p.Ledger.Client, network, payer.DID(), payer.Account()).Submit(ctx, payload)
	if errors.Is(err, settle.ErrCreditSpent) && a.sponsor == "" {
		return client.ID{}, cli.Hint(err, "put money on the account, `ledger issue --to "+payer.DID().String()+
			" --amount 1EUR`, or let another wallet pay: `{command} --sponsor NAME`")
	}
	if err != nil {
		return client.ID{}, err
	}
	waiting, cancel := context.WithTimeout(ctx, finalMax)
	defer cancel()
	a.app.Progress("waiting until vertex %s is final", outcome.Vertex)
	if _, err := p.Ledger.WaitFinal(waiting, client.ID(outcome.Vertex)); waiting.Err() != nil {
		return client.ID{}, cli.Fail("`ledger status` shows whether the witnesses work; what was accepted stays: run `{command}` again later",
			"vertex %s was accepted, and is not final yet", outcome.Vertex)
	} else if err != nil {
		return client.ID{}, err
	}
	a.app.EndProgress()
	return client.ID(outcome.Vertex), nil
}

// versionOf gives the version of a DID's last change: 0 when it is not registered.
func versionOf(r did.Resolution) (uint64, error) {
	if r.Metadata.VersionID == "" {
		return 0, nil
	}
	version, err := strconv.ParseUint(r.Metadata.VersionID, 10, 64)
	if err != nil {
		return 0, errors.Join(client.ErrResponse, err)
	}
	return version, nil
}

// resolved reads what the ledger knows of the wallet's own DID.
func resolved(ctx context.Context, p *party.Party) (did.Resolution, uint64, error) {
	r, err := p.Ledger.DID(ctx, p.Wallet.DID(), false)
	if err != nil {
		return r, 0, err
	}
	version, err := versionOf(r)
	return r, version, err
}

// bindingsOf gives the key bindings of a wallet for some purposes, by name.
func bindingsOf(w *wallet.Wallet, network wallet.NetworkID, names []string) ([]settle.KeyBinding, error) {
	var out []settle.KeyBinding
	for _, name := range names {
		purpose, err := did.ParsePurpose(name)
		if err != nil {
			return nil, err
		}
		key, ok := publicOf(w, purpose)
		if !ok {
			return nil, cli.Usage("bind noise, nats or meter", "there is not one key for %s", name)
		}
		out = append(out, settle.KeyBinding{Purpose: purpose, Hash: settle.BindingHash(network, w.DID(), purpose, key)})
	}
	return out, nil
}

// publicOf gives the public half of the one key that a wallet has for a purpose.
func publicOf(w *wallet.Wallet, purpose wallet.Purpose) ([32]byte, bool) {
	switch purpose {
	case wallet.PurposeNATS:
		return w.NATS().Public(), true
	case wallet.PurposeMeter:
		return w.Meter().Public(), true
	case wallet.PurposeNoiseStatic:
		secret := w.NoiseStatic()
		key, err := ecdh.X25519().NewPrivateKey(secret[:])
		if err != nil {
			return [32]byte{}, false
		}
		return [32]byte(key.PublicKey().Bytes()), true
	}
	return [32]byte{}, false
}
