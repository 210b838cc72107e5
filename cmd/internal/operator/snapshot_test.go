package operator

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"joulepay/cmd/internal/clitest"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/wallet"
)

// issueUntil issues until the ledger has so many final checkpoints.
func issueUntil(t *testing.T, n *Node, from string, checkpoints uint64) {
	t.Helper()
	for i := 0; n.runner.LatestFinal().Checkpoint.Number < checkpoints; i++ {
		done := issue(t, n, fmt.Sprint(from, i), 1)
		if _, err := n.runner.WaitFinal(t.Context(), settle.VertexID(done.Vertex)); err != nil {
			t.Fatal(err)
		}
	}
}

// smallGenesis makes a network whose ledger forgets soon.
func smallGenesis(t *testing.T, w *wallet.Wallet) *settle.Vertex {
	t.Helper()
	g := DevGenesis(w.DID(), time.Now())
	g.Limits.ParentWindow = 16
	genesis, err := settle.NewGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	return genesis
}

func TestPrunedLedgerIsVerifiedFromTheSnapshotBesideIt(t *testing.T) {
	dir, w := t.TempDir(), wallet.Generate()
	o := Options{
		Dir: dir, Wallet: w, Genesis: smallGenesis(t, w), Broker: startBroker(t, t.TempDir(), natsd.PortNone), Keep: 10, keepBases: 5,
	}
	n := startNode(t, o)
	issueUntil(t, n, "a", 100)
	pruned := func() uint64 {
		stored, err := n.store.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return stored.Pruned
	}
	for i := 0; pruned() == 0; i++ { // the keeper looks once a second
		issue(t, n, fmt.Sprint("b", i), 1)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(dir string) clitest.Result {
		return clitest.Do(Root, []string{"HOME=" + dir}, "verify", "--data", dir)
	}
	if r := run(dir); r.Code != 0 || !strings.Contains(r.Stdout, "it was checked from the snapshot at height") {
		t.Fatalf("%+v", r)
	}
	for name, tt := range map[string]struct {
		change func(dir string) error
		says   string
	}{
		"no snapshot": {func(dir string) error { return os.Remove(filepath.Join(dir, baseFile)) }, "no snapshot tells what was before"},
		"a damaged snapshot": {func(dir string) error {
			path := filepath.Join(dir, baseFile)
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			raw[len(raw)-100] ^= 1
			return os.WriteFile(path, raw, 0o600)
		}, "snapshot"},
		"an entry below the snapshot": {func(dir string) error {
			execSQL(t, filepath.Join(dir, databaseFile), "UPDATE entries SET verdict = 1, sum = NULL WHERE height = (SELECT pruned + 1 FROM head)")
			return nil
		}, "does not lead to the snapshot"},
		"a slot": {func(dir string) error {
			execSQL(t, filepath.Join(dir, databaseFile), "DELETE FROM slots WHERE slot = (SELECT max(slot) FROM slots)")
			return nil
		}, "slots, stored are"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := tt.change(copied); err != nil {
				t.Fatal(err)
			}
			r := run(copied)
			if r.Code != 1 || !strings.Contains(r.Stderr, tt.says) || strings.Count(r.Stderr, "hint: ") != 1 {
				t.Errorf("want %q, got %+v", tt.says, r)
			}
		})
	}
	if again := startNode(t, o); again.Status().Head.Height == 0 {
		t.Error("a pruned ledger does not go on")
	}
}

func TestANodeThatBeginsFromASnapshotCanBeVerified(t *testing.T) {
	w, broker := wallet.Generate(), startBroker(t, t.TempDir(), natsd.PortNone)
	genesis := smallGenesis(t, w)
	first := startNode(t, Options{Dir: t.TempDir(), Wallet: w, Genesis: genesis, Broker: broker})
	issueUntil(t, first, "a", 40)
	var out bytes.Buffer
	if _, err := first.runner.WriteSnapshot(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	issueUntil(t, first, "b", 50)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	o := Options{Dir: t.TempDir(), Wallet: w, Genesis: genesis, Broker: broker, Snapshot: file}
	second := startNode(t, o)
	issueUntil(t, second, "c", 60)
	balance, _, err := second.runner.Account(t.Context(), car)
	if err != nil || balance.Balance < 57 {
		t.Errorf("balance %s, %v", balance.Balance, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if r := clitest.Do(Root, []string{"HOME=" + o.Dir}, "verify", "--data", o.Dir); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	third := startNode(t, o) // the snapshot is of no use any more, and harms nobody
	if third.Fresh() {
		t.Error("begun anew")
	}
}
