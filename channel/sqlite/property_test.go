package sqlite

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/store/storetest"
	engine "joulepay/internal/sqlite"
)

// drawBatch makes a batch of few keys and few values, so that batches meet: repetitions, conflicts and gaps among them.
func drawBatch(t *rapid.T) session.Batch {
	number := func(label string, n uint64) uint64 { return rapid.Uint64Range(0, n-1).Draw(t, label) }
	var b session.Batch
	for range number("channels", 3) {
		r := storetest.Channel(number("channel", 3), number("claims", 3))
		r.KeyIndex, r.State = uint32(number("key", 2)), channel.State(number("state", 4))
		b.Channels = append(b.Channels, r)
	}
	for range number("sessions", 3) {
		phase := session.Phase(1 + number("phase", 9))
		r := storetest.Session(number("session", 4), number("claims", 3), phase)
		r.Wanted = int64(number("wanted", 2))
		for n := range number("operations", 4) {
			r.Vertices = append(r.Vertices, storetest.Operation(n, session.OpPending).ID)
		}
		b.Sessions = append(b.Sessions, r)
	}
	for range number("readings", 5) {
		r := storetest.Reading(number("session", 4), number("sequence", 5))
		r.Signed[0] += byte(number("bytes", 20) / 19) // seldom other than before
		b.Readings = append(b.Readings, r)
	}
	for range number("operations", 4) {
		r := storetest.Operation(number("operation", 4), session.OpState(1+number("state", 3)))
		r.Payload = [][]byte{nil, []byte("a"), []byte("b")}[number("payload", 3)]
		r.Vertex[0] = byte(number("vertex", 2))
		b.Ops = append(b.Ops, r)
	}
	return b
}

// commitGroup commits batches as one group and gives what each was told.
func commitGroup(t *rapid.T, s *Store, rows *known, batches []session.Batch) []error {
	var group []*request
	for _, b := range batches {
		group = append(group, &request{batch: b})
	}
	err := s.db.Commit(context.Background(), func(tx *engine.Tx) error { return writeGroup(tx, rows, group) })
	if err != nil {
		t.Fatal(err)
	}
	var told []error
	for _, r := range group {
		told = append(told, r.err)
	}
	return told
}

func TestSQLiteReadsAsTheTwinDoesWhateverIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		folder, err := os.MkdirTemp("", "joulepay-store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		twin := store.NewMemory()
		disk, err := Open(ctx, optionsIn(folder))
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		rows := &known{}
		for range rapid.IntRange(1, 6).Draw(t, "groups") {
			batches := rapid.SliceOfN(rapid.Custom(drawBatch), 1, 4).Draw(t, "batches")
			for i, onDisk := range commitGroup(t, disk, rows, batches) {
				onTwin := twin.Commit(ctx, batches[i])
				if (onTwin == nil) != (onDisk == nil) || errors.Is(onTwin, store.ErrReading) != errors.Is(onDisk, store.ErrReading) {
					t.Fatalf("the twin says %v, SQLite %v", onTwin, onDisk)
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "forget") == 0 {
				rows = &known{} // as a new process
			}
		}
		compare(t, twin, disk)
	})
}

func compare(t *rapid.T, twin, disk store.Store) {
	want, err := storetest.ContentOf(context.Background(), twin)
	if err != nil {
		t.Fatal(err)
	}
	got, err := storetest.ContentOf(context.Background(), disk)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("SQLite holds %+v\nthe twin %+v", got, want)
	}
}
