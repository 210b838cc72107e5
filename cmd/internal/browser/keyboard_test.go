package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys presses keys, one after the other.
func (p *page) keys(all ...string) {
	p.t.Helper()
	for _, key := range all {
		run(p, chromedp.KeyEvent(key))
	}
}

// focus is an expression for what has the focus, in words.
const focus = `(() => { const e = document.activeElement; return e.id || e.getAttribute('aria-label') || e.innerText || e.tagName })()`

// tabTo goes on by tabulator until something has the focus.
func (p *page) tabTo(condition string) {
	p.t.Helper()
	const most = 60 // stops of a page
	for range most {
		p.keys(kb.Tab)
		if eval[bool](p, "Boolean("+condition+")") {
			return
		}
	}
	p.t.Fatalf("the tabulator does not come to %s, but to %s", condition, eval[string](p, focus))
}

func TestEverythingIsDoneByKeyboard(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(60).config()).url())
	p.await(shows["now"])

	p.keys(kb.Tab)
	if got := eval[string](p, focus); got != "Skip to the content" {
		t.Errorf("the first stop is %q", got)
	}
	p.keys(kb.Enter)
	p.await(`document.activeElement.id === 'content'`)
	p.tabTo(`document.activeElement.getAttribute('aria-label') === 'Session at DE*JLP*E1*1'`)
	if !eval[bool](p, `getComputedStyle(document.activeElement).outlineStyle === 'solid'`) {
		t.Error("focus cannot be seen")
	}
	p.keys(kb.Enter)
	p.await(`location.hash.startsWith('#/session/') && document.activeElement.id === 'title'`)
	p.await(shows["session"])
	p.tabTo(`document.activeElement.tagName === 'SUMMARY'`)
	p.keys(kb.Enter)
	p.await(`document.querySelector('details[open] table')`)

	p.view("ledger")
	p.await(shows["ledger"])
	p.tabTo(`document.activeElement.id === 'query'`)
	p.tabTo(`document.activeElement.tagName === 'CANVAS'`)
	p.keys(kb.End)
	p.await(`location.hash.endsWith('` + id(59).String() + `') && document.querySelector('.vertex')`)
	p.keys(kb.ArrowLeft)
	p.await(`location.hash.endsWith('` + id(58).String() + `')`)
	p.keys(kb.ArrowRight, kb.ArrowUp)
	p.await(`!location.hash.endsWith('` + id(59).String() + `')`)
	p.await(`document.querySelector('[role=status].unseen').innerText.includes('height')`)
	p.keys(" ")
	p.await(`document.querySelector('[aria-pressed=true]')`)
	p.keys(" ", kb.Escape)
	p.await(`location.hash === '#/ledger' && !document.querySelector('.vertex')`)

	p.tabTo(`document.activeElement.getAttribute('aria-label')?.startsWith('Theme')`)
	p.keys(kb.Enter)
	p.await(`document.documentElement.dataset.theme === 'light'`)
	p.keys(kb.Enter)
	p.await(`document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor !== 'rgb(243, 246, 244)'`)
	p.keys(kb.Enter)
	p.await(`document.documentElement.dataset.theme === undefined && localStorage.length === 0`)
}
