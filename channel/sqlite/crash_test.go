package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"joulepay/channel"
	"joulepay/channel/session"
	"joulepay/channel/sqlite"
	"joulepay/channel/store"
	"joulepay/channel/store/storetest"
	"joulepay/internal/campaign"
	"joulepay/internal/powercut"
)

// childFolder tells this test binary that it is the child that commits until it is killed.
const childFolder = "JOULEPAY_CHANNEL_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		err := commitForever(folder)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sessions is how many visits the child has under way at once.
const sessions = 8

func sessionOf(n uint64) channel.SessionID {
	return storetest.Session(n, 0, session.PhaseCharging).ID
}

// commitForever runs some sessions, each claim in one batch, and says on stdout what was acknowledged: "claim N C" or
// "key I". It continues where the store says that it was left. When the disk is recorded, the record says it too.
func commitForever(folder string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, optionsIn(folder))
	if err != nil {
		return err
	}
	var mu sync.Mutex // one acknowledgement at a time
	say := func(format string, args ...any) error {
		mu.Lock()
		defer mu.Unlock()
		line := fmt.Sprintf(format, args...)
		fmt.Println(line)
		return powercut.Mark(line)
	}
	failed := make(chan error)
	for n := range uint64(sessions) {
		go func() { failed <- runSession(ctx, s, n, say) }()
	}
	go func() {
		for {
			index, err := s.NextKeyIndex(ctx)
			if err == nil {
				err = say("key %d", index)
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}

func runSession(ctx context.Context, s store.Store, n uint64, say func(string, ...any) error) error {
	readings, err := s.Readings(ctx, sessionOf(n))
	if err != nil {
		return err
	}
	for claim := uint64(len(readings)) + 1; ; claim++ {
		if err := s.Commit(ctx, batchOf(n, claim)); err != nil {
			return err
		}
		if err := say("claim %d %d", n, claim); err != nil {
			return err
		}
	}
}

// batchOf makes the batch of a claim, with a ledger operation now and then.
func batchOf(n, claim uint64) session.Batch {
	b := storetest.Claim(n, claim)
	const operationEvery = 10
	if claim%operationEvery == 0 {
		b.Ops = []session.OpRecord{storetest.Operation(n<<32|claim, session.OpPending)}
	}
	return b
}

// acknowledged is what a child said before it ended.
type acknowledged struct {
	claims [sessions]uint64 // the last one of each session
	keys   map[uint32]bool
	count  int
}

func newAcknowledged() *acknowledged { return &acknowledged{keys: map[uint32]bool{}} }

func (a *acknowledged) hear(t *testing.T, line string) {
	t.Helper()
	a.count++
	var n, claim uint64
	var key uint32
	switch {
	case scan(line, "claim %d %d", &n, &claim) && n < sessions:
		a.claims[n] = claim
	case scan(line, "key %d", &key):
		if a.keys[key] {
			t.Errorf("key index %d was handed out twice", key)
		}
		a.keys[key] = true
	default:
		t.Fatalf("the child said %q", line)
	}
}

func scan(line, format string, into ...any) bool {
	n, err := fmt.Sscanf(line, format, into...)
	return err == nil && n == len(into)
}

// child starts this test binary as the child. What it says can be read line by line.
func child(t *testing.T, folder string, env ...string) (*exec.Cmd, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childFolder+"="+folder), env...)
	var errorText strings.Builder
	cmd.Stderr = &errorText
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(output), &errorText
}

// killed waits for a child that must have ended by SIGKILL.
func killed(t *testing.T, cmd *exec.Cmd, errorText *strings.Builder) {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v %s", err, errorText.String())
	}
}

// missing compares a store with what was acknowledged, and tells what is wrong: something is not there, or only a part
// of a batch is.
func (a *acknowledged) missing(ctx context.Context, s store.Store) (wrong []string) {
	content, err := storetest.ContentOf(ctx, s)
	if err != nil {
		return []string{err.Error()}
	}
	operations := map[session.OpID]bool{}
	for _, op := range content.Pending {
		operations[op.ID] = true
	}
	for n := range uint64(sessions) {
		stored := uint64(len(content.Readings[sessionOf(n)]))
		if stored < a.claims[n] {
			wrong = append(wrong, fmt.Sprintf("session %d: claim %d was acknowledged, %d are stored", n, a.claims[n], stored))
		}
		if stored > 0 {
			wrong = append(wrong, torn(ctx, s, content, operations, n, stored)...)
		}
	}
	index, err := s.NextKeyIndex(ctx)
	if err != nil || a.keys[index] {
		wrong = append(wrong, fmt.Sprintf("key index %d was handed out before (%v)", index, err))
	}
	return wrong
}

// torn looks for batches of a session of which only a part is there.
func torn(ctx context.Context, s store.Store, content storetest.Content, operations map[session.OpID]bool, n, stored uint64) (wrong []string) {
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("session %d: ", n)+fmt.Sprintf(format, args...))
	}
	for claim := uint64(1); claim <= stored; claim++ {
		want := batchOf(n, claim)
		if got := content.Readings[sessionOf(n)][claim-1]; string(got.Signed) != string(want.Readings[0].Signed) {
			complain("reading %d has other bytes", claim-1)
		}
		for _, op := range want.Ops {
			if !operations[op.ID] {
				complain("claim %d is stored without its ledger operation", claim)
			}
		}
	}
	last := batchOf(n, stored)
	if ch, err := s.Channel(ctx, last.Channels[0].ID); err != nil || ch.Side.In != last.Channels[0].Side.In {
		complain("%d readings, channel at claim %d (%v)", stored, ch.Side.In.Signed.Claim.Sequence, err)
	}
	if r, err := s.Session(ctx, sessionOf(n)); err != nil || r.Claims != stored {
		complain("%d readings, session at claim %d (%v)", stored, r.Claims, err)
	}
	return wrong
}

func TestI4_NoAcknowledgedBatchIsLostWhenTheProcessIsKilled(t *testing.T) {
	const acknowledgementsMax = 400 // of one child: some tens of commits
	run := campaign.New(t)
	folder := t.TempDir()
	acks := newAcknowledged()
	for range run.Size("store_kills", 6) {
		cmd, lines, errorText := child(t, folder)
		for moment := rand.IntN(acknowledgementsMax); moment >= 0 && lines.Scan(); moment-- {
			acks.hear(t, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // said, and not yet heard
			acks.hear(t, lines.Text())
		}
		killed(t, cmd, errorText)
		s := open(t, optionsIn(folder))
		for _, wrong := range acks.missing(t.Context(), s) {
			t.Error(wrong)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run.Count("batches acknowledged", acks.count)
}
