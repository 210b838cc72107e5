package sqlite_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"joulepay/internal/sqlite"
)

// BenchmarkCommit gives durable commits per second for callers that each wait for their own.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := open(b, optionsIn(b.TempDir()))
			var next atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range callers {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := db.Commit(b.Context(), put(strconv.FormatInt(i, 10), int(i))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			stats := db.Stats()
			b.ReportMetric(float64(stats.Requests)/float64(stats.Commits), "commits/fsync")
		})
	}
}

// BenchmarkInsert gives single inserts per second inside one transaction.
func BenchmarkInsert(b *testing.B) {
	db := open(b, optionsIn(b.TempDir()))
	b.ReportAllocs()
	err := db.Commit(b.Context(), func(tx *sqlite.Tx) error {
		for i := range b.N {
			if err := put(strconv.Itoa(i), i)(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "inserts/s")
}
