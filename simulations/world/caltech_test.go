package world_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/internal/shared"
	"joulepay/simulations/plant"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/simulations/world"
	"joulepay/wallet/money"
)

// caltech gives the month of the garage, with a limit of sessions; 0: all.
func caltech(t testing.TB, limit int) *scenario.Scenario {
	t.Helper()
	s, err := scenarios.Open("caltech")
	if err != nil {
		t.Fatal(err)
	}
	s.Fleets[0].Limit = limit
	whole, err := s.Expand(s.Seed, os.DirFS(shared.Path(t, "data")))
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func runFull(t testing.TB, s *scenario.Scenario) *report.Summary {
	t.Helper()
	w, err := world.New(s, world.Options{Seed: s.Seed})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// A session begins when its channel is final, some 20 ms after the vehicle arrives. So much less is delivered at once, which
// now and then decides otherwise who is served next: no more than this share of the energy, in parts per million.
const laterPPM = 100

func TestI1_AMonthOfAGarageDeliversAndBillsWhatControlAloneDelivers(t *testing.T) {
	c := campaign.New(t)
	s := caltech(t, c.Size("sessions", 150))
	control, err := plant.Run(s, s.Seed)
	if err != nil {
		t.Fatal(err)
	}
	full := runFull(t, s)
	within := control.Totals.Delivered * laterPPM / 1e6
	if d := full.Totals.Delivered - control.Totals.Delivered; d > within || -d > within {
		t.Errorf("delivered %s Wh, control alone %s Wh", full.Totals.Delivered, control.Totals.Delivered)
	}
	const price = 300 // 10⁻⁹ dollars a mWh
	if full.Totals.EnergyWh != full.Totals.Delivered || int64(full.Totals.Paid.Amount) != int64(full.Totals.Delivered)*price {
		t.Errorf("delivered %s Wh, billed %s Wh, paid %s", full.Totals.Delivered, full.Totals.EnergyWh, full.Totals.Paid)
	}
	var ledger money.Amount
	for _, c := range full.Channels {
		ledger += c.Withdrawn.Amount + c.Payout.Amount
		if c.State != "closed" {
			t.Errorf("channel %s is %s", c.ID, c.State)
		}
	}
	if ledger != full.Totals.Paid.Amount || !full.Money.Conserved {
		t.Errorf("paid by claims %s, on the ledger %s; %+v", full.Totals.Paid, ledger, full.Money)
	}
}

func BenchmarkFullMonth(b *testing.B) {
	s := caltech(b, 0)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	var sessions, claims int
	for b.Loop() {
		summary := runFull(b, s)
		sessions += summary.Totals.Sessions
		claims += int(summary.Totals.Claims)
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(sessions)/cpu.Seconds(), "sessions/CPU-s")
	b.ReportMetric(float64(claims)/float64(sessions), "claims/session")
}
