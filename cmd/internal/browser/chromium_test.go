package browser_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// names of Chromium, by which Debian and others install it.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// chromium finds the browser, or skips the test.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("no browser: none of %s is installed (apt-get install chromium)", strings.Join(names, ", "))
	return ""
}

// page is one tab of a browser of its own, with all that it asked for and all that it complained about.
type page struct {
	context.Context
	t testing.TB

	mu       sync.Mutex // guards what follows
	origin   string     // scheme, host and port of the first page
	requests []string   // addresses, in order
	faults   []string   // what a test that ends well has none of
	expected []string   // parts of faults that the test causes itself
}

// open starts a browser and opens a page. At its end the test fails when anything went wrong in it that nobody looked at.
func open(t testing.TB, address string, options ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(hangTimeMax),
		// A name that is looked up by mistake is not found, and the test sees it.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox) // the sandbox has no place for root
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*hangTimeMax)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewExecAllocator(ctx, append(flags, options...)...)
	t.Cleanup(end)
	ctx, closeTab := chromedp.NewContext(ctx)
	p := &page{Context: ctx, t: t}
	t.Cleanup(func() {
		p.check()
		if err := chromedp.Cancel(ctx); err != nil { // waits until it is gone, with all its files
			t.Log(err)
		}
		closeTab()
	})
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatal(err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	call(p, audits.Enable, cdp.Empty{})
	call(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	p.visit(address)
	return p
}

// call runs a command of the browser's protocol.
func call[P, R any](p *page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	result, err := chromedp.Call(p, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}

// run runs an action that gives something.
func run[T any](p *page, action chromedp.Action[T]) T {
	p.t.Helper()
	result, err := chromedp.Run(p, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}

// visit loads a page and waits until it shows something.
func (p *page) visit(address string) {
	p.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.origin = at.Scheme + "://" + at.Host
	p.mu.Unlock()
	run(p, chromedp.Navigate(address))
	p.await(settled)
}

// settled is true once a view shows what it has.
const settled = `document.querySelector('main') && !document.querySelector('main > .loading')`

// view follows the menu to a view, and waits until it is there.
func (p *page) view(name string) {
	p.t.Helper()
	eval[string](p, fmt.Sprintf(`location.hash = '#/%s'`, name))
	p.await(fmt.Sprintf(`document.querySelector('nav a[aria-current]')?.hash.startsWith('#/%s') && `, strings.Split(name, "/")[0]) + settled)
}

// note keeps what happens.
func (p *page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
		if !strings.HasPrefix(e.Request.URL, p.origin+"/") && !strings.HasPrefix(e.Request.URL, "blob:"+p.origin) && !strings.HasPrefix(e.Request.URL, "data:") {
			p.faults = append(p.faults, "asked elsewhere: "+e.Request.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.faults = append(p.faults, fmt.Sprintf("console %s: %s", e.Type, describe(e.Args)))
		}
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "exception: "+e.ExceptionDetails.Text+" "+describe([]*runtime.RemoteObject{e.ExceptionDetails.Exception}))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.faults = append(p.faults, fmt.Sprintf("log: %s %v", e.Entry.Text, e.Entry.URL))
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			p.faults = append(p.faults, "policy: "+d.ViolatedDirective)
		}
	}
}

func describe(args []*runtime.RemoteObject) string {
	var b strings.Builder
	for _, arg := range args {
		fmt.Fprintf(&b, "%s %v ", arg.Value, arg.Description)
	}
	return b.String()
}

// expect says that the test causes faults with these words itself.
func (p *page) expect(words ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, words...)
}

// check fails the test for each fault that it did not cause.
func (p *page) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		if !slices.ContainsFunc(p.expected, func(words string) bool { return strings.Contains(fault, words) }) {
			p.t.Error(fault)
		}
	}
}

// await waits until an expression is true.
func (p *page) await(expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p, chromedp.Poll[bool]("("+expression+") ? true : false", chromedp.WithPollingTimeout(hangTimeMax))); err != nil {
		p.t.Fatalf("waiting for %s: %v\nthe page shows:\n%s", expression, err, p.text("body"))
	}
}

// eval gives the value of an expression, or of the promise that it gives.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	return run(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// text gives what an element shows.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector))
}
