package operations_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// world is a ledger node with its broker, a charger and an account with money, each as a process of its own.
type world struct {
	t       testing.TB
	dir     string
	ledger  *process
	charger *process
}

func newWorld(t testing.TB, charger ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.ledger = begin(t, command(t, w.dir, "ledger", "run", "--insecure-no-password", "--http", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--json"))
	w.charger = begin(t, command(t, w.dir, append([]string{"chargepoint", "run", "--insecure-no-password", "--nats", w.nats(), "--ledger", w.api(),
		"--http", "127.0.0.1:0", "--claim-every", "1s", "--power", "150kW", "--json"}, charger...)...))
	return w
}

func (w *world) nats() string { return w.ledger.says("nats") }
func (w *world) api() string  { return w.ledger.says("api") }

// fund makes the vehicle's wallet and gives it money.
func (w *world) fund(create ...string) {
	w.t.Helper()
	var made struct{ DID string }
	w.decode(run(w.t, w.dir, append([]string{"vehicle", "wallet", "create", "--json"}, create...)...), &made)
	run(w.t, w.dir, "ledger", "issue", "--to", made.DID, "--amount", "50EUR", "--ledger", w.api())
}

func (w *world) decode(raw []byte, into any) {
	w.t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		w.t.Fatalf("%v: %s", err, raw)
	}
}

// docs gives a page of the documentation.
func docs(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(docsPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func docsPath(name string) string {
	return filepath.Join("..", "..", "..", "docs", filepath.FromSlash(name))
}
