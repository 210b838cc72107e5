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
)

// cableSubjects are those of simulated plugs, which are no part of the protocol: whoever simulates may use them.
const cableSubjects = "joulepay.v1.sim.>"

// StartBroker starts the NATS server of a ledger that has no other: address is host:port, and port 0 takes a free one.
// certificate, when not nil, is that of the server, which then wants TLS. Clients prove a key of their own choice. A station,
// which proves its DID too, gets the subjects of that DID, everybody else those of the key's token; the ledger's log is for
// the nodes in this process.
func StartBroker(dir, address string, certificate *tls.Config, log *slog.Logger) (*natsd.Server, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, cli.Usage("an address is host:port, for example "+NATSDefault, "%w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, cli.Usage("an address is host:port, for example "+NATSDefault, "port %q is no number below 65536", portText)
	}
	return natsd.Start(natsd.Options{
		Host: host, Port: int(port), JetStream: true, StoreDir: filepath.Join(dir, "jetstream"), SyncAlways: true,
		Verify: natslink.VerifyConnect, Authorize: authorize, TLS: certificate, Logger: log,
	})
}

// sessions is who may use which subject of sessions. No account key is rotated behind this broker's back: it would need the
// ledger to know.
var sessions = natslink.Policy(natslink.InceptionOnly)

func authorize(c natsd.Client) (natsd.Permissions, error) {
	if c.InProcess || observed {
		return natsd.Permissions{Publish: []string{">"}, Subscribe: []string{">"}}, nil
	}
	granted, err := sessions(c)
	granted.Publish, granted.Subscribe = append(granted.Publish, cableSubjects), append(granted.Subscribe, cableSubjects)
	return granted, err
}
