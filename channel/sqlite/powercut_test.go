package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"joulepay/channel/sqlite"
	"joulepay/internal/campaign"
	"joulepay/internal/powercut"
)

// recorded runs the child on a disk that is recorded, until it has acknowledged so much, and kills it.
func recorded(t *testing.T, folder string, acknowledgements int) *powercut.Log {
	t.Helper()
	shim, log := powercut.Build(t), filepath.Join(t.TempDir(), "log")
	cmd, lines, errorText := child(t, folder, powercut.Env(t, shim, folder, log)...)
	for ; acknowledgements > 0 && lines.Scan(); acknowledgements-- {
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	killed(t, cmd, errorText)
	record, err := powercut.Read(log)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// cut opens the store as the disk holds it after the power failed, and tells what is wrong with it.
func cut(t *testing.T, record *powercut.Log, folder string, moment powercut.Moment) (wrong []string) {
	t.Helper()
	into, err := os.MkdirTemp(t.TempDir(), "cut")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(into)
	if err := record.Rebuild(moment, folder, into); err != nil {
		t.Fatal(err)
	}
	acks := newAcknowledged()
	for _, mark := range record.Marks() {
		if mark.At <= moment.At {
			acks.hear(t, mark.Text)
		}
	}
	s, err := sqlite.Open(t.Context(), optionsIn(into))
	if err != nil {
		return []string{err.Error()}
	}
	defer s.Close()
	if verdict, err := s.Integrity(t.Context()); err != nil || verdict != "ok" {
		return []string{fmt.Sprintf("damaged: %s (%v)", verdict, err)}
	}
	return acks.missing(t.Context(), s)
}

// momentsIn draws moments in order: half of them just after an acknowledgement, when there is most to lose.
func momentsIn(record *powercut.Log, n int) []powercut.Moment {
	marks := record.Marks()
	var moments []powercut.Moment
	for i := range n {
		at := rand.IntN(record.Len() + 1)
		if i%2 == 0 {
			at = marks[rand.IntN(len(marks))].At
		}
		moments = append(moments, powercut.Moment{At: at, Seed: rand.Uint64N(6)})
	}
	slices.SortFunc(moments, func(a, b powercut.Moment) int { return a.At - b.At })
	return moments
}

func TestI4_NoAcknowledgedBatchIsLostWhenThePowerFails(t *testing.T) {
	const acknowledgements = 1200 // SQLite carries its log over into the database on the way
	run := campaign.New(t)
	folder := t.TempDir()
	record := recorded(t, folder, acknowledgements)
	moments := momentsIn(record, run.Size("store_power_cuts", 40))
	for _, moment := range moments {
		for _, wrong := range cut(t, record, folder, moment) {
			t.Errorf("%s: %s", moment, wrong)
		}
	}
	writes, syncs := record.Count()
	run.Count("batches acknowledged", len(record.Marks()))
	run.Count("writes recorded", writes)
	run.Count("syncs recorded", syncs)

	lying := record.WithoutSyncs()
	loses := func(moment powercut.Moment) bool { return len(cut(t, lying, folder, moment)) > 0 }
	if !slices.ContainsFunc(moments, loses) {
		t.Error("this test finds nothing: on a disk that ignores syncs, nothing was lost")
	}
}
