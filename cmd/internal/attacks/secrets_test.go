package attacks_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mr-tron/base58"
	"github.com/tyler-smith/go-bip39"

	"joulepay/cmd/internal/party"
	"joulepay/wallet"
)

// TestNoSecretOfASessionIsWrittenAnywhere runs a ledger, a charger and a vehicle as processes, each with a wallet and a
// password, through a session, its receipt, an export and a rotation. Then it looks for every private key, seed, word and
// password of the run in all that was written: logs at their most talkative, standard output, answers and events of both APIs,
// what is said of mistakes, command lines, and every file of the three.
func TestNoSecretOfASessionIsWrittenAnywhere(t *testing.T) {
	w := newWritten(t)
	ledger := w.serve("ledger", "run", "--http", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	var node struct{ API, NATS string }
	ledger.said(&node)
	w.everywhere = []string{"JOULEPAY_LEDGER=" + node.API, "JOULEPAY_NATS=" + node.NATS}
	charger := w.serve("chargepoint", "run", "--http", "127.0.0.1:0", "--power", "150kW", "--claim-every", "2s")
	var station struct{ DID, API string }
	charger.said(&station)
	heard := w.listen(node.API, station.API)
	var car struct{ DID string }
	w.run("vehicle", &car, "wallet", "create")
	for _, did := range []string{car.DID, station.DID} {
		w.run("ledger", nil, "issue", "--to", did, "--amount", "50EUR")
	}
	var receipt struct{ Session, Settlement string }
	w.run("vehicle", &receipt, "charge", "--energy", "50Wh")
	w.run("vehicle", nil, "receipts", "export", receipt.Session, w.file("receipt.json"))
	w.run("vehicle", nil, "channels", "list")
	w.run("vehicle", nil, "channels", "export", w.file("channels"))
	w.run("vehicle", nil, "did", "register")
	w.run("vehicle", nil, "wallet", "rotate")
	w.run("vehicle", nil, "did", "resolve", car.DID)
	w.run("vehicle", nil, "wallet", "show")
	w.mistakes(node.API, station.API)
	w.ask(node.API, "network", "accounts/"+car.DID, "accounts/"+station.DID, "dids/"+car.DID, "channels", "claims", "vertices", "vertices/"+receipt.Settlement,
		"checkpoints", "transfers", "settlements", "issues", "stations")
	w.ask(station.API, "network", "sessions", "sessions/"+receipt.Session, "receipts/"+receipt.Session, "tariffs", "stations", "channels")
	w.commandLines(ledger, charger)
	charger.stop()
	ledger.stop()
	heard()
	w.files()
	w.search()
}

// written is all that a run wrote, by where it was found, and what it must not hold.
type written struct {
	t          *testing.T
	dir        string
	everywhere []string // settings that all programs share
	passwords  map[string]string
	programs   map[string]*program
	found      map[string][]byte
}

func newWritten(t *testing.T) *written {
	w := &written{t: t, dir: t.TempDir(), passwords: map[string]string{}, programs: map[string]*program{}, found: map[string][]byte{}}
	for _, name := range []string{"ledger", "chargepoint", "vehicle"} {
		w.passwords[name] = "correct horse of the " + name
		if err := os.WriteFile(w.file("password of "+name), []byte(w.passwords[name]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *written) file(name string) string { return filepath.Join(w.dir, name) }

func (w *written) data(name string) string { return filepath.Join(w.dir, "data", name) }

// serve starts a program that goes on.
func (w *written) serve(name string, args ...string) *program {
	w.t.Helper()
	environ := append([]string{"JOULEPAY_DATA=" + w.data(name), "JOULEPAY_PASSWORD_FILE=" + w.file("password of "+name)}, w.everywhere...)
	p := start(w.t, name, environ, args...)
	w.programs[fmt.Sprintf("%d: %s", len(w.programs), name)] = p
	return p
}

// run runs a program to its end.
func (w *written) run(name string, into any, args ...string) {
	w.t.Helper()
	var ignored any
	if into == nil {
		into = &ignored
	}
	p := w.serve(name, args...)
	p.done(into)
}

// mistakes keeps what programs and APIs say when something is wrong: a password that opens nothing, a ledger that is not there,
// files of another kind, requests that nobody understands.
func (w *written) mistakes(apis ...string) {
	w.t.Helper()
	wrong := w.file("password of nobody")
	if err := os.WriteFile(wrong, []byte(w.passwords["ledger"]+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	key := filepath.Join(w.data("vehicle"), "wallets", "default.json")
	for _, args := range [][]string{
		{"wallet", "show", "--password-file", wrong}, {"wallet", "create"}, {"charge", "--ledger", "http://127.0.0.1:1"},
		{"charge", "--energy", "10GWh"}, {"channels", "import", key}, {"verify", key}, {"did", "resolve", "did:joule:z6Mk"},
	} {
		w.serve("vehicle", args...).fails()
	}
	for _, api := range apis {
		w.ask(api, "receipts/none", "sessions/none", "accounts/none", "dids/did:key:none", "vertices/none", "channels?limit=none", "nowhere")
		for _, resource := range []string{"vertices", "issues", "estimates"} {
			url := strings.TrimSuffix(api, "/") + "/v1/" + resource
			answer, err := http.Post(url, "application/json", strings.NewReader(`{"to":"nobody","amount":1}`))
			if err != nil {
				w.t.Fatal(err)
			}
			w.keep("answer of POST "+url, answer)
		}
	}
}

// listen keeps the events of APIs until they end; what it gives waits for that.
func (w *written) listen(apis ...string) func() {
	w.t.Helper()
	var ended sync.WaitGroup
	texts := make([][]byte, len(apis))
	for i, api := range apis {
		answer, err := http.Get(strings.TrimSuffix(api, "/") + "/v1/events")
		if err != nil {
			w.t.Fatal(err)
		}
		ended.Go(func() {
			texts[i], _ = io.ReadAll(answer.Body) // it ends when the program does
			_ = answer.Body.Close()               // it was read
		})
	}
	return func() {
		w.t.Helper()
		ended.Wait()
		for i, text := range texts {
			if !bytes.Contains(text, []byte("data:")) {
				w.t.Errorf("no events of %s: %.200q", apis[i], text)
			}
			w.found["events of "+apis[i]] = text
		}
	}
}

// ask keeps what an API answers, whatever that is.
func (w *written) ask(api string, resources ...string) {
	w.t.Helper()
	for _, resource := range append(resources, "../metrics", "../readyz", "../openapi.json", "../") {
		url := strings.TrimSuffix(api, "/") + "/v1/" + resource
		if below, found := strings.CutPrefix(resource, "../"); found {
			url = strings.TrimSuffix(api, "/") + "/" + below
		}
		answer, err := http.Get(url)
		if err != nil {
			w.t.Fatal(err)
		}
		w.keep("answer of "+url, answer)
	}
}

func (w *written) keep(name string, answer *http.Response) {
	w.t.Helper()
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // it was read
	if err != nil {
		w.t.Fatal(err)
	}
	w.found[name] = body
}

// commandLines keeps what every user of the machine can read of a process.
func (w *written) commandLines(programs ...*program) {
	w.t.Helper()
	for i, p := range programs {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.command.Process.Pid))
		if err != nil {
			w.t.Logf("command lines are not looked at: %v", err)
			return
		}
		w.found[fmt.Sprintf("command line %d", i)] = line
	}
}

// files keeps every file that the programs wrote, key files with what they seal included. The three files of passwords are
// not theirs.
func (w *written) files() {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), "password of ") {
			return err
		}
		content, err := os.ReadFile(path)
		w.found["file "+strings.TrimPrefix(path, w.dir)] = content
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for name, p := range w.programs {
		w.found["output of "+name] = []byte(p.text())
	}
}

// search looks for every secret in every form.
func (w *written) search() {
	w.t.Helper()
	forms := map[string]string{}
	for name, password := range w.passwords {
		forms["the password of "+name] = password
		forms["the password of "+name+", base64"] = base64.RawStdEncoding.EncodeToString([]byte(password))
		own, err := wallet.Open(filepath.Join(w.data(name), "wallets", "default.json"), []byte(password))
		if err != nil {
			w.t.Fatal(err)
		}
		for what, secret := range w.secretsOf(name, own) {
			for form, text := range formsOf(secret) {
				forms[fmt.Sprintf("%s of %s, %s", what, name, form)] = text
			}
		}
		words := strings.Fields(own.Words())
		for i := range len(words) - 2 {
			forms[fmt.Sprintf("words %d to %d of %s", i+1, i+3, name)] = strings.Join(words[i:i+3], " ")
		}
	}
	if len(forms) < 300 || len(w.found) < 40 {
		w.t.Fatalf("only %d forms are looked for in %d places", len(forms), len(w.found))
	}
	total := 0
	for where, content := range w.found {
		total += len(content)
		for what, form := range forms {
			if bytes.Contains(content, []byte(form)) {
				w.t.Errorf("%s is in the %s", what, where)
			}
		}
	}
	w.t.Logf("%d forms of secrets were looked for in %d places, %d KiB", len(forms), len(w.found), total/1024)
	checkSearch(w.t, forms)
}

// checkSearch sees that what is planted would be found.
func checkSearch(t *testing.T, forms map[string]string) {
	t.Helper()
	for what, form := range forms {
		if len(form) < 8 || !bytes.Contains([]byte("x"+form+"y"), []byte(form)) {
			t.Errorf("%s would not be found, or everywhere: %q", what, form)
		}
	}
}

// secretsOf derives every secret of a wallet anew, from its words: SLIP-0010 by hand.
func (w *written) secretsOf(name string, own *wallet.Wallet) map[string][]byte {
	w.t.Helper()
	entropy, err := bip39.EntropyFromMnemonic(own.Words())
	if err != nil {
		w.t.Fatal(err)
	}
	seed := bip39.NewSeed(own.Words(), "")
	purposes := map[string][]uint32{
		"account key": {0, 0}, "account key after a rotation": {0, 1}, "meter key": {2, 0}, "Noise key": {3, 0}, "NATS key": {4, 0},
		"tick seed": {5, 0}, "key of exports": {6, 0},
	}
	secrets := map[string][]byte{"entropy": entropy, "BIP-39 seed": seed}
	master := hmac512([]byte("ed25519 seed"), seed)
	secrets["master key"], secrets["master chain code"] = master[:32], master[32:]
	for _, index := range w.channelKeys(name) {
		purposes[fmt.Sprintf("key of channel %d", index)] = []uint32{1, index >> 16, index & 0xffff}
	}
	for what, path := range purposes {
		key := descend(master, append([]uint32{19024}, path...)...)
		secrets[what] = key[:32]
		secrets["chain code of "+what] = key[32:]
		expanded := sha512.Sum512(key[:32])
		secrets["expanded "+what] = expanded[:32]
	}
	account := ed25519.NewKeyFromSeed(secrets["account key"]).Public().(ed25519.PublicKey)
	if did := own.DID(); !bytes.Equal(account, did[:]) {
		w.t.Fatalf("the keys of %s are derived wrongly", name)
	}
	return secrets
}

// channelKeys gives the indices of the channel keys that a program used.
func (w *written) channelKeys(name string) []uint32 {
	w.t.Helper()
	if name == "ledger" {
		return nil
	}
	s, err := party.OpenStore(w.t.Context(), filepath.Join(w.data(name), "parties", "default"), party.AccessRead)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // read only
	records, err := s.Channels(w.t.Context())
	if err != nil || len(records) == 0 {
		w.t.Fatalf("%d channels of %s: %v", len(records), name, err)
	}
	var indices []uint32
	for _, r := range records {
		indices = append(indices, r.KeyIndex)
	}
	return indices
}

func descend(node []byte, numbers ...uint32) []byte {
	for _, number := range numbers {
		data := append([]byte{0}, node[:32]...)
		node = hmac512(node[32:], binary.BigEndian.AppendUint32(data, number|1<<31))
	}
	return node
}

func hmac512(key, data []byte) []byte {
	h := hmac.New(sha512.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// formsOf gives a secret as it might be written: as bytes, and as the encoders of this field write bytes. Base64 depends on
// what stands before; the middle of each of three alignments is looked for.
func formsOf(secret []byte) map[string]string {
	decimal := strings.Trim(fmt.Sprint(secret[:8]), "[]")
	forms := map[string]string{
		"bytes":                   string(secret[:16]),
		"the end of its bytes":    string(secret[len(secret)-16:]),
		"hexadecimal":             hex.EncodeToString(secret[:16]),
		"capital hexadecimal":     strings.ToUpper(hex.EncodeToString(secret[:16])),
		"base58":                  base58.Encode(secret),
		"multibase of a private":  base58.Encode(append([]byte{0x80, 0x26}, secret...)), // multicodec ed25519-priv
		"decimal":                 decimal,
		"decimal with commas":     strings.ReplaceAll(decimal, " ", ","),
		"decimal with both":       strings.ReplaceAll(decimal, " ", ", "),
		"hexadecimal with commas": strings.ReplaceAll(strings.TrimPrefix(fmt.Sprintf("% #x", secret[:8]), " "), " ", ", "),
	}
	for offset := range 3 {
		padded := append(make([]byte, offset), secret...)
		std, url := base64.StdEncoding.EncodeToString(padded), base64.URLEncoding.EncodeToString(padded)
		forms[fmt.Sprintf("base64 at %d", offset)], forms[fmt.Sprintf("base64url at %d", offset)] = std[4:28], url[4:28]
	}
	return forms
}
