package walletcmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/wallet"
)

// Values of --identity beside the DID of a station or operator.
const (
	identityMain  = "main"
	identityFresh = "fresh"
)

// identity is which face of a wallet a command shows: its own DID, or the one that a single peer knows it by. It is a flag.
type identity struct {
	peer     wallet.DID // zero: the wallet's own
	fresh    bool       // that for whoever is met; As says who
	canFresh bool
}

// String gives the flag's text.
func (i *identity) String() string {
	switch {
	case i.fresh:
		return identityFresh
	case i.peer.IsZero():
		return identityMain
	}
	return i.peer.String()
}

// Type names the flag's value in the help.
func (i *identity) Type() string { return "main|DID" }

// Set reads the flag.
func (i *identity) Set(text string) error {
	i.peer, i.fresh = wallet.DID{}, false
	switch {
	case text == identityMain:
		return nil
	case text == identityFresh && i.canFresh:
		i.fresh = true
		return nil
	case text == identityFresh:
		return fmt.Errorf("name the station that knows it: --identity DID")
	}
	var err error
	i.peer, err = wallet.ParseDID(text)
	return err
}

// AddIdentity adds --identity to a command of a vehicle; with fresh also for whoever the command meets.
func (s *Selection) AddIdentity(command *cobra.Command, fresh bool) *Selection {
	s.identity.canFresh = fresh
	usage := "whom to be: main, the wallet's own DID, or the DID of a station or operator, for the one that only it knows"
	if fresh {
		usage = "whom to be: main, the wallet's own DID; fresh, one that only the station knows; or a DID, for the one that only its owner knows"
	}
	command.Flags().Var(&s.identity, "identity", usage)
	cli.OnlyTyped(command, "identity")
	return s
}

// Fresh tells whether --identity fresh was asked for, and As was not called yet.
func (s *Selection) Fresh() bool { return s.identity.fresh }

// As shows a wallet's face for one peer from here on.
func (s *Selection) As(peer wallet.DID) { s.identity.peer, s.identity.fresh = peer, false }

// face gives the wallet that is shown.
func (s *Selection) face(w *wallet.Wallet) *wallet.Wallet {
	if s.identity.peer.IsZero() {
		return w
	}
	w = w.Pairwise(s.identity.peer)
	s.app.SetDID(w.DID().String())
	return w
}

// Party names who acts: the wallet, and for another identity than its own also the peer that knows it. Its directory has that
// name.
func (s *Selection) Party() string {
	if s.identity.peer.IsZero() {
		return s.name
	}
	return s.name + "+" + strings.TrimPrefix(s.identity.peer.String(), "did:joule:")
}
