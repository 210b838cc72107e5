package api_test

import (
	"io"
	"net"
	"time"
)

// slowPipe is a pipe that obeys write deadlines as the server sets them, of which the clock stands still in tests: a deadline
// is that far from now as it is from noon.
type slowPipe struct {
	server, client net.Conn
}

func newSlowPipe() *slowPipe {
	server, client := net.Pipe()
	return &slowPipe{server, client}
}

func (p *slowPipe) Write(b []byte) (int, error) { return p.server.Write(b) }

func (p *slowPipe) Read(b []byte) (int, error) { return p.client.Read(b) }

func (p *slowPipe) Close() { _ = p.server.Close() }

func (p *slowPipe) deadline(t time.Time) error {
	if !t.IsZero() {
		t = time.Now().Add(t.Sub(noon))
	}
	return p.server.SetWriteDeadline(t)
}

// SetWriteDeadline is what http.ResponseController calls.
func (w pipeWriter) SetWriteDeadline(t time.Time) error { return w.to.deadline(t) }

var _ io.Writer = pipeWriter{}
