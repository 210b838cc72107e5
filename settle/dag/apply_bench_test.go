package dag_test

import (
	"testing"

	"joulepay/settle"
	"joulepay/settle/dag"
)

// BenchmarkApply applies transfers whose signatures are verified already: what the rules themselves cost.
func BenchmarkApply(b *testing.B) {
	for name, limits := range map[string]settle.Limits{"free": unlimited(), "credit and locks": settle.DefaultLimits()} {
		b.Run(name, func(b *testing.B) {
			l := newLedgerWith(b, limits)
			a, to := newActor(1), newActor(2)
			l.fund(a, 1_000*eur)
			l.fund(to, eur)
			l.fund(l.issuer, 900_000*eur) // so much credit is saved up by nobody else
			l.wait(1)
			entries := make([]dag.Entry, b.N)
			for i := range entries {
				by := l.issuer
				v := l.vertex(by, &settle.Transfer{Sequence: uint64(i + 1), To: to.did, Amount: 1})
				entries[i] = dag.Entry{Vertex: v, SignedBy: by.key.Public()}
			}
			b.ResetTimer()
			b.ReportAllocs()
			for _, e := range entries {
				if r, err := l.state.Apply(e); err != nil || r.Verdict != settle.Applied {
					b.Fatal(r.Verdict, err)
				}
			}
		})
	}
}
