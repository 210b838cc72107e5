package simulation

import (
	"fmt"
	"strings"
	"time"

	"joulepay/cmd/internal/cli"
)

// bar shows how much of a long work is done, and guesses when it will be.
type bar struct {
	app   *cli.App
	now   func() time.Time
	began time.Time
	next  time.Time
}

// Looks of a bar.
const (
	barWidth = 24
	barEvery = 100 * time.Millisecond // at most so often: terminals are slower than runs
	barKnows = 2 * time.Second        // before that nobody guesses
)

func newBar(app *cli.App) *bar { return &bar{app: app, now: time.Now, began: time.Now()} }

// show draws the bar: done of all, and what there is to say.
func (b *bar) show(done, all int64, text string) {
	now := b.now()
	if now.Before(b.next) && done < all {
		return
	}
	b.next = now.Add(barEvery)
	b.app.Progress("%s", b.line(now, done, all, text))
}

func (b *bar) line(now time.Time, done, all int64, text string) string {
	done, all = max(0, done), max(1, all)
	done = min(done, all)
	full := int(float64(done) / float64(all) * barWidth)
	line := fmt.Sprintf("[%s%s] %3.0f %%  %s", strings.Repeat("#", full), strings.Repeat("·", barWidth-full), float64(done)/float64(all)*100, text)
	if passed := now.Sub(b.began); passed >= barKnows && done > 0 && done < all {
		left := time.Duration(float64(passed) / float64(done) * float64(all-done))
		line += fmt.Sprintf(", about %s left", left.Round(time.Second))
	}
	return line
}
