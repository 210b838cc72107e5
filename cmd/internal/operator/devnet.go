package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"joulepay/cmd/internal/cli"
	"joulepay/internal/filelock"
	"joulepay/settle"
)

// devnetNodesDefault are as many witnesses as it takes that one may lie.
const devnetNodesDefault = 4

// devnetCmd is what was asked for on the command line.
type devnetCmd struct {
	app      *cli.App
	nodes    int
	dir      string
	httpBase int
	restart  bool
	parent   parentFlag

	children []*child // brokers, then nodes

	mu    sync.Mutex // guards state
	state devnet
}

func devnetCommand(app *cli.App) *cobra.Command {
	c := &devnetCmd{app: app}
	command := &cobra.Command{
		Use: "devnet", Short: "Run a ledger of several operators on this machine, for development",
		Long: "Run a ledger as several operators do, each process of its own: three brokers that keep the log together, and nodes\n" +
			"that are all witnesses. The first node's wallet issues. Processes that end are started again; Ctrl-C stops all, and\n" +
			"the next run with the same --dir goes on. Wallets have no password, so this is for development only.",
		Example: "  ledger devnet\n  ledger devnet --nodes 7 --dir /tmp/region --http-base 8420",
	}
	flags := command.Flags()
	flags.IntVar(&c.nodes, "nodes", devnetNodesDefault, "number of nodes, each a witness; four go on when one is away or lies")
	flags.StringVar(&c.dir, "dir", "", "directory of the network (default DATA/devnet)")
	flags.IntVar(&c.httpBase, "http-base", 0, "port of the first node's API, the others count from it (default any free ports)")
	flags.BoolVar(&c.restart, "restart", true, "start a process that ends again")
	c.parent.add(command)
	command.RunE = func(command *cobra.Command, _ []string) error { return c.run(command.Context()) }
	return command
}

// check refuses numbers that no network can have.
func (c *devnetCmd) check() error {
	if c.nodes < 1 || c.nodes > settle.WitnessesMax {
		return cli.Usage("`{command} --nodes 4`", "--nodes is %d, want 1 to %d", c.nodes, settle.WitnessesMax)
	}
	if c.httpBase < 0 || c.httpBase > 0 && c.httpBase+c.nodes > 1<<16 {
		return cli.Usage("`{command} --http-base 8420`", "--http-base %d leaves no room for %d ports", c.httpBase, c.nodes)
	}
	return nil
}

func (c *devnetCmd) run(ctx context.Context) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.openDir(); err != nil {
		return err
	}
	lock, err := filelock.Acquire(filepath.Join(c.dir, devnetLock))
	if err != nil {
		return cli.Hint(err, "another `ledger devnet` runs there: stop it, or name another directory, `{command} --dir DIR`")
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if c.state, err = prepareDevnet(c.dir, c.nodes, time.Now()); err != nil {
		return err
	}
	if err := c.state.takeAddresses(c.httpBase); err != nil {
		return err
	}
	c.parent.watch(c.app)
	defer c.stopAll()
	if err := c.startAll(ctx); err != nil {
		return err
	}
	c.note()
	c.mu.Lock()
	result := c.state
	c.mu.Unlock()
	if err := c.app.Print(result, func(p *cli.Printer) { result.print(p) }); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-c.allEnded():
		return cli.Fail("the last words of each are in "+filepath.Join(c.dir, "*.log"), "no process is left")
	}
}

