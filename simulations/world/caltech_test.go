package world_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/internal/shared"
	"joulepay/simulations/control"
	"joulepay/simulations/plant"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/scenarios"
	"joulepay/simulations/world"
	"joulepay/wallet"
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
	alone, err := plant.Run(s, s.Seed)
	if err != nil {
		t.Fatal(err)
	}
	full := runFull(t, s)
	within := alone.Totals.Delivered * laterPPM / 1e6
	if d := full.Totals.Delivered - alone.Totals.Delivered; d > within || -d > within {
		t.Errorf("delivered %s Wh, control alone %s Wh", full.Totals.Delivered, alone.Totals.Delivered)
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

// BenchmarkFullMonth runs the month with all payments, as the garage is controlled and as if nobody controlled it, with a claim every
// five minutes while energy flows. The limit is what signing and verifying claims and readings alone would allow on the same processor
// in the same run: two signatures and two verifications a claim.
func BenchmarkFullMonth(b *testing.B) {
	for _, algorithm := range []string{control.EDF, control.Uncontrolled} {
		b.Run(algorithm, func(b *testing.B) {
			s := caltech(b, 0)
			s.Control.Algorithm = algorithm
			var sessions, claims int
			began := processorTime()
			for b.Loop() {
				summary := runFull(b, s)
				sessions += summary.Totals.Sessions
				claims += int(summary.Totals.Claims)
			}
			each := (processorTime() - began).Seconds() / float64(sessions)
			alone := signedClaim(b).Seconds() * float64(claims) / float64(sessions)
			b.ReportMetric(1/each, "sessions/CPU-s")
			b.ReportMetric(1/alone, "limit-sessions/CPU-s")
			b.ReportMetric(100*alone/each, "%-of-limit")
			b.ReportMetric(float64(claims)/float64(sessions), "claims/session")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// signedClaim measures what the signatures of one claim cost: a reading and a claim, signed and verified.
func signedClaim(b *testing.B) time.Duration {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{1})
	verifier, err := wallet.NewVerifier(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 250) // between a reading and a claim
	const rounds = 2000
	began := processorTime()
	for i := range 2 * rounds {
		message[0] = byte(i)
		signature := key.Sign(wallet.DomainClaim, wallet.NetworkID{}, message)
		if err := verifier.Verify(wallet.DomainClaim, wallet.NetworkID{}, message, signature); err != nil {
			b.Fatal(err)
		}
	}
	return (processorTime() - began) / rounds
}

// processorTime is what the process has used of all processors.
func processorTime() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // fails for no process that asks about itself
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
