package node_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"joulepay/settle"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// childDir names the store of a child process of TestI4_KilledNodeHasEverythingThatItAcknowledged.
const childDir = "LEDGER_CHILD_DIR"

const acknowledgementsUntilKill = 25

func TestI4_KilledNodeHasEverythingThatItAcknowledged(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		issueForEver(t, dir)
		return
	}
	dir := t.TempDir()
	var acknowledged []settle.VertexID
	for range 4 {
		acknowledged = append(acknowledged, runAndKill(t, dir)...)
	}
	net := newNetwork(t, settle.DefaultLimits())
	net.store = openSQLite(t, filepath.Join(dir, "ledger.db"))
	defer net.store.Close()
	n := net.start(t)
	for _, id := range acknowledged {
		if r, err := n.WaitFinal(t.Context(), id); err != nil || !r.Verdict.Accepted() {
			t.Errorf("vertex %s: %s, %v", id, r.Verdict, err)
		}
	}
	alice := wallet.DIDOf(wallet.NewPrivateKey([32]byte{10}).Public())
	account, _, err := n.Account(t.Context(), alice)
	if err != nil || account.Balance < money.Amount(len(acknowledged))*eur {
		t.Errorf("balance %s after %d acknowledged issues, %v", account.Balance, len(acknowledged), err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// runAndKill gives what a node acknowledged until it was killed in the middle of its work.
func runAndKill(t *testing.T, dir string) []settle.VertexID {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run", "^TestI4_KilledNodeHasEverythingThatItAcknowledged$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []settle.VertexID
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		raw, err := hex.DecodeString(lines.Text())
		if err != nil || len(raw) != 32 {
			t.Fatalf("the child says %q", lines.Text())
		}
		ids = append(ids, settle.VertexID(raw))
		if len(ids) == acknowledgementsUntilKill {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(ids) < acknowledgementsUntilKill {
		t.Fatalf("the child ended by itself after %d issues: %v", len(ids), err)
	}
	return ids
}

// issueForEver is the child: it prints every vertex that was acknowledged. The stream does not survive it.
func issueForEver(t *testing.T, dir string) {
	net := newNetwork(t, settle.DefaultLimits())
	net.store = openSQLite(t, filepath.Join(dir, "ledger.db"))
	n := net.start(t)
	alice := wallet.NewPrivateKey([32]byte{10})
	for i := 0; ; i++ {
		r := net.post(t, n, net.issuer, uint64(i)*10, net.issue(fmt.Sprint(os.Getpid(), i), alice, eur))
		fmt.Println(r.ID)
	}
}
