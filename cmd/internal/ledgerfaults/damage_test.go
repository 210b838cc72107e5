package ledgerfaults_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"joulepay/settle"
	"joulepay/wallet"
)

// TestI7_DamagedFilesOfANodeAreFoundAndRepaired changes what a stopped node has stored.
func TestI7_DamagedFilesOfANodeAreFoundAndRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byTest)
	l := w.load()
	last := w.net.Nodes[len(w.net.Nodes)-1]

	// The database, whole: SIGINT leaves one file.
	w.interrupt(last.Name)
	database := filepath.Join(last.Data, "ledger.db")
	sound := w.read(database)
	account := settle.AccountKey(l.did(0)).ID
	for name, damaged := range map[string][]byte{
		"bit flips in ledger.db":   flipAll(sound, account[:]),
		"bit flips in its header":  flip(sound, rand.IntN(16)),
		"truncations of ledger.db": sound[:len(sound)*(1+rand.IntN(8))/10],
	} {
		w.write(database, damaged)
		w.refuses(w.arguments(last.Name), "hint: .*(snapshot|another program|backup)")
		w.run.Count(name+": refused", 1)
	}

	for range w.run.Size("devnet_flips", 4) { // anywhere: what a start does not read, ledger verify finds
		w.write(database, flip(sound, rand.IntN(len(sound))))
		if code, stderr := w.ledger("verify", "--data", last.Data); code == 0 {
			w.run.Count("bit flips that change nothing", 1)
		} else if !strings.Contains(stderr, "\nhint: ") {
			t.Errorf("ledger verify: code %d\n%s", code, stderr)
		}
	}

	// Repair: begin anew from a snapshot of another node, which is later than all that this one voted for.
	l.await(6)
	w.removeDatabase(last)
	snapshot := filepath.Join(w.dir, "region.snapshot")
	w.succeed("snapshot", "--out", snapshot, "--ledger", w.net.Nodes[1].API, "--data", w.net.Nodes[1].Data)
	sound = w.read(snapshot)
	for name, damaged := range map[string][]byte{
		"bit flips in a snapshot":   flip(sound, rand.IntN(len(sound))),
		"truncations of a snapshot": sound[:rand.IntN(len(sound))],
	} {
		w.write(snapshot, damaged)
		w.refuses([]string{"snapshot", "verify", snapshot, "--genesis", filepath.Join(w.net.Dir, "genesis.bin")}, "hint: .*ledger snapshot")
		w.refuses(append(w.arguments(last.Name), "--snapshot", snapshot), "hint: .*ledger snapshot")
		w.removeDatabase(last)
		w.run.Count(name+": refused", 2)
	}
	w.write(snapshot, sound)
	w.awaitStart(last.Name, "--snapshot", snapshot)
	w.run.Count("nodes begun from a snapshot", 1)

	// What is not yet in the database, its write-ahead log: SQLite forgets from the damage on. The node reads on from there, or
	// refuses where it would have forgotten all votes.
	begun, other := []string{last.Name}, w.net.Nodes[2]
	wal := filepath.Join(other.Data, "ledger.db-wal")
	for name, damage := range map[string]func([]byte) []byte{
		"bit flips in ledger.db-wal":   func(raw []byte) []byte { return flip(raw, rand.IntN(len(raw))) },
		"truncations of ledger.db-wal": func(raw []byte) []byte { return raw[:rand.IntN(len(raw))] },
		"losses of ledger.db-wal":      func([]byte) []byte { return nil },
	} {
		w.kill(other.Name)
		w.write(wal, damage(w.read(wal)))
		w.run.Count(name, 1)
		if !w.recovers(l, other) {
			begun = append(begun, other.Name)
		}
	}
	v := l.agree(begun...)
	w.countAccused()
	l.verify(v)
}

// countAccused counts whom nodes name as having contradicted themselves: honest witnesses whose disks forgot their votes.
func (w *world) countAccused() {
	w.t.Helper()
	accused := map[wallet.DID]bool{}
	for _, api := range w.apis {
		ctx, cancel := w.ctx()
		network, err := api.Network(ctx)
		cancel()
		w.must(err)
		for _, did := range network.Accused {
			accused[did] = true
		}
	}
	w.run.Count("witnesses accused", len(accused))
	if len(accused) > 1 {
		w.t.Errorf("%d witnesses are accused, and the disk of one forgot its votes", len(accused))
	}
}

