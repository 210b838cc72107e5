package operator

import (
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/settle/jetstream"
	"joulepay/settle/natsgossip"
	"joulepay/settle/proof"
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
	Cluster   *natsd.Cluster // nil for a server alone
	Log       *slog.Logger
}

// StartBroker starts the NATS server of a ledger that has no other and whose only node is in this process.
func StartBroker(dir, address string, certificate *tls.Config, log *slog.Logger) (*natsd.Server, error) {
	return StartLedgerBroker(BrokerOptions{Dir: dir, Address: address, Certificate: certificate, Log: log})
}

// StartLedgerBroker starts a NATS server. Clients prove a key of their own choice. A station, which proves its DID too, gets
// the subjects of that DID, a node of the ledger, which proves its DID for that network, the ledger's, and everybody else
// those of the key's token. Nodes in this process may use all.
func StartLedgerBroker(o BrokerOptions) (*natsd.Server, error) {
	host, port, err := parseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	policy, err := ledgerPolicy(o.Genesis, o.Followers)
	if err != nil {
		return nil, err
	}
	return natsd.Start(natsd.Options{
		Host: host, Port: port, JetStream: true, StoreDir: filepath.Join(o.Dir, "jetstream"), SyncAlways: true,
		Verify: natslink.VerifyConnect, Authorize: policy, TLS: o.Certificate, Cluster: o.Cluster, Logger: o.Log,
	})
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

// ledgerPolicy is who may use which subject.
func ledgerPolicy(genesis *settle.Vertex, followers []wallet.DID) (natsd.Policy, error) {
	nodes := natsd.Policy(forSessions)
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

// sessions is who may use which subject of sessions. No account key is rotated behind this broker's back: it would need the
// ledger to know.
var sessions = natslink.Policy(natslink.InceptionOnly)

func forSessions(c natsd.Client) (natsd.Permissions, error) {
	granted, err := sessions(c)
	granted.Publish, granted.Subscribe = append(granted.Publish, cableSubjects), append(granted.Subscribe, cableSubjects)
	return granted, err
}
