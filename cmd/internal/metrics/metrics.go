// Package metrics owns what a process shows Prometheus of its sessions, its connections to the broker, its stores and its disk.
// It leaves counting to the packages that do the work: what they know is read when somebody asks, so that work itself pays
// nothing. It keeps labels bounded: each value comes from a list in the code, never from a peer.
//
// Begin with New, then register NATS, Database, Link, Sessions and Disk where the process has them. docs/metrics.md lists all.
package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// other labels what is in no list.
const other = "other"

// New makes the registry of a process, with what every process shows: which program it is, its memory and its processor time.
func New() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	return registry
}

// buildInfo is a constant 1 whose labels say which software runs.
func buildInfo() prometheus.Collector {
	version, revision, goVersion := "unknown", "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "joulepay_build_info", Help: "1; the labels say which software runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goVersion},
	}, func() float64 { return 1 })
}

// read is a collector that reads what others counted, anew for every scrape.
type read struct {
	all     []*prometheus.Desc
	collect func(chan<- prometheus.Metric)
}

// Describe implements prometheus.Collector.
func (r read) Describe(out chan<- *prometheus.Desc) {
	for _, d := range r.all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (r read) Collect(out chan<- prometheus.Metric) { r.collect(out) }

func count(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func level(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}
