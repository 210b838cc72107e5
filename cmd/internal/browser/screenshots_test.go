package browser_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"joulepay/settle/client"
)

var update = flag.Bool("update", false, "write the screenshots of docs/images anew")

// images is where screenshots are kept. Each stays below imageSizeMax, in bytes, so that the repository stays small.
const (
	images       = "../../../docs/images"
	imageSizeMax = 150_000
)

// screenshots are those of the documents: file, view, window and theme.
var screenshots = []struct {
	file, view, there string
	width, height     int64
	theme             string
}{
	{"dashboard-now.png", "now", shows["now"], 1280, 860, "light"},
	{"dashboard-session.png", "session", shows["session"], 1280, 860, "light"},
	{"dashboard-ledger.png", "ledger/" + id(226).String(), `document.querySelector('.vertex')`, 1280, 900, "dark"},
	{"dashboard-money.png", "money", shows["money"], 1280, 860, "light"},
	{"dashboard-prices.png", "prices", shows["prices"], 1280, 760, "light"},
	{"dashboard-now-phone.png", "now", shows["now"], 390, 844, "dark"},
	{"dashboard-session-phone.png", "session/" + client.SessionID{2}.String(), shows["session"], 390, 844, "light"},
}

// TestScreenshots writes the images of the documents with -update, and else checks that they are there.
func TestScreenshots(t *testing.T) {
	if !*update {
		for _, s := range screenshots {
			info, err := os.Stat(filepath.Join(images, s.file))
			if err != nil {
				t.Error(err)
			} else if info.Size() > imageSizeMax {
				t.Errorf("%s has %d bytes, at most %d are wanted", s.file, info.Size(), imageSizeMax)
			}
		}
		return
	}
	chromium(t)
	p := open(t, serve(t, newSite(240).config()).url())
	for _, s := range screenshots {
		p.look(s.width, s.height, s.theme)
		p.view(s.view)
		p.await(s.there)
		p.await(`document.fonts.status === 'loaded' && document.querySelector('.link.live')`)
		eval[int](p, `scrollTo(0, 0), new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))`)
		if err := os.MkdirAll(images, 0o755); err != nil {
			t.Fatal(err)
		}
		shot := run(p, chromedp.CaptureScreenshot())
		if err := os.WriteFile(filepath.Join(images, s.file), shot, 0o644); err != nil {
			t.Fatal(err)
		}
		if len(shot) > imageSizeMax {
			t.Errorf("%s has %d bytes, at most %d are wanted", s.file, len(shot), imageSizeMax)
		}
	}
}
