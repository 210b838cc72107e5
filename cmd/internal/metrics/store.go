package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"joulepay/internal/sqlite"
)

// Database shows a store. name is what it holds: "ledger" or "sessions".
func Database(name string, work func() sqlite.Work) prometheus.Collector {
	labels := prometheus.Labels{"store": name}
	commits := prometheus.NewDesc("joulepay_database_commit_seconds", "Time until a transaction was durable; many requests share one.", nil, labels)
	requests := prometheus.NewDesc("joulepay_database_requests_total", "Requests to write, which share transactions.", nil, labels)
	return read{
		all: []*prometheus.Desc{commits, requests},
		collect: func(out chan<- prometheus.Metric) {
			w := work()
			out <- prometheus.MustNewConstHistogram(commits, w.Commits, w.Seconds, w.Within)
			out <- count(requests, float64(w.Requests))
		},
	}
}

// Disk shows the room below a directory.
func Disk(directory string) prometheus.Collector {
	free := prometheus.NewDesc("joulepay_disk_free_bytes", "Room on the disk of --data.", nil, nil)
	return read{
		all: []*prometheus.Desc{free},
		collect: func(out chan<- prometheus.Metric) {
			if room, err := diskFree(directory); err == nil {
				out <- level(free, float64(room))
			}
		},
	}
}
