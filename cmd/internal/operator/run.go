package operator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/internal/natsd"
	"joulepay/settle/api"
	"joulepay/settle/web"
	"joulepay/wallet"
	statuslist "joulepay/wallet/credential/status"
	"joulepay/wallet/money"
)

// embedded is the value of --nats that starts a server in this process.
const embedded = "embedded"

// runCmd is what was asked for on the command line.
type runCmd struct {
	app    *cli.App
	wallet *walletcmd.Selection

	http, nats, natsListen, genesis, tokenFile string
	origins                                    []string
	followers                                  []string
	tls                                        party.TLS
	parent                                     parentFlag
	keep                                       keepFlags
}

// ready is what ledger run prints when everything answers.
type ready struct {
	Network  wallet.NetworkID `json:"network"`
	Name     string           `json:"name"`
	Currency money.Currency   `json:"currency"`
	API      string           `json:"api"`
	NATS     string           `json:"nats"`
	DID      wallet.DID       `json:"did"`
	Issuer   bool             `json:"issuer"`  // the wallet may issue
	Witness  bool             `json:"witness"` // the wallet certifies
	Height   uint64           `json:"height"`  // of the log, where this run goes on
	Trust    string           `json:"trust"`
	Data     string           `json:"data"`
}

func runCommand(app *cli.App) *cobra.Command {
	c := &runCmd{app: app}
	command := &cobra.Command{
		Use: "run", Short: "Run a node of the ledger",
		Long: "Run a node of the ledger, with its broker and its API. The first run makes a wallet, and a network for\n" +
			"development of which it is the only issuer and witness; later runs go on from --data.",
		Example: "  ledger run\n  ledger run --http 127.0.0.1:0 --nats-listen 127.0.0.1:0\n" +
			"  ledger run --genesis region.bin --nats nats://north.example:4222,nats://south.example:4222",
	}
	c.wallet = walletcmd.AddCreateFlags(app, command)
	flags := command.Flags()
	flags.StringVar(&c.http, "http", HTTPDefault, "address of the API")
	flags.StringVar(&c.nats, "nats", embedded, "NATS servers with JetStream: URLs, comma-separated, or "+embedded)
	flags.StringVar(&c.natsListen, "nats-listen", NATSDefault, "address of the embedded NATS server")
	flags.StringArrayVar(&c.followers, "follower", nil, "DID of another node that is no witness and may follow the ledger over the embedded NATS server; may be repeated")
	c.tls.AddTrust(command)
	c.tls.AddServe(command)
	flags.StringVar(&c.genesis, "genesis", "", "genesis file of the network, on the first run")
	flags.StringVar(&c.tokenFile, "token-file", "", TokensUsage)
	flags.StringArrayVar(&c.origins, "cors-origin", nil, OriginsUsage)
	c.keep.add(command)
	c.parent.add(command)
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

// run starts from the outside in, so that nothing is written when an address is taken, and stops from the outside in.
func (c *runCmd) run(ctx context.Context) (err error) {
	c.parent.watch(c.app)
	closing := func(close func() error) { err = errors.Join(err, close()) }
	tokens, err := ReadTokens(c.tokenFile)
	if err != nil {
		return err
	}
	listener, err := c.app.Listen("http", c.http)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // serving closes it first
	w, _, err := c.wallet.OpenOrCreate()
	if err != nil {
		return err
	}
	o := Options{Wallet: w, NATS: c.nats, Log: c.app.Log()}
	if o.Dir, err = c.app.Dir(); err != nil {
		return err
	}
	if c.genesis != "" {
		if o.Genesis, err = readGenesis(c.genesis); err != nil {
			return err
		}
	}
	if o.TLS, err = c.tls.Trusted(); err != nil {
		return err
	}
	if err := c.keep.apply(&o); err != nil {
		return err
	}
	if c.nats == embedded {
		if o.Broker, err = c.startBroker(o); err != nil {
			return err
		}
		defer closing(o.Broker.Close)
		o.NATS = o.Broker.ClientURL()
	}
	node, err := StartNode(c.app.Lifetime(), o)
	if err != nil {
		return err
	}
	defer closing(node.Close)
	return c.serve(ctx, node, listener, tokens, o.NATS)
}

// startBroker starts the embedded NATS server. Other nodes reach it when the genesis is known before it starts.
func (c *runCmd) startBroker(o Options) (*Broker, error) {
	b := BrokerOptions{Dir: o.Dir, Address: c.natsListen, Log: o.Log}
	var err error
	if b.Followers, err = parseFollowers(c.followers); err != nil {
		return nil, err
	}
	if b.Genesis, err = knownGenesis(o.Dir, o.Genesis); err != nil {
		return nil, err
	}
	if b.Genesis == nil && len(b.Followers) > 0 {
		return nil, cli.Usage("make it first: `ledger genesis`, then `{command} --follower DID`", "--follower needs a network that exists")
	}
	if b.Certificate, err = c.tls.Certificate(); err != nil {
		return nil, err
	}
	return StartLedgerBroker(b)
}

// listsDirectory holds the status lists of credentials that this party issued, below --data.
const listsDirectory = "status-lists"

// shutdownTimeMax is for answers in flight; those that wait are ended at once.
const shutdownTimeMax = 5 * time.Second

// serve answers until a stop is asked for or the node cannot go on.
func (c *runCmd) serve(ctx context.Context, node *Node, listener net.Listener, tokens []api.Token, nats string) error {
	config := node.Config()
	config.Loopback, config.Tokens, config.Origins = isLoopback(listener.Addr()), tokens, c.origins
	config.StatusLists = statuslist.Directory(filepath.Join(c.app.Data(), listsDirectory))
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	config.Lifetime, config.Dashboard = serving, web.Handler()
	handler, err := api.New(config)
	if err != nil {
		return err
	}
	server := api.Server(serving, handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := c.announce(node, "http://"+reachable(listener.Addr()), nats); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
	case <-node.Done():
	case <-ctx.Done():
	}
	stop()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeMax)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		c.app.Log().Warn("answers were cut off", "error", err)
	}
	return reason(node)
}

