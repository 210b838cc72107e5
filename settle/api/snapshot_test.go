package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

func TestSnapshotIsSentWholeAndForPrivateReaders(t *testing.T) {
	config := full(&fake{})
	w := serve(handler(t, config), newRequest("GET", "/v1/snapshot", nil))
	if w.Code != http.StatusOK || w.Body.String() != "snapshot" || w.Header().Get("Content-Length") != "8" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if w := serve(handler(t, config), newRequest("HEAD", "/v1/snapshot", nil)); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", w.Code, w.Body)
	}
	config.Loopback = false
	p := problemIn(t, serve(handler(t, config), newRequest("GET", "/v1/snapshot", nil)))
	if !errors.Is(&p, client.ErrUnauthorized) {
		t.Errorf("from elsewhere: %v", p)
	}
}

// waiting makes no snapshot until it is told to.
type waiting struct{ begun, proceed chan struct{} }

func (w waiting) Snapshot(context.Context) (api.SnapshotFile, error) {
	w.begun <- struct{}{}
	<-w.proceed
	return api.SnapshotFile{}, client.ErrUnavailable
}

func TestFewSnapshotsAreMadeAtOnce(t *testing.T) {
	config, w := full(&fake{}), waiting{make(chan struct{}), make(chan struct{})}
	config.Snapshots = w
	h := handler(t, config)
	answers := make(chan *httptest.ResponseRecorder)
	for range 2 {
		go func() { answers <- serve(h, newRequest("GET", "/v1/snapshot", nil)) }()
		<-w.begun
	}
	if p := problemIn(t, serve(h, newRequest("GET", "/v1/snapshot", nil))); !errors.Is(&p, client.ErrRateLimited) {
		t.Errorf("a third: %v", p)
	}
	close(w.proceed)
	for range 2 {
		<-answers
	}
}

func TestClientReadsASnapshot(t *testing.T) {
	f := &fake{}
	config := full(f)
	config.Now = time.Now // of the connection's deadlines
	server := httptest.NewServer(handler(t, config))
	defer server.Close()
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, size, err := c.Snapshot(t.Context())
	if err != nil || size != 8 {
		t.Fatal(size, err)
	}
	defer body.Close()
	if raw, err := io.ReadAll(body); err != nil || string(raw) != "snapshot" {
		t.Errorf("%q, %v", raw, err)
	}
	f.err = client.NewProblem(client.ErrPruned, "", "")
	if _, _, err := c.Snapshot(t.Context()); !errors.Is(err, client.ErrPruned) || !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a problem: %v", err)
	}
}
