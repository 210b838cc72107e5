package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel/secure"
)

// Link shows the secret link on which vehicles reach a station.
func Link(link *secure.Link) prometheus.Collector {
	delivered := prometheus.NewDesc("joulepay_link_datagrams_delivered_total", "Datagrams of vehicles that were authenticated and handed on.", nil, nil)
	dropped := prometheus.NewDesc("joulepay_link_datagrams_dropped_total",
		"Datagrams and handshakes that were not; forged, replayed and proof are somebody at work.", []string{"reason"}, nil)
	waiting := prometheus.NewDesc("joulepay_link_datagrams_waiting", "Datagrams that wait for their session.", nil, nil)
	return read{
		all: []*prometheus.Desc{delivered, dropped, waiting},
		collect: func(out chan<- prometheus.Metric) {
			counts := link.Counts()
			out <- count(delivered, float64(counts.Delivered))
			for reason, n := range counts.Reasons() {
				out <- count(dropped, float64(n), reason)
			}
			out <- level(waiting, float64(len(link.Receive())))
		},
	}
}
