package operator

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// genesisCmd is what was asked for on the command line.
type genesisCmd struct {
	app    *cli.App
	wallet *walletcmd.Selection

	name, currency, cap string
	issuers, witnesses  []string
	limits              settle.Limits
	accountLock         string
	channelLock         string
	out                 string
}

func genesisCommand(app *cli.App) *cobra.Command {
	c := &genesisCmd{app: app, limits: settle.DefaultLimits()}
	command := &cobra.Command{
		Use: "genesis", Short: "Write the genesis file of a new network",
		Long: "Write the genesis file of a new network: its name, currency, issuers and witnesses, for good. Its hash names\n" +
			"the network. Without --issuer and --witness the wallet in --data, made when missing, is both.\n" +
			"Every node starts with a copy: `ledger run --genesis FILE`.",
		Example: "  ledger genesis --name depot-north --currency EUR\n" +
			"  ledger genesis --name region --issuer did:joule:z6Mk…=1000000 --witness did:joule:z6Mk…=2 --out region.bin",
	}
	c.wallet = walletcmd.AddCreateFlags(app, command)
	flags := command.Flags()
	flags.StringVar(&c.name, "name", devNetworkName, "name of the network")
	flags.StringVar(&c.currency, "currency", "EUR", "its only unit, an ISO 4217 code")
	flags.StringVar(&c.cap, "cap", devCap.String(), "how much an issuer may have issued and not redeemed, where --issuer names no sum")
	flags.StringArrayVar(&c.issuers, "issuer", nil, "DID or DID=CAP of who may issue; may be repeated")
	flags.StringArrayVar(&c.witnesses, "witness", nil, "DID or DID=WEIGHT of who certifies; may be repeated")
	flags.Uint32Var(&c.limits.ParentWindow, "parent-window", c.limits.ParentWindow, "how many vertices back a parent may lie")
	flags.DurationVar(&c.limits.Heartbeat, "heartbeat", c.limits.Heartbeat, "time between checkpoints while a channel is open")
	flags.DurationVar(&c.limits.StepMax, "step-max", c.limits.StepMax, "the most that a checkpoint moves the clock of challenge windows")
	flags.Uint32Var(&c.limits.WindowCheckpoints, "window-checkpoints", c.limits.WindowCheckpoints, "certified checkpoints that a challenge window must see")
	flags.DurationVar(&c.limits.CreditInterval, "credit-interval", c.limits.CreditInterval, "how long one unit of the currency takes to earn one vertex's credit; 0 for no limit")
	flags.DurationVar(&c.limits.CreditCap, "credit-cap", c.limits.CreditCap, "for how long credit is saved up")
	flags.Uint32Var(&c.limits.RegistrationCredit, "registration-credit", c.limits.RegistrationCredit, "credit that a new account costs its sponsor, and begins with")
	flags.StringVar(&c.accountLock, "account-lock", c.limits.AccountLock.String(), "least balance of an account that is not empty")
	flags.StringVar(&c.channelLock, "channel-lock", c.limits.ChannelLock.String(), "least first deposit of a channel")
	flags.StringVar(&c.out, "out", "", "file to write, which must not exist (default DATA/"+genesisFile+")")
	command.RunE = func(*cobra.Command, []string) error { return c.run() }
	return command
}

func (c *genesisCmd) run() error {
	genesis, err := c.genesis()
	if err != nil {
		return err
	}
	vertex, err := settle.NewGenesis(genesis)
	if err != nil {
		return err
	}
	path := c.out
	if path == "" {
		dir, err := c.app.Dir()
		if err != nil {
			return err
		}
		path = filepath.Join(dir, genesisFile)
	}
	if err := writeNew(path, vertex.Encode()); errors.Is(err, fs.ErrExist) {
		return cli.Fail("a network keeps its genesis: choose another file, `{command} --out FILE`, or directory, --data DIR", "%s exists", path)
	} else if err != nil {
		return err
	}
	result := struct {
		Network  wallet.NetworkID `json:"network"`
		Name     string           `json:"name"`
		Currency money.Currency   `json:"currency"`
		File     string           `json:"file"`
	}{vertex.NetworkID(), genesis.Name, genesis.Currency, path}
	return c.app.Print(result, func(p *cli.Printer) {
		p.Line("wrote %s", path)
		p.Fields("network", result.Network.String(), "name", genesis.Name, "currency", genesis.Currency.String())
		p.Line("start a node of it: ledger run --genesis %s", path)
	})
}

func (c *genesisCmd) genesis() (settle.Genesis, error) {
	g := settle.Genesis{Name: c.name, Time: time.Now().UTC().Truncate(time.Millisecond), Limits: c.limits}
	var err error
	if g.Currency, err = money.ParseCurrency(c.currency); err != nil {
		return g, fmt.Errorf("--currency: %w", err)
	}
	if g.Limits.AccountLock, err = money.Parse(c.accountLock); err != nil {
		return g, fmt.Errorf("--account-lock: %w", err)
	}
	if g.Limits.ChannelLock, err = money.Parse(c.channelLock); err != nil {
		return g, fmt.Errorf("--channel-lock: %w", err)
	}
	if len(c.issuers) == 0 || len(c.witnesses) == 0 {
		w, _, err := c.wallet.OpenOrCreate()
		if err != nil {
			return g, err
		}
		own := []string{w.DID().String()}
		if len(c.issuers) == 0 {
			c.issuers = own
		}
		if len(c.witnesses) == 0 {
			c.witnesses = own
		}
	}
	if g.Issuers, err = parseIssuers(c.issuers, c.cap); err != nil {
		return g, err
	}
	g.Witnesses, err = parseWitnesses(c.witnesses)
	return g, err
}

func parseIssuers(texts []string, defaultCap string) ([]settle.Issuer, error) {
	var issuers []settle.Issuer
	for _, text := range texts {
		did, sum, given := strings.Cut(text, "=")
		if !given {
			sum = defaultCap
		}
		parsed, err := wallet.ParseDID(did)
		if err != nil {
			return nil, fmt.Errorf("--issuer: %w", err)
		}
		limit, err := money.Parse(sum)
		if err != nil {
			return nil, fmt.Errorf("cap of issuer %s: %w", did, err)
		}
		issuers = append(issuers, settle.Issuer{DID: parsed, Cap: limit})
	}
	slices.SortFunc(issuers, func(a, b settle.Issuer) int { return bytes.Compare(a.DID[:], b.DID[:]) })
	return issuers, nil
}

func parseWitnesses(texts []string) ([]settle.Witness, error) {
	var witnesses []settle.Witness
	for _, text := range texts {
		did, weight, given := strings.Cut(text, "=")
		parsed, err := wallet.ParseDID(did)
		if err != nil {
			return nil, fmt.Errorf("--witness: %w", err)
		}
		w := settle.Witness{DID: parsed, Key: parsed.InceptionKey(), Weight: 1}
		if given {
			n, err := strconv.ParseUint(weight, 10, 32)
			if err != nil {
				return nil, cli.Usage("write DID=WEIGHT with a whole number, or the DID alone for 1", "--witness: weight %q", weight)
			}
			w.Weight = uint32(n)
		}
		witnesses = append(witnesses, w)
	}
	slices.SortFunc(witnesses, func(a, b settle.Witness) int { return bytes.Compare(a.DID[:], b.DID[:]) })
	return witnesses, nil
}
