// Package party owns what a vehicle and a charger have in common as processes: wallet, store, connection to the broker,
// and a ledger that is pinned at first contact. It leaves sessions to channel/agent and flags to the commands.
// It keeps the pin: a data directory that has met one ledger refuses every other.
package party

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"

	"joulepay/channel/agent"
	"joulepay/channel/natslink"
	channelsqlite "joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/settle/client"
	"joulepay/settle/port"
	"joulepay/wallet"
)

// Defaults of a process that is started without flags.
const (
	NATSDefault   = "nats://127.0.0.1:4222"
	LedgerDefault = "http://127.0.0.1:8420"
)

// ErrPin is returned when the file that names the pinned network cannot be used.
var ErrPin = errors.New("party: the pinned network cannot be read")

// Options say what a party is made of.
type Options struct {
	Wallet *wallet.Wallet
	Dir    string // of store and pin; it exists
	NATS   string // URL
	Ledger string // URL
	Name   string // of the connection, for the broker's operator
	Log    *slog.Logger
	OnNATS func(error)    // hears of trouble with the connection; may be nil
	Client client.Options // of the settlement API
}

// Party is one opened participant.
type Party struct {
	Wallet *wallet.Wallet
	Store  store.Store
	Ledger *client.Pinned
	Port   *port.Port
	Conn   *nats.Conn
	log    *slog.Logger
}

// Open pins the ledger, opens the store and connects to the broker. Whatever fails, everything else is closed again.
func Open(ctx context.Context, o Options) (*Party, error) {
	api, err := client.New(o.Ledger, o.Client)
	if err != nil {
		return nil, err
	}
	pinned, err := pin(ctx, api, filepath.Join(o.Dir, "network"))
	if err != nil {
		return nil, err
	}
	p := &Party{Wallet: o.Wallet, Ledger: pinned, Port: port.New(pinned, o.Wallet), log: o.Log}
	p.Conn, err = natslink.Connect(o.NATS, o.Name, o.Wallet.NATS(), o.OnNATS)
	if err != nil {
		return nil, err
	}
	if p.Store, err = channelsqlite.Open(ctx, channelsqlite.Options{Path: filepath.Join(o.Dir, "sessions.db")}); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close ends the connection and the store.
func (p *Party) Close() {
	p.Conn.Close()
	if p.Store != nil {
		if err := p.Store.Close(); err != nil {
			p.log.Error("closing the store", "error", err)
		}
	}
}

// Token gives the address of this party on links where it does not say who it is.
func (p *Party) Token() natslink.Token { return natslink.TokenOf(p.Wallet.NATS().Public()) }

// Identity gives what agents sign with.
func (p *Party) Identity() agent.Identity {
	return agent.Identity{Wallet: p.Wallet, Network: p.Ledger.Trusted().ID}
}

// pin names the ledger that was met first, or notes the one that is met now.
func pin(ctx context.Context, api *client.Client, path string) (*client.Pinned, error) {
	known, err := readPin(path)
	if err != nil {
		return nil, err
	}
	pinned, err := api.Pin(ctx, known)
	if err != nil || known != (wallet.NetworkID{}) {
		return pinned, err
	}
	text := pinned.Trusted().ID.String() + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPin, err)
	}
	return pinned, nil
}

func readPin(path string) (wallet.NetworkID, error) {
	var id wallet.NetworkID
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, nil
	}
	if err != nil {
		return id, fmt.Errorf("%w: %w", ErrPin, err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("%w: %s does not hold a network id", ErrPin, path)
	}
	copy(id[:], raw)
	return id, nil
}
