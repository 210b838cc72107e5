package operator

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/did"
	"joulepay/settle/jetstream"
	"joulepay/settle/natsgossip"
	"joulepay/settle/node"
	"joulepay/settle/proof"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

// cableSubjects are those of simulated plugs, which are no part of the protocol: whoever simulates may use them.
const cableSubjects = "joulepay.v1.sim.>"

// BrokerOptions say how to run a NATS server for a ledger.
type BrokerOptions struct {
	Dir         string      // of the ordered log
	Address     string      // host:port for clients; port 0 takes a free one
	Certificate *tls.Config // of the server, which then wants TLS; nil serves in the clear
	// Genesis names the witnesses whose nodes may use the ledger's subjects, Followers who else; nil lets the nodes of this
	// process only.
	Genesis   *settle.Vertex
	Followers []wallet.DID
	// Ledger proves which keys stations have now, for a server without a node in its process; it needs Genesis. nil: the keys
	// that their DIDs name count.
	Ledger  registry.Ledger
	Cluster *natsd.Cluster // nil for a server alone
	Log     *slog.Logger
}

// Broker is a NATS server that knows which keys stations have now once a node of the ledger runs beside it.
type Broker struct {
	*natsd.Server
	ledger   atomic.Pointer[node.Node]     // nil before a node follows
	owner    atomic.Pointer[wallet.Wallet] // nil for none
	registry *registry.Registry            // nil where no other ledger is asked
}

// StartBroker starts the NATS server of a ledger that has no other and whose only node is in this process.
func StartBroker(dir, address string, certificate *tls.Config, log *slog.Logger) (*Broker, error) {
	return StartLedgerBroker(BrokerOptions{Dir: dir, Address: address, Certificate: certificate, Log: log})
}

// StartLedgerBroker starts a NATS server. Clients prove a key of their own choice. A station, which proves its DID too, gets
// the subjects of that DID, a node of the ledger, which proves its DID for that network, the ledger's, and everybody else
// those of the key's token. Nodes in this process may use all.
func StartLedgerBroker(o BrokerOptions) (*Broker, error) {
	host, port, err := parseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	b := &Broker{}
	if b.registry, err = o.registry(); err != nil {
		return nil, err
	}
	policy, err := b.policy(o.Genesis, o.Followers)
	if err != nil {
		return nil, err
	}
	b.Server, err = natsd.Start(natsd.Options{
		Host: host, Port: port, JetStream: true, StoreDir: filepath.Join(o.Dir, "jetstream"), SyncAlways: true,
		Verify: natslink.VerifyConnect, Authorize: policy, TLS: o.Certificate, Cluster: o.Cluster, Logger: o.Log,
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Own lets the station of this process in under the key that its wallet has, which no ledger needs to tell.
func (b *Broker) Own(w *wallet.Wallet) { b.owner.Store(w) }

// follow asks a node of this process for the keys of stations.
func (b *Broker) follow(n *node.Node) { b.ledger.Store(n) }

const (
	// lookUpMax bounds how long a station waits for this process's own database, or for the ledger that is named.
	lookUpMax = 2 * time.Second
	// provenAgeMax is how long a proof of another ledger counts while that is out of reach: what was seen to be replaced stays so.
	provenAgeMax = 30 * 24 * time.Hour
)

// registry gives what the keys of stations are checked against where a ledger is named.
func (o BrokerOptions) registry() (*registry.Registry, error) {
	if o.Ledger == nil || o.Genesis == nil {
		return nil, nil
	}
	network, err := proof.NewNetwork(o.Genesis)
	if err != nil {
		return nil, err
	}
	return registry.New(network, o.Ledger, registry.Options{AgeMax: provenAgeMax, Now: time.Now}), nil
}

// proven asks the ledger that is named. While that does not answer, and nothing of the DID was proven before, the key that the
// DID names counts: a ledger that is down, or only starts, must not keep stations away.
func (b *Broker) proven(d wallet.DID, account wallet.PublicKey) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookUpMax)
	defer cancel()
	err := b.registry.Check(ctx, d, account, nil)
	if errors.Is(err, registry.ErrUnknown) || errors.Is(err, did.ErrStale) {
		return natslink.InceptionOnly(d, account)
	}
	return err
}

// current is natslink.AccountKey. Of a DID that is not registered, and before a node follows, the key that it names counts. Who
// is connected stays so when its key is replaced: that key is refused when it connects again.
func (b *Broker) current(d wallet.DID, account wallet.PublicKey) error {
	if own := b.owner.Load(); own != nil && own.DID() == d && own.Account().Public() == account {
		return nil
	}
	ledger := b.ledger.Load()
	switch {
	case ledger == nil && b.registry != nil:
		return b.proven(d, account)
	case ledger == nil:
		return natslink.InceptionOnly(d, account)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookUpMax)
	defer cancel()
	registered, _, err := ledger.Identity(ctx, d)
	switch {
	case errors.Is(err, node.ErrNotFound):
		return natslink.InceptionOnly(d, account)
	case err != nil:
		return err
	}
	return did.Registration{DID: d, Identity: registered}.CheckKey(account)
}

// parseAddress reads host:port.
func parseAddress(address string) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, cli.Usage("an address is host:port, for example "+NATSDefault, "%w", err)
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", 0, cli.Usage("an address is host:port, for example "+NATSDefault, "port %q is no number below 65536", portText)
	}
	return host, int(number), nil
}

// policy is who may use which subject.
func (b *Broker) policy(genesis *settle.Vertex, followers []wallet.DID) (natsd.Policy, error) {
	forSessions := b.forSessions()
	nodes := forSessions
	if genesis != nil {
		network, err := proof.NewNetwork(genesis)
		if err != nil {
			return nil, err
		}
		nodes = natsgossip.Policy(network, followers, jetstream.Publishes(network.ID), forSessions)
	}
	return func(c natsd.Client) (natsd.Permissions, error) {
		if c.InProcess || observed {
			return natsd.Permissions{Publish: []string{">"}, Subscribe: []string{">"}}, nil
		}
		return nodes(c)
	}, nil
}

// forSessions is who may use which subject of sessions.
func (b *Broker) forSessions() natsd.Policy {
	sessions := natslink.Policy(b.current)
	return func(c natsd.Client) (natsd.Permissions, error) {
		granted, err := sessions(c)
		granted.Publish, granted.Subscribe = append(granted.Publish, cableSubjects), append(granted.Subscribe, cableSubjects)
		return granted, err
	}
}
