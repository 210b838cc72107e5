package sqlite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	db "joulepay/internal/sqlite"
)

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func values(n, cols int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", cols), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
}

func BenchmarkProto(b *testing.B) {
	const callers = 256
	for _, chan_ := range []int{370, 260} {
	for _, readings := range []string{"none", "append", "index", "clustered"} {
		for _, chunk := range []int{1, 16, 64} {
			for _, auto := range []int{1000, 8000} {
				b.Run(fmt.Sprintf("chan=%d/r=%s/chunk=%d/auto=%d", chan_, readings, chunk, auto), func(b *testing.B) {
					d, err := db.Open(context.Background(), db.Options{Path: b.TempDir() + "/x.db", ApplicationID: 7, Migrations: []string{`
CREATE TABLE s(n INTEGER PRIMARY KEY, b BLOB);
CREATE TABLE c(n INTEGER PRIMARY KEY, b BLOB);
CREATE TABLE ra(n INTEGER PRIMARY KEY, s INTEGER, q INTEGER, b BLOB);
CREATE TABLE ri(n INTEGER PRIMARY KEY, s INTEGER, q INTEGER, b BLOB);
CREATE UNIQUE INDEX rix ON ri(s,q);
CREATE TABLE rc(s INTEGER, q INTEGER, b BLOB, PRIMARY KEY(s,q)) WITHOUT ROWID;
`}})
					if err != nil {
						b.Fatal(err)
					}
					defer d.Close()
					d.Commit(context.Background(), func(tx *db.Tx) error {
						_, err := tx.Exec(fmt.Sprintf("PRAGMA wal_autocheckpoint=%d", auto))
						return err
					})
					sb, cb, rb := make([]byte, 70), make([]byte, chan_), make([]byte, 152)
					table := map[string]string{"append": "ra", "index": "ri", "clustered": "rc"}[readings]
					qs := "INSERT OR REPLACE INTO s(n,b) VALUES " + values(chunk, 2)
					qc := "INSERT OR REPLACE INTO c(n,b) VALUES " + values(chunk, 2)
					qr := "INSERT INTO " + table + "(s,q,b) VALUES " + values(chunk, 3)
					start := cpu()
					b.ResetTimer()
					q := 0
					for done := 0; done < b.N; done += callers {
						q++
						err := d.Commit(context.Background(), func(tx *db.Tx) error {
							for k := 0; k < callers; k += chunk {
								args := make([]any, 0, 3*chunk)
								for i := range chunk {
									args = append(args, k+i, sb)
								}
								if _, err := tx.Exec(qs, args...); err != nil {
									return err
								}
								args = args[:0]
								for i := range chunk {
									args = append(args, k+i, cb)
								}
								if _, err := tx.Exec(qc, args...); err != nil {
									return err
								}
								if table != "" {
									args = args[:0]
									for i := range chunk {
										args = append(args, k+i, q, rb)
									}
									if _, err := tx.Exec(qr, args...); err != nil {
										return err
									}
								}
							}
							return nil
						})
						if err != nil {
							b.Fatal(err)
						}
					}
					b.StopTimer()
					n := float64((b.N + callers - 1) / callers * callers)
					b.ReportMetric(float64((cpu()-start).Nanoseconds())/n/1000, "cpu-µs/batch")
					b.ReportMetric(n/b.Elapsed().Seconds(), "batch/s")
				})
			}
		}
	}
	}
}

var _ = os.Args
