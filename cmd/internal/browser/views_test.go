package browser_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"joulepay/internal/freeport"
	"joulepay/settle/api"
	"joulepay/settle/client"
)

// has fails the test for each text that an element does not show.
func (p *page) has(selector string, texts ...string) {
	p.t.Helper()
	shown := p.text(selector)
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			p.t.Errorf("%s does not show %q:\n%s", selector, text, shown)
		}
	}
}

func TestEveryServiceAndBothDirectionsAreShownInTheirUnits(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(40).config()).url())
	p.await(`document.querySelectorAll('.cards .card').length === 5`)
	p.has("main", "119 kW", "9.6 kW", "back", "Giving back", "9.12 kWh returned", "Paid back", "€1.3291", "1 h 31 min", "€2.40/h", "17 pieces", "€1.20/piece", "Free", "€0.0681")
	p.has(".flow", "109 kW", "€38.59")
	p.view("session/" + client.SessionID{2}.String())
	p.await(`document.querySelectorAll('.chart canvas').length === 2`)
	p.has("main", "Giving back", "Paid back", "Vehicle pays", "Station pays back", "€3.1204", "412")
	p.view("session/" + client.SessionID{3}.String())
	p.await(`document.querySelector('.legend')?.innerText.includes('Quantity')`)
	p.has(".session-head", "1 h 31 min", "€3.6400")
	p.view("money")
	p.await(`document.querySelectorAll('#accounts ~ .scroll tbody tr').length > 3 && !document.querySelector('main').innerText.includes('…\t')`)
	p.has("main", "€320.00", "8 open channels", "Withdraw", "€412.07", "Issued", "Transfer", "closing")
	p.view("prices")
	p.await(`document.querySelector('.chart canvas')`)
	p.has("main", "Lowest", "at 13:00", "10 kWh", "€4.17", "0.22 EUR per kWh")
}

func TestTheGraphGrowsTurnsFinalAndIsExplored(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := newSite(60)
	p := open(t, serve(t, s.config()).url())
	p.view("ledger")
	p.await(drawn("final") + " > 50 && " + drawn("pending") + " === 0")
	p.await(`document.querySelector('.link.live')`)

	v := s.add(t)
	p.await(drawn("pending") + " === 1")
	accepted := eval[float64](p, drawn("accepted"))
	s.decide(t, v)
	p.await(fmt.Sprintf("%s === 0 && %s === %g", drawn("pending"), drawn("accepted"), accepted+1))
	s.finalise(t)
	p.await(drawn("accepted") + " === 0")

	p.view("ledger/" + id(30).String())
	p.await(`document.querySelector('.vertex')`)
	ancestors, descendants := eval[float64](p, number(".graph-foot .key.price ~ b")), eval[float64](p, number(".graph-foot .key.soc ~ b"))
	if ancestors < 3 || ancestors > 30 || descendants < 3 || descendants > 30 {
		t.Errorf("%g ancestors and %g descendants of the middle of 61 vertices", ancestors, descendants)
	}
	p.has(".vertex", "Approved by", "Parents", "Children")

	press(p, "Pause")
	s.decide(t, s.add(t))
	p.await(`[...document.querySelectorAll('button')].some((b) => b.innerText === 'Go on (1)')`)
	if got := eval[float64](p, drawn("final")+"+"+drawn("accepted")+"+"+drawn("pending")); got != 60 { // one of 61 is refused
		t.Errorf("%g vertices are drawn while it is paused, want 60", got)
	}
	press(p, "Go on (1)")
	p.await(drawn("accepted") + " === 1")

	find := func(text string) {
		eval[bool](p, fmt.Sprintf(`(() => { const q = document.querySelector('#query'); q.value = %q; q.form.requestSubmit(); return true })()`, text))
	}
	find(id(12).String()[:10])
	p.await(fmt.Sprintf(`location.hash === '#/ledger/%s'`, id(12)))
	find(did(3).String())
	p.await(`document.querySelector('.results')?.innerText.includes('did:joule')`)
	p.has(".results", "vertices")
	find("nothing like it")
	p.await(`document.querySelector('.results')?.innerText.includes('0 vertices')`)
	p.has(".results", "64 hexadecimal digits")
	p.expect("404")
	p.view("ledger/" + id(5000).String())
	p.await(`document.querySelector('main .trouble')`)
	p.has("main .trouble", "no vertex", "an id is 64 hexadecimal digits")
}

func TestAtMostTwoThousandVerticesAreDrawn(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := newSite(2600)
	p := open(t, serve(t, s.config()).url())
	p.view("ledger")
	p.await(`document.querySelector('.graph-foot button.text')`)
	press(p, "read older ones")
	total := drawn("final") + "+" + drawn("accepted") + "+" + drawn("pending") + "+" + drawn("refused")
	p.await(total + " === 2000")
	s.decide(t, s.add(t))
	p.await(drawn("accepted") + " === 4")
	if got := eval[float64](p, total); got != 2000 {
		t.Errorf("%g vertices are drawn", got)
	}
}

