package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// brokenBody is a body that ends in an error, as that of a slow or vanished sender does.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestI9_BadRequestsAreTypedProblems(t *testing.T) {
	h, c := handler(t, full(&fake{})), loadContract(t)
	id, did := someID.String(), wallet.DIDOf(vehicle).String()
	issue := func(body string) exchange {
		return exchange{method: "POST", target: "/v1/issues", contentType: "application/json", token: operatorToken, body: []byte(body)}
	}
	for name, row := range map[string]struct {
		exchange
		want error
	}{
		"no such path":                  {exchange{method: "GET", target: "/v1/nothing"}, client.ErrNotFound},
		"no such root path":             {exchange{method: "GET", target: "/"}, client.ErrNotFound},
		"no such status list":           {exchange{method: "GET", target: "/v1/status-lists/2025"}, client.ErrNotFound},
		"a list that cannot be read":    {exchange{method: "GET", target: "/v1/status-lists/broken"}, client.ErrInternal},
		"wrong method":                  {exchange{method: "DELETE", target: "/v1/network"}, client.ErrMethod},
		"unknown method":                {exchange{method: "BREW", target: "/v1/network"}, client.ErrMethod},
		"unknown parameter":             {exchange{method: "GET", target: "/v1/channels?colour=red"}, client.ErrBadRequest},
		"parameter where none is":       {exchange{method: "GET", target: "/v1/network?a=b"}, client.ErrBadRequest},
		"parameter twice":               {exchange{method: "GET", target: "/v1/channels?limit=1&limit=2"}, client.ErrBadRequest},
		"broken query":                  {exchange{method: "GET", target: "/v1/channels?limit=%zz"}, client.ErrBadRequest},
		"limit zero":                    {exchange{method: "GET", target: "/v1/channels?limit=0"}, client.ErrBadRequest},
		"limit too high":                {exchange{method: "GET", target: "/v1/channels?limit=501"}, client.ErrBadRequest},
		"long cursor":                   {exchange{method: "GET", target: "/v1/channels?cursor=" + strings.Repeat("a", 257)}, client.ErrBadRequest},
		"bad party":                     {exchange{method: "GET", target: "/v1/channels?party=me"}, client.ErrBadRequest},
		"bad state":                     {exchange{method: "GET", target: "/v1/channels?state=odd"}, client.ErrBadRequest},
		"bad kind":                      {exchange{method: "GET", target: "/v1/vertices?kind=odd"}, client.ErrBadRequest},
		"bad payload id":                {exchange{method: "GET", target: "/v1/vertices?payload=12"}, client.ErrBadRequest},
		"bad wait":                      {exchange{method: "GET", target: "/v1/vertices/" + id + "?wait=long"}, client.ErrBadRequest},
		"bad channel id":                {exchange{method: "GET", target: "/v1/channels/xyz"}, client.ErrBadRequest},
		"upper-case id":                 {exchange{method: "GET", target: "/v1/channels/" + strings.ToUpper(id)}, client.ErrBadRequest},
		"DID of another method":         {exchange{method: "GET", target: "/v1/dids/did:web:example"}, client.ErrBadRequest},
		"unknown kind of proof":         {exchange{method: "GET", target: "/v1/dids/" + wallet.DIDOf(vehicle).DIDKey() + "?proof=2"}, client.ErrBadRequest},
		"bad DID":                       {exchange{method: "GET", target: "/v1/accounts/did:web:example"}, client.ErrBadRequest},
		"bad session id":                {exchange{method: "GET", target: "/v1/sessions/" + id}, client.ErrBadRequest},
		"vertex without type":           {exchange{method: "POST", target: "/v1/vertices", body: []byte("v")}, client.ErrMediaType},
		"vertex of a wrong type":        {exchange{method: "POST", target: "/v1/vertices", contentType: "text/plain", body: []byte("v")}, client.ErrMediaType},
		"vertex too large":              {exchange{method: "POST", target: "/v1/vertices", contentType: "application/octet-stream", body: make([]byte, client.VertexSizeMax+1)}, client.ErrTooLarge},
		"body far too large":            {exchange{method: "POST", target: "/v1/vertices", contentType: "application/octet-stream", body: make([]byte, 10*client.VertexSizeMax)}, client.ErrTooLarge},
		"JSON far too large":            {exchange{method: "POST", target: "/v1/vertices", contentType: "application/json", body: []byte(`{"encoded":"` + strings.Repeat("A", 10*client.VertexSizeMax))}, client.ErrTooLarge},
		"not JSON":                      {exchange{method: "POST", target: "/v1/vertices", contentType: "application/json", body: []byte("{")}, client.ErrBadRequest},
		"unknown member":                {exchange{method: "POST", target: "/v1/vertices", contentType: "application/json", body: []byte(`{"encoded":"AA==","a":1}`)}, client.ErrBadRequest},
		"two values":                    {exchange{method: "POST", target: "/v1/vertices", contentType: "application/json", body: []byte(`{"encoded":"AA=="}{}`)}, client.ErrBadRequest},
		"issue without a token":         {exchange{method: "POST", target: "/v1/issues", contentType: "application/json", body: []byte("{}")}, client.ErrUnauthorized},
		"issue with a wrong token":      {exchange{method: "POST", target: "/v1/issues", contentType: "application/json", token: "guess", body: []byte("{}")}, client.ErrUnauthorized},
		"issue with a token that reads": {exchange{method: "POST", target: "/v1/issues", contentType: "application/json", token: readerToken, body: []byte("{}")}, client.ErrForbidden},
		"issue to nobody":               {issue(`{"amount":{"value":"1","currency":"EUR"},"reference":"r"}`), client.ErrBadRequest},
		"issue of nothing":              {issue(`{"to":"` + did + `","amount":{"value":"0","currency":"EUR"},"reference":"r"}`), client.ErrBadRequest},
		"issue without a reference":     {issue(`{"to":"` + did + `","amount":{"value":"1","currency":"EUR"}}`), client.ErrBadRequest},
		"issue with a number amount":    {issue(`{"to":"` + did + `","amount":1,"reference":"r"}`), client.ErrBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r := row.request()
			w := serve(h, r)
			p := problemIn(t, w)
			if !errors.Is(&p, row.want) {
				t.Errorf("%d %s, want %v", w.Code, w.Body, row.want)
			}
			if _, err := c.check(r, row.body, w); err != nil && !errors.Is(row.want, client.ErrNotFound) &&
				!errors.Is(row.want, client.ErrMethod) && !errors.Is(row.want, client.ErrNotServedHere) {
				t.Errorf("not as documented: %v", err)
			}
		})
	}
}

