package jetstream_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"joulepay/settle/jetstream"
	"joulepay/settle/stream"
)

// BenchmarkAppend gives what one server and a cluster of three take, every acknowledgement being on the disk of one or of
// two: a bundle alone on its way is how long ordering takes, eight are the most that a node sends at once.
func BenchmarkAppend(b *testing.B) {
	for _, servers := range []int{1, 3} {
		l := benchLog(b, servers)
		for _, size := range []int{1 << 10, 64 << 10} {
			for _, together := range []int{1, stream.AppendMax} {
				b.Run(fmt.Sprintf("servers=%d/size=%dKiB/together=%d", servers, size>>10, together), func(b *testing.B) {
					var bundles [][]byte
					for i := range together {
						bundles = append(bundles, bytes.Repeat([]byte{byte(i)}, size))
					}
					for b.Loop() {
						if _, err := l.AppendAll(b.Context(), bundles); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.N*together)/b.Elapsed().Seconds(), "bundles/s")
				})
			}
		}
	}
}

func benchLog(b *testing.B, servers int) *jetstream.Log {
	b.Helper()
	if servers == 1 {
		s := startServer(b, b.TempDir())
		b.Cleanup(func() { _ = s.Close() })
		return newLog(b, s)
	}
	c := startCluster(b)
	for i := range c.servers {
		c.start(i)
	}
	l := c.log()
	eventually(b, "head", func() (stream.Position, error) { return l.Head(b.Context()) })
	for deadline := time.Now().Add(electionPatience); ; {
		if _, err := l.Append(b.Context(), []byte("first")); err == nil {
			return l
		} else if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
}
