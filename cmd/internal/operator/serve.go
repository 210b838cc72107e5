package operator

import (
	"context"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/cmd/internal/metrics"
	"joulepay/settle"
	"joulepay/settle/api"
)

// Config gives what the API of a process with this node serves. The caller adds what else the process has, whether its
// address is loopback, and the operator's token.
func (n *Node) Config() api.Config {
	registry := metrics.New()
	registry.MustRegister(standing{n}, metrics.NATS("ledger", n.conn, &n.trouble), metrics.Database("ledger", n.store.Work),
		metrics.Disk(n.options.Dir)) // a fresh registry has nothing that they could collide with
	c := api.Config{
		Checks: []api.Check{{Name: "database", Well: n.databaseWell}, {Name: "stream", Well: n.streamWell}, {Name: "disk", Well: metrics.DiskWell(n.options.Dir)}},
		Now:    n.options.Now, Logger: n.options.Log, Registry: registry, Version: version(),
	}
	c.Snapshots, c.Once = n, n.keys
	c.Payer = api.PayerOf(n.runner, n.options.Wallet.DID(), n.options.Wallet.Account())
	if n.IsIssuer() {
		c.Issuer = n
	}
	c.Network = withPeers{api.OfNode(n.runner), n.peers}
	return c.WithNode(n.runner)
}

func (n *Node) databaseWell(ctx context.Context) error {
	_, _, err := n.store.Slot(ctx, settle.TotalsKey())
	return err
}

func (n *Node) streamWell(ctx context.Context) error {
	_, err := n.log.Head(ctx)
	return err
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// standing shows a node to Prometheus, read anew for every scrape.
type standing struct{ node *Node }

func gauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("joulepay_ledger_"+name, help, nil, nil)
}

var (
	heightGauge    = gauge("height", "Entries of the log that are applied.")
	acceptedGauge  = gauge("vertices_accepted", "Vertices that became part of the ledger.")
	decidedGauge   = gauge("vertices_decided", "Vertices with a verdict, refused ones among them.")
	pendingGauge   = gauge("vertices_pending", "Vertices that wait for their place in the log.")
	tipsGauge      = gauge("tips", "Vertices that no other references yet.")
	channelsGauge  = gauge("channels_open", "Channels that are not paid out yet.")
	justifiedGauge = gauge("checkpoint_justified", "Number of the newest justified checkpoint.")
	finalGauge     = gauge("checkpoint_final", "Number of the newest final checkpoint.")
	epochGauge     = gauge("stream_epoch", "Number of the ordered log; higher each time it began anew.")
	peersGauge     = gauge("peers_reachable", "Other witnesses that answered when they were last asked.")
	accusedGauge   = gauge("witnesses_accused", "Witnesses that contradicted themselves since the node started.")
	timeGauge      = gauge("time_seconds", "Ledger time, in seconds since 1970.")

	verticesCount = prometheus.NewDesc("joulepay_ledger_vertices_total", "Vertices decided since the start, by what they wanted and what the ledger said.",
		[]string{"kind", "verdict"}, nil)
	finalityTime = prometheus.NewDesc("joulepay_ledger_finality_seconds",
		"Time until a vertex that was submitted to this node is final here, of a sample.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m standing) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{heightGauge, acceptedGauge, decidedGauge, pendingGauge, tipsGauge, channelsGauge,
		justifiedGauge, finalGauge, epochGauge, peersGauge, accusedGauge, timeGauge, verticesCount, finalityTime} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m standing) Collect(out chan<- prometheus.Metric) {
	s := m.node.Status()
	send := func(d *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value) // no labels to mismatch
	}
	send(heightGauge, float64(s.Head.Height))
	send(acceptedGauge, float64(s.Head.Accepted))
	send(decidedGauge, float64(s.Head.Decided))
	send(pendingGauge, float64(s.Pending))
	send(tipsGauge, float64(s.Tips))
	send(channelsGauge, float64(s.Channels))
	send(justifiedGauge, float64(s.Justified))
	send(finalGauge, float64(s.Final))
	send(epochGauge, float64(s.Stream.Epoch()))
	send(peersGauge, float64(m.node.peers.reachable()))
	send(accusedGauge, float64(len(s.Evidence)))
	send(timeGauge, float64(s.Head.Time)/1000)
	tally := m.node.runner.Tally()
	for d, n := range tally.Decided {
		out <- prometheus.MustNewConstMetric(verticesCount, prometheus.CounterValue, float64(n), d.Kind.String(), d.Verdict.String())
	}
	out <- prometheus.MustNewConstHistogram(finalityTime, tally.Final, tally.FinalSeconds, tally.FinalWithin)
}
