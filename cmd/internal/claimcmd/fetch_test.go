package claimcmd_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"joulepay/cmd/internal/clitest"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

// run runs a command of the depot, which must succeed, and gives its JSON.
func run(t *testing.T, data string, args ...string) map[string]any {
	t.Helper()
	result := depotDoes(data, args...)
	var object map[string]any
	if err := json.Unmarshal([]byte(result.Stdout), &object); err != nil || result.Code != 0 {
		t.Fatalf("%v: exit %d, %v\n%s%s", args, result.Code, err, result.Stdout, result.Stderr)
	}
	return object
}

func depotDoes(data string, args ...string) clitest.Result {
	return clitest.Do(depot, nil, append(args, "--data", data, "--json")...)
}

func TestAStatusListIsFetchedFromWhereItsIssuerHostsIt(t *testing.T) {
	data := t.TempDir()
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status-lists/{id}", status.Handler(status.Directory(filepath.Join(data, "status-lists"))))
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)

	office, _ := run(t, data, "wallet", "create", "--insecure-no-password")["did"].(string)
	run(t, data, "claim", "status", "create", "2026", "--url", host.URL+"/v1/status-lists/2026")
	file := filepath.Join(data, "listed.jwt")
	run(t, data, "claim", "issue", "--claim", "a=1", "--status-list", "2026", "--out", file)
	verify := []string{"claim", "verify", file, "--fetch-status", "--trust", office}

	if found := run(t, data, verify...)["credentials"].([]any)[0].(map[string]any); found["standing"] != "good" {
		t.Errorf("%v", found)
	}
	run(t, data, "claim", "revoke", file, "--status-list", "2026")
	if result := depotDoes(data, verify...); result.Code != 1 || !strings.Contains(result.Stderr, credential.ErrRevoked.Error()) {
		t.Errorf("exit %d, %s", result.Code, result.Stderr)
	}
	host.Close()
	if result := depotDoes(data, verify...); result.Code != 1 || !strings.Contains(result.Stderr, "--unknown-status accept") {
		t.Errorf("exit %d, %s", result.Code, result.Stderr)
	}
	if found := run(t, data, append(verify, "--unknown-status", "accept")...)["credentials"].([]any)[0].(map[string]any); found["standing"] != "unknown" {
		t.Errorf("%v", found)
	}
}

func TestHostsThatMisbehaveAreRefused(t *testing.T) {
	elsewhere := 0
	third := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(third.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, third.URL, http.StatusFound) })
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat("A", 64<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)

	data := t.TempDir()
	office, _ := run(t, data, "wallet", "create", "--insecure-no-password")["did"].(string)
	for path, want := range map[string]string{
		"moved": "by way of another address", "gone": "410 Gone", "endless": credential.ErrSize.Error(),
	} {
		run(t, data, "claim", "status", "create", path, "--url", host.URL+"/"+path)
		file := filepath.Join(data, path+".jwt")
		run(t, data, "claim", "issue", "--claim", "a=1", "--status-list", path, "--out", file)
		result := depotDoes(data, "claim", "verify", file, "--fetch-status", "--trust", office)
		if result.Code != 1 || !strings.Contains(result.Stderr, want) {
			t.Errorf("%s: exit %d, %s", path, result.Code, result.Stderr)
		}
	}
	if elsewhere != 0 {
		t.Error("a third host was asked")
	}
}
