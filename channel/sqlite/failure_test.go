package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/store"
	"joulepay/channel/store/storetest"
	engine "joulepay/internal/sqlite"
	"joulepay/meter"
)

func optionsIn(folder string) Options { return Options{Path: filepath.Join(folder, "sessions.db")} }

func open(t *testing.T, options Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func content(t *testing.T, s *Store) storetest.Content {
	t.Helper()
	c, err := storetest.ContentOf(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func commit(t *testing.T, s *Store, batch session.Batch) {
	t.Helper()
	if err := s.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// run executes a statement behind the store's back.
func run(t *testing.T, s *Store, statement string, args ...any) {
	t.Helper()
	err := s.db.Commit(t.Context(), func(tx *engine.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestI4_AFullDiskRefusesTheBatchAndForgetsAllOfIt(t *testing.T) {
	s := open(t, optionsIn(t.TempDir()))
	commit(t, s, storetest.Claim(1, 1))
	run(t, s, "PRAGMA max_page_count=40")
	var claim uint64
	var err error
	for claim = 2; err == nil && claim < 1000; claim++ {
		err = s.Commit(t.Context(), storetest.Claim(1, claim))
	}
	claim -= 2 // the last that was taken
	if !errors.Is(err, engine.ErrDiskFull) || errors.Is(err, engine.ErrOutcomeUnknown) {
		t.Fatalf("%v, want ErrDiskFull", err)
	}
	for range 3 { // what the writer remembers of the batch that failed must not stand in the way of the next
		big := storetest.Claim(2, 1)
		big.Sessions[0].Quote = make([]byte, 14<<10)
		if err := s.Commit(t.Context(), big); !errors.Is(err, engine.ErrDiskFull) {
			t.Fatalf("%v, want ErrDiskFull", err)
		}
	}
	before := content(t, s)
	if stored := before.Readings[storetest.Reading(1, 0).Session]; uint64(len(stored)) != claim {
		t.Errorf("%d readings, want %d", len(stored), claim)
	}
	run(t, s, "PRAGMA max_page_count=4000")
	commit(t, s, storetest.Claim(1, claim+1))
	commit(t, s, storetest.Claim(2, 1))
	want := []session.SessionRecord{
		storetest.Session(2, 1, session.PhaseCharging), storetest.Session(1, claim+1, session.PhaseCharging),
	}
	if got := content(t, s).Sessions; !reflect.DeepEqual(got, want) {
		t.Errorf("with room again: %+v", got)
	}
}

func TestRecordsTooLargeToReadBackAreRefusedAlone(t *testing.T) {
	s := open(t, optionsIn(t.TempDir()))
	proposal := storetest.Claim(1, 1)
	proposal.Channels[0].Proposal = make([]byte, 100_000)
	quote := storetest.Claim(1, 1)
	quote.Sessions[0].Quote = make([]byte, 100_000)
	body := storetest.Claim(1, 1)
	body.Ops = []session.OpRecord{{ID: session.OpID{1}, Body: make([]byte, operationSizeMax+1)}}
	reading := storetest.Claim(1, 1)
	reading.Readings[0].Signed = make([]byte, meter.SignedSizeMax+1)
	for name, batch := range map[string]session.Batch{"proposal": proposal, "quote": quote, "body": body, "reading": reading} {
		if err := s.Commit(t.Context(), batch); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := s.PutReceipt(t.Context(), channel.SessionID{1}, make([]byte, receiptSizeMax+1)); err == nil {
		t.Error("receipt: taken")
	}
	if all := content(t, s); len(all.Sessions)+len(all.Channels) != 0 {
		t.Errorf("stored: %+v", all)
	}
}

func TestWhatTheWriterForgetsItReadsAgain(t *testing.T) {
	s := open(t, optionsIn(t.TempDir()))
	commit(t, s, storetest.Claim(1, 1))
	for n := uint64(10); n < 10+knownMax+100; {
		var batch session.Batch
		for range 500 {
			b := storetest.Claim(n, 1)
			b.Sessions[0].Quote = nil
			batch.Sessions = append(batch.Sessions, b.Sessions...)
			batch.Channels = append(batch.Channels, b.Channels...)
			n++
		}
		commit(t, s, batch)
	}
	for claim := uint64(2); claim < 5; claim++ {
		for n := range uint64(2) {
			commit(t, s, storetest.Claim(n, claim-1))
		}
	}
	for n := range uint64(2) {
		readings, err := s.Readings(t.Context(), storetest.Reading(n, 0).Session)
		if err != nil || len(readings) != 3 {
			t.Errorf("session %d: %d readings, %v", n, len(readings), err)
		}
	}
}

func TestACommitThatIsGivenUpBeforeItsTurnIsNotMade(t *testing.T) {
	s := open(t, optionsIn(t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, storetest.Claim(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if all := content(t, s); len(all.Sessions) != 0 {
		t.Errorf("stored: %+v", all)
	}
}

func TestI9_DamagedRowsGiveTypedErrors(t *testing.T) {
	for name, damage := range map[string]string{
		"channel terms":    "UPDATE channel SET terms = x'0102'",
		"channel progress": "UPDATE channel_progress SET progress = x''",
		"session id":       "UPDATE session SET id = x'01'",
		"session terms":    "UPDATE session SET terms = x'ffffffff'",
		"session progress": "UPDATE session_progress SET progress = x'02'",
		"reading in a gap": "UPDATE reading SET sequence = 7",
		"operation":        "UPDATE operation SET vertex = x'01'",
		"key index":        "UPDATE key_index SET last = 1 << 40",
	} {
		t.Run(name, func(t *testing.T) {
			options := optionsIn(t.TempDir())
			s := open(t, options)
			batch := storetest.Claim(1, 1)
			batch.Ops = []session.OpRecord{storetest.Operation(1, session.OpPending)}
			commit(t, s, batch)
			run(t, s, damage)
			_, err := storetest.ContentOf(t.Context(), s)
			_, keyErr := s.NextKeyIndex(t.Context())
			err = errors.Join(err, keyErr)
			if err == nil || !(errors.Is(err, session.ErrRecord) || strings.Contains(err.Error(), "no more indices")) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAStoreOfANewerVersionIsRefused(t *testing.T) {
	options := optionsIn(t.TempDir())
	s := open(t, options)
	run(t, s, fmt.Sprintf("PRAGMA user_version=%d", len(migrations)+1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), options); !errors.Is(err, engine.ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
}

func TestOneProcessWritesAndOthersMayRead(t *testing.T) {
	options := optionsIn(t.TempDir())
	writer := open(t, options)
	commit(t, writer, storetest.Claim(1, 1))
	if _, err := Open(t.Context(), options); !errors.Is(err, engine.ErrLocked) {
		t.Errorf("a second writer: %v, want ErrLocked", err)
	}
	options.ReadOnly = true
	reader := open(t, options)
	commit(t, writer, storetest.Claim(1, 2))
	if got, want := content(t, reader), content(t, writer); !reflect.DeepEqual(got, want) {
		t.Errorf("the reader sees %+v, want %+v", got, want)
	}
	_, indexErr := reader.NextKeyIndex(t.Context())
	for _, err := range []error{reader.Commit(t.Context(), storetest.Claim(1, 3)), indexErr, reader.PutReceipt(t.Context(), channel.SessionID{}, nil)} {
		if !errors.Is(err, engine.ErrReadOnly) {
			t.Errorf("%v, want ErrReadOnly", err)
		}
	}
}

func TestAStoreOfTheFirstVersionLearnsWhichChannelsAreNotClosed(t *testing.T) {
	options := optionsIn(t.TempDir())
	s := open(t, options)
	var want []session.ChannelRecord
	for n, state := range []channel.State{0, channel.Open, channel.Closing, channel.Closed} {
		r := storetest.Channel(uint64(n), 1)
		r.State = state
		commit(t, s, session.Batch{Channels: []session.ChannelRecord{r}})
		if state != channel.Closed {
			want = append(want, r)
		}
	}
	run(t, s, "DROP TABLE unclosed")
	run(t, s, "DROP TABLE listed")
	run(t, s, "PRAGMA user_version=1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, options).Unclosed(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v, want %+v", err, got, want)
	}
}

func TestAStoreOfTheSecondVersionListsItsSessions(t *testing.T) {
	options := optionsIn(t.TempDir())
	s := open(t, options)
	const sessions = listTogether + 5
	var batch session.Batch
	for n := range sessions {
		r := session.SessionRecord{ID: channel.SessionID{byte(n >> 8), byte(n), 1}, Role: session.RolePayee, Phase: session.PhaseEnded, StartedMs: int64(n + 1)}
		batch.Sessions = append(batch.Sessions, r)
	}
	commit(t, s, batch)
	run(t, s, "DROP TABLE listed")
	run(t, s, "PRAGMA user_version=2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, options)
	ids, err := s.SessionIDs(t.Context(), store.SessionQuery{Limit: 2 * sessions, Phases: []session.Phase{session.PhaseEnded}, SinceMs: 1})
	if err != nil || len(ids) != sessions || ids[0] != batch.Sessions[sessions-1].ID {
		t.Errorf("%d sessions, %v", len(ids), err)
	}
}

func TestI4_AFailedSyncIsToldAsAStoreThatMustBeOpenedAgain(t *testing.T) {
	for _, cause := range []error{engine.ErrOutcomeUnknown, engine.ErrFailed} {
		if err := contracted(fmt.Errorf("commit: %w", cause)); !errors.Is(err, store.ErrFailed) || !errors.Is(err, cause) {
			t.Errorf("%v is told as %v", cause, err)
		}
	}
	if err := contracted(engine.ErrDiskFull); errors.Is(err, store.ErrFailed) || !errors.Is(err, engine.ErrDiskFull) {
		t.Errorf("a full disk is told as %v", err)
	}
}
