package api_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"testing"

	"joulepay/settle/api"
)

func textLogger(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// FuzzRouter: whatever is asked, the server does not fail, and what it answers to a documented operation is documented.
func FuzzRouter(f *testing.F) {
	for _, e := range goodExchanges() {
		f.Add(e.method, e.target, e.contentType, e.body, e.token != "")
	}
	f.Add("BREW", "/v1/../..//%2e%2e", "x", []byte("{"), false)
	config := full(&fake{})
	config.Rate = api.Rate{PerSecond: 1e9, Burst: 1e9} // the limit would hide what is behind it
	h, c := handler(f, config), loadContract(f)
	f.Fuzz(func(t *testing.T, method, target, contentType string, body []byte, asOperator bool) {
		at, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip("no server would receive this")
		}
		r := &http.Request{Method: method, URL: at, Host: "127.0.0.1", RequestURI: target, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1,
			Body: http.NoBody, RemoteAddr: "127.0.0.1:1"}
		if len(body) > 0 {
			r.Body = nopCloser{bytes.NewReader(body)}
		}
		r.Header.Set("Content-Type", contentType)
		if asOperator {
			r.Header.Set("Authorization", "Bearer "+operatorToken)
		}
		w := serve(h, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
		if w.Code < 400 || !c.Has(r) {
			return
		}
		if _, err := c.check(r, nil, w); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, target, w.Code, w.Body, err)
		}
	})
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }
