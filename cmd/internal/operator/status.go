package operator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// status is the result of ledger status: what the node says, and whether it is the one of this directory.
type status struct {
	client.Network
	Ledger   string `json:"ledger"`   // address of the node
	Expected bool   `json:"expected"` // the node's network is the one of --data, or --data has none
}

func statusCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "status", Short: "Show which ledger a node follows, and how far it is",
		Example: "  ledger status\n  ledger status --ledger http://ledger.example:8420 --json",
	}
	r := addRemote(app, command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		s, err := readStatus(command.Context(), r)
		if err != nil {
			return err
		}
		if !s.Expected {
			app.Note("this is another network than the one of %s", app.Data())
		}
		return app.Print(s, s.print)
	}
	return command
}

func readStatus(ctx context.Context, r *remote) (status, error) {
	own, err := r.ownNetwork()
	if err != nil {
		return status{}, err
	}
	api, err := r.client()
	if err != nil {
		return status{}, err
	}
	n, err := api.Network(ctx)
	if err != nil {
		return status{}, err
	}
	n.Genesis = nil
	expected := own == (wallet.NetworkID{}) || own == n.Network
	return status{Network: n, Ledger: r.url, Expected: expected}, nil
}

func (s status) print(p *cli.Printer) {
	final := "nothing yet"
	if s.Final != nil {
		final = fmt.Sprintf("checkpoint %d, height %d, %s", s.Final.Number, s.Final.Height, s.Final.Time.Format(time.RFC3339))
	}
	p.Fields(
		"network", s.Network.Network.String(),
		"name", s.Name,
		"currency", s.Currency.String(),
		"height", fmt.Sprint(s.Height),
		"final", final,
		"justified", fmt.Sprintf("checkpoint %d", s.Justified),
		"stream", s.stream(),
		"tips", fmt.Sprint(len(s.Tips)),
		"witnesses", s.witnesses(),
		"this node", s.part(),
		"peers", s.peers(),
		"issuers", s.issuers(),
		"trust", s.Trust,
		"serves", strings.Join(s.Serves, ", "),
		"version", s.Version,
	)
	for _, did := range s.Accused {
		p.Line("%s has signed two votes that contradict each other: that witness lies, or its key is in other hands", did)
	}
}

func (s status) stream() string {
	if s.Stream == nil {
		return "unknown"
	}
	return fmt.Sprintf("epoch %d, incarnation %s", s.Stream.Epoch, s.Stream.Incarnation)
}

func (s status) part() string {
	if s.Certifies {
		return "certifies"
	}
	return "follows"
}

// peers says which other witnesses the node reaches.
func (s status) peers() string {
	if len(s.Peers) == 0 {
		return "none"
	}
	reached, away := 0, []string(nil)
	for _, p := range s.Peers {
		if p.Reachable {
			reached++
		} else {
			away = append(away, p.DID.String())
		}
	}
	text := fmt.Sprintf("%d of %d reached", reached, len(s.Peers))
	if len(away) > 0 {
		text += ", not " + strings.Join(away, ", ")
	}
	return text
}

func (s status) witnesses() string {
	var texts []string
	for _, w := range s.Witnesses {
		texts = append(texts, fmt.Sprintf("%s (weight %d)", w.DID, w.Weight))
	}
	return strings.Join(texts, ", ")
}

func (s status) issuers() string {
	var texts []string
	for _, did := range s.Issuers {
		texts = append(texts, did.String())
	}
	return strings.Join(texts, ", ")
}
