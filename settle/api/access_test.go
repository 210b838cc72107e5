package api_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"joulepay/settle/api"
)

func TestTokensAreReadWithTheirScopes(t *testing.T) {
	got, err := api.ParseTokens([]byte("# the board\nread 0123456789abcdef\n\n  operate fedcba9876543210\r\n00112233445566778899\n"))
	want := []api.Token{{Scope: api.ScopeRead, Secret: "0123456789abcdef"}, {Scope: api.ScopeOperate, Secret: "fedcba9876543210"}, {Scope: api.ScopeOperate, Secret: "00112233445566778899"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	many := strings.Repeat("read 0123456789abcdef\n", 65)
	for _, text := range []string{"", "# nobody", "short", "admin 0123456789abcdef", "read 0123456789abcdef more", "read", "read 0123456789abcdé", many, strings.Repeat("x", 100_000)} {
		if _, err := api.ParseTokens([]byte(text)); !errors.Is(err, api.ErrTokens) || strings.Contains(fmt.Sprint(err), "0123456789abcdef") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	for _, shown := range []string{fmt.Sprint(got), fmt.Sprintf("%v", got[0]), got[0].LogValue().String(), slog.AnyValue(got[1]).Resolve().String()} {
		if strings.Contains(shown, "0123") || strings.Contains(shown, "fedc") {
			t.Errorf("a token is shown: %s", shown)
		}
	}
	config := full(&fake{})
	config.Tokens = []api.Token{{Scope: api.ScopeRead, Secret: "short"}}
	if _, err := api.New(config); !errors.Is(err, api.ErrConfig) {
		t.Error(err)
	}
}

// browser asks as a browser does for a page of another site.
func browser(method, target, origin string) *http.Request {
	r := newRequest(method, target, nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return r
}

func TestPagesOfOtherSitesUseNothingUnlessTheirOriginIsNamed(t *testing.T) {
	const board, stranger = "https://board.example", "https://evil.example"
	config := full(&fake{})
	closed := handler(t, config)
	config.Origins = []string{board}
	open := handler(t, config)
	for name, row := range map[string]struct {
		h           http.Handler
		origin      string
		read, write int
		header      string
	}{
		"off by default": {closed, board, 200, 403, ""},
		"named":          {open, board, 200, 400, board},
		"another":        {open, stranger, 200, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(row.h, browser("GET", "/v1/channels", row.origin))
			if w.Code != row.read || w.Header().Get("Access-Control-Allow-Origin") != row.header {
				t.Errorf("read: %d, allowed %q", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
			}
			post := browser("POST", "/v1/vertices", row.origin)
			post.Header.Set("Content-Type", "application/json")
			if w := serve(row.h, post); w.Code != row.write {
				t.Errorf("write: %d %s", w.Code, w.Body)
			}
			ask := browser("OPTIONS", "/v1/transfers", row.origin)
			ask.Header.Set("Access-Control-Request-Method", "POST")
			w = serve(row.h, ask)
			allowed := w.Code == http.StatusNoContent && strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Idempotency-Key")
			if allowed != (row.header != "") || w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("preflight: %d %v", w.Code, w.Header())
			}
		})
	}
	for _, origin := range []string{"*", "board.example", "https://board.example/path"} {
		config.Origins = []string{origin}
		if _, err := api.New(config); !errors.Is(err, api.ErrConfig) {
			t.Errorf("origin %s: %v", origin, err)
		}
	}
}

func TestTheDashboardHasTheRootAndItsFilesAlone(t *testing.T) {
	config := full(&fake{})
	config.Dashboard = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "page "+r.URL.Path) })
	h := handler(t, config)
	for target, want := range map[string]string{"/": "page /", "/assets/app.js": "page /assets/app.js"} {
		if w := serve(h, newRequest("GET", target, nil)); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, r := range []*http.Request{newRequest("GET", "/v1/", nil), newRequest("GET", "/index.html", nil), newRequest("POST", "/", nil), newRequest("GET", "/v1/nothing", nil)} {
		if w := serve(h, r); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
		}
	}
}
