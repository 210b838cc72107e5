package ledgerfaults_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/settle/client"
	"joulepay/settle/proof"
	"joulepay/wallet"
)

// devnet is what ledger devnet says of itself, in devnet.json.
type devnet struct {
	Network wallet.NetworkID `json:"network"`
	NATS    string           `json:"nats"`
	Dir     string           `json:"dir"`
	Brokers []broker         `json:"brokers"`
	Nodes   []node           `json:"nodes"`
}

type broker struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	NATS    string `json:"nats"`
	Cluster string `json:"cluster"`
	Data    string `json:"data"`
}

type node struct {
	Name string     `json:"name"`
	PID  int        `json:"pid"`
	API  string     `json:"api"`
	DID  wallet.DID `json:"did"`
	Data string     `json:"data"`
}

// world is one ledger of four nodes and three brokers.
type world struct {
	t   *testing.T
	run *campaign.Run
	dir string

	devnet  *process
	net     devnet
	issuer  *wallet.Wallet
	trusted *proof.Network
	apis    []*client.Pinned // of each node

	again map[string]*process // those that the test started in place of one of the devnet's
	shown *memory

	mu      sync.Mutex // guards stopped
	stopped bool
}

// restarting says who starts a process again that ended: the devnet, or the test.
type restarting bool

const (
	byDevnet restarting = true
	byTest   restarting = false
)

func newWorld(t *testing.T, restart restarting) *world {
	t.Helper()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("it looks at /proc before it kills: ", err)
	}
	w := &world{t: t, run: campaign.New(t), dir: t.TempDir(), again: map[string]*process{}}
	w.shown = newMemory(t)
	t.Cleanup(func() {
		w.stop()
		if t.Failed() {
			t.Log(tail(w.dir), tail(filepath.Join(w.dir, "net")))
		}
	})
	var err error
	w.devnet, err = start(w.dir, "devnet", "devnet", "--json", "--until-eof", "--nodes", "4", "--dir", filepath.Join(w.dir, "net"),
		fmt.Sprintf("--restart=%t", restart))
	w.must(err)
	w.must(w.devnet.ready(&w.net))
	w.issuer, err = wallet.Open(filepath.Join(w.net.Nodes[0].Data, "wallets", "default.json"), nil)
	w.must(err)
	for _, n := range w.net.Nodes {
		plain, err := client.New(n.API, client.Options{})
		w.must(err)
		pinned, err := plain.Pin(t.Context(), w.net.Network)
		w.must(err)
		w.apis = append(w.apis, pinned)
	}
	w.trusted = w.apis[0].Trusted()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits until something is so.
func (w *world) eventually(what string, so func() error) {
	w.t.Helper()
	again := time.NewTicker(askAgainEvery)
	defer again.Stop()
	for limit := time.After(hangTimeMax); ; {
		err := so()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			w.t.Fatalf("not so: %s: %v", what, err)
		}
	}
}

// ctx bounds one question to a node.
func (w *world) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(w.t.Context()), 10*time.Second)
}

// startAgain starts a process in place of one that is gone, as the devnet started it, and gives it before it is ready.
func (w *world) startAgain(name string, more ...string) *process {
	w.t.Helper()
	args := w.arguments(name)
	p, err := start(w.net.Dir, name, append(args, more...)...)
	w.must(err)
	w.again[name] = p
	return p
}

func (w *world) arguments(name string) []string {
	genesis := filepath.Join(w.net.Dir, "genesis.bin")
	for _, n := range w.net.Nodes {
		if n.Name == name {
			return []string{"run", "--json", "--until-eof", "--data", n.Data, "--genesis", genesis, "--nats", w.net.NATS, "--http", address(n.API)}
		}
	}
	var routes []string
	var own broker
	for _, b := range w.net.Brokers {
		routes = append(routes, b.Cluster)
		if b.Name == name {
			own = b
		}
	}
	return []string{"broker", "--json", "--until-eof", "--data", own.Data, "--name", own.Name, "--listen", address(own.NATS), "--cluster-listen", own.Cluster,
		"--routes", strings.Join(routes, ","), "--secret-file", filepath.Join(w.net.Dir, "cluster.secret"), "--genesis", genesis}
}

func address(url string) string {
	_, hostPort, _ := strings.Cut(url, "://")
	if _, _, err := net.SplitHostPort(hostPort); err != nil {
		panic(err)
	}
	return hostPort
}

// revive starts processes again and waits until they are ready.
func (w *world) revive(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.startAgain(name)
	}
	for _, name := range names {
		var said struct{}
		w.must(w.again[name].ready(&said))
	}
}

// ledger runs a command to its end, and gives its exit code and what it said on stderr.
func (w *world) ledger(args ...string) (code int, stderr string) {
	w.t.Helper()
	p, err := start(w.dir, "commands", args...)
	w.must(err)
	w.must(p.end())
	return p.code(), p.words()
}

// succeed runs a command that must not fail.
func (w *world) succeed(args ...string) {
	w.t.Helper()
	if code, stderr := w.ledger(args...); code != 0 {
		w.t.Fatalf("ledger %s: code %d\n%s", strings.Join(args, " "), code, stderr)
	}
}

// stop ends all processes politely, nodes before brokers.
func (w *world) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.devnet == nil {
		return
	}
	w.stopped = true
	for _, kind := range []string{"node-", "broker-"} {
		for name, p := range w.again {
			if strings.HasPrefix(name, kind) {
				_ = p.command.Process.Signal(os.Interrupt) // it may have ended
			}
		}
		for name, p := range w.again {
			if strings.HasPrefix(name, kind) {
				if err := p.end(); err != nil {
					w.t.Error(err)
				}
			}
		}
	}
	if err := w.devnet.stop(); err != nil {
		w.t.Error(err)
	}
}
