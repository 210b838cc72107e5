package metrics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/wallet/money"
)

var euro = money.Currency{'E', 'U', 'R'}

// scrape gives every sample of a registry as a line: name{label="value"} value.
func scrape(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				samples[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				samples[key] = m.Gauge.GetValue()
			case m.Histogram != nil:
				samples[key] = float64(m.Histogram.GetSampleCount())
				samples[key+" sum"] = m.Histogram.GetSampleSum()
			}
		}
	}
	return samples
}

func TestASessionIsCountedFromItsFirstWordToItsEnd(t *testing.T) {
	now := time.Unix(0, 0)
	s := NewSessions(euro, func() time.Time { return now })
	r := prometheus.NewRegistry()
	r.MustRegister(s)
	p := session.Progress{Session: channel.SessionID{1}, Role: session.RolePayee, Phase: session.PhaseCharging, Service: "charging"}
	say := func(change func()) { change(); s.Report(p); p.Err = nil }
	want := func(expected map[string]float64) {
		t.Helper()
		got := scrape(t, r)
		for name, value := range expected {
			if got[name] != value {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
	}
	say(func() {})
	say(func() { p.Cost = 3 * money.Nano })
	want(map[string]float64{"joulepay_sessions_running{service=charging}": 1, "joulepay_amount_at_risk{currency=EUR}": 3})
	now = now.Add(250 * time.Millisecond)
	say(func() { p.Claims, p.Paid = 1, 2*money.Nano })
	want(map[string]float64{"joulepay_claims_accepted_total{}": 1, "joulepay_amount_at_risk{currency=EUR}": 1,
		"joulepay_claim_latency_seconds{}": 1, "joulepay_claim_latency_seconds{} sum": 0.25})
	say(func() { p.Err = fmt.Errorf("deep: %w", channel.ErrUncovered) })
	say(func() { p.Err = errors.New("the meter is away") })
	say(func() { p.Phase, p.Reason = session.PhaseEnded, wire.ReasonTarget })
	say(func() {}) // it is over already
	want(map[string]float64{"joulepay_sessions_running{service=charging}": 0, "joulepay_sessions_ended_total{reason=target}": 1,
		"joulepay_claims_refused_total{reason=uncovered}": 1, "joulepay_session_errors_total{}": 1, "joulepay_amount_at_risk{currency=EUR}": 0})
}

func TestLabelsAreFromTheList(t *testing.T) {
	s := NewSessions(euro, time.Now)
	r := prometheus.NewRegistry()
	r.MustRegister(s)
	for i := range byte(5) {
		p := session.Progress{Session: channel.SessionID{i}, Role: session.RolePayee, Phase: session.PhaseCharging, Service: fmt.Sprint("mine", i)}
		s.Report(p)
		p.Phase, p.Reason = session.PhaseFailed, wire.Reason(fmt.Sprint("because", i))
		s.Report(p)
	}
	got := scrape(t, r)
	if got["joulepay_sessions_ended_total{reason=failed}"] != 5 {
		t.Errorf("%v", got)
	}
	for name := range got {
		if strings.Contains(name, "mine") || strings.Contains(name, "because") {
			t.Errorf("a peer chose a label: %s", name)
		}
	}
}

func TestADiskThatTakesNothingIsNotWell(t *testing.T) {
	dir := t.TempDir()
	if err := DiskWell(dir)(context.Background()); err != nil {
		t.Skipf("the disk of the test itself: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := DiskWell(filepath.Join(dir, "gone"))(context.Background()); !errors.Is(err, ErrDisk) {
		t.Errorf("got %v", err)
	}
}
