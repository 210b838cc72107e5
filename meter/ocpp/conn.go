package ocpp

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// conn is one connection of a station: it answers the station's calls and makes one call at a time itself, as OCPP-J wants.
type conn struct {
	ws      *websocket.Conn
	timeout time.Duration // of the answer to a call
	answer  func(Frame) Frame
	trouble func(error)

	calling sync.Mutex // held by whoever waits for the answer of a call

	mu      sync.Mutex // guards below
	waiting string     // the id of the call that waits
	result  chan Frame
	calls   uint64
}

func newConn(ws *websocket.Conn, timeout time.Duration, answer func(Frame) Frame, trouble func(error)) *conn {
	ws.SetReadLimit(FrameSizeMax)
	return &conn{ws: ws, timeout: timeout, answer: answer, trouble: trouble}
}

// run reads frames until the connection ends, and gives why it did.
func (c *conn) run(ctx context.Context) error {
	for {
		kind, raw, err := c.ws.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText {
			c.trouble(fmt.Errorf("%w: a binary message", ErrFrame))
			continue
		}
		if err := c.take(ctx, raw); err != nil {
			return err
		}
	}
}

// take answers one frame, or gives it to the call that waits for it.
func (c *conn) take(ctx context.Context, raw []byte) error {
	f, err := DecodeFrame(raw)
	switch {
	case err != nil:
		c.trouble(err)
		if f.ID == "" || f.Kind != Call {
			return nil // nobody can be answered
		}
		return c.send(ctx, Frame{Kind: CallError, ID: f.ID, Code: "FormationViolation", Detail: "not a frame of OCPP-J"})
	case f.Kind == Call:
		return c.send(ctx, c.answer(f))
	default:
		c.deliver(f)
		return nil
	}
}

// deliver gives an answer to the call that waits. One that nobody waits for came too late, or twice.
func (c *conn) deliver(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == "" || f.ID != c.waiting {
		c.trouble(fmt.Errorf("%w: an answer that nobody waits for", ErrFrame))
		return
	}
	c.waiting = ""
	c.result <- f // it has room for the one answer
}

// call makes a call and waits for its answer. It fails with ErrTimeout, ErrOffline or ErrCallRefused.
func (c *conn) call(ctx context.Context, action string, request, result any) error {
	payload, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	c.calling.Lock()
	defer c.calling.Unlock()
	id, answered := c.expect()
	defer c.forget(id)
	if err := c.send(ctx, Frame{Kind: Call, ID: id, Action: action, Payload: payload}); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	patience := time.NewTimer(c.timeout)
	defer patience.Stop()
	select {
	case f := <-answered:
		return read(action, f, result)
	case <-patience.C:
		return fmt.Errorf("%s: %w", action, ErrTimeout)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", action, ErrOffline)
	}
}

func (c *conn) expect() (string, <-chan Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.waiting, c.result = "joulepay-"+strconv.FormatUint(c.calls, 10), make(chan Frame, 1)
	return c.waiting, c.result
}

func (c *conn) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == id {
		c.waiting = ""
	}
}

func read(action string, f Frame, result any) error {
	if f.Kind == CallError {
		return fmt.Errorf("%s: %w: %.40q %.80q", action, ErrCallRefused, f.Code, f.Detail)
	}
	if err := json.Unmarshal(f.Payload, result); err != nil {
		return fmt.Errorf("%s: %w: %w", action, ErrPayload, err)
	}
	return nil
}

// sendTimeMax is for a frame to leave this machine. A station that reads nothing for so long is cut off.
const sendTimeMax = 30 * time.Second

func (c *conn) send(ctx context.Context, f Frame) error {
	raw, err := f.Encode()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeMax)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, raw); err != nil {
		return fmt.Errorf("%w: %w", ErrOffline, err)
	}
	return nil
}
