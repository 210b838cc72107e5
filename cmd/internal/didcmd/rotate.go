package didcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/settle"
	"joulepay/wallet"
)

// rotateCmd is what was asked for on the command line.
type rotateCmd struct{ *actor }

func rotateCommand(app *cli.App, group string) *cobra.Command {
	command := &cobra.Command{
		Use: "rotate", Short: "Give the wallet's DID a new account key",
		Long: "Give the wallet's DID a new account key. DID, account, money and channels stay; the old key then signs nothing on the\n" +
			"ledger, no quote and no handshake. Whatever interrupts it, the same command goes on where it was. The new key derives from\n" +
			"the same 24 words, which stay the backup: against who has those, make a new wallet and send the money there.",
		Example: "  " + group + " rotate\n  " + group + " rotate --sponsor operator",
	}
	c := &rotateCmd{addActor(app, group, command)}
	c.addSponsor(command)
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *rotateCmd) run(ctx context.Context) error {
	p, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	result, err := c.rotate(ctx, p, c.wallet.SaveRotation)
	if err != nil {
		return err
	}
	c.app.Note("programs that run with this wallet still have the old key: start them again")
	c.app.Note("open channels go on under keys of their own, that this does not change; `channels list` and `channels close` end those that should not")
	return c.app.Print(result, func(p *cli.Printer) {
		result.print(p, fmt.Sprintf("rotated, for good: key %d of this wallet", result.Rotation))
	})
}

// rotate makes the next key the DID's own, or finishes what a run before began:
//
//   - if we crash before the key file says that a rotation was begun, nothing has happened;
//   - if we crash after that, the ledger may have the new key or not. The next run asks it, and either takes the key into
//     the file or sends the same payload again, which takes effect once;
//   - the file takes the new key when the rotation is final. The old one stays derivable for good.
func (c *rotateCmd) rotate(ctx context.Context, p *party.Party, save func(rotation uint32, rotating bool) error) (changed, error) {
	own := p.Wallet
	present, version, err := c.present(ctx, p)
	if err != nil {
		return changed{}, err
	}
	result := changed{DID: own.DID(), Version: version, Rotation: present, Final: true}
	if present == own.Rotation() {
		next := own.At(present + 1)
		if err := save(present, true); err != nil {
			return changed{}, err
		}
		payload := settle.NewRotate(p.Ledger.Trusted().ID, own.DID(), version+1, own.Account(), next.Account())
		vertex, err := c.submit(ctx, p, payload)
		if err != nil {
			return changed{}, err
		}
		result.Version, result.Rotation, result.Vertex = version+1, present+1, &vertex
	}
	result.Key = own.At(result.Rotation).Account().Public()
	return result, save(result.Rotation, false)
}

// present gives the rotation of the key that the DID has on the ledger, which must not be behind the key file's: a key
// that the ledger knows nothing of belongs to another network or to a ledger that lost something.
func (c *rotateCmd) present(ctx context.Context, p *party.Party) (rotation uint32, version uint64, err error) {
	account, err := p.Ledger.Account(ctx, p.Wallet.DID())
	if err != nil {
		return 0, 0, err
	}
	_, version, err = resolved(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	rotation, known := p.Wallet.FindRotation(account.Key)
	switch {
	case !known:
		return 0, 0, cli.Fail("this is not the wallet that rotated it last, or the node says what is not so: ask another one, `{command} --ledger URL`",
			"the ledger has a key for %s that is not of this wallet", p.Wallet.DID())
	case rotation < p.Wallet.Rotation():
		return 0, 0, cli.Fail("name a node of the ledger on which it was rotated: `{command} --ledger URL`",
			"the wallet has rotated %d times, the ledger knows of %d", p.Wallet.Rotation(), rotation)
	case rotation == wallet.RotationMax:
		return 0, 0, cli.Fail("make a new wallet and send the money there", "the wallet was rotated %d times, which is the most", rotation)
	}
	return rotation, version, nil
}
