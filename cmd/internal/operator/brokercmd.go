package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// clusterDefault names the cluster where no --cluster does. Servers of another cluster are turned away by the secret.
const clusterDefault = "joulepay"

// brokerCmd is what was asked for on the command line.
type brokerCmd struct {
	app *cli.App

	name, listen, genesis, ledger      string
	cluster, clusterListen, secretFile string
	routes, followers                  []string
	tls                                party.TLS
	parent                             parentFlag
}

// brokerReady is what ledger broker prints when it takes connections.
type brokerReady struct {
	Name    string            `json:"name,omitempty"`
	NATS    string            `json:"nats"`
	Cluster string            `json:"cluster,omitempty"` // address for the other servers
	Network *wallet.NetworkID `json:"network,omitempty"` // whose witnesses may use the ledger's subjects
	PID     int               `json:"pid"`
	Data    string            `json:"data"`
}

func brokerCommand(app *cli.App) *cobra.Command {
	c := &brokerCmd{app: app}
	command := &cobra.Command{
		Use: "broker", Short: "Run a NATS server for a ledger of several operators",
		Long: "Run one NATS server, alone or as one of a cluster that keeps the ledger's log together: three servers go on\n" +
			"when one fails. It lets in the nodes of the witnesses that the genesis names, the followers that it names itself,\n" +
			"and vehicles and stations, each with its own subjects. Every server of a cluster gets the same list of routes,\n" +
			"itself included, and the same secret. With --ledger it lets stations in under the keys that the ledger proves;\n" +
			"without, under the keys that their DIDs name.",
		Example: "  ledger broker --genesis region.bin\n" +
			"  ledger broker --genesis region.bin --name north --cluster-listen 10.0.0.1:6222 \\\n" +
			"      --routes 10.0.0.1:6222,10.0.0.2:6222,10.0.0.3:6222 --secret-file cluster.secret --listen 0.0.0.0:4222",
	}
	flags := command.Flags()
	flags.StringVar(&c.name, "name", "", "name of this server, in a cluster: another one than all others have, and the same in every run")
	flags.StringVar(&c.listen, "listen", NATSDefault, "address for nodes, stations and vehicles")
	flags.StringVar(&c.cluster, "cluster", clusterDefault, "name of the cluster, the same on all its servers")
	flags.StringVar(&c.clusterListen, "cluster-listen", "", "address for the other servers; without it this server is alone")
	flags.StringSliceVar(&c.routes, "routes", nil, "addresses of all servers of the cluster, this one included")
	flags.StringVar(&c.secretFile, "secret-file", "", "file with the cluster's secret, of mode 0600; needed unless it listens on loopback")
	flags.StringVar(&c.genesis, "genesis", "", "genesis file of the ledger")
	flags.StringVar(&c.ledger, "ledger", "", "API of a node of that ledger, which proves the keys that stations have now (default: none is asked)")
	flags.StringArrayVar(&c.followers, "follower", nil, "DID of a node that is no witness and may follow the ledger; may be repeated")
	c.tls.AddServe(command)
	c.parent.add(command)
	cli.OnlyTyped(command, "ledger")
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

func (c *brokerCmd) run(ctx context.Context) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	broker, err := StartLedgerBroker(o)
	if err != nil {
		return err
	}
	c.parent.watch(c.app)
	ready := brokerReady{Name: c.name, NATS: broker.ClientURL(), Cluster: broker.ClusterAddress(), PID: os.Getpid(), Data: o.Dir}
	if o.Genesis != nil {
		network := o.Genesis.NetworkID()
		ready.Network = &network
	}
	if err := c.app.Print(ready, func(p *cli.Printer) { ready.print(p) }); err != nil {
		return errors.Join(err, broker.Close())
	}
	<-ctx.Done()
	return broker.Close()
}

