package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// newClient speaks to a handler.
func newClient(t testing.TB, h http.Handler) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func problem(sentinel error) http.HandlerFunc {
	p := client.NewProblem(sentinel, "on purpose", "do nothing")
	body, _ := json.Marshal(p)
	return answer(p.Status, "application/problem+json", string(body))
}

func TestProblemsUnwrapToTheirSentinels(t *testing.T) {
	for _, sentinel := range []error{
		client.ErrBadRequest, client.ErrUnauthorized, client.ErrForbidden, client.ErrNotFound, client.ErrNotServedHere, client.ErrMethod,
		client.ErrTooLarge, client.ErrMediaType, client.ErrRateLimited, client.ErrConflict, client.ErrStaleSequence, client.ErrUnknownParent,
		client.ErrParentTooOld, client.ErrInsufficient, client.ErrBadSignature, client.ErrWrongNetwork, client.ErrRefused, client.ErrInternal,
		client.ErrUnavailable,
	} {
		_, err := newClient(t, problem(sentinel)).Network(context.Background())
		if !errors.Is(err, sentinel) {
			t.Errorf("%v, want %v", err, sentinel)
		}
		var p *client.Problem
		if !errors.As(err, &p) || p.Detail != "on purpose" || p.Hint != "do nothing" {
			t.Errorf("%#v", err)
		}
		if sentinel != client.ErrInternal && errors.Is(err, client.ErrInternal) {
			t.Errorf("%v is also ErrInternal", sentinel)
		}
	}
}

func TestAProblemCarriesTheLedgersVerdict(t *testing.T) {
	p := client.NewProblem(client.ErrRefused, "", "")
	p.Verdict = settle.ChannelClosing.String()
	if !errors.Is(p, settle.ErrClosing) || !errors.Is(p, client.ErrRefused) {
		t.Error(p)
	}
	p.Verdict = "made-up"
	if !errors.Is(p, client.ErrRefused) {
		t.Error(p)
	}
}

func TestI9_StrangeAnswersAreTypedErrors(t *testing.T) {
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"not JSON":                  {answer(200, "application/json", "hello"), client.ErrResponse},
		"another content type":      {answer(200, "text/html", "{}"), client.ErrResponse},
		"no content type":           {answer(200, "", "{}"), client.ErrResponse},
		"wrong shape":               {answer(200, "application/json", `{"height":"x"}`), client.ErrResponse},
		"too large":                 {answer(200, "application/json", strings.Repeat(" ", client.ResponseSizeMax+1)), client.ErrUnreachable},
		"a redirect":                {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, nil},
		"a proxy's page":            {answer(502, "text/html", "<h1>Bad\x1b[31m gateway</h1>"), nil},
		"a problem of no kind":      {answer(418, "application/problem+json", `{"type":"urn:other","title":"teapot"}`), nil},
		"a problem that is no JSON": {answer(404, "application/problem+json", "{"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, row.handler).Network(context.Background())
			if err == nil || row.want != nil && !errors.Is(err, row.want) {
				t.Fatalf("%v, want %v", err, row.want)
			}
			var p *client.Problem
			if row.want == nil && !errors.As(err, &p) {
				t.Errorf("%v is no problem", err)
			}
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("control characters reach the terminal: %q", err)
			}
		})
	}
}

func TestAServerThatIsNotThereIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	c, err := client.New("http://"+address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Network(context.Background()); !errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
	_, err = c.PostVertex(context.Background(), []byte("v"))
	if !errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("what was never sent has a known outcome: %v", err)
	}
}

// hangUp takes the request and closes the connection without an answer.
func hangUp(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

func TestI4_AWriteWithoutAnAnswerHasAnUnknownOutcome(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"hang up":        hangUp,
		"internal error": problem(client.ErrInternal),
		"bad gateway":    answer(502, "text/html", "<h1>"),
		"not JSON":       answer(201, "application/json", "hello"),
		"no JSON":        answer(201, "text/plain", "hello"),
	} {
		c := newClient(t, handler)
		if _, err := c.PostVertex(context.Background(), []byte("v")); !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("%s, write: %v", name, err)
		}
		if _, err := c.Network(context.Background()); errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("%s, read: %v", name, err)
		}
	}
	for _, sentinel := range []error{client.ErrUnavailable, client.ErrInsufficient, client.ErrRateLimited} {
		_, err := newClient(t, problem(sentinel)).PostVertex(context.Background(), []byte("v"))
		if errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("%v is a known outcome: nothing happened", sentinel)
		}
	}
}

