package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTheTestsSeeWhatAPageDoesWrong keeps the other tests honest: a page that breaks every promise is caught at each.
func TestTheTestsSeeWhatAPageDoesWrong(t *testing.T) {
	chromium(t)
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	p := open(t, serve(t, newSite(8).config()).url())
	p.expect("")
	eval[bool](p, `fetch('`+elsewhere.URL+`').catch(() => true).then(() => true)`)
	eval[bool](p, `(() => { console.error('on purpose'); setTimeout(() => { throw new Error('thrown') }); return true })()`)
	eval[bool](p, `(() => { const s = document.createElement('style'); s.textContent = 'p { color: red }'; document.head.append(s); return true })()`)
	eval[bool](p, `new Promise((done) => { const i = new Image(); i.onerror = () => done(true); i.src = '/nothing.png' })`)
	visited := eval[bool](p, `new Promise((done) => setTimeout(() => done(true)))`)
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Join(p.faults, "\n")
	for _, want := range []string{"policy: connect-src", "policy: style-src", "on purpose", "thrown", "nothing.png"} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody noticed %q among\n%s", want, all)
		}
	}
	if !visited || len(p.requests) < 10 {
		t.Errorf("%d requests were noticed", len(p.requests))
	}
}
