package operator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/metrics"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/settle/gossip"
	"joulepay/settle/jetstream"
	"joulepay/settle/natsgossip"
	"joulepay/settle/node"
	"joulepay/settle/once"
	"joulepay/settle/proof"
	"joulepay/settle/sqlite"
	"joulepay/settle/stream"
	"joulepay/wallet"
)

// databaseFile holds, in a node's directory, everything that the node knows.
const databaseFile = "ledger.db"

const (
	// embeddedLogSize is a hundred full bundles, and little on a small disk: the broker reserves it.
	embeddedLogSize = 64 << 20
	// logTimeout bounds the first look at the log. A broker that answers takes milliseconds; the servers of a cluster that
	// start together elect a leader first, which takes seconds, on a busy machine some more.
	logTimeout        = 10 * time.Second
	logTimeoutCluster = 2 * time.Minute
	logTryCluster     = 2 * time.Second
	logRetry          = 250 * time.Millisecond
)

// Options say what a node is made of.
type Options struct {
	Dir     string           // of genesis and database; made when missing
	Wallet  *wallet.Wallet   // its account key certifies and issues, where the genesis names it
	Genesis *settle.Vertex   // nil takes the one in Dir, and on the first run a new network for development
	Broker  *Broker          // has the ordered log; nil for the server at NATS
	NATS    string           // URLs, comma-separated, where there is no Broker
	TLS     *tls.Config      // certificates by which that server is trusted; nil: those of the system
	Now     func() time.Time // the clock that the witness certifies; nil for the machine's
	Log     *slog.Logger     // nil for none

	Keep     uint64 // entries of the log that are kept below the final checkpoint; zero for all
	Snapshot string // file from which an empty directory begins, of the network of Genesis

	stuckAfter time.Duration // zero for stuckAfterDefault
	keepBases  uint64        // entries between two bases of the log; zero for snapshot.BaseEvery
}

// Node is a running ledger: store, ordered log and runner.
type Node struct {
	options Options
	runner  *node.Node
	store   *sqlite.Store
	keys    *once.SQLite // of requests that write
	conn    *nats.Conn
	log     stream.Log
	peers   *peers
	trouble metrics.Trouble // of conn
	fresh   bool

	ended   chan struct{} // closed when err says why
	err     error
	watcher sync.WaitGroup
}

// StartNode opens or begins a ledger and runs it until Close, or until the context ends. Whatever fails, everything
// else is closed again.
func StartNode(ctx context.Context, o Options) (*Node, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.stuckAfter == 0 {
		o.stuckAfter = stuckAfterDefault
	}
	n := &Node{options: o, ended: make(chan struct{})}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	if err := os.MkdirAll(n.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make the ledger's directory: %w", err)
	}
	genesis, err := n.genesis()
	if err != nil {
		return err
	}
	network, err := proof.NewNetwork(genesis)
	if err != nil {
		return err
	}
	if n.store, err = sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(n.options.Dir, databaseFile)}); err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	if n.keys, err = once.Open(ctx, n.keysPath()); err != nil {
		return err
	}
	if n.options.Snapshot != "" {
		if err := n.beginFrom(ctx, n.options.Snapshot, network.ID); err != nil {
			return err
		}
	}
	if err := n.connect(ctx, network.ID); err != nil {
		return err
	}
	witness, bus := n.part(network)
	if err := n.keepsVotes(ctx, witness); err != nil {
		return err
	}
	n.runner, err = node.Start(ctx, node.Options{
		CoreOptions: node.CoreOptions{Witness: witness},
		Genesis:     genesis, Store: n.store, Stream: n.log, Gossip: bus, Clock: n.options.Now, Logger: n.options.Log,
	})
	if err != nil {
		return err
	}
	if err := n.markVotes(witness); err != nil {
		return err
	}
	if n.options.Broker != nil {
		n.options.Broker.follow(n.runner)
	}
	n.peers = newPeers(network, bus, witness)
	n.watcher.Go(n.watch)
	n.watcher.Go(func() { n.peers.ask(n.runner.Done()) })
	if n.options.Keep > 0 {
		n.watcher.Go(n.keep)
	}
	return nil
}

// genesis finds or makes the genesis. Its file is durable before the store begins: if we crash in between, the next
// run begins the same network.
func (n *Node) genesis() (*settle.Vertex, error) {
	genesis, fresh, err := ownGenesis(n.options.Dir, n.options.Genesis, func() (*settle.Vertex, error) {
		if err := n.noDatabase(); err != nil {
			return nil, err
		}
		return settle.NewGenesis(DevGenesis(n.options.Wallet.DID(), n.options.Now()))
	})
	n.fresh = fresh
	return genesis, err
}

