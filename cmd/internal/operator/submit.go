package operator

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

func submitCommand(app *cli.App) *cobra.Command {
	command := &cobra.Command{
		Use: "submit FILE|-", Short: "Bring a signed vertex onto the ledger",
		Long: "Bring the canonical bytes of a signed vertex onto the ledger, from a file or from stdin, and wait until they\n" +
			"are final. To submit the same bytes again is harmless.",
		Example: "  ledger submit close.vertex\n  ssh depot cat close.vertex | ledger submit -",
		Args:    cobra.ExactArgs(1),
	}
	r := addRemote(app, command)
	command.RunE = func(command *cobra.Command, args []string) error {
		vertex, err := readVertex(app, args[0])
		if err != nil {
			return err
		}
		return submit(command.Context(), app, r, vertex)
	}
	return command
}

func readVertex(app *cli.App, name string) (*settle.Vertex, error) {
	raw, err := readInput(name)
	if err != nil {
		return nil, fmt.Errorf("read the vertex: %w", err)
	}
	vertex, err := settle.DecodeVertex(raw)
	if err != nil {
		return nil, cli.Fail("`{command} --help` shows what the file holds: the canonical bytes of one signed vertex", "%s: %w", name, err)
	}
	return vertex, nil
}

// readInput reads a file, or stdin for "-".
func readInput(name string) ([]byte, error) {
	if name == "-" {
		return readAllBounded(os.Stdin, "stdin", settle.VertexSizeMax)
	}
	return readBounded(name, settle.VertexSizeMax)
}

func submit(ctx context.Context, app *cli.App, r *remote, vertex *settle.Vertex) error {
	api, err := r.pinned(ctx)
	if err != nil {
		return err
	}
	if vertex.Network() != api.Trusted().ID {
		return fmt.Errorf("%w: the vertex is for %s, the node has %s", client.ErrWrongNetwork, vertex.Network(), api.Trusted().ID)
	}
	posted, err := api.PostVertex(ctx, vertex.Encode())
	if err != nil {
		return err
	}
	final, err := waitFinal(ctx, app, api.Client, settle.VertexID(posted.ID))
	if err != nil {
		return err
	}
	result := struct {
		Vertex  client.ID  `json:"vertex"`
		Kind    string     `json:"kind"`
		Issuer  wallet.DID `json:"issuer"`
		Verdict string     `json:"verdict"`
		Height  uint64     `json:"height"`
		Final   bool       `json:"final"`
	}{final.ID, final.Kind, final.Issuer, final.Verdict, final.Height, true}
	return app.Print(result, func(p *cli.Printer) {
		p.Line("%s, final", final.Verdict)
		p.Fields("vertex", final.ID.String(), "kind", final.Kind, "height", fmt.Sprint(final.Height))
	})
}