func TestI9_ABodyThatBreaksOffIsABadRequest(t *testing.T) {
	r := httptest.NewRequest("POST", "http://127.0.0.1/v1/vertices", brokenBody{})
	r.Header.Set("Content-Type", "application/octet-stream")
	p := problemIn(t, serve(handler(t, full(&fake{})), r))
	if !errors.Is(&p, client.ErrBadRequest) {
		t.Error(p)
	}
}

func TestMethodNotAllowedNamesTheMethodsThatAre(t *testing.T) {
	h := handler(t, full(&fake{}))
	for target, want := range map[string]string{"/v1/network": "GET, HEAD", "/v1/vertices": "GET, POST, HEAD"} {
		w := serve(h, newRequest("DELETE", target, nil))
		if got := w.Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", target, got, want)
		}
	}
}

func TestAProcessAnswersForWhatItHas(t *testing.T) {
	f := &fake{}
	station := handler(t, api.Config{Network: f, Sessions: f, Stations: f, Loopback: true, Now: clock})
	for _, e := range goodExchanges() {
		w := serve(station, e.request())
		resource := strings.FieldsFunc(strings.TrimPrefix(e.target, "/v1/"), func(r rune) bool { return r == '/' || r == '?' })[0]
		served := strings.HasPrefix(e.target, "/v1/") && slices.Contains([]string{"network", "sessions", "receipts", "stations"}, resource)
		if !strings.HasPrefix(e.target, "/v1/") || served {
			if w.Code != http.StatusOK {
				t.Errorf("%s %s: %d %s", e.method, e.target, w.Code, w.Body)
			}
			continue
		}
		if p := problemIn(t, w); !errors.Is(&p, client.ErrNotServedHere) {
			t.Errorf("%s %s: %v", e.method, e.target, p)
		}
	}
	var n client.Network
	if err := json.Unmarshal(serve(station, newRequest("GET", "/v1/network", nil)).Body.Bytes(), &n); err != nil {
		t.Fatal(err)
	}
	if want := []string{"sessions", "readings", "receipts", "stations"}; !slices.Equal(n.Serves, want) {
		t.Errorf("serves %v, want %v", n.Serves, want)
	}
}

