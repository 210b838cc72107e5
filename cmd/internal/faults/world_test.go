package faults_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"joulepay/internal/campaign"
	"joulepay/internal/freeport"
	"joulepay/settle/client"
	"joulepay/wallet"
)

// seedKey sets the seed of the faults: a failing run names the one to repeat. The moments are real time, so a repetition
// draws the same faults, and meets the processes near the same place.
const seedKey = "JOULEPAY_TEST_FAULTS_SEED"

// world is a ledger with its broker, a charger and a vehicle, each a process of its own on loopback.
type world struct {
	t    *testing.T
	run  *campaign.Run
	dir  string
	logs string

	nats, api, chargerAPI string // addresses, host:port
	broker                *service
	ledger                *service // of the charger where they are one process
	charger               *service
	keys                  string // folder of the wallet that may issue
	station, car          wallet.DID
	tap                   *tap
	recorders             map[string]*recorder // of the processes whose power is cut
	books                 *books

	mu     sync.Mutex // guards below
	random *rand.Rand
	away   time.Duration // how long a process that was killed stays away at least
	broken []string      // what must not happen, and did
}

// settings are what a test chooses. Empty ones take what a short session needs.
type settings struct {
	charger []string // more flags of chargepoint run
	apart   bool     // the broker is a process of its own
	inOne   bool     // broker and ledger are in the charger's process
	shim    string   // records what the processes write with SQLite, for power cuts
}

const funds = "500EUR"

// newWorld starts broker, ledger and charger, and puts money on the vehicle's account.
func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := &world{keys: "ledger", t: t, run: campaign.New(t), dir: t.TempDir(), random: newRandom(seed(t)), books: newBooks()}
	w.logs = filepath.Join(w.dir, "logs")
	if err := os.Mkdir(w.logs, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.show)
	t.Cleanup(w.unbroken)
	w.nats, w.api, w.chargerAPI = w.address(), w.address(), w.address()
	if s.inOne {
		w.api = w.chargerAPI
		s.charger = append(s.charger, "--nats", "embedded", "--nats-listen", w.nats, "--ledger", "embedded")
		w.startCharger(s)
		w.ledger, w.keys = w.charger, "charger"
		w.tap = newTap(w)
		w.fund()
		return w
	}
	if s.shim != "" {
		w.recorders = map[string]*recorder{}
		for _, name := range []string{"ledger", "charger", "vehicle"} {
			w.recorders[name] = newRecorder(w, name, s.shim)
		}
	}
	w.startLedger(s.apart)
	w.tap = newTap(w)
	w.fund()
	w.startCharger(s)
	return w
}

// seed gives the seed of this run and says it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv(seedKey); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedKey, err)
		}
	}
	t.Logf("repeat with %s=%d", seedKey, n)
	return n
}

// address finds a free port.
func (w *world) address() string {
	w.t.Helper()
	address, err := freeport.Next()
	if err != nil {
		w.t.Fatal(err)
	}
	return address
}

func (w *world) folder(name string) string { return filepath.Join(w.dir, name) }

func (w *world) startLedger(apart bool) {
	w.t.Helper()
	broker := []string{"--nats-listen", w.nats}
	if apart {
		env := []string{roleKey + "=broker", brokerAddressKey + "=" + w.nats, brokerFolderKey + "=" + w.folder("broker")}
		w.broker = w.serve("broker", func() []string { return env }, os.Args[0])
		broker = []string{"--nats", w.natsURL()}
	}
	argv := append([]string{program(w.t, "ledger"), "run", "--json", "--insecure-no-password", "--data", w.folder("ledger"), "--http", w.api}, broker...)
	w.ledger = w.serve("ledger", w.recorded("ledger"), argv...)
}

func (w *world) natsURL() string   { return "nats://" + w.nats }
func (w *world) ledgerURL() string { return "http://" + w.api }

func noEnv() []string { return nil }

// everywhere are the flags with which charger and vehicle find the rest.
func (w *world) everywhere() []string {
	return []string{"--nats", w.natsURL(), "--ledger", w.ledgerURL(), "--json", "--log-level", "debug"}
}

// chargerFlags make sessions short and claims frequent.
func (w *world) startCharger(s settings) {
	w.t.Helper()
	argv := []string{program(w.t, "chargepoint"), "run", "--insecure-no-password", "--data", w.folder("charger"), "--http", w.chargerAPI,
		"--power", "150kW", "--claim-every", "1s", "--window", "1m", "--settle-at", "0.02EUR", "--gone-after", "25s"}
	argv = append(append(argv, w.everywhere()...), s.charger...)
	w.charger = w.serve("charger", w.recorded("charger"), argv...)
	var ready struct {
		DID wallet.DID `json:"did"`
	}
	w.charger.said(&ready)
	w.station = ready.DID
}

// fund makes the vehicle's wallet and puts money on its account.
func (w *world) fund() {
	w.t.Helper()
	var made struct {
		DID wallet.DID `json:"did"`
	}
	w.do(&made, "vehicle", "wallet", "create", "--insecure-no-password", "--data", w.folder("vehicle"), "--json")
	w.car = made.DID
	w.do(nil, "ledger", "issue", "--data", w.folder(w.keys), "--ledger", w.ledgerURL(), "--to", w.car.String(), "--amount", funds, "--json")
}

// do runs a command to its end, which must be good, and reads its result.
func (w *world) do(result any, name string, args ...string) {
	w.t.Helper()
	p, err := start(filepath.Join(w.logs, "commands.log"), name, nil, append([]string{program(w.t, name)}, args...)...)
	if err != nil {
		w.fail("%v", err)
	}
	if code := p.code(); code != 0 {
		w.fail("%s %s: exit code %d", name, strings.Join(args, " "), code)
	}
	if result == nil {
		return
	}
	if err := p.result(result); err != nil {
		w.fail("%s %s: %v", name, strings.Join(args, " "), err)
	}
}

// client gives a client of the ledger's API.
func (w *world) client() *client.Client {
	w.t.Helper()
	c, err := client.New(w.ledgerURL(), client.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

const pollEvery = 50 * time.Millisecond

// eventually polls until a condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(hangTimeMax); !holds(); time.Sleep(pollEvery) {
		w.check()
		if time.Now().After(deadline) {
			w.fail("%s: still not", what)
		}
	}
}

// check fails the test when something happened that must not.
func (w *world) check() {
	w.t.Helper()
	w.mu.Lock()
	broken := strings.Join(w.broken, "\n")
	w.mu.Unlock()
	if broken != "" {
		w.t.Fatal(broken)
	}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.breaks(format, args...)
	w.check()
}

// unbroken fails the test when a process fell over its own feet.
func (w *world) unbroken() {
	for _, sign := range []string{"panic: ", "fatal error: ", "DATA RACE"} { // the last from programs that are built to look for it
		if log := logWith(w.logs, sign); log != "" {
			w.t.Errorf("%s says %q", log, sign)
		}
	}
}

// show prints what the processes wrote when the test failed.
func (w *world) show() {
	if w.t.Failed() {
		w.t.Log(tail(w.logs))
	}
}

// ctx bounds one question to a process.
func (w *world) ctx() context.Context { return w.t.Context() }
