package natsd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Limits of a cluster.
const (
	routesMax          = 9  // servers that keep streams together: three or five are usual
	clusterNameMax     = 64 // bytes of a cluster's or a server's name
	clusterSecretMax   = 256
	clusterAuthTimeout = 5 * time.Second // for a route to prove the secret, on a busy machine
)

// routeReports is how many failed attempts to reach another server, one a second on each of four connections, make a line
// of the log.
const routeReports = 60

// clusterStartTimeout is for the listener to come up on a busy machine; it takes milliseconds.
const clusterStartTimeout = time.Minute

// ErrCluster says what is wrong with the options of a cluster.
var ErrCluster = errors.New("natsd: not usable as a server of a cluster")

// Cluster makes a server one of several that keep streams together. Streams need more than half of the servers.
type Cluster struct {
	Name   string // the same on all servers
	Server string // of this server: another one than all others have, and the same in every run, since copies of streams are known by it
	Host   string // where the others reach this server; default 127.0.0.1
	Port   int    // 0 takes a free one, which no other server can know in advance
	// Routes are host:port of all servers of the cluster, this one included: before the first start, their number is how many
	// make a majority.
	Routes []string
	// Secret is what servers prove to each other, the same on all. It travels as it is: where others can listen on the way, the
	// way needs a tunnel. Without one, anybody who reaches the port is a server of the cluster, so only loopback allows that.
	Secret string
}

// check returns ErrCluster, or ErrExposed for a cluster that everybody could join.
func (c *Cluster) check() error {
	for _, name := range []string{c.Name, c.Server} {
		if name == "" || len(name) > clusterNameMax || strings.ContainsAny(name, " \t\r\n.*>/\\") {
			return fmt.Errorf("%w: a name has 1 to %d bytes, without spaces, dots, stars and slashes: %.70q", ErrCluster, clusterNameMax, name)
		}
	}
	if len(c.Routes) > routesMax {
		return fmt.Errorf("%w: %d routes, at most %d", ErrCluster, len(c.Routes), routesMax)
	}
	if len(c.Secret) > clusterSecretMax || strings.ContainsAny(c.Secret, "\r\n") {
		return fmt.Errorf("%w: the secret is one line of at most %d bytes", ErrCluster, clusterSecretMax)
	}
	if c.Secret == "" && !isLoopback(c.host()) {
		return fmt.Errorf("%w, and a cluster a secret: %s", ErrExposed, c.host())
	}
	_, err := c.routes()
	return err
}

func (c *Cluster) host() string {
	if c.Host == "" {
		return "127.0.0.1"
	}
	return c.Host
}

// user gives the name that goes with the secret in the server's form.
const user = "route"

// routes gives the addresses of the others in the server's form, in which the secret is part of the URL.
func (c *Cluster) routes() ([]*url.URL, error) {
	var routes []*url.URL
	for _, address := range c.Routes {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("%w: route %.100q: %w", ErrCluster, address, err)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
			return nil, fmt.Errorf("%w: route %.100q is not host:port", ErrCluster, address)
		}
		route := &url.URL{Scheme: "nats-route", Host: address}
		if c.Secret != "" {
			route.User = url.UserPassword(user, c.Secret)
		}
		routes = append(routes, route)
	}
	return routes, nil
}

// apply makes the server's options those of a cluster. Options are checked before.
func (c *Cluster) apply(native *server.Options) {
	if c == nil {
		return
	}
	native.ServerName, native.ReconnectErrorReports = c.Server, routeReports
	native.Cluster = server.ClusterOpts{
		Name: c.Name, Host: c.host(), Port: c.Port, NoAdvertise: true, AuthTimeout: clusterAuthTimeout.Seconds(),
	}
	if c.Port == 0 {
		native.Cluster.Port = server.RANDOM_PORT
	}
	if c.Secret != "" {
		native.Cluster.Username, native.Cluster.Password = user, c.Secret
	}
	native.Routes, _ = c.routes()
}

// awaitCluster waits until other servers can connect: their listener comes up beside Start.
func (s *Server) awaitCluster(options Options, log *logger) error {
	if options.Cluster == nil {
		return nil
	}
	for limit := time.After(clusterStartTimeout); ; {
		if s.nats.ReadyForConnections(clusterStartTimeout / 100) {
			return nil
		}
		if fatal := log.fatal(); fatal != nil {
			address := net.JoinHostPort(options.Cluster.host(), strconv.Itoa(options.Cluster.Port))
			return fmt.Errorf("%w: servers of the cluster cannot reach %s: %w", ErrStart, address, fatal)
		}
		select {
		case <-limit:
			return fmt.Errorf("%w: nothing listens for the servers of the cluster", ErrStart)
		default:
		}
	}
}

// ClusterAddress gives host:port for the other servers of the cluster, or "" without one.
func (s *Server) ClusterAddress() string {
	if address := s.nats.ClusterAddr(); address != nil {
		return address.String()
	}
	return ""
}

// ClusterReady tells whether enough servers of the cluster know each other that streams can be made. A server alone is ready.
func (s *Server) ClusterReady() bool {
	if !s.nats.JetStreamIsClustered() {
		return true
	}
	info, err := s.nats.Jsz(nil)
	return err == nil && info.Meta != nil && info.Meta.Leader != ""
}

// NewSecret gives a secret for the routes of a cluster: 130 bits.
func NewSecret() string { return rand.Text() }
