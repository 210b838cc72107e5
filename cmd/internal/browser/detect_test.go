package browser_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheTestsSeeWhatAPageDoesWrong keeps the other tests honest: a page that breaks every promise is caught at each.
func TestTheTestsSeeWhatAPageDoesWrong(t *testing.T) {
	t.Parallel()
	chromium(t)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	p := open(t, serve(t, newSite(8).config()).url())
	p.expect("")
	eval[bool](p, `fetch('`+elsewhere.URL+`').catch(() => true).then(() => true)`)
	eval[bool](p, `(() => { console.error('on purpose'); setTimeout(() => { throw new Error('thrown') }); return true })()`)
	eval[bool](p, `(() => { const s = document.createElement('style'); s.textContent = 'p { color: red }'; document.head.append(s); return true })()`)
	eval[bool](p, `new Promise((done) => { const i = new Image(); i.onerror = () => done(true); i.src = '/nothing.png' })`)
	wanted := []string{"policy: connect-src", "policy: style-src", "on purpose", "thrown", "nothing.png"}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for hang := time.After(hangTimeMax); len(wanted) > 0; {
		p.mu.Lock()
		all := strings.Join(p.faults, "\n")
		p.mu.Unlock()
		wanted = slices.DeleteFunc(wanted, func(words string) bool { return strings.Contains(all, words) })
		select {
		case <-look.C:
		case <-hang:
			t.Fatalf("nobody noticed %q among\n%s", wanted, all)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) < 10 {
		t.Errorf("%d requests were noticed", len(p.requests))
	}
}
