package vehicle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"joulepay/channel/wire"
)

func inboxAt(t *testing.T, b Buying, wanted int64, resumes bool) (*inbox, *[]int64) {
	t.Helper()
	i, err := openInbox(b, wanted, resumes)
	if err != nil {
		t.Fatal(err)
	}
	lacked := &[]int64{}
	i.lacks = func(from int64) { *lacked = append(*lacked, from) }
	return i, lacked
}

func messages(numbers ...int64) (all []wire.Piece) {
	for _, n := range numbers {
		all = append(all, wire.Piece{Number: n, Payload: fmt.Appendf(nil, "message %d", n)})
	}
	return all
}

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestI6_AVehicleCountsWhatItHasInOrderAndOnce(t *testing.T) {
	b := Buying{Dir: t.TempDir(), Out: filepath.Join(t.TempDir(), "out")}
	i, lacked := inboxAt(t, b, 4, false)
	for _, p := range messages(1, 1, 3, 4, 2, 3, 2, 5) { // 3 and 4 come too early, 5 is more than is wanted
		i.take(p)
	}
	sample, err := i.Sample(time.Now())
	if err != nil || sample.Register != 3 || i.Count() != 3 {
		t.Fatalf("counted %d, %v", sample.Register, err)
	}
	if got := content(t, b.Out); got != "message 1\nmessage 2\nmessage 3\n" {
		t.Errorf("kept %q", got)
	}
	if !slices.Equal(*lacked, []int64{2}) { // asked once about the gap
		t.Errorf("asked for %v", *lacked)
	}
	i.take(messages(4)[0])
	i.take(messages(5)[0])
	if i.Count() != 4 {
		t.Errorf("counted %d of 4 wanted", i.Count())
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

func TestI4_MessagesOutliveTheProcessAsFarAsTheyAreCounted(t *testing.T) {
	b := Buying{Dir: t.TempDir(), Out: filepath.Join(t.TempDir(), "out")}
	i, _ := inboxAt(t, b, 0, false)
	for _, p := range messages(1, 2) {
		i.take(p)
	}
	// The process is killed after a message was written, and before it was counted.
	if _, err := i.file.WriteString("message 3\nmess"); err != nil {
		t.Fatal(err)
	}
	again, _ := inboxAt(t, Buying{Dir: b.Dir}, 0, true)
	if again.Count() != 2 || content(t, b.Out) != "message 1\nmessage 2\n" {
		t.Fatalf("goes on with %d: %q", again.Count(), content(t, b.Out))
	}
	again.take(messages(3)[0])
	if content(t, b.Out) != "message 1\nmessage 2\nmessage 3\n" {
		t.Errorf("kept %q", content(t, b.Out))
	}
	if _, err := openInbox(b, 0, false); err == nil {
		t.Error("another session's messages take the place of these")
	}
	other := Buying{Dir: b.Dir, Out: OutNone}
	anew, _ := inboxAt(t, other, 0, false)
	if anew.Count() != 0 {
		t.Errorf("a new session begins with %d", anew.Count())
	}
}

func TestAVehicleThatHearsNothingAsks(t *testing.T) {
	i, lacked := inboxAt(t, Buying{Dir: t.TempDir(), Out: OutNone}, 2, false)
	i.take(messages(1)[0])
	if _, err := i.Sample(time.Now()); err != nil || len(*lacked) != 0 {
		t.Fatal(*lacked, err)
	}
	i.heardAt = i.heardAt.Add(-lacksAfter)
	for range 2 {
		if _, err := i.Sample(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(*lacked, []int64{2}) {
		t.Errorf("asked for %v", *lacked)
	}
	i.take(messages(2)[0])
	i.heardAt, i.askedAt = i.heardAt.Add(-lacksAfter), i.askedAt.Add(-lacksAfter)
	if _, err := i.Sample(time.Now()); err != nil || len(*lacked) != 1 {
		t.Errorf("asks for more than it wants: %v, %v", *lacked, err)
	}
}