// TestI7_ADamagedStreamOfOneBrokerChangesNothing changes what a stopped broker has stored.
func TestI7_ADamagedStreamOfOneBrokerChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byTest)
	l := w.load()
	for name, damage := range map[string]func([]byte) []byte{
		"bit flips in stream files":   func(raw []byte) []byte { return flip(raw, rand.IntN(len(raw))) },
		"truncations of stream files": func(raw []byte) []byte { return raw[:rand.IntN(len(raw))] },
	} {
		one := w.net.Brokers[rand.IntN(len(w.net.Brokers))].Name
		w.kill(one)
		damaged := 0
		w.must(filepath.WalkDir(filepath.Join(w.data(one), "jetstream"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".blk") || !strings.Contains(path, "LEDGER_") {
				return err
			}
			if raw := w.read(path); len(raw) > 0 {
				w.write(path, damage(raw))
				damaged++
			}
			return nil
		}))
		if damaged == 0 {
			t.Fatalf("%s has no stream file", one)
		}
		w.run.Count(name, damaged)
		w.revive(one)
		l.await(4)
	}
	l.verify(l.agree())
}

// flip gives a copy with one bit changed.
func flip(raw []byte, at int) []byte {
	changed := bytes.Clone(raw)
	changed[at] ^= 1 << rand.IntN(8)
	return changed
}

// flipAll gives a copy with one bit changed wherever a text stands.
func flipAll(raw, text []byte) []byte {
	changed := bytes.Clone(raw)
	for at, from := 0, 0; ; from = at + 1 {
		next := bytes.Index(raw[from:], text)
		if next < 0 {
			return changed
		}
		at = from + next
		changed[at] ^= 1 << rand.IntN(8)
	}
}

func (w *world) read(path string) []byte {
	w.t.Helper()
	raw, err := os.ReadFile(path)
	w.must(err)
	return raw
}

func (w *world) write(path string, raw []byte) {
	w.t.Helper()
	w.must(os.WriteFile(path, raw, 0o600))
}

// removeDatabase leaves the genesis and the wallet in a node's directory.
func (w *world) removeDatabase(n node) {
	w.t.Helper()
	for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-shm", "base.snapshot"} {
		if err := os.Remove(filepath.Join(n.Data, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.t.Fatal(err)
		}
	}
}

// refuses runs a command that must end by itself, with code 1, one error and a hint that says what to do.
func (w *world) refuses(args []string, hint string) {
	w.t.Helper()
	code, stderr := w.ledger(args...)
	if code != 1 || strings.Count("\n"+stderr, "\nerror: ") != 1 || !regexp.MustCompile(`(?m)^`+hint).MatchString(stderr) {
		w.t.Errorf("ledger %s: code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	w.t.Log(strings.TrimSpace(stderr))
}

func (w *world) awaitStart(name string, more ...string) {
	w.t.Helper()
	var said struct{}
	w.must(w.startAgain(name, more...).ready(&said))
}

// recovers starts a node whose files were damaged: it goes on, or refuses with a hint and begins anew from a snapshot. Then
// it gives false.
func (w *world) recovers(l *load, n node) bool {
	w.t.Helper()
	var said struct{}
	p := w.startAgain(n.Name)
	if err := p.ready(&said); err == nil {
		w.run.Count("repaired by itself", 1)
		return true
	}
	if p.code() != 1 || !strings.Contains(p.words(), "\nhint: ") {
		w.t.Fatalf("%s: code %d\n%s", n.Name, p.code(), p.words())
	}
	w.run.Count("refused", 1)
	l.await(6)
	w.removeDatabase(n)
	snapshot := filepath.Join(w.dir, n.Name+".snapshot")
	w.succeed("snapshot", "--out", snapshot, "--ledger", w.net.Nodes[0].API, "--data", w.net.Nodes[0].Data)
	w.awaitStart(n.Name, "--snapshot", snapshot)
	w.run.Count("nodes begun from a snapshot", 1)
	return false
}
