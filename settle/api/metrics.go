package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

// other labels what is not in the table.
const other = "other"

// metrics are the counters of the API. Labels are patterns and methods of the table, never what a caller wrote.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// newMetrics registers them, with a gauge of who follows events now.
func newMetrics(registry *prometheus.Registry, followers func() int) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "joulepay_http_requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "joulepay_http_request_duration_seconds", Help: "Time to answer, by route; waiting for finality included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9), // 0.5 ms … 33 s
		}, []string{"route"}),
	}
	following := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "joulepay_http_event_followers", Help: "Callers that follow events now.",
	}, func() float64 { return float64(followers()) })
	for _, collector := range []prometheus.Collector{m.requests, m.seconds, following} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return m, nil
}

// observe counts a request once it is answered.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			route, method := chi.RouteContext(r.Context()).RoutePattern(), r.Method
			if route == "" {
				route = other
			}
			if method != http.MethodGet && method != http.MethodPost && method != http.MethodHead {
				method = other
			}
			s.metrics.requests.WithLabelValues(route, method, strconv.Itoa(wrapped.Status())).Inc()
			s.metrics.seconds.WithLabelValues(route).Observe(s.Now().Sub(start).Seconds())
		}()
		next.ServeHTTP(wrapped, r)
	})
}