func (c *brokerCmd) options() (o BrokerOptions, err error) {
	o = BrokerOptions{Address: c.listen, Log: c.app.Log()}
	if o.Followers, err = parseFollowers(c.followers); err != nil {
		return o, err
	}
	if c.genesis == "" && len(o.Followers) > 0 {
		return o, cli.Usage("name the ledger: `{command} --genesis FILE --follower DID`", "--follower needs --genesis")
	}
	if c.genesis != "" {
		if o.Genesis, err = readGenesis(c.genesis); err != nil {
			return o, err
		}
	}
	if c.ledger != "" {
		if o.Genesis == nil {
			return o, cli.Usage("name what its proofs are checked against: `{command} --genesis FILE --ledger URL`", "--ledger needs --genesis")
		}
		if o.Ledger, err = client.New(c.ledger, client.Options{}); err != nil {
			return o, err
		}
	}
	if o.Certificate, err = c.tls.Certificate(); err != nil {
		return o, err
	}
	if o.Cluster, err = c.clusterOptions(); err != nil {
		return o, err
	}
	o.Dir, err = c.app.Dir()
	return o, err
}

func (c *brokerCmd) clusterOptions() (*natsd.Cluster, error) {
	if c.clusterListen == "" {
		if len(c.routes) > 0 || c.secretFile != "" {
			return nil, cli.Usage("say where the other servers reach this one: `{command} --cluster-listen HOST:PORT`", "--routes and --secret-file need --cluster-listen")
		}
		return nil, nil
	}
	host, port, err := parseAddress(c.clusterListen)
	if err != nil {
		return nil, err
	}
	if c.name == "" || len(c.routes) < 2 {
		return nil, cli.Usage("`{command} --name a --cluster-listen HOST:6222 --routes HOST:6222,HOST2:6222,HOST3:6222`",
			"a server of a cluster needs --name, and in --routes the addresses of all servers, itself included")
	}
	secret, err := readSecret(c.secretFile)
	return &natsd.Cluster{Name: c.cluster, Server: c.name, Host: host, Port: port, Routes: c.routes, Secret: secret}, err
}

// secretSizeMax bounds the secret of a cluster, far above what is hard to guess.
const secretSizeMax = 1024

// readSecret reads the one line of a file that only its owner may read; no file gives no secret.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the cluster's secret: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", cli.Fail("`chmod 600 "+path+"` when nobody else can have read it; else write a new one on every server",
			"the cluster's secret in %s can be read by others, mode %04o", path, info.Mode().Perm())
	}
	raw, err := readBounded(path, secretSizeMax)
	if err != nil {
		return "", fmt.Errorf("read the cluster's secret: %w", err)
	}
	secret := strings.TrimSpace(string(raw))
	if secret == "" || strings.ContainsAny(secret, " \t\r\n") {
		return "", cli.Fail("write one line: `(umask 077; head -c 24 /dev/urandom | base64 > "+path+")`", "%s does not hold one secret", path)
	}
	return secret, nil
}

func parseFollowers(texts []string) ([]wallet.DID, error) {
	var dids []wallet.DID
	for _, text := range texts {
		did, err := wallet.ParseDID(text)
		if err != nil {
			return nil, fmt.Errorf("--follower: %w", err)
		}
		dids = append(dids, did)
	}
	return dids, nil
}

func (r brokerReady) print(p *cli.Printer) {
	p.Line("the broker runs")
	fields := []string{"NATS", r.NATS, "data", r.Data}
	if r.Cluster != "" {
		fields = append(fields, "name", r.Name, "servers", r.Cluster)
	}
	if r.Network != nil {
		fields = append(fields, "network", r.Network.String())
	}
	p.Fields(fields...)
	p.Line("next: ledger run --genesis FILE --nats %s", r.NATS)
	p.Line("Ctrl-C stops; the next run goes on")
}

// knownGenesis gives the genesis of a node that is about to start: the one given, else that of its directory, if any.
func knownGenesis(dir string, given *settle.Vertex) (*settle.Vertex, error) {
	if given != nil {
		return given, nil
	}
	genesis, err := readGenesis(genesisPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return genesis, err
}
