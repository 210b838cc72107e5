package claimcmd

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"joulepay/channel/secure"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle/client"
	"joulepay/settle/registry"
	"joulepay/wallet"
	"joulepay/wallet/credential"
)

// keyFlags say who tells which key a DID has now.
type keyFlags struct {
	ledger, network string
	age             time.Duration
}

func (f *keyFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.ledger, "ledger", "", "API of a ledger node, which proves which key a DID has now (default: nobody is asked, its first key counts)")
	flags.StringVar(&f.network, "network", "", "id of the network that the ledger must be of (default: the one that this wallet met first)")
	flags.DurationVar(&f.age, "registration-age", registry.AgeMax, "how old the ledger's proof may be")
	cli.OnlyTyped(command, "network")
}

// keyring answers which keys a DID has now. Without a ledger those are the first ones.
type keyring struct {
	ctx      context.Context
	registry *registry.Registry // nil without a ledger
	network  wallet.NetworkID
	pinned   bool // the network was known before
}

// open pins the ledger, if one is named.
func (f *keyFlags) open(ctx context.Context, app *cli.App, selected *walletcmd.Selection) (*keyring, error) {
	k := &keyring{ctx: ctx}
	if f.ledger == "" {
		return k, nil
	}
	if f.age <= 0 {
		return nil, cli.Usage("for example --registration-age 1h", "--registration-age %s: want more than nothing", f.age)
	}
	known, err := f.known(app, selected)
	if err != nil {
		return nil, err
	}
	api, err := client.New(f.ledger, client.Options{})
	if err != nil {
		return nil, err
	}
	pinned, err := api.Pin(ctx, known)
	if err != nil {
		return nil, err
	}
	k.network, k.pinned = pinned.Trusted().ID, known != wallet.NetworkID{}
	k.registry = registry.New(pinned.Trusted(), pinned, registry.Options{AgeMax: f.age, Now: time.Now})
	return k, nil
}

// known gives the network to insist on; zero for none.
func (f *keyFlags) known(app *cli.App, selected *walletcmd.Selection) (id wallet.NetworkID, err error) {
	if f.network == "" {
		return party.Pinned(party.Where(app, selected))
	}
	raw, err := hex.DecodeString(f.network)
	if err != nil || len(raw) != len(id) {
		return id, cli.Usage("`ledger status` shows the id of a network", "--network %q is not an id", f.network)
	}
	return wallet.NetworkID(raw), nil
}

// keys is credential.Keys.
func (k *keyring) keys() credential.Keys {
	if k.registry == nil {
		return credential.InceptionKey
	}
	return k.registry.Keys(k.ctx)
}

// admit is secure.Admit.
func (k *keyring) admit(ctx context.Context, p secure.Peer) error {
	if k.registry == nil {
		return secure.InceptionOnly(ctx, p)
	}
	return k.registry.Check(ctx, p.DID, p.Account, &p.Static)
}

// account says of each issuer's key how it is known.
func (k *keyring) account(v *verified, found []credential.Credential) {
	if k.registry == nil {
		v.Checks = append(v.Checks, "each claim is signed by its issuer, with the key of the issuer's inception")
		v.NotChecked = append(v.NotChecked, "whether an issuer's key was rotated or its DID deactivated: name a ledger with --ledger")
		return
	}
	v.Checks = append(v.Checks, "each claim is signed by its issuer, with the key that the ledger has of it now")
	if !k.pinned {
		v.NotChecked = append(v.NotChecked, fmt.Sprintf("whether network %s is the one you mean: name it with --network", k.network))
	}
	told := map[wallet.DID]bool{}
	for _, c := range found {
		if told[c.Issuer] {
			continue
		}
		told[c.Issuer] = true
		standing, known := k.registry.Known(c.Issuer)
		if known && standing.Registered {
			v.Checks = append(v.Checks, fmt.Sprintf("the key of %s is %s, as witnesses certified at %s",
				c.Issuer, standing.Registration.Identity.Key, standing.Registration.At.UTC().Format(time.RFC3339)))
		} else {
			v.NotChecked = append(v.NotChecked, fmt.Sprintf("whether %s is registered: the node says that it is not, so the key of its inception counts", c.Issuer))
		}
	}
}