func TestAccountsAndSessionsNeedATokenElsewhere(t *testing.T) {
	private := []string{"/v1/accounts/" + wallet.DIDOf(vehicle).String(), "/v1/sessions", "/v1/sessions/" + visitID.String(), "/v1/receipts/" + visitID.String()}
	elsewhere := full(&fake{})
	elsewhere.Loopback = false
	tokenless := elsewhere
	tokenless.Tokens = nil
	for name, row := range map[string]struct {
		config api.Config
		host   string
		token  string
		want   error
	}{
		"loopback":                          {full(&fake{}), "localhost:8420", "", nil},
		"loopback, IPv6":                    {full(&fake{}), "[::1]:8420", "", nil},
		"loopback under another name":       {full(&fake{}), "rebound.example:8420", "", client.ErrUnauthorized},
		"elsewhere":                         {elsewhere, "10.0.0.1:8420", "", client.ErrUnauthorized},
		"elsewhere, claiming to be local":   {elsewhere, "127.0.0.1:8420", "", client.ErrUnauthorized},
		"elsewhere, wrong token":            {elsewhere, "10.0.0.1:8420", "guess", client.ErrUnauthorized},
		"elsewhere, token that reads":       {elsewhere, "10.0.0.1:8420", readerToken, nil},
		"elsewhere, token":                  {elsewhere, "10.0.0.1:8420", operatorToken, nil},
		"elsewhere, no operator":            {tokenless, "10.0.0.1:8420", "", client.ErrForbidden},
		"elsewhere, no operator, any token": {tokenless, "10.0.0.1:8420", "", client.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			h := handler(t, row.config)
			for _, target := range private {
				r := exchange{method: "GET", target: target, token: row.token}.request()
				r.Host = row.host
				w := serve(h, r)
				if row.want == nil {
					if w.Code != http.StatusOK {
						t.Errorf("%s: %d %s", target, w.Code, w.Body)
					}
					continue
				}
				if p := problemIn(t, w); !errors.Is(&p, row.want) {
					t.Errorf("%s: %v, want %v", target, p.Type, row.want)
				}
			}
			r := newRequest("GET", "/v1/channels", nil)
			r.Host = row.host
			if w := serve(h, r); w.Code != http.StatusOK {
				t.Errorf("public reading: %d", w.Code)
			}
		})
	}
}

func TestPagesOfOtherSitesWriteNothing(t *testing.T) {
	f := &fake{}
	r := exchange{method: "POST", target: "/v1/vertices", contentType: "application/octet-stream", body: []byte("v")}.request()
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	p := problemIn(t, serve(handler(t, full(f)), r))
	if !errors.Is(&p, client.ErrForbidden) || f.last != nil {
		t.Errorf("%v, ledger saw %v", p, f.last)
	}
}

