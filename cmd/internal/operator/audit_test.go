package operator

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/cmd/internal/clitest"
	"joulepay/internal/natsd"
	"joulepay/settle"
	"joulepay/wallet"
)

// TestVerifyFindsWhatDoesNotFollowFromTheLog changes one thing in the database at a time.
func TestVerifyFindsWhatDoesNotFollowFromTheLog(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, Options{Dir: dir, Wallet: wallet.Generate(), Broker: startBroker(t, t.TempDir(), natsd.PortNone)})
	issue(t, n, "a", 50)
	done := issue(t, n, "b", 7)
	if _, err := n.runner.WaitFinal(t.Context(), settle.VertexID(done.Vertex)); err != nil {
		t.Fatal(err)
	}
	run := func(dir string) clitest.Result {
		return clitest.Do(Root, []string{"HOME=" + dir}, "verify", "--data", dir, "--json")
	}
	if r := run(dir); r.Code != 0 || !strings.Contains(r.Stdout, `"issued":{"value":"57.00","currency":"EUR"}`) {
		t.Fatalf("beside a running node: %+v", r)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run(dir); r.Code != 0 {
		t.Fatalf("without a node: %+v", r)
	}
	for name, change := range map[string]struct{ statement, says string }{
		"a verdict":      {"UPDATE entries SET verdict = 1, sum = NULL WHERE height = 1", "entry 1: verdict"},
		"a time":         {"UPDATE entries SET time = time + 1, sum = NULL WHERE height = 1", "entry 1: time"},
		"a lost entry":   {"DELETE FROM entries WHERE height = 1", "entry 2: "},
		"a lost end":     {"DELETE FROM entries WHERE height = (SELECT max(height) FROM entries)", "it leads to height"},
		"the head":       {"UPDATE head SET time = time + 1, sum = NULL", "it leads to height"},
		"a balance":      {"UPDATE slots SET content = CAST(substr(content, 1, 41) || x'01' || substr(content, 43) AS BLOB), sum = NULL WHERE kind = 3", "slot 3/"},
		"one more slot":  {"INSERT INTO slots SELECT max(slot) + 1, 3, zeroblob(32), x'00', NULL FROM slots", "slot 3/0000"},
		"one slot less":  {"DELETE FROM slots WHERE slot = (SELECT max(slot) FROM slots)", "slots, stored are"},
		"a certificate":  {"UPDATE checkpoints SET certificate = (SELECT certificate FROM checkpoints WHERE number = 1), certificate_sum = NULL WHERE number = 2", "certificate of checkpoint 2"},
		"a signature":    {"UPDATE checkpoints SET certificate = CAST(substr(certificate, 1, length(certificate) - 1) || x'ff' AS BLOB), certificate_sum = NULL WHERE number = 1", "certificate of checkpoint 1"},
		"a checkpoint":   {"UPDATE checkpoints SET body = CAST(substr(body, 1, length(body) - 4) || x'ffffffff' AS BLOB), sum = NULL WHERE number = 1", "checkpoint 1"},
		"what is final":  {"UPDATE head SET final = final + 1, sum = NULL", "final checkpoint"},
		"the whole file": {"UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'slots'", "check the file"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			execSQL(t, filepath.Join(copied, databaseFile), change.statement)
			r := run(copied)
			if r.Code != 1 || !strings.Contains(r.Stderr, change.says) || strings.Count(r.Stderr, "hint: ") != 1 {
				t.Errorf("want %q, got %+v", change.says, r)
			}
		})
	}
}

func execSQL(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // a test's own
	if _, err := db.Exec("PRAGMA writable_schema = on; " + statement); err != nil {
		t.Fatal(err)
	}
}