// noDatabase refuses to make a new network beside the database of one that has lost its genesis file.
func (n *Node) noDatabase() error {
	path := filepath.Join(n.options.Dir, databaseFile)
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%w: %s is there, and %s is not", ErrGenesisFile, path, genesisFile)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// founding gives the wallet with the key that the genesis knows: a rotation of the account key changes neither who votes
// nor whom the broker lets in.
func (n *Node) founding() *wallet.Wallet { return n.options.Wallet.At(0) }

// part gives the key with which this node votes, zero for one that only follows, and the way to the other witnesses. A
// witness that decides alone needs nobody.
func (n *Node) part(network *proof.Network) (wallet.PrivateKey, gossip.Bus) {
	key := n.founding().Account()
	if network.Witnesses.Decides(key.Public()) {
		return key, nil
	}
	place, isWitness := network.Witnesses.Index(key.Public())
	if !isWitness {
		key, place = wallet.PrivateKey{}, natsgossip.Follower
	}
	report := func(err error) { n.options.Log.Warn("the other witnesses", "error", err) }
	return key, natsgossip.New(n.conn, natsgossip.Options{Network: network.ID, Place: place, OnError: report})
}

// connect reaches the ordered log. Without it nothing is ever decided: that is said now, not to the first who submits.
func (n *Node) connect(ctx context.Context, network wallet.NetworkID) error {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	key := natsgossip.NodeKey(n.founding(), network, natslink.ConnectKey(n.options.Wallet.NATS()))
	err := n.dial(natsd.DialOptions{
		Name: "joulepay ledger", Key: key, InboxPrefix: natsgossip.Inbox(network, key.Public), TLS: n.options.TLS,
		OnReconnect: func() { n.options.Log.Info("NATS is back") },
		OnError: func(err error) {
			n.trouble.Note(err)
			n.options.Log.Warn("NATS", "error", err)
			if errors.Is(err, natsd.ErrForbidden) {
				giveUp(err) // while we wait below; later nobody does
			}
		},
	})
	if err != nil {
		return err
	}
	if n.log, err = jetstream.New(n.conn, jetstream.Options{Network: network, SizeMax: n.logSize()}); err != nil {
		return err
	}
	err = n.awaitLog(ctx)
	if forbidden := context.Cause(ctx); forbidden != nil {
		return forbidden
	}
	return err
}

// awaitLog looks at the log until it is there. A server without JetStream says so at once; those of a cluster say nothing
// before they have a leader.
func (n *Node) awaitLog(ctx context.Context) error {
	limit, try := logTimeout, logTimeout
	if n.conn.ConnectedClusterName() != "" {
		limit, try = logTimeoutCluster, logTryCluster
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	again := time.NewTicker(logRetry)
	defer again.Stop()
	for said := false; ; said = true {
		once, done := context.WithTimeout(limited, try)
		_, err := n.log.Head(once)
		done()
		if !errors.Is(err, stream.ErrUnavailable) || errors.Is(err, natsjs.ErrJetStreamNotEnabled) || limit == logTimeout || limited.Err() != nil {
			return err
		}
		if !said {
			n.options.Log.Warn("the brokers have no leader yet", "error", err)
		}
		select {
		case <-again.C:
		case <-limited.Done():
			return err
		}
	}
}

func (n *Node) dial(o natsd.DialOptions) (err error) {
	if n.options.Broker != nil {
		n.conn, err = n.options.Broker.Dial(o)
	} else {
		n.conn, err = natsd.Dial(n.options.NATS, o)
	}
	return err
}

// logSize gives how much of the log the broker reserves. A broker of this process has no other reader than this node,
// which keeps what it applied.
func (n *Node) logSize() int64 {
	if n.options.Broker != nil {
		return embeddedLogSize
	}
	return jetstream.SizeMaxDefault
}

// Close ends the node and waits for it. What was acknowledged is stored. Why it had ended by itself, Err says.
func (n *Node) Close() error {
	if n.runner != nil {
		_ = n.runner.Close() // Err says the same
		n.watcher.Wait()
	}
	if n.conn != nil {
		n.conn.Close()
	}
	var errs []error
	if n.keys != nil {
		errs = append(errs, n.keys.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

// Done is closed when the node has ended, or cannot go on; then Err says why.
func (n *Node) Done() <-chan struct{} { return n.ended }

// Err says, once Done is closed, why the node cannot go on; nil after Close.
func (n *Node) Err() error {
	<-n.ended
	return n.err
}

// Fresh tells whether this run began the network.
func (n *Node) Fresh() bool { return n.fresh }

// Network gives what is known of the network from its genesis.
func (n *Node) Network() *proof.Network { return n.runner.Network() }

// Status gives how far the node is.
func (n *Node) Status() node.Status { return n.runner.Status() }

// IsIssuer tells whether the wallet may issue.
func (n *Node) IsIssuer() bool { return isIssuer(n.Network().Genesis, n.options.Wallet.DID()) }

// Issue issues with the node's wallet, once for a reference. It returns when the money is there; that is final soon.
func (n *Node) Issue(ctx context.Context, ask client.IssueRequest) (client.Issue, error) {
	if !n.IsIssuer() {
		return client.Issue{}, fmt.Errorf("%w: %s", ErrNotIssuer, n.options.Wallet.DID())
	}
	return api.IssuerOf(n.runner, n.options.Wallet.DID(), n.options.Wallet.Account()).Issue(ctx, ask)
}
