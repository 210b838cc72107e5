// Package party owns what a vehicle and a charger have in common as processes: wallet, store, connection to the broker,
// and a ledger that is pinned at first contact. It leaves sessions to channel/agent and flags to the commands.
// It keeps the pin: a data directory that has met one ledger refuses every other.
package party

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel/agent"
	"joulepay/channel/link"
	"joulepay/channel/natslink"
	"joulepay/channel/secure"
	channelsqlite "joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/metrics"
	"joulepay/cmd/internal/walletcmd"
	"joulepay/internal/natsd"
	"joulepay/settle/client"
	"joulepay/settle/did"
	"joulepay/settle/port"
	"joulepay/settle/registry"
	"joulepay/wallet"
)

// Defaults of a process that is started without flags.
const (
	NATSDefault   = "nats://127.0.0.1:4222"
	LedgerDefault = "http://127.0.0.1:8420"
)

// Files in the directory of a party, which lies in the one of all parties.
const (
	partiesDirectory = "parties"
	storeFile        = "sessions.db"
	pinFile          = "network"
)

// ErrPin is returned when the file that names the pinned network cannot be used.
var ErrPin = errors.New("party: the pinned network cannot be read")

// Access says what a party needs its store for.
type Access uint8

// Kinds of access.
const (
	AccessWrite Access = iota // as the only process
	AccessRead                // beside the process that writes
	AccessNone
)

// Options say what a party is made of.
type Options struct {
	Wallet *wallet.Wallet
	Dir    string // of store and pin; it exists
	Access Access // to the store
	NATS   string // URL; empty: no connection
	Ledger string // URL
	// Station connects as the owner of its DID's subjects. Everybody else takes a fresh key, so that the broker does not
	// know them again.
	Station bool
	TLS     *tls.Config // certificates of brokers that are trusted; nil: those of the system
	Name    string      // of the connection, for the broker's operator
	Log     *slog.Logger
	OnNATS  func(error)    // hears of trouble with the connection; may be nil
	Client  client.Options // of the settlement API

	// Registered refuses peers that are not registered on the ledger, and RegistrationAge proofs that are older; zero:
	// registry.AgeMax.
	Registered      bool
	RegistrationAge time.Duration
}

// Party is one opened participant.
type Party struct {
	Wallet *wallet.Wallet
	Store  store.Store // nil with AccessNone
	Ledger *client.Pinned
	Port   *port.Port
	Conn   *nats.Conn // nil without a URL
	// Registry knows which keys others have now.
	Registry *registry.Registry

	options Options
	trouble metrics.Trouble // of Conn
	keys    *keys
	key     wallet.PrivateKey // of Conn
	log     *slog.Logger
}

