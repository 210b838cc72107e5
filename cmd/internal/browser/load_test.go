package browser_test

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// loaded is what a browser says of loading a page.
type loaded struct {
	Paint  float64 // ms from the request to the first text or image
	Whole  float64 // ms to the first view with all that it shows
	Assets int     // bytes over the wire for the page and its files, heads of answers among them
	Files  int     // of them that came over the wire
}

const loading = `JSON.stringify((() => {
	const files = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter((e) => e.entryType === 'navigation' || e.name.includes('/assets/'));
	return { Paint: performance.getEntriesByName('first-contentful-paint')[0].startTime, Whole: performance.now(),
		Assets: files.reduce((sum, e) => sum + e.transferSize, 0), Files: files.filter((e) => e.transferSize > 0).length };
})())`

// wireMax bounds what the first view takes over the wire, in bytes: its files with brotli, and the heads of a dozen answers.
const wireMax = 40 << 10

func TestTheFirstViewIsSmallAndIsKept(t *testing.T) {
	t.Parallel()
	chromium(t)
	server := serve(t, newSite(60).config())
	p := open(t, server.url())
	measure := func(what string) loaded {
		p.await(shows["now"])
		var l loaded
		if err := json.Unmarshal([]byte(eval[string](p, loading)), &l); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: first paint after %.0f ms, all of the view after %.0f ms, %d bytes in %d answers for the page and its files", what, l.Paint, l.Whole, l.Assets, l.Files)
		return l
	}
	if first := measure("first visit"); first.Assets > wireMax || first.Files < 10 {
		t.Errorf("%d bytes in %d answers, at most %d bytes are wanted", first.Assets, first.Files, wireMax)
	}
	again := loaded{}
	for visits := 2; visits < 6 && again.Files != 1; visits++ { // the browser writes its cache when it has the time
		run(p, chromedp.Navigate("about:blank"))
		p.visit(server.url())
		again = measure("next visit")
	}
	if again.Files != 1 {
		t.Errorf("%d files came again: only the page is to be asked for, by its ETag", again.Files)
	}
	run(p, chromedp.Navigate("about:blank"))
	call(p, network.ClearBrowserCache, cdp.Empty{})
	call(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{&slow}})
	p.visit(server.url())
	measure("first visit over a slow network")
}

// slow is a telephone on a poor network: 1.6 Mbit/s, and 150 ms for each request.
var slow = network.Conditions{Latency: 150, DownloadThroughput: 1.6e6 / 8, UploadThroughput: 750e3 / 8}