func (c *devnetCmd) openDir() (err error) {
	if c.dir == "" {
		c.dir, err = c.app.Dir("devnet")
		return err
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	return os.MkdirAll(c.dir, 0o700)
}

// startAll starts the brokers, then the nodes, and waits until all are ready.
func (c *devnetCmd) startAll(ctx context.Context) error {
	var routes, urls []string
	for _, b := range c.state.Brokers {
		routes, urls = append(routes, b.Cluster), append(urls, b.NATS)
	}
	c.state.NATS = strings.Join(urls, ",")
	genesis := genesisPath(c.dir)
	for _, b := range c.state.Brokers {
		c.start(b.Name, "broker", "--json", "--"+untilEOF, "--data", b.Data, "--name", b.Name, "--listen", withoutScheme(b.NATS),
			"--cluster-listen", b.Cluster, "--routes", strings.Join(routes, ","), "--secret-file", filepath.Join(c.dir, secretFile), "--genesis", genesis)
	}
	if err := c.awaitReady(ctx, c.children); err != nil {
		return err
	}
	for _, n := range c.state.Nodes {
		c.start(n.Name, "run", "--json", "--"+untilEOF, "--data", n.Data, "--genesis", genesis, "--nats", c.state.NATS, "--http", withoutScheme(n.API))
	}
	return c.awaitReady(ctx, c.children[len(c.state.Brokers):])
}

func (c *devnetCmd) start(name string, args ...string) {
	process := &child{
		name: name, args: args, log: filepath.Join(c.dir, name+".log"), restart: c.restart, report: c.app.Note, started: c.note,
	}
	c.mu.Lock()
	c.children = append(c.children, process)
	c.mu.Unlock()
	// Not the context of the command: brokers must outlive nodes, which stop as soon as it ends.
	ctx, stop := context.WithCancel(context.WithoutCancel(c.app.Lifetime()))
	process.cancel = stop
	process.begin(ctx)
}

func (c *devnetCmd) awaitReady(ctx context.Context, children []*child) error {
	for i, process := range children {
		c.app.Progress("starting %s, %d of %d", process.name, i+1, len(children))
		select {
		case err := <-process.ready:
			if err != nil {
				return cli.Fail("read "+process.log, "%s does not start: %w", process.name, err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.app.EndProgress()
	return nil
}

// note keeps the ids of the processes where others find them.
func (c *devnetCmd) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	pids := map[string]int{}
	for _, process := range c.children {
		pids[process.name] = process.pid()
	}
	for i := range c.state.Brokers {
		c.state.Brokers[i].PID = pids[c.state.Brokers[i].Name]
	}
	for i := range c.state.Nodes {
		c.state.Nodes[i].PID = pids[c.state.Nodes[i].Name]
	}
	if err := c.state.write(); err != nil {
		c.app.Log().Warn("what runs where is not kept", "error", err)
	}
}

// stopAll stops the nodes, then the brokers, and waits for them.
func (c *devnetCmd) stopAll() {
	brokers := min(len(c.state.Brokers), len(c.children))
	for _, group := range [][]*child{c.children[brokers:], c.children[:brokers]} {
		for _, process := range group {
			process.cancel()
		}
		for _, process := range group {
			<-process.ended
		}
	}
	c.note()
}

func (c *devnetCmd) allEnded() <-chan struct{} {
	all := make(chan struct{})
	go func() {
		for _, process := range c.children {
			<-process.ended
		}
		close(all)
	}()
	return all
}

func (d devnet) print(p *cli.Printer) {
	p.Line("a ledger of %d witnesses runs: %s, in %s", len(d.Nodes), d.Name, d.Currency)
	p.Line("")
	for _, b := range d.Brokers {
		p.Line("%-9s pid %-8d %s", b.Name, b.PID, b.NATS)
	}
	for _, n := range d.Nodes {
		p.Line("%-9s pid %-8d %s", n.Name, n.PID, n.API)
	}
	p.Line("")
	p.Fields("network", d.Network.String(), "data", d.Dir, "trust", fmt.Sprintf("%d witnesses on one machine, for development", len(d.Nodes)))
	first, last := d.Nodes[0].API, d.Nodes[len(d.Nodes)-1].API
	p.Line("")
	p.Line("next, each in a terminal of its own:")
	p.Line("  chargepoint run --nats %s --ledger %s", d.NATS, first)
	p.Line("  vehicle charge --nats %s --ledger %s", d.NATS, last)
	p.Line("  ledger issue --to DID --amount 50%s --ledger %s --data %s", d.Currency, first, d.Nodes[0].Data)
	p.Line("  ledger status --ledger %s", last)
	p.Line("  kill -9 %d", d.Nodes[len(d.Nodes)-1].PID)
	p.Line("Ctrl-C stops all; the next run goes on")
}
