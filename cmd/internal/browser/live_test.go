package browser_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// number is an expression for the figure that an element shows.
func number(selector string) string {
	return fmt.Sprintf(`Number((document.querySelector(%q)?.innerText ?? 'NaN').replace(/[^0-9.-]/g, ''))`, selector)
}

// drawn is an expression for how many vertices of a state the graph has.
func drawn(state string) string {
	return fmt.Sprintf(`Number(document.querySelector('.graph-foot .state.%s')?.parentElement.querySelector('b').innerText.replace(/\D/g, ''))`, state)
}

func TestASessionRunsLiveOnThePageAndItsReceiptVerifies(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, demo(t, "--energy", "2kWh", "--speed", "15"))

	rises(p, ".station .amount")
	p.view("session")
	p.await(`document.querySelector('.chart canvas')`)
	rises(p, ".session-head .figure small")
	p.await(`[...document.querySelectorAll('#receipt ~ p button')].some((b) => b.innerText === 'Download')`)
	address := eval[string](p, `location.hash`)

	file := download(p, `Download`)
	verify := exec.Command(program(t, "vehicle"), "verify", "--data", t.TempDir(), file)
	if output, err := verify.CombinedOutput(); err != nil {
		t.Errorf("vehicle verify: %v\n%s", err, output)
	}
	press(p, "Verify")
	p.await(`document.querySelector('.report')?.innerText.includes('Verified')`)
	if eval[bool](p, `document.querySelector('.report .state').classList.contains('refused')`) {
		t.Errorf("the page says of the receipt: %s", p.text(".report"))
	}
	p.await(`document.querySelector('#cost ~ .scroll table')?.innerText.includes('Energy')`)

	p.view("ledger")
	before := eval[float64](p, drawn("final"))
	p.await(fmt.Sprintf("%s > %g", drawn("final"), before)) // what the next session settles
	if after := eval[string](p, `location.hash`); !strings.HasPrefix(address, "#/session/") || after != "#/ledger" {
		t.Errorf("the addresses are %q and %q", address, after)
	}
	for _, view := range []string{"money", "prices", "now"} {
		p.view(view)
		p.await(`document.querySelectorAll('main .card').length > 1`)
	}
}

// rises waits until an element has shown three figures, each above the one before.
func rises(p *page, selector string) {
	p.t.Helper()
	eval[int](p, fmt.Sprintf(`(() => {
		let last = -Infinity;
		window.rises = 0;
		clearInterval(window.looks);
		return window.looks = setInterval(() => { const now = %s; if (now > last) window.rises++; last = now; }, 50);
	})()`, number(selector)))
	p.await(`window.rises >= 3`)
}

// press clicks the button with a text.
func press(p *page, text string) {
	p.t.Helper()
	if !eval[bool](p, fmt.Sprintf(`(() => { const b = [...document.querySelectorAll('button')].find((b) => b.innerText === %q); b?.click(); return Boolean(b); })()`, text)) {
		p.t.Fatalf("no button %q in\n%s", text, p.text("main"))
	}
}

// download presses a button and gives the file that it saves.
func download(p *page, button string) string {
	p.t.Helper()
	folder := p.t.TempDir()
	_, err := chromedp.CallBrowser(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	press(p, button)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for hang := time.After(hangTimeMax); ; {
		if files, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(files) == 1 {
			if content, err := os.ReadFile(files[0]); err == nil && bytes.HasSuffix(bytes.TrimSpace(content), []byte("}")) {
				return files[0]
			}
		}
		select {
		case <-look.C:
		case <-hang:
			p.t.Fatalf("%s saves nothing; the page shows\n%s", button, p.text("main"))
		}
	}
}
