package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"joulepay/cmd/internal/cli"
	"joulepay/internal/freeport"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/wallet"
)

// Files in the directory of a network for development.
const (
	devnetFile    = "devnet.json" // what runs where
	devnetLock    = "devnet.lock"
	secretFile    = "cluster.secret"
	walletFile    = "wallets/default.json" // of a node's directory: the wallet that ledger run uses by itself
	devnetBrokers = 3                      // servers that keep the log: one may fail
	devnetSizeMax = 64 << 10               // bytes of devnetFile
)

// devnet is what runs where. It is the result of the command, and kept in devnetFile for the next run and for whoever wants
// to find a process.
type devnet struct {
	Network  wallet.NetworkID `json:"network"`
	Name     string           `json:"name"`
	Currency string           `json:"currency"`
	NATS     string           `json:"nats"` // of all brokers, for --nats
	Issuer   wallet.DID       `json:"issuer"`
	Dir      string           `json:"dir"`
	PID      int              `json:"pid"`
	Brokers  []devnetBroker   `json:"brokers"`
	Nodes    []devnetNode     `json:"nodes"`
}

type devnetBroker struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"` // 0 while it is not running
	NATS    string `json:"nats"`
	Cluster string `json:"cluster"`
	Data    string `json:"data"`
}

type devnetNode struct {
	Name string     `json:"name"`
	PID  int        `json:"pid"`
	API  string     `json:"api"`
	DID  wallet.DID `json:"did"`
	Data string     `json:"data"`
}

// prepareDevnet finds the network of a directory, or makes it: wallets, genesis and the cluster's secret. Each file is
// written whole; if we crash in between, the next run makes the rest.
func prepareDevnet(dir string, nodes int, now time.Time) (d devnet, err error) {
	if d, err = readDevnet(dir); err != nil {
		return d, err
	}
	if len(d.Nodes) > 0 && len(d.Nodes) != nodes {
		return d, cli.Usage(fmt.Sprintf("go on with `{command} --nodes %d --dir %s`, or name another directory", len(d.Nodes), dir),
			"the network in %s has %d nodes for good, --nodes is %d", dir, len(d.Nodes), nodes)
	}
	d.Dir, d.PID = dir, os.Getpid()
	d.Brokers, d.Nodes = grow(d.Brokers, devnetBrokers), grow(d.Nodes, nodes)
	for i := range d.Brokers {
		b := &d.Brokers[i]
		b.Name, b.PID = fmt.Sprint("broker-", i+1), 0
		b.Data = filepath.Join(dir, b.Name)
	}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		n.Name, n.PID = fmt.Sprint("node-", i+1), 0
		n.Data = filepath.Join(dir, n.Name)
		if n.DID, err = devnetWallet(n.Data, now); err != nil {
			return d, err
		}
	}
	if err := devnetSecret(filepath.Join(dir, secretFile)); err != nil {
		return d, err
	}
	return d, d.findGenesis(now)
}

func grow[T any](list []T, count int) []T {
	return append(list, make([]T, max(0, count-len(list)))...)[:count]
}

// devnetWallet gives the DID of a node's wallet, made without a password when missing: a network for development protects
// nothing, and nobody could type so many.
func devnetWallet(data string, now time.Time) (wallet.DID, error) {
	path := filepath.Join(data, walletFile)
	if info, err := wallet.Inspect(path); err == nil {
		return info.DID, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return wallet.DID{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return wallet.DID{}, err
	}
	w, err := wallet.CreateInsecure(path, wallet.CreatedAt(now))
	if err != nil {
		return wallet.DID{}, err
	}
	return w.DID(), nil
}

func devnetSecret(path string) error {
	err := os.WriteFile(path+".new", []byte(natsd.NewSecret()+"\n"), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write the cluster's secret: %w", err)
	}
	return nil
}

// findGenesis gives the network its name: every node is a witness of equal weight, and the first one issues.
func (d *devnet) findGenesis(now time.Time) error {
	vertex, _, err := ownGenesis(d.Dir, nil, func() (*settle.Vertex, error) {
		g := DevGenesis(d.Nodes[0].DID, now)
		g.Witnesses = nil
		for _, n := range d.Nodes {
			g.Witnesses = append(g.Witnesses, settle.Witness{DID: n.DID, Key: n.DID.InceptionKey(), Weight: 1})
		}
		settle.SortWitnesses(g.Witnesses)
		return settle.NewGenesis(g)
	})
	if err != nil {
		return err
	}
	genesis, ok := vertex.Payload().(*settle.Genesis)
	if !ok || len(genesis.Witnesses) != len(d.Nodes) {
		return fmt.Errorf("%w: %s is not that of %d nodes", ErrGenesisFile, genesisPath(d.Dir), len(d.Nodes))
	}
	d.Network, d.Name, d.Currency, d.Issuer = vertex.NetworkID(), genesis.Name, genesis.Currency.String(), genesis.Issuers[0].DID
	return nil
}

// readDevnet reads what an earlier run left, or nothing.
func readDevnet(dir string) (d devnet, err error) {
	raw, err := readBounded(filepath.Join(dir, devnetFile), devnetSizeMax)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		return d, fmt.Errorf("read the network in %s: %w", dir, err)
	}
	return d, nil
}

// write keeps what runs where.
func (d *devnet) write() error {
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(d.Dir, devnetFile)
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

const loopback = "127.0.0.1"

// takeAddresses gives every process an address of loopback: the one of the last run if it is free, else another.
// httpBase, unless zero, is the port of the first node's API.
func (d *devnet) takeAddresses(httpBase int) error {
	var picks picker
	defer picks.release()
	for i := range d.Brokers {
		b := &d.Brokers[i]
		b.NATS, b.Cluster = "nats://"+picks.address(withoutScheme(b.NATS)), picks.address(b.Cluster)
	}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		if httpBase == 0 {
			n.API = "http://" + picks.address(withoutScheme(n.API))
			continue
		}
		address := net.JoinHostPort(loopback, strconv.Itoa(httpBase+i))
		if !picks.take(address) {
			return cli.Fail("choose another range, `{command} --http-base PORT`, or leave it out for any free ports", "another process listens on %s", address)
		}
		n.API = "http://" + address
	}
	return picks.err
}

// withoutScheme gives host:port of a URL.
func withoutScheme(url string) string {
	_, address, _ := strings.Cut(url, "://")
	return address
}

// picker finds free addresses, all different: it holds them until all are found.
type picker struct {
	held []net.Listener
	err  error
}

// address gives a wanted address when it is free, else any.
func (p *picker) address(wanted string) string {
	if wanted != "" && p.take(wanted) {
		return wanted
	}
	for {
		address, err := freeport.Next()
		if err != nil {
			p.err = err
			return wanted
		}
		if p.take(address) {
			return address
		}
	}
}

func (p *picker) take(address string) bool {
	l, err := net.Listen("tcp", address)
	if err == nil {
		p.held = append(p.held, l)
	}
	return err == nil
}

func (p *picker) release() {
	for _, l := range p.held {
		_ = l.Close() // nobody was served
	}
}