func TestEachClientHasItsOwnRate(t *testing.T) {
	now := noon
	config := full(&fake{})
	config.Rate, config.Now = api.Rate{PerSecond: 1, Burst: 2}, func() time.Time { return now }
	h := handler(t, config)
	ask := func(remote string) int {
		r := newRequest("GET", "/healthz", nil)
		r.RemoteAddr = remote
		return serve(h, r).Code
	}
	for i, want := range []int{200, 200, 429} {
		if got := ask("10.0.0.1:999"); got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	if got := ask("10.0.0.2:999"); got != 200 {
		t.Errorf("another client: %d", got)
	}
	now = now.Add(time.Second)
	if got := ask("10.0.0.1:1000"); got != 200 {
		t.Errorf("a second later: %d", got)
	}
	for i, want := range []int{200, 200, 429} {
		if got := ask(fmt.Sprintf("[2001:db8::%x]:1", i)); got != want {
			t.Errorf("address %d of one IPv6 network: %d, want %d", i, got, want)
		}
	}
}

func TestETagSavesTheBody(t *testing.T) {
	h := handler(t, full(&fake{}))
	first := serve(h, newRequest("GET", "/v1/channels", nil))
	for _, header := range []string{first.Header().Get("ETag"), `"x", W/` + first.Header().Get("ETag"), "*"} {
		r := newRequest("GET", "/v1/channels", nil)
		r.Header.Set("If-None-Match", header)
		if w := serve(h, r); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes", header, w.Code, w.Body.Len())
		}
	}
	r := newRequest("GET", "/v1/transfers", nil)
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	if w := serve(h, r); w.Code != http.StatusOK {
		t.Errorf("tag of something else: %d", w.Code)
	}
}

func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	server := httptest.NewServer(handler(t, full(&fake{})))
	defer server.Close()
	resp, err := http.Head(server.URL + "/v1/network")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || len(body) != 0 || resp.ContentLength <= 0 {
		t.Errorf("%d, %d bytes, length %d, %v", resp.StatusCode, len(body), resp.ContentLength, err)
	}
}

func TestNotReadyNamesWhatIsNotWell(t *testing.T) {
	config := full(&fake{})
	config.Checks = []api.Check{
		{Name: "disk", Well: func(context.Context) error { return nil }},
		{Name: "nats", Well: func(context.Context) error { return errors.New("secret address") }},
	}
	w := serve(handler(t, config), newRequest("GET", "/readyz", nil))
	p := problemIn(t, w)
	if !errors.Is(&p, client.ErrUnavailable) || p.Detail != "not well: nats" {
		t.Error(p)
	}
}

func TestWhatFailsInsideStaysInside(t *testing.T) {
	var log bytes.Buffer
	config := full(&fake{err: errors.New("password of the database")})
	config.Logger = textLogger(&log)
	w := serve(handler(t, config), newRequest("GET", "/v1/channels", nil))
	p := problemIn(t, w)
	if !errors.Is(&p, client.ErrInternal) || strings.Contains(w.Body.String(), "password") {
		t.Error(w.Body)
	}
	if !strings.Contains(log.String(), "password of the database") {
		t.Errorf("log: %s", &log)
	}
}

// panicking fails as only a bug can.
type panicking struct{ *fake }

func (panicking) Channels(context.Context, client.ChannelQuery) (client.Page[client.Channel], error) {
	panic("a bug")
}

func TestABugFailsOneRequest(t *testing.T) {
	config := full(&fake{})
	config.Ledger = panicking{&fake{}}
	h := handler(t, config)
	if p := problemIn(t, serve(h, newRequest("GET", "/v1/channels", nil))); !errors.Is(&p, client.ErrInternal) {
		t.Error(p)
	}
	if w := serve(h, newRequest("GET", "/v1/network", nil)); w.Code != 200 {
		t.Error(w.Code)
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	h := handler(t, full(&fake{}))
	serve(h, newRequest("GET", "/v1/channels/"+someID.String(), nil))
	serve(h, newRequest("BREW", "/v1/network", nil))
	serve(h, newRequest("GET", "/random/path", nil))
	page := serve(h, newRequest("GET", "/metrics", nil)).Body.String()
	for _, want := range []string{
		`joulepay_http_requests_total{method="GET",route="/v1/channels/{id}",status="200"} 1`,
		`method="other"`, `route="other"`, "joulepay_http_request_duration_seconds_bucket",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	for _, foreign := range []string{"BREW", "/random/path"} {
		if strings.Contains(page, foreign) {
			t.Errorf("a caller's %s became a label", foreign)
		}
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	for name, config := range map[string]api.Config{
		"no network": {Now: clock},
		"no clock":   {Network: &fake{}},
	} {
		if _, err := api.New(config); !errors.Is(err, api.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
