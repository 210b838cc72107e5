package cli

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

func TestProgressIsOneChangingLineOnATerminal(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	s.width = func() int { return 10 }
	s.progress("one")
	s.progress("two and much more")
	_, _ = fmt.Fprintln(s, "a note")
	s.finish()
	s.finish()
	const clear = "\r\x1b[K"
	if want := "one" + clear + "two and m" + clear + "a note\n" + "two and m" + "\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestProgressIsSparseLinesWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	now := time.Unix(0, 0)
	s.now = func() time.Time { return now }
	for second := range 25 {
		now = time.Unix(int64(second), 0)
		s.progress(fmt.Sprintf("at %d s", second))
	}
	s.finish()
	s.finish()
	if want := "at 0 s\nat 10 s\nat 20 s\nat 24 s\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestI9_TextOfPeersCannotMoveTheCursor(t *testing.T) {
	for text, want := range map[string]string{
		"Ladesäule ⚡":       "Ladesäule ⚡",
		"a\x1b[2Jb":         "a·[2Jb",
		"a\r\nerror: no":    "a· error: no",
		"a\u202eb\u2066c\a": "a·b·c·",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNearestFindsTypingErrorsOnly(t *testing.T) {
	words := []string{"energy", "speed", "session", "http", "to"}
	for word, want := range map[string]string{
		"enregy": "energy", "sped": "speed", "sess": "session", "htpp": "http", "zzz": "", "": "", "nats": "", "elephant": "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