func TestACancelledWriteHasAnUnknownOutcome(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}))
	_, err := c.PostVertex(ctx, []byte("v"))
	if !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestTheTokenIsSent(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		answer(200, "application/json", "{}")(w, r)
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.Options{Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Account(context.Background(), wallet.DID{}); err != nil {
		t.Fatal(err)
	}
	if got != "Bearer secret" {
		t.Error(got)
	}
}

func TestBadAddressesAndTokensAreRefused(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8420", "ftp://host", "http://", "::"} {
		if _, err := client.New(address, client.Options{}); !errors.Is(err, client.ErrBaseURL) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := client.New("http://host", client.Options{Token: "a\nb"}); err == nil {
		t.Error("a token with a line break was taken")
	}
}

func TestAllWalksEveryPage(t *testing.T) {
	pages := map[string]string{
		"":  `{"items":[{"id":"t1","currency":"EUR"},{"id":"t2","currency":"EUR"}],"next":"2"}`,
		"2": `{"items":[{"id":"t3","currency":"EUR"}]}`,
	}
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(200, "application/json", pages[r.URL.Query().Get("cursor")])(w, r)
	}))
	var ids []string
	for tariff, err := range client.All(func(cursor string) (client.Page[client.Tariff], error) {
		return c.Tariffs(context.Background(), client.OfferQuery{PageQuery: client.PageQuery{Cursor: cursor}})
	}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tariff.ID)
	}
	if strings.Join(ids, " ") != "t1 t2 t3" {
		t.Error(ids)
	}
}

func TestAllEndsWithTheFirstError(t *testing.T) {
	c := newClient(t, problem(client.ErrRateLimited))
	n := 0
	for _, err := range client.All(func(cursor string) (client.Page[client.Tariff], error) {
		return c.Tariffs(context.Background(), client.OfferQuery{PageQuery: client.PageQuery{Cursor: cursor}})
	}) {
		n++
		if !errors.Is(err, client.ErrRateLimited) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d rounds", n)
	}
}

func TestEventsArriveUntilTheServerHangsUp(t *testing.T) {
	c := newClient(t, answer(200, "text/event-stream", ": hello\n\nevent: vertex\ndata: {\"a\":1}\n\nevent: session\ndata: {\"b\":2}\n\n"))
	var seen []string
	for e, err := range c.Events(context.Background(), client.EventQuery{}) {
		if err != nil {
			if !errors.Is(err, client.ErrUnreachable) {
				t.Error(err)
			}
			break
		}
		seen = append(seen, e.Type+string(e.Data))
	}
	if strings.Join(seen, " ") != `vertex{"a":1} session{"b":2}` {
		t.Error(seen)
	}
	for _, err := range newClient(t, problem(client.ErrNotServedHere)).Events(context.Background(), client.EventQuery{}) {
		if !errors.Is(err, client.ErrNotServedHere) {
			t.Error(err)
		}
	}
}

func TestEnergyIsDecimalWattHours(t *testing.T) {
	for text, want := range map[string]client.Energy{"9632": 9_632_000, "0.5": 500, "-1.25": -1250, "0": 0, "9223372036854775.807": 1<<63 - 1} {
		var got client.Energy
		if err := json.Unmarshal([]byte(`"`+text+`"`), &got); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if back, err := json.Marshal(got); err != nil || string(back) != `"`+text+`"` {
			t.Errorf("%s became %s", text, back)
		}
	}
	for _, text := range []string{`""`, `"1."`, `".5"`, `"1.2345"`, `"+1"`, `"1e3"`, `"-"`, `"--1"`, `"9223372036854775.808"`, `"1,5"`, `12`, `"0x1"`, `"1_000"`, `"1.-5"`, `"1.+5"`} {
		var got client.Energy
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was read as %d", text, got)
		}
	}
}

func TestIDsAreStrictHexadecimal(t *testing.T) {
	text := strings.Repeat("ab", 32)
	id, err := client.ParseID(text)
	if err != nil || id.String() != text {
		t.Error(id, err)
	}
	for _, bad := range []string{"", "ab", strings.ToUpper(text), strings.Repeat("zz", 32), text + "00"} {
		if _, err := client.ParseID(bad); !errors.Is(err, client.ErrID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := client.ParseSessionID(text); !errors.Is(err, client.ErrID) {
		t.Error(err)
	}
}

func TestTotalsAreDecimalText(t *testing.T) {
	raw, err := json.Marshal(client.Total{ExclVAT: 4_050_420_168, InclVAT: 4_820_000_000})
	if err != nil || string(raw) != `{"excl_vat":"4.050420168","incl_vat":"4.82"}` {
		t.Errorf("%s %v", raw, err)
	}
	var back client.Total
	if err := json.Unmarshal(raw, &back); err != nil || back.InclVAT != 4_820_000_000 {
		t.Error(back, err)
	}
	for _, bad := range []string{`{}`, `{"excl_vat":"1"}`, `{"excl_vat":1,"incl_vat":1}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func FuzzProblem(f *testing.F) {
	f.Add(404, "application/problem+json", `{"type":"urn:joulepay:problem:not-found","title":"x","status":404}`)
	f.Add(500, "text/html", "\x00\xff")
	f.Add(422, "application/problem+json", `{"type":"urn:joulepay:problem:refused","verdict":"insufficient-funds","detail":"\u001b[2J"}`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 400 || status > 599 {
			t.Skip()
		}
		p := client.DecodeProblem(status, contentType, []byte(body))
		if p.Status != status || p.Type == "" || len(p.Detail) > 1100 || len(p.Unwrap()) == 0 {
			t.Fatalf("%+v", p)
		}
		for _, text := range []string{p.Error(), p.Hint} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("%q", text)
			}
		}
	})
}
