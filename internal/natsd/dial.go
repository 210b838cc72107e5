package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Errors of a connection: the first three from Dial, the others through OnError.
var (
	ErrUnreachable  = errors.New("natsd: no NATS server answers")
	ErrRefused      = errors.New("natsd: the NATS server refuses this key")
	ErrUntrusted    = errors.New("natsd: the NATS server shows no certificate that is trusted")
	ErrSlow         = errors.New("natsd: a subscription is too slow, messages were dropped")
	ErrForbidden    = errors.New("natsd: the NATS server forbids a subject")
	ErrDisconnected = errors.New("natsd: the connection is lost; reconnecting")
)

// Times of a connection: a server that is gone is noticed within pingInterval × pingsOutstandingMax, and found again
// within a second of its return.
const (
	dialTimeout         = 10 * time.Second // with TLS, over a mobile link; a port where nobody listens says so at once
	reconnectWait       = 250 * time.Millisecond
	pingInterval        = 5 * time.Second
	pingsOutstandingMax = 2
)

// DialOptions say who connects. The callbacks run one at a time, on a goroutine of the connection, and must be short.
type DialOptions struct {
	Name string
	Key  Key // proves who connects, where the server asks; none for nobody
	// TLS says which certificates are trusted, see Trust; nil trusts those of the system. With it, or a URL tls://, nothing is
	// sent in the clear; else TLS is used where the server wants it.
	TLS *tls.Config
	// InboxPrefix begins the subjects on which answers come, so that a policy can keep them from others. Empty for the
	// library's own, which all clients share.
	InboxPrefix string
	// OnError hears of everything that nobody asked for: ErrSlow, ErrForbidden, ErrDisconnected, or what else the
	// server or the library report.
	OnError func(error)
	// OnReconnect hears that the connection is back. What was sent meanwhile is lost, subscriptions are not.
	OnReconnect func()
}

// Shown gives URLs of servers as they may be printed and logged: without the passwords that an external server may want.
func Shown(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		parsed, err := url.Parse(strings.TrimSpace(text))
		if err != nil || parsed.User == nil {
			continue
		}
		list[i] = parsed.Redacted()
		if _, password := parsed.User.Password(); !password { // NATS takes a name without one for a token
			list[i] = strings.Replace(list[i], parsed.User.String()+"@", "xxxxx@", 1)
		}
	}
	return strings.Join(list, ",")
}

// Dial connects to the servers of the URLs, comma-separated. The connection never gives up once it was up. While it
// is down, publishing fails at once: a buffer would deliver stale messages late.
func Dial(urls string, options DialOptions) (*nats.Conn, error) {
	return dial(urls, options)
}

// Dial connects in process, without a socket. The policy applies all the same, but its refusal comes as
// ErrUnreachable and late: a pipe has no room for the reason.
func (s *Server) Dial(options DialOptions) (*nats.Conn, error) {
	return dial("", options, s.InProcess())
}

// InProcess makes nats.Connect reach this server without a socket.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.nats) }

func dial(urls string, options DialOptions, more ...nats.Option) (*nats.Conn, error) {
	if options.TLS != nil && len(more) == 0 {
		more = append(more, nats.Secure(options.TLS.Clone()))
	}
	conn, err := connect(urls, options, more)
	if errors.Is(err, nats.ErrNkeysNotSupported) { // an open server asks nobody for a key
		options.Key = Key{}
		conn, err = connect(urls, options, more)
	}
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate), errors.Is(err, nats.ErrSecureConnWanted):
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return conn, nil
}

func connect(urls string, options DialOptions, more []nats.Option) (*nats.Conn, error) {
	report := options.OnError
	if report == nil {
		report = func(error) {}
	}
	natsOptions := append([]nats.Option{
		nats.Name(options.Name),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(), // a server that restarts may know its clients only a moment later
		nats.PermissionErrOnSubscribe(true),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOutstandingMax),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { report(connectionError(sub, err)) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // none when the program itself closed the connection
				report(fmt.Errorf("%w: %w", ErrDisconnected, err))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			if options.OnReconnect != nil {
				options.OnReconnect()
			}
		}),
	}, more...)
	if options.InboxPrefix != "" {
		natsOptions = append(natsOptions, nats.CustomInboxPrefix(options.InboxPrefix))
	}
	if !options.Key.isZero() {
		identity, err := identify(options.Key)
		if err != nil {
			return nil, err
		}
		natsOptions = append(natsOptions, identity)
		if options.Key.Proof != "" {
			natsOptions = append(natsOptions, nats.Token(options.Key.Proof))
		}
	}
	return nats.Connect(urls, natsOptions...)
}

// identify names the key in the form of NATS and lets it sign the server's nonce.
func identify(key Key) (nats.Option, error) {
	name, err := nkeys.Encode(nkeys.PrefixByteUser, key.Public[:])
	if err != nil {
		return nil, fmt.Errorf("natsd: key: %w", err)
	}
	return nats.Nkey(string(name), func(nonce []byte) ([]byte, error) { return key.Sign(nonce), nil }), nil
}

func connectionError(sub *nats.Subscription, err error) error {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		return fmt.Errorf("%w: %s: %w", ErrSlow, sub.Subject, err)
	case errors.Is(err, nats.ErrSlowConsumer):
		return fmt.Errorf("%w: %w", ErrSlow, err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	return fmt.Errorf("natsd: %w", err)
}