// reason says why the node cannot go on, or nothing when it was asked to stop.
func reason(node *Node) error {
	select {
	case <-node.Done():
		return node.Err()
	default:
		return nil
	}
}

// announce says that everything answers, and what to do next.
func (c *runCmd) announce(node *Node, url, nats string) error {
	status, network := node.Status(), node.Network()
	r := ready{
		Network: network.ID, Name: status.Name, Currency: network.Genesis.Currency, API: url, NATS: natsd.Shown(nats), DID: node.options.Wallet.DID(),
		Issuer: node.IsIssuer(), Witness: status.Witness, Height: status.Head.Height, Trust: status.Trust, Data: node.options.Dir,
	}
	if node.Fresh() && c.genesis == "" && c.keep.snapshot == "" {
		c.app.Note("made a new network for development in %s: this wallet is its only issuer and its only witness", node.options.Dir)
	}
	if !r.Witness {
		c.app.Note("this wallet is no witness of the network: the node follows what its witnesses decide")
	}
	return c.app.Print(r, func(p *cli.Printer) { c.tell(p, r) })
}

func (c *runCmd) tell(p *cli.Printer, r ready) {
	p.Line("the ledger runs: %s, in %s", r.Name, r.Currency)
	p.Fields("network", r.Network.String(), "API", r.API, "NATS", r.NATS, "data", r.Data, "trust", r.Trust)
	p.Line("")
	p.Line("next, each in a terminal of its own:")
	both := flagUnless("--nats", r.NATS, "nats://"+NATSDefault) + flagUnless("--ledger", r.API, "http://"+HTTPDefault)
	p.Line("  chargepoint run%s", both)
	p.Line("  vehicle charge%s", both)
	if r.Issuer {
		p.Line("  ledger issue --to DID --amount 50%s%s", r.Currency, flagUnless("--ledger", r.API, "http://"+HTTPDefault))
	}
	p.Line("Ctrl-C stops; the next run goes on")
}

// flagUnless gives the flag where its default would not do.
func flagUnless(name, value, byDefault string) string {
	if value == byDefault {
		return ""
	}
	return " " + name + " " + value
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// reachable gives host:port of a listener as a client on this machine writes it.
func reachable(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return address.String()
}
