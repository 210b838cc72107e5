package sqlite

import (
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"joulepay/channel/session"
	"joulepay/channel/store/storetest"
)

// BenchmarkClaims gives durable batches of the hot path per second: session, channel and one reading each, from callers
// that each run one session and wait for every claim.
func BenchmarkClaims(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "sessions.db")})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			}()
			batches := make([]session.Batch, callers)
			for n := range batches {
				batches[n] = storetest.Claim(uint64(n), 1)
			}
			before, cpu := s.db.Stats(), processorTime()
			b.ReportAllocs()
			b.ResetTimer()
			var group sync.WaitGroup
			for n := range callers {
				group.Go(func() { commitClaims(b, s, batches[n], b.N/callers+1) })
			}
			group.Wait()
			b.StopTimer()
			commits := s.db.Stats().Commits - before.Commits
			made := float64(callers * (b.N/callers + 1))
			b.ReportMetric(made/b.Elapsed().Seconds(), "batches/s")
			b.ReportMetric(made/float64(commits), "batches/fsync")
			b.ReportMetric(float64((processorTime()-cpu).Microseconds())/made, "cpu-µs/batch")
		})
	}
}

func commitClaims(b *testing.B, s *Store, batch session.Batch, claims int) {
	for claim := range uint64(claims) {
		batch.Sessions[0].Claims = claim
		batch.Channels[0].Side.In.Signed.Claim.Sequence = claim
		batch.Readings[0].Sequence = claim
		if err := s.Commit(b.Context(), batch); err != nil {
			b.Error(err)
			return
		}
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
