package operator

import (
	"log/slog"
	"net"
	"path/filepath"
	"strconv"

	"joulepay/channel/natslink"
	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
)

// sessionSubjects are those of sessions between stations and vehicles: all that a client from outside may use. The
// ledger's log is for the nodes in this process.
const sessionSubjects = "joulepay.v1.>"

// StartBroker starts the NATS server of a ledger that has no other: address is host:port, and port 0 takes a free one.
// Clients prove a key of their own choice and reach the subjects of sessions.
func StartBroker(dir, address string, log *slog.Logger) (*natsd.Server, error) {
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
		Verify: natslink.VerifyConnect, Authorize: authorize, Logger: log,
	})
}

func authorize(c natsd.Client) (natsd.Permissions, error) {
	subjects := []string{sessionSubjects}
	if c.InProcess {
		subjects = []string{">"}
	}
	return natsd.Permissions{Publish: subjects, Subscribe: subjects}, nil
}