func TestAProcessShowsOnlyTheViewsOfWhatItServes(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := newSite(20)
	c := s.config()
	c.Claims, c.Sessions, c.Stations, c.Tariffs = nil, nil, nil, nil
	p := open(t, serve(t, c).url())
	p.await(`document.querySelector('canvas')`)
	if got := eval[string](p, `[...document.querySelectorAll('nav a')].map((a) => a.innerText.trim()).join()`); got != "Ledger,Money" {
		t.Errorf("a ledger has the views %s", got)
	}
	eval[string](p, `location.hash = '#/prices'`)
	p.await(`document.querySelector('main .trouble')`)
	p.has("main .trouble", "Prices is not served here", "vertices")

	c = s.config()
	c.Ledger, c.Network, c.Claims = nil, follows(s.Network), nil
	p = open(t, serve(t, c).url()) // in a browser of its own: what the first page still asks for goes elsewhere
	p.await(`document.querySelectorAll('.cards .card').length === 5`)
	if got := eval[string](p, `[...document.querySelectorAll('nav a')].map((a) => a.innerText.trim()).join()`); got != "Now,Session,Prices" {
		t.Errorf("a station without a ledger has the views %s", got)
	}
}

// follows tells of a ledger that others serve.
type follows func(context.Context) (client.Network, error)

func (f follows) Network(ctx context.Context) (client.Network, error) { return f(ctx) }

func TestWhatIsForTheOperatorAsksForTheToken(t *testing.T) {
	t.Parallel()
	chromium(t)
	const secret = "correct-horse-battery-staple"
	c := newSite(20).config()
	c.Loopback, c.Tokens = false, []api.Token{{Scope: api.ScopeRead, Secret: secret}}
	p := open(t, serve(t, c).url())
	p.expect("401", "403") // the browser notes each
	p.await(`document.querySelector('.lock')`)
	p.has("main", "need the operator's token", "DE*JLP*E1*1", "4 of 5 stations busy")
	enter := func(token string) {
		eval[bool](p, fmt.Sprintf(`(() => { const f = document.querySelector('#token'); f.value = %q; f.form.requestSubmit(); return true })()`, token))
	}
	enter("wrong-wrong-wrong-wrong")
	p.await(`document.querySelector('.denied')`)
	enter(secret)
	p.await(`!document.querySelector('.lock') && document.querySelector('#past ~ .scroll table')`)
	p.view("money")
	p.await(`document.querySelectorAll('#accounts ~ .scroll tbody tr').length > 3`)
	if eval[bool](p, `[...Object.values(localStorage), document.cookie].join().includes('horse')`) || !eval[bool](p, `Object.values(sessionStorage).join().includes('horse')`) {
		t.Error("the token is kept elsewhere than in the session's storage")
	}
	p.await(`document.querySelector('.link.live')`)
	p.mu.Lock()
	defer p.mu.Unlock()
	streams := 0
	for _, address := range p.requests {
		if strings.HasSuffix(address, "/v1/events") {
			streams++
		}
	}
	if streams != 3 {
		t.Errorf("events were followed %d times: without a token, with a wrong one, and with the right one are wanted", streams)
	}
}

func TestALostServerIsSaidAndThePageGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := newSite(20)
	server := &server{t: t, config: s.config(), address: must(freeport.Next())}
	server.start()
	t.Cleanup(func() { server.stop() })
	p := open(t, server.url())
	p.expect("ERR_", "net::", "Failed to load")
	p.view("ledger")
	p.await(`document.querySelector('.link.live') && document.querySelector('canvas')`)
	server.stop()
	p.await(`document.querySelector('.link.waiting') && document.querySelector('.banner')`)
	p.has(".banner", "does not answer")
	s.mu.Lock()
	s.vertices = append(s.vertices, vertex(20)) // while the page was away
	s.mu.Unlock()
	server.start()
	p.await(`document.querySelector('.link.live') && !document.querySelector('.banner')`)
	p.await(drawn("final") + "+" + drawn("accepted") + " === 21")
}

func TestNothingToShowSaysWhatToDo(t *testing.T) {
	t.Parallel()
	chromium(t)
	s := newSite(0)
	s.sessions, s.stations = nil, nil
	p := open(t, serve(t, s.config()).url())
	p.await(`document.querySelector('main .empty')`)
	p.has("main", "Quiet", "chargepoint run", "vehicle charge")
	p.view("session")
	p.await(`document.querySelector('main .empty')`)
	p.has("main", "No session yet", "vehicle charge")
	p.view("ledger")
	p.await(`document.querySelector('main .empty')`)
	eval[string](p, `location.hash = '#/nowhere'`)
	p.await(`document.querySelector('main .trouble')`)
	p.has("main", "no such view")
	p.expect("404")
	p.view("session/" + client.SessionID{99}.String())
	p.await(`document.querySelector('main .trouble')`)
	p.has("main .trouble", "no session")
}
