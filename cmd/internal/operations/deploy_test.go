package operations_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"joulepay/internal/freeport"
)

// site is the configuration of docs/deploy as it would be on one operator's machine, moved to loopback and below a directory.
type site struct {
	name string
	dir  string
	did  string
}

var address = regexp.MustCompile(`\b(?:10\.0\.0\.\d|127\.0\.0\.1):\d+`)

// moved gives the text of files of docs/deploy with every address replaced by a free one, the same for the same.
type moved map[string]string

func (m moved) text(t *testing.T, raw string, s site) string {
	t.Helper()
	raw = address.ReplaceAllStringFunc(raw, func(was string) string {
		if strings.HasPrefix(was, "127.") {
			was = s.name + " " + was // of a machine of its own
		}
		if m[was] == "" {
			free, err := freeport.Next()
			if err != nil {
				t.Fatal(err)
			}
			m[was] = free
		}
		return m[was]
	})
	return strings.NewReplacer("/etc/joulepay/", filepath.Join(s.dir, "etc")+"/", "/var/lib/", s.dir+"/", "%d/", filepath.Join(s.dir, "etc")+"/").Replace(raw)
}

// write puts a file of docs/deploy where an operator would.
func (m moved) write(t *testing.T, s site, from, to string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "etc", to), []byte(m.text(t, docs(t, from), s)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unitCommand gives the command line of a unit, for the site.
func (m moved) unitCommand(t *testing.T, s site, unit string) *exec.Cmd {
	t.Helper()
	line := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/(.*)$`).FindStringSubmatch(docs(t, "deploy/systemd/"+unit+".service"))
	if line == nil {
		t.Fatalf("%s starts nothing", unit)
	}
	return command(t, s.dir, append(strings.Fields(m.text(t, line[1], s)), "--json")...)
}

// TestThreeOperatorsRunFromTheFilesOfThePages starts three brokers and three nodes as systemd would, and charges nobody: money
// that one node issues is final at another, and the charger of the page becomes ready.
func TestThreeOperatorsRunFromTheFilesOfThePages(t *testing.T) {
	t.Parallel()
	var sites []site
	root := t.TempDir()
	genesis := []string{"ledger", "genesis", "--name", "region", "--currency", "EUR", "--out", "region.bin"}
	for _, name := range []string{"north", "south", "east"} {
		s := site{name: name, dir: filepath.Join(root, name)}
		if err := os.MkdirAll(filepath.Join(s.dir, "etc"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"password": "of " + name + "\n", "cluster.secret": "one-secret-for-all-three\n"} {
			if err := os.WriteFile(filepath.Join(s.dir, "etc", file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var made struct{ DID string }
		out := run(t, s.dir, "ledger", "wallet", "create", "--device", "--data", filepath.Join(s.dir, "joulepay-ledger"),
			"--password-file", filepath.Join(s.dir, "etc", "password"), "--json")
		if err := json.Unmarshal(out, &made); err != nil {
			t.Fatal(err)
		}
		s.did = made.DID
		sites, genesis = append(sites, s), append(genesis, "--witness", s.did)
	}
	run(t, root, append(genesis, "--issuer", sites[0].did+"=1000")...)
	region, err := os.ReadFile(filepath.Join(root, "region.bin"))
	if err != nil {
		t.Fatal(err)
	}
	places := moved{}
	for _, s := range sites {
		if err := os.WriteFile(filepath.Join(s.dir, "etc", "region.bin"), region, 0o644); err != nil {
			t.Fatal(err)
		}
		places.write(t, s, "deploy/three-operators/"+s.name+"-broker.yaml", "broker.yaml")
		places.write(t, s, "deploy/three-operators/"+s.name+"-ledger.yaml", "ledger.yaml")
	}
	places.write(t, sites[0], "deploy/chargepoint.yaml", "chargepoint.yaml")
	together(t, sites, func(s site) { begin(t, places.unitCommand(t, s, "joulepay-broker")) })
	var mu sync.Mutex // guards nodes
	nodes := map[string]*process{}
	together(t, sites, func(s site) {
		node := begin(t, places.unitCommand(t, s, "joulepay-ledger"))
		mu.Lock()
		defer mu.Unlock()
		nodes[s.name] = node
	})
	for name, node := range nodes {
		url := node.says("api") + "/readyz"
		eventually(t, name+" is ready", func() bool { _, code := fetch(t, url); return code == http.StatusOK })
	}
	run(t, root, "ledger", "issue", "--to", sites[1].did, "--amount", "7EUR", "--ledger", nodes["north"].says("api"),
		"--data", filepath.Join(sites[0].dir, "joulepay-ledger"), "--password-file", filepath.Join(sites[0].dir, "etc", "password"))
	account := nodes["east"].says("api") + "/v1/accounts/" + sites[1].did
	eventually(t, "what north issued is final at east", func() bool {
		body, code := fetch(t, account)
		return code == http.StatusOK && strings.Contains(body, `"7.00"`)
	})
	charger := begin(t, places.unitCommand(t, sites[0], "joulepay-chargepoint"))
	if body, code := fetch(t, charger.says("api")+"/readyz"); code != http.StatusOK {
		t.Errorf("the charger: %d %s", code, body)
	}
	logsAreJSON(t, charger, nodes["north"])
}

// together does something for all sites at once: servers of a cluster wait for each other.
func together(t *testing.T, sites []site, do func(site)) {
	t.Helper()
	var all sync.WaitGroup
	for _, s := range sites {
		all.Go(func() { do(s) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// logsAreJSON checks that --log-format json means every line that is a log.
func logsAreJSON(t *testing.T, all ...*process) {
	t.Helper()
	for _, p := range all {
		for line := range strings.Lines(p.text()) {
			if strings.Contains(line, "level=") && !json.Valid([]byte(line)) {
				t.Errorf("%v logs %q", p.command.Args, line)
			}
		}
	}
}

func TestUnitsAreWhatSystemdTakes(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: the units are not verified")
	}
	dir := t.TempDir()
	units, err := filepath.Glob(docsPath("deploy/systemd/*.service"))
	if err != nil || len(units) != 3 {
		t.Fatalf("%v %v", units, err)
	}
	folder := filepath.Dir(program(t, "ledger"))
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=", "LoadCredential="} {
			if !strings.Contains(string(raw), "\n"+wanted) {
				t.Errorf("%s has no %s", unit, wanted)
			}
		}
		copied := filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(copied, []byte(strings.ReplaceAll(string(raw), "/usr/local/bin", folder)), 0o600); err != nil {
			t.Fatal(err)
		}
		verify := exec.Command(analyze, "verify", "--man=no", "--generators=no", copied)
		verify.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
		if out, err := verify.CombinedOutput(); err != nil || strings.Contains(string(out), filepath.Base(unit)) {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}
