package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

// pipes is a listener in memory.
type pipes struct{ connections chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.connections
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error { return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8420} }

func TestI9_ASlowBodyIsATypedProblemOnEveryWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := full(&fake{})
		config.Now = time.Now
		listener := pipes{make(chan net.Conn)}
		server := api.Server(t.Context(), handler(t, config))
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		c := loadContract(t)
		for _, o := range operations(c) {
			if o.RequestBody == nil {
				continue
			}
			contentType, body := bodies(o.OperationID)
			near, far := net.Pipe()
			listener.connections <- far
			began := time.Now()
			go func() { // half of the body, and no more
				_, _ = fmt.Fprintf(near, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nIdempotency-Key: k\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
					o.method, o.target(nil, nil), operatorToken, contentType, len(body), body[:len(body)/2])
			}()
			resp, err := http.ReadResponse(bufio.NewReader(near), nil)
			if err != nil {
				t.Fatalf("%s: %v", o.OperationID, err)
			}
			w := httptest.NewRecorder()
			for name, values := range resp.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(resp.StatusCode)
			if _, err := io.Copy(w, resp.Body); err != nil {
				t.Error(err)
			}
			if p := problemIn(t, w); !errors.Is(&p, client.ErrTooSlow) {
				t.Errorf("%s: %+v", o.OperationID, p)
			}
			if took := time.Since(began); took < 10*time.Second || took > 20*time.Second {
				t.Errorf("%s: after %s", o.OperationID, took)
			}
			r := newRequest(o.method, o.target(nil, nil), nil)
			if _, err := c.check(r, nil, w); err != nil {
				t.Error(err)
			}
			if err := near.Close(); err != nil {
				t.Error(err)
			}
		}
		close(listener.connections)
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
}
