package metrics

import (
	"errors"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"joulepay/internal/natsd"
)

// Trouble counts what a connection to the broker reports. The zero value is ready.
type Trouble struct{ slow, forbidden atomic.Uint64 }

// Note counts an error of natsd.DialOptions.OnError.
func (t *Trouble) Note(err error) {
	switch {
	case errors.Is(err, natsd.ErrSlow):
		t.slow.Add(1)
	case errors.Is(err, natsd.ErrForbidden):
		t.forbidden.Add(1)
	}
}

// NATS shows a connection to the broker. name is what it is for: "ledger" or "station".
func NATS(name string, conn *nats.Conn, trouble *Trouble) prometheus.Collector {
	labels := prometheus.Labels{"connection": name}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("joulepay_nats_"+name, help, variable, labels)
	}
	connected := desc("connected", "Whether the connection to the broker is up, 1 or 0.")
	reconnects := desc("reconnects_total", "Times that a lost connection to the broker was found again.")
	slow := desc("slow_consumers_total", "Times that a subscription was too slow, and messages were dropped.")
	forbidden := desc("forbidden_total", "Times that the broker refused a subject.")
	pending := desc("pending_bytes", "Bytes that wait to be sent to the broker.")
	messages := desc("messages_total", "Messages from and to the broker, by direction.", "direction")
	size := desc("bytes_total", "Bytes of messages from and to the broker, by direction.", "direction")
	return read{
		all: []*prometheus.Desc{connected, reconnects, slow, forbidden, pending, messages, size},
		collect: func(out chan<- prometheus.Metric) {
			up := 0.0
			if conn.IsConnected() {
				up = 1
			}
			stats := conn.Stats()
			out <- level(connected, up)
			out <- count(reconnects, float64(stats.Reconnects))
			out <- count(slow, float64(trouble.slow.Load()))
			out <- count(forbidden, float64(trouble.forbidden.Load()))
			if waiting, err := conn.Buffered(); err == nil {
				out <- level(pending, float64(waiting))
			} else {
				out <- level(pending, 0) // closed or away: nothing is kept
			}
			out <- count(messages, float64(stats.InMsgs), "in")
			out <- count(messages, float64(stats.OutMsgs), "out")
			out <- count(size, float64(stats.InBytes), "in")
			out <- count(size, float64(stats.OutBytes), "out")
		},
	}
}
