package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"joulepay/settle/api"
	"joulepay/settle/client"
)

// tap is a source of events that a test opens by hand. It counts who follows it.
type tap struct {
	out      chan client.Event
	follower chan struct{} // one for each time that it is followed
}

func newTap() *tap {
	return &tap{out: make(chan client.Event), follower: make(chan struct{}, 100)}
}

func (t *tap) Events(ctx context.Context) (<-chan client.Event, error) {
	out := make(chan client.Event)
	t.follower <- struct{}{}
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-t.out:
				if !ok {
					return
				}
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}

func (t *tap) send(kind string, n int) {
	t.out <- client.Event{Type: kind, Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
}

// follower is a reader of a stream in a bubble, over a pipe: what it does not read, the server cannot write.
type follower struct {
	lines  *bufio.Reader
	cancel context.CancelFunc
	done   chan struct{}
}

// pipeWriter is a response writer into a pipe, with deadlines as a connection has them.
type pipeWriter struct {
	*httptest.ResponseRecorder
	to *slowPipe
}

func (w pipeWriter) Write(p []byte) (int, error) { return w.to.Write(p) }

func follow(t *testing.T, h http.Handler, query, lastID string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pipe := newSlowPipe()
	f := &follower{bufio.NewReader(pipe), cancel, make(chan struct{})}
	r := newRequest("GET", "/v1/events"+query, nil).WithContext(ctx)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	go func() {
		defer close(f.done)
		h.ServeHTTP(pipeWriter{httptest.NewRecorder(), pipe}, r)
		pipe.Close()
	}()
	t.Cleanup(func() { cancel(); <-f.done })
	return f
}

// event reads the next event; comments are left out.
func (f *follower) event() (kind, id, data string) {
	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			return "end", "", ""
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if kind != "" {
				return kind, id, data
			}
		}
	}
}

func withTap(t *testing.T, change func(*api.Config)) (*tap, http.Handler) {
	t.Helper()
	source := newTap()
	config := full(&fake{})
	config.Events, config.Lifetime, config.Now = []api.Events{source}, t.Context(), clock
	if change != nil {
		change(&config)
	}
	return source, handler(t, config)
}

func TestAFollowerThatComesBackMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		first := follow(t, h, "", "")
		<-source.follower
		source.send("vertex", 1)
		_, id, data := first.event()
		if data != `{"n":1}` {
			t.Fatal(data)
		}
		first.cancel()
		<-first.done
		source.send("vertex", 2)
		source.send("checkpoint", 3)
		for _, again := range []*follower{follow(t, h, "", id), follow(t, h, "?after="+id, "")} {
			for _, want := range []string{`vertex{"n":2}`, `checkpoint{"n":3}`} {
				if kind, _, data := again.event(); kind+data != want {
					t.Errorf("%s%s, want %s", kind, data, want)
				}
			}
			again.cancel()
		}
		if len(source.follower) != 0 {
			t.Error("the source is followed more than once")
		}
	})
}

func TestAGapIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		first := follow(t, h, "", "")
		<-source.follower
		source.send("vertex", 0)
		_, id, _ := first.event()
		for name, last := range map[string]string{"of another start": "0123456789abcdef-1", "from the future": strings.Replace(id, "-1", "-9", 1)} {
			if kind, _, data := follow(t, h, "", last).event(); kind != client.EventGap || data != "{}" {
				t.Errorf("%s: %s %s", name, kind, data)
			}
		}
		first.cancel()
		<-first.done
		for n := range 5000 { // more than are remembered
			source.send("vertex", n)
		}
		synctest.Wait()
		late := follow(t, h, "", id)
		if kind, gap, _ := late.event(); kind != client.EventGap || gap == id {
			t.Errorf("%s %s", kind, gap)
		}
		source.send("vertex", 5000)
		if _, _, data := late.event(); data != `{"n":5000}` {
			t.Errorf("goes on with %s", data)
		}
	})
}

func TestASourceThatEndsEndsTheStreamAndIsFollowedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		first := follow(t, h, "", "")
		<-source.follower
		source.send("vertex", 1)
		_, id, _ := first.event()
		close(source.out)
		if kind, _, _ := first.event(); kind != "end" {
			t.Errorf("%s after the source ended", kind)
		}
		source.out = make(chan client.Event)
		second := follow(t, h, "", id)
		<-source.follower
		if kind, _, _ := second.event(); kind != client.EventGap {
			t.Errorf("%s in place of what nobody knows", kind)
		}
	})
}

func TestASlowReaderHindersNobodyAndIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		slow, quick := follow(t, h, "", ""), follow(t, h, "", "")
		<-source.follower
		for n := range 100 {
			source.send("vertex", n)
			if _, _, data := quick.event(); data != fmt.Sprintf(`{"n":%d}`, n) {
				t.Fatalf("%d: %s", n, data)
			}
		}
		<-slow.done // which reads nothing: its deadline passes
	})
}

func TestWhoMayNotReadSessionsDoesNotHearOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, func(c *api.Config) { c.Loopback = false })
		anybody := follow(t, h, "", "")
		<-source.follower
		source.send("session", 1)
		source.send("vertex", 2)
		if kind, _, _ := anybody.event(); kind != "vertex" {
			t.Errorf("heard of a %s", kind)
		}
		w := serve(h, newRequest("GET", "/v1/events?types=session", nil))
		if p := problemIn(t, w); w.Code != http.StatusUnauthorized {
			t.Errorf("%+v", p)
		}
	})
}

func TestAQuietStreamSaysThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		f := follow(t, h, "", "")
		<-source.follower
		if line, err := f.lines.ReadString('\n'); err != nil || line != ": still here\n" {
			t.Errorf("%q %v", line, err)
		}
	})
}

func TestAKindThatIsNotAskedForIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, h := withTap(t, nil)
		f := follow(t, h, "?types=session,checkpoint", "")
		<-source.follower
		source.send("vertex", 1)
		source.send("checkpoint", 2)
		if kind, _, _ := f.event(); kind != "checkpoint" {
			t.Error(kind)
		}
	})
}