// Open pins the ledger, connects to the broker and opens the store. Whatever fails, everything else is closed again.
func Open(ctx context.Context, o Options) (*Party, error) {
	api, err := client.New(o.Ledger, o.Client)
	if err != nil {
		return nil, err
	}
	pinned, err := pin(ctx, api, filepath.Join(o.Dir, pinFile))
	if err != nil {
		return nil, err
	}
	p := &Party{Wallet: o.Wallet, Ledger: pinned, Port: port.New(pinned, o.Wallet), options: o, log: o.Log}
	p.Registry = registry.New(pinned.Trusted(), pinned, registry.Options{
		AgeMax: o.RegistrationAge, Required: o.Registered, Now: time.Now,
	})
	p.keys = newKeys(p.Registry, o.Station)
	if o.NATS != "" {
		if err := p.connect(); err != nil {
			p.Close()
			return nil, err
		}
	}
	p.Store, err = OpenStore(ctx, o.Dir, o.Access)
	if err == nil && o.Access == AccessWrite {
		err = checkOwner(ctx, p.Store, o.Wallet)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenStore opens the store of a party's directory; nil with AccessNone. Who only reads finds an empty one before the
// first session.
func OpenStore(ctx context.Context, dir string, access Access) (store.Store, error) {
	options := channelsqlite.Options{
		// The wallet may be one that was restored, with channels of a store that is lost: see KeyIndexFirst.
		Path: filepath.Join(dir, storeFile), ReadOnly: access == AccessRead, KeyIndexFirst: 1 + rand.Uint32N(channelsqlite.KeyIndexFirstMax),
	}
	switch access {
	case AccessNone:
		return nil, nil
	case AccessRead:
		if _, err := os.Stat(options.Path); errors.Is(err, fs.ErrNotExist) {
			return store.NewMemory(), nil
		}
	}
	opened, err := channelsqlite.Open(ctx, options)
	if err != nil {
		return nil, err // not the nil pointer in an interface
	}
	return opened, nil
}

// Close ends the connection, the store and what is being looked up.
func (p *Party) Close() {
	p.keys.close()
	if p.Conn != nil {
		p.Conn.Close()
	}
	if p.Store != nil {
		if err := p.Store.Close(); err != nil {
			p.log.Error("closing the store", "error", err)
		}
	}
}

// connect opens the connection that the party keeps.
func (p *Party) connect() (err error) {
	if p.options.Station {
		p.Conn, err = p.dial(natslink.StationKey(p.Wallet))
		return err
	}
	p.key = wallet.GenerateKey()
	p.Conn, err = p.dial(natslink.ConnectKey(p.key))
	return err
}

func (p *Party) dial(key natsd.Key) (*nats.Conn, error) {
	return natsd.Dial(p.options.NATS, natsd.DialOptions{Name: p.options.Name, Key: key, TLS: p.options.TLS, OnError: p.natsError})
}

// natsError counts what the connection reports, and passes it on.
func (p *Party) natsError(err error) {
	p.trouble.Note(err)
	if p.options.OnNATS != nil {
		p.options.OnNATS(err)
	}
}

// Metrics gives what a process that runs this party shows of it.
func (p *Party) Metrics() []prometheus.Collector {
	shown := []prometheus.Collector{metrics.NATS("station", p.Conn, &p.trouble)}
	if s, ok := p.Store.(*channelsqlite.Store); ok {
		shown = append(shown, metrics.Database("sessions", s.Work))
	}
	return shown
}

// Token gives the address of the party's connection, where it does not say who it is.
func (p *Party) Token() natslink.Token { return natslink.TokenOf(p.key.Public()) }

// Listen opens the link on which vehicles reach this station, in secret.
func (p *Party) Listen(trouble func(error)) (*secure.Link, error) {
	carrier, err := natslink.ListenStation(p.Conn, p.Wallet.DID(), trouble)
	if err != nil {
		return nil, err
	}
	return secure.Listen(carrier, p.secret(), p.secureOptions(nil)), nil
}

// Dial opens a link for one session with stations, in secret, on a connection under a fresh key of its own: the broker cannot
// tell it from anybody's. trouble hears also why a handshake failed.
func (p *Party) Dial(trouble func(error)) (link.Link, error) {
	key := wallet.GenerateKey()
	conn, err := p.dial(natslink.ConnectKey(key))
	if err != nil {
		return nil, err
	}
	carrier, err := natslink.DialPeer(conn, natslink.TokenOf(key.Public()), trouble)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ownLink{secure.Dial(carrier, p.secret(), p.secureOptions(trouble)), conn}, nil
}

// ownLink is a link with its connection.
type ownLink struct {
	*secure.Link
	conn *nats.Conn
}

// Close implements link.Link.
func (l ownLink) Close() error {
	defer l.conn.Close()
	return l.Link.Close()
}

func (p *Party) secret() secure.Identity { return secure.NewIdentity(p.Wallet, p.Ledger.Trusted().ID) }

// failures are what a vehicle wants to know of a handshake; the rest is what anybody can inject.
var failures = []error{secure.ErrNoAnswer, secure.ErrRefused, secure.ErrNotAdmitted, secure.ErrPeer}

// secureOptions logs what is dropped for who looks closely, and tells of handshakes that fail.
func (p *Party) secureOptions(trouble func(error)) secure.Options {
	return secure.Options{Admit: p.admit, OnDrop: func(err error) {
		p.log.Debug("datagram dropped", "error", err)
		for _, failure := range failures {
			if trouble != nil && errors.Is(err, failure) {
				trouble(err)
				return
			}
		}
	}}
}

// admit asks the ledger whether a peer's key is still its DID's. A station that cannot be told goes by the DID: whoever has
// only a retired key opens no channel, and so pays nothing, but a ledger that is down must not keep others from charging.
func (p *Party) admit(ctx context.Context, peer secure.Peer) error {
	err := p.Registry.Check(ctx, peer.DID, peer.Account, &peer.Static)
	if p.options.Station && (errors.Is(err, registry.ErrUnknown) || errors.Is(err, did.ErrStale)) {
		return secure.InceptionOnly(ctx, peer)
	}
	return err
}

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
	return pinned, writePin(path, pinned.Trusted().ID)
}

// writePin writes the file whole: if we crash before its name is there, the next run meets the ledger anew.
func writePin(path string, id wallet.NetworkID) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".network-*.tmp")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPin, err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // a leftover harms nobody
	_, err = temporary.WriteString(id.String() + "\n")
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrPin, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("%w: %w", ErrPin, err)
	}
	return nil
}

// Pinned gives the network that a directory has met; zero before the first contact.
func Pinned(dir string) (wallet.NetworkID, error) { return readPin(filepath.Join(dir, pinFile)) }

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

// Where names the directory of the party that a wallet's owner is: store and pin. Each wallet has its own, and
// each identity of it, since channels belong to their keys.
func Where(app *cli.App, selected *walletcmd.Selection) string {
	return filepath.Join(app.Data(), partiesDirectory, selected.Party())
}

// Dir gives that directory, made when missing.
func Dir(app *cli.App, selected *walletcmd.Selection) (string, error) {
	return app.Dir(partiesDirectory, selected.Party())
}
