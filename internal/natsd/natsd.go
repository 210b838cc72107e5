// Package natsd owns the embedded NATS server and the one safe way to connect to a NATS server, embedded or not.
// It leaves to others what is sent over it, and who may: the policy is a function that they pass in.
// It keeps this invariant: nothing is lost without a word. A port that is taken, a store in use, a slow consumer and
// a forbidden subject are errors that reach the caller, and no message is delivered late from a buffer.
package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"

	"joulepay/internal/filelock"
)

// Errors of Start.
var (
	ErrPortTaken = errors.New("natsd: the port is taken")
	ErrStoreHeld = errors.New("natsd: the store directory is in use by another server")
	ErrExposed   = errors.New("natsd: a server that others can reach needs a policy")
	ErrStart     = errors.New("natsd: the server did not start")
)

// PortNone makes a server without a listener: it is reached in process only.
const PortNone = -1

// Limits of a server.
const (
	clientsMax       = 10_000   // a charging park, twice over; each client costs some 50 KiB
	perKeyMax        = 16       // default: a process that starts again while its last connections time out, several times
	perAddressMax    = 1_000    // default: the charging park's own gateway; one stranger gets a tenth of the server
	pendingMax       = 16 << 20 // what waits for one client before it is cut off as too slow: sixteen of the largest messages
	subscriptionsMax = 1_000    // for one client: a link, announcements and a ledger node need some tens
	controlLineMax   = 1024     // a subject with two DIDs is below 200 bytes
	payloadMax       = 1 << 20  // default: a bundle of vertices; datagrams of a link are far smaller
	authTimeout      = 10.0     // seconds for a client to prove its key, and 5 more for TLS: a signature on a busy machine
	memoryStoreMax   = 64 << 20 // streams belong in files; without a bound the server takes three quarters of the RAM
)

// Options say how to start a server.
type Options struct {
	Host            string // default 127.0.0.1
	Port            int    // 0 takes a free one, PortNone none
	JetStream       bool
	StoreDir        string // of JetStream; needed with it
	SyncAlways      bool   // sync the store before a publish is acknowledged; otherwise only every two minutes
	PayloadMaxBytes int    // default 1 MiB
	Verify          Verify // how keys are proven; needed with Authorize
	Authorize       Policy // nil lets everybody in, which only a loopback address allows
	// ClientsPerKeyMax and ClientsPerAddressMax bound the connections of one key and of one IP address, where there is a policy;
	// 0 takes 16 and 1000. Connections in process are not counted.
	ClientsPerKeyMax     int
	ClientsPerAddressMax int
	TLS                  *tls.Config // with the server's certificate, see Certificate; nil serves in the clear
	Cluster              *Cluster    // nil for a server alone
	Logger               *slog.Logger
}

// Server is a running server.
type Server struct {
	nats  *server.Server
	lock  *filelock.Lock // nil without JetStream
	close func() error
}

// Start starts a server that accepts connections when Start returns.
func Start(options Options) (*Server, error) {
	if options.Host == "" {
		options.Host = "127.0.0.1"
	}
	if options.Authorize == nil && options.Port != PortNone && !isLoopback(options.Host) {
		return nil, fmt.Errorf("%w: %s", ErrExposed, options.Host)
	}
	if options.Cluster != nil {
		if err := options.Cluster.check(); err != nil {
			return nil, err
		}
	}
	if options.Authorize != nil && options.Verify == nil {
		return nil, errors.New("natsd: a policy needs a way to verify keys")
	}
	s := &Server{}
	if err := s.lockStore(options); err != nil {
		return nil, err
	}
	if err := s.start(options); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.close = sync.OnceValue(s.release)
	return s, nil
}

// ClientURL gives the address for clients; it is of no use with PortNone.
func (s *Server) ClientURL() string { return s.nats.ClientURL() }

// Close ends the server and waits until its store is on the disk and its goroutines are gone.
func (s *Server) Close() error { return s.close() }

// lockStore takes the store directory for this process: the server itself has no such guard, and two of them
// would destroy each other's streams.
func (s *Server) lockStore(options Options) error {
	if !options.JetStream {
		return nil
	}
	if options.StoreDir == "" {
		return errors.New("natsd: JetStream needs a store directory")
	}
	if err := os.MkdirAll(options.StoreDir, 0o700); err != nil {
		return fmt.Errorf("natsd: store directory: %w", err)
	}
	lock, err := filelock.Acquire(filepath.Join(options.StoreDir, "natsd.lock"))
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%w: %w", ErrStoreHeld, err)
	}
	if err != nil {
		return fmt.Errorf("natsd: %w", err)
	}
	s.lock = lock
	return nil
}

func (s *Server) start(options Options) error {
	counted := newCensus(options)
	native, err := server.NewServer(nativeOptions(options, counted))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	counted.connected = func(id uint64) bool { return native.GetClient(id) != nil }
	s.nats = native
	log := newLogger(options.Logger)
	native.SetLogger(log, false, false)
	native.Start() // returns when the listener is up, or after a fatal error in the log
	if fatal := log.fatal(); fatal != nil {
		if portTaken(options) {
			return fmt.Errorf("%w: %s", ErrPortTaken, address(options))
		}
		return fmt.Errorf("%w: %w", ErrStart, fatal)
	}
	return s.awaitCluster(options, log)
}

func (s *Server) release() error {
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	if s.lock != nil {
		return s.lock.Release()
	}
	return nil
}

func nativeOptions(options Options, counted *census) *server.Options {
	native := &server.Options{
		Host:               options.Host,
		Port:               options.Port,
		JetStream:          options.JetStream,
		StoreDir:           options.StoreDir,
		SyncAlways:         options.SyncAlways,
		MaxConn:            clientsMax,
		MaxSubs:            subscriptionsMax,
		MaxControlLine:     controlLineMax,
		MaxPayload:         payloadMax,
		MaxPending:         pendingMax,
		AuthTimeout:        authTimeout,
		JetStreamMaxMemory: memoryStoreMax,
		NoSigs:             true, // signals belong to the program
	}
	switch options.Port {
	case 0:
		native.Port = server.RANDOM_PORT
	case PortNone:
		native.Port, native.DontListen = 0, true
	}
	if options.PayloadMaxBytes > 0 {
		native.MaxPayload = int32(min(options.PayloadMaxBytes, payloadMax))
	}
	if options.Authorize != nil {
		native.CustomClientAuthentication = authenticator{verify: options.Verify, policy: options.Authorize, census: counted}
		native.AlwaysEnableNonce = true
	}
	if options.TLS != nil {
		native.TLS, native.TLSConfig, native.TLSTimeout = true, options.TLS, handshakeTimeout.Seconds()
		native.AuthTimeout += native.TLSTimeout
	}
	options.Cluster.apply(native)
	return native
}

// portTaken tells, after a failed start, whether another listener was the cause. The server reports it as text only.
func portTaken(options Options) bool {
	if options.Port == PortNone {
		return false
	}
	listener, err := net.Listen("tcp", address(options))
	if err == nil {
		_ = listener.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

func address(options Options) string {
	return net.JoinHostPort(options.Host, strconv.Itoa(options.Port))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
