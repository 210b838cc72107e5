package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"joulepay/settle/client"
)

// audit finds what keeps people from using a page, as axe does: the rules of WCAG 2.2 A and AA that a program can check.
// It gives one line for each fault.
const audit = `(() => {
	const faults = [], all = (selector, root = document) => [...root.querySelectorAll(selector)];
	const shown = (e) => e.checkVisibility({ visibilityProperty: true });
	const say = (rule, e) => faults.push(rule + ': ' + e.outerHTML.slice(0, 120));
	const byId = (ids) => (ids ?? '').split(/\s+/).filter(Boolean).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
	const name = (e) => (e.getAttribute('aria-label') ?? '').trim() || byId(e.getAttribute('aria-labelledby')) ||
		[...(e.labels ?? [])].map((l) => l.textContent).join(' ').trim() || e.textContent.trim() || e.getAttribute('title') || '';

	// Names, roles, values
	for (const e of all('a[href], button, input, canvas, summary, [role=meter], [role=img], [role=region], nav, form[role=search]')) if (shown(e) && !name(e) && !e.matches('[role=img] *')) say('no name', e);
	for (const e of all('svg')) if (e.getAttribute('aria-hidden') !== 'true' && !name(e)) say('a drawing that says nothing', e);
	for (const e of all('[aria-labelledby], [aria-describedby]')) for (const attribute of ['aria-labelledby', 'aria-describedby']) {
		for (const id of (e.getAttribute(attribute) ?? '').split(/\s+/).filter(Boolean)) if (!document.getElementById(id)) say(attribute + ' of nothing, ' + id, e);
	}
	const ids = all('[id]').map((e) => e.id);
	for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) say('an id twice, ' + id, document.getElementById(id));
	for (const e of all('[role=meter]')) if (!(Number(e.getAttribute('aria-valuenow')) >= 0) || !e.getAttribute('aria-valuetext')) say('a meter without a value', e);
	for (const e of all('[aria-hidden=true] a[href], [aria-hidden=true] button')) say('hidden and in the order of focus', e);
	for (const e of all('[tabindex]')) if (e.tabIndex > 0) say('an order of its own', e);
	for (const e of all('button button, a a, a button, button a')) say('one control in another', e);

	// Structure
	if (all('main').length !== 1 || all('h1').filter(shown).length !== 1 || all('nav').length !== 1 || all('header.top').length !== 1) faults.push('landmarks');
	if (!document.documentElement.lang || !document.title) faults.push('no language or title');
	let level = 0;
	for (const e of all('h1, h2, h3, h4').filter(shown)) {
		const next = Number(e.tagName[1]);
		if (next > level + 1) say('a heading skips a level', e);
		level = next;
	}
	for (const e of all('ul > :not(li), ol > :not(li), dl > :not(div, dt, dd)')) say('not a list item', e);
	for (const e of all('table')) if (!e.caption?.textContent || all('th:not([scope])', e).length) say('a table without caption or scopes', e);
	for (const e of all('dl div')) if (!e.querySelector(':scope > dt') || !e.querySelector(':scope > dd')) say('a term without its value', e);
	for (const e of all('*')) if (shown(e) && e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0) say('scrolls, and no key reaches it', e);
	if (document.documentElement.scrollWidth > innerWidth + 1) faults.push('the page is wider than its window: ' + document.documentElement.scrollWidth);

	// Contrast of all texts as they are drawn (1.4.3)
	const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	const parse = (text) => text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
	const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const ground = (e) => {
		for (let at = e; at; at = at.parentElement) {
			const colour = parse(getComputedStyle(at).backgroundColor);
			if ((colour[3] ?? 1) > 0.99) return colour;
		}
		return [255, 255, 255];
	};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let text = walk.nextNode(); text; text = walk.nextNode()) {
		const e = text.parentElement, style = getComputedStyle(e);
		if (!text.data.trim() || !shown(e) || e.closest('.unseen, .skip, noscript, button:disabled')) continue;
		const a = light(parse(style.color)), b = light(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700;
		if (ratio < (large ? 3 : 4.5)) say('contrast ' + ratio.toFixed(2), e);
	}

	// Targets of 24 by 24 px, those within a line of text aside (2.5.8)
	for (const e of all('button:not(.id, .text), input, nav a, summary')) if (shown(e)) {
		const box = e.getBoundingClientRect();
		if (box.width < 24 || box.height < 24) say('a small target, ' + Math.round(box.width) + ' by ' + Math.round(box.height), e);
	}
	return faults;
})()`

// look sets the size of the window and the theme of the system.
func (p *page) look(width, height int64, theme string) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// shows says of each view when all of it is there.
var shows = map[string]string{
	"now":     `document.querySelectorAll('.cards .card').length === 5`,
	"session": `document.querySelectorAll('.chart canvas').length === 2`,
	"ledger":  `document.querySelector('canvas')`,
	"money":   `document.querySelectorAll('#movements ~ .scroll tr').length > 1`,
	"prices":  `document.querySelector('.chart canvas')`,
}

func TestEverybodyCanUseEveryView(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(60).config()).url())
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 360} {
			p.look(width, 800, theme)
			for view, there := range shows {
				p.view(view)
				p.await(there)
				eval[int](p, `document.querySelectorAll('details').forEach((d) => { d.open = true }) ?? 0`)
				if faults := eval[[]string](p, audit); len(faults) > 0 {
					t.Errorf("%s, %s, %d px:\n%s", view, theme, width, strings.Join(faults, "\n"))
				}
			}
		}
	}
	p.view("ledger/" + id(30).String())
	p.await(`document.querySelector('.vertex')`)
	p.view("session/" + client.SessionID{2}.String())
	p.await(shows["session"])
	if faults := eval[[]string](p, audit); len(faults) > 0 {
		t.Errorf("a session that gives back:\n%s", strings.Join(faults, "\n"))
	}
}

func TestTheAuditFindsWhatItLooksFor(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(20).config()).url())
	p.await(shows["now"])
	// What is built by hand here breaks one rule each.
	eval[int](p, `(() => {
		const main = document.querySelector('main'), add = (tag, set) => { const e = document.createElement(tag); set(e); main.append(e); return e };
		add('button', (e) => { e.style.minHeight = e.style.padding = 0 });
		add('h4', (e) => { e.textContent = 'deep' });
		add('p', (e) => { e.textContent = 'pale'; e.style.color = '#aaa' });
		add('div', (e) => { e.id = 'title' });
		add('table', () => {});
		add('div', (e) => { e.style.width = '3000px'; e.style.height = '1px' });
		add('i', (e) => { e.tabIndex = 3 });
		return 0;
	})()`)
	found := strings.Join(eval[[]string](p, audit), "\n")
	for _, want := range []string{"no name", "skips a level", "contrast", "an id twice", "without caption", "wider than its window", "an order of its own", "a small target"} {
		if !strings.Contains(found, want) {
			t.Errorf("the audit does not see: %s\n%s", want, found)
		}
	}
}
