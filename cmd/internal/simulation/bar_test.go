package simulation

import (
	"testing"
	"time"
)

func TestABarSaysHowMuchIsDoneAndGuessesTheRest(t *testing.T) {
	began := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	b := &bar{began: began}
	tests := []struct {
		passed    time.Duration
		done, all int64
		want      string
	}{
		{0, 0, 4, "[························]   0 %  work"},
		{time.Second, 1, 4, "[######··················]  25 %  work"},
		{30 * time.Second, 1, 4, "[######··················]  25 %  work, about 1m30s left"},
		{time.Minute, 4, 4, "[########################] 100 %  work"},
		{time.Minute, 9, 4, "[########################] 100 %  work"}, // a run goes on until all is over
		{time.Minute, -1, 0, "[························]   0 %  work"},
	}
	for _, x := range tests {
		if got := b.line(began.Add(x.passed), x.done, x.all, "work"); got != x.want {
			t.Errorf("%d of %d: %q, want %q", x.done, x.all, got, x.want)
		}
	}
}
