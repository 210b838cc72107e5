package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"

	"joulepay/internal/campaign"
)

// heapGrowthMax is what the page may hold more at the end of a long session than at its beginning, in bytes: all that it
// keeps of one, and what differs from one collection of garbage to the next.
const heapGrowthMax = 2 << 20

// heap gives what the page holds after its garbage is collected, in bytes.
func (p *page) heap() float64 {
	p.t.Helper()
	call(p, heapprofiler.CollectGarbage, cdp.Empty{})
	return call(p, runtime.GetHeapUsage, cdp.Empty{}).UsedSize
}

// claimsAnHour is how many claims the demonstration signs in an hour of its session clock.
const claimsAnHour = 720

// TestALongSessionKeepsThePagesMemoryFlat looks for an hour; JOULEPAY_TEST_REPLAY_HOURS=8 and JOULEPAY_TEST_REPLAY_SPEED=600
// give the figures of docs/performance.md.
func TestALongSessionKeepsThePagesMemoryFlat(t *testing.T) {
	t.Parallel()
	chromium(t)
	count := campaign.New(t)
	hours, speed := count.Size("replay_hours", 1), count.Size("replay_speed", 3600)
	file := filepath.Join(t.TempDir(), "long.csv")
	const fiveMinutes = 12 // in an hour
	session := "arrival_period,departure_period,estimated_departure_period,requested_kwh,battery_capacity_kwh,battery_init_kwh,max_power_kw,station_id,session_id\n" +
		fmt.Sprintf("0,%[1]d,%[1]d,%[2]d,%[2]d,0,4,CA-1,long\n", (hours+1)*fiveMinutes, 4*hours) // 4 kW until it is full
	if err := os.WriteFile(file, []byte(session), 0o600); err != nil {
		t.Fatal(err)
	}
	p := open(t, demo(t, "--session", file+"#0", "--speed", fmt.Sprint(speed)))
	p.view("session")
	p.await(`document.querySelector('.chart canvas') && ` + number(".session-head .figure small") + ` > 20`)
	begin := p.heap()
	address := eval[string](p, `location.hash`)
	for _, claims := range []int{hours * claimsAnHour / 4, hours * claimsAnHour / 2, hours * claimsAnHour * 3 / 4} {
		p.await(fmt.Sprintf("%s > %d", number(".session-head .figure small"), claims))
		t.Logf("heap %.2f MB after %d claims", p.heap()/1e6, claims)
	}
	p.await(`[...document.querySelectorAll('#receipt ~ p button')].some((b) => b.innerText === 'Download')`)
	p.has(".session-head", fmt.Sprintf("%d.0", 4*hours), fmt.Sprintf("%d h 00 min", hours))
	end := p.heap()
	if now := eval[string](p, `location.hash`); now != address {
		t.Errorf("began to look at %s, and looks at %s", address, now)
	}
	t.Logf("heap %.2f MB at the beginning, %.2f MB at the end, after %.0f claims", begin/1e6, end/1e6, eval[float64](p, number(".session-head .figure small")))
	count.Count("heap kB at the beginning", int(begin/1000))
	count.Count("heap kB at the end", int(end/1000))
	if end-begin > heapGrowthMax {
		t.Errorf("the page holds %.1f MB more than at the beginning", (end-begin)/1e6)
	}
}
