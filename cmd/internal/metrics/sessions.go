package metrics

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// Sessions counts what the sessions of a station report.
type Sessions struct {
	currency string
	now      func() time.Time // wall clock

	latency  prometheus.Histogram
	accepted prometheus.Counter
	refused  *prometheus.CounterVec
	errors   prometheus.Counter
	ended    *prometheus.CounterVec
	running  *prometheus.Desc
	atRisk   *prometheus.Desc

	mu   sync.Mutex // guards open
	open map[channel.SessionID]*visit
}

// visit is what is known of a session that runs.
type visit struct {
	service string
	claims  uint64
	cost    money.Amount
	paid    money.Amount
	asked   time.Time // since when a reading waits for its claim; zero while none does
}

// NewSessions counts amounts in one currency. A claim is timed by a wall clock, whatever the clock of sessions does.
func NewSessions(currency money.Currency, now func() time.Time) *Sessions {
	s := &Sessions{currency: currency.String(), now: now, open: map[channel.SessionID]*visit{}}
	s.latency = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "joulepay_claim_latency_seconds", Help: "Time from a reading that asks for money to the claim that pays for it.",
		Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 10), // 2 ms … 7.6 s
	})
	s.accepted = prometheus.NewCounter(prometheus.CounterOpts{Name: "joulepay_claims_accepted_total", Help: "Claims of vehicles that were accepted and stored."})
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "joulepay_claims_refused_total", Help: "Claims and other messages of vehicles that were refused, by reason.",
	}, []string{"reason"})
	s.errors = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "joulepay_session_errors_total", Help: "Other errors of sessions: of the meter, the outlet or the ledger.",
	})
	s.ended = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "joulepay_sessions_ended_total", Help: "Sessions that ended, by reason."}, []string{"reason"})
	s.running = prometheus.NewDesc("joulepay_sessions_running", "Sessions that have begun and not ended, by service.", []string{"service"}, nil)
	s.atRisk = prometheus.NewDesc("joulepay_amount_at_risk", "What was delivered and is not covered by a claim yet, in units of the currency.", []string{"currency"}, nil)
	for _, reason := range refusals {
		s.refused.WithLabelValues(reason.name) // a rate needs the zero before the first
	}
	for _, reason := range endings {
		s.ended.WithLabelValues(string(reason))
	}
	return s
}

// services are those that a station can sell.
var services = []string{"charging", "parking", "toll", "data"}

// endings are why sessions end.
var endings = []wire.Reason{wire.ReasonTarget, wire.ReasonUser, wire.ReasonStation, wire.ReasonUnpaid, wire.ReasonUncovered,
	wire.ReasonMeter, wire.ReasonCost, wire.ReasonTariff, "failed", other}

// refusals are why what a vehicle sent is refused: the first that fits.
var refusals = []struct {
	err  error
	name string
}{
	{channel.ErrUncovered, "uncovered"}, {channel.ErrFrozen, "closing"}, {channel.ErrWrongChannel, "wrong-channel"},
	{channel.ErrWrongLane, "wrong-lane"}, {channel.ErrTick, "tick"}, {channel.ErrAmount, "amount"}, {channel.ErrEncoding, "malformed"},
	{channel.ErrUnsynced, "unsynced"}, {session.ErrIdentity, "identity"}, {session.ErrUnexpected, "unexpected"}, {session.ErrChannel, "channel"},
	{session.ErrQuoteChanged, "quote"}, {session.ErrRefused, "refused-by-vehicle"}, {session.ErrClock, "clock"}, {wallet.ErrSignature, "signature"},
}

// Report counts what a session tells. It is quick: the session waits for it.
func (s *Sessions) Report(p session.Progress) {
	if p.Role != session.RolePayee {
		return
	}
	if p.Err != nil {
		s.refuse(p.Err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, known := s.open[p.Session]
	if p.Phase.Over() {
		if known {
			delete(s.open, p.Session)
			s.ended.WithLabelValues(ending(p)).Inc()
		}
		return
	}
	if !known {
		v = &visit{service: listed(services, p.Service), claims: p.Claims}
		s.open[p.Session] = v
	}
	s.pays(v, p)
}

// pays follows what is owed and what is claimed.
func (s *Sessions) pays(v *visit, p session.Progress) {
	if p.Claims > v.claims {
		s.accepted.Add(float64(p.Claims - v.claims))
		if !v.asked.IsZero() {
			s.latency.Observe(s.now().Sub(v.asked).Seconds())
		}
		v.asked = time.Time{}
	} else if p.Cost > v.cost && v.asked.IsZero() {
		v.asked = s.now()
	}
	v.claims, v.cost, v.paid = p.Claims, p.Cost, p.Paid
}

func (s *Sessions) refuse(err error) {
	for _, reason := range refusals {
		if errors.Is(err, reason.err) {
			s.refused.WithLabelValues(reason.name).Inc()
			return
		}
	}
	s.errors.Inc()
}

// ending names why a session ended.
func ending(p session.Progress) string {
	for _, reason := range endings {
		if p.Reason == reason {
			return string(reason)
		}
	}
	if p.Phase == session.PhaseFailed {
		return "failed"
	}
	return other
}

func listed(list []string, word string) string {
	for _, known := range list {
		if word == known {
			return word
		}
	}
	return other
}

// Describe implements prometheus.Collector.
func (s *Sessions) Describe(out chan<- *prometheus.Desc) {
	s.latency.Describe(out)
	s.accepted.Describe(out)
	s.refused.Describe(out)
	s.errors.Describe(out)
	s.ended.Describe(out)
	out <- s.running
	out <- s.atRisk
}

// Collect implements prometheus.Collector.
func (s *Sessions) Collect(out chan<- prometheus.Metric) {
	s.latency.Collect(out)
	s.accepted.Collect(out)
	s.refused.Collect(out)
	s.errors.Collect(out)
	s.ended.Collect(out)
	running, risk := map[string]int{}, money.Amount(0)
	s.mu.Lock()
	for _, v := range s.open {
		running[v.service]++
		risk += max(0, v.cost-v.paid)
	}
	s.mu.Unlock()
	for _, service := range services {
		out <- level(s.running, float64(running[service]), service)
	}
	if n := running[other]; n > 0 {
		out <- level(s.running, float64(n), other)
	}
	out <- level(s.atRisk, float64(risk)/float64(money.Nano), s.currency)
}
