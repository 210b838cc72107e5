package status_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"joulepay/wallet"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/status"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const listURL = "https://bureau.example/v1/status-lists/1"

func party(n byte) credential.Signer {
	key := wallet.NewPrivateKey([wallet.SeedSize]byte{n})
	return credential.Signer{DID: wallet.DIDOf(key.Public()), Key: key}
}

var bureau, station, mallory = party(1), party(2), party(3)

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func settings(purpose credential.Purpose) status.Settings {
	return status.Settings{URL: listURL, Purpose: purpose, ValidFrom: now.Add(-time.Hour), ValidUntil: now.AddDate(0, 0, 30)}
}

func create(t testing.TB, s status.Settings) *status.File {
	t.Helper()
	file, err := status.Create(filepath.Join(t.TempDir(), "1.json"), bureau, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// issued is a claim of the bureau about the station, with a status.
func issued(t testing.TB, entries ...credential.StatusEntry) string {
	t.Helper()
	compact, err := credential.Issue(bureau, credential.Template{
		Subject: station.DID, ValidFrom: now.Add(-time.Hour), ValidUntil: now.AddDate(8, 0, 0), Status: entries,
		Claims: credential.Contract{ContractID: "DE-8AA-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func allocate(t testing.TB, file *status.File) credential.StatusEntry {
	t.Helper()
	entry, err := file.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func newCache(t testing.TB, fail status.FailPolicy) *status.Cache {
	t.Helper()
	cache, err := status.NewCache(status.Options{MaxAge: 24 * time.Hour, OnUnknown: fail})
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// put is a cache that has one list.
func put(t testing.TB, fail status.FailPolicy, compact string, fetched time.Time) *status.Cache {
	t.Helper()
	cache := newCache(t, fail)
	if err := cache.Put(compact, fetched); err != nil {
		t.Fatal(err)
	}
	return cache
}

func verify(compact string, checker credential.StatusChecker, at time.Time) (credential.Standing, error) {
	c, err := credential.Verify(compact, at, credential.Policy{Trust: credential.TrustIssuers(bureau.DID), Status: checker})
	return c.Standing, err
}

func TestABitOfTheListDecidesOverItsCredential(t *testing.T) {
	for _, purpose := range []credential.Purpose{credential.PurposeRevocation, credential.PurposeSuspension} {
		t.Run(string(purpose), func(t *testing.T) {
			file := create(t, settings(purpose))
			first, second := allocate(t, file), allocate(t, file)
			if first == second {
				t.Fatal("two credentials have one index")
			}
			compact, other := issued(t, first), issued(t, second)
			standing, err := verify(compact, put(t, status.FailClosed, file.Credential(), now), now)
			if err != nil || standing != credential.StandingGood {
				t.Fatalf("%s, %v", standing, err)
			}
			if err := file.Set(bureau, first, true, now, now.AddDate(0, 0, 30)); err != nil {
				t.Fatal(err)
			}
			for _, fail := range []status.FailPolicy{status.FailClosed, status.FailOpen} {
				cache := put(t, fail, file.Credential(), now)
				_, err = verify(compact, cache, now)
				wantError(t, err, purpose.Err())
				_, err = verify(other, cache, now)
				wantError(t, err, nil)
			}
			if err := file.Set(bureau, first, false, now, now.AddDate(0, 0, 30)); err != nil {
				t.Fatal(err)
			}
			_, err = verify(compact, put(t, status.FailClosed, file.Credential(), now), now)
			wantError(t, err, nil)
		})
	}
}

func TestACredentialWithTwoStatusesNeedsBothClear(t *testing.T) {
	second := settings(credential.PurposeSuspension)
	second.URL = "https://bureau.example/v1/status-lists/2"
	revocations, suspensions := create(t, settings(credential.PurposeRevocation)), create(t, second)
	compact := issued(t, allocate(t, revocations), allocate(t, suspensions))
	cache := put(t, status.FailClosed, revocations.Credential(), now)
	_, err := verify(compact, cache, now)
	wantError(t, err, credential.ErrStatusUnavailable)
	if err := cache.Put(suspensions.Credential(), now); err != nil {
		t.Fatal(err)
	}
	_, err = verify(compact, cache, now)
	wantError(t, err, nil)
}

func TestAttacksOnStatusAreRefusedEachWithItsOwnError(t *testing.T) {
	file := create(t, settings(credential.PurposeRevocation))
	entry := allocate(t, file)
	clean := file.Credential()
	compact := issued(t, entry)
	if err := file.Set(bureau, entry, true, now, now.AddDate(0, 0, 30)); err != nil {
		t.Fatal(err)
	}
	revoked := file.Credential()

	foreign, err := status.Create(filepath.Join(t.TempDir(), "1.json"), mallory, settings(credential.PurposeRevocation))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = foreign.Close() })
	otherURL := settings(credential.PurposeRevocation)
	otherURL.URL = "https://bureau.example/v1/status-lists/2"
	swapped := create(t, otherURL)
	suspension := create(t, settings(credential.PurposeSuspension))

	serve := func(compact string) status.Fetch {
		return func(context.Context, string) ([]byte, error) { return []byte(compact), nil }
	}
	down := errors.New("connection refused")
	unreachable := func(context.Context, string) ([]byte, error) { return nil, down }

	tests := []struct {
		name  string
		fetch status.Fetch
		at    time.Time
		want  error
	}{
		{"revoked", serve(revoked), now, credential.ErrRevoked},
		{"list of another issuer", serve(foreign.Credential()), now, status.ErrList},
		{"another list of the same issuer", serve(swapped.Credential()), now, status.ErrList},
		{"list of another purpose", serve(suspension.Credential()), now, status.ErrList},
		{"a credential in its place", serve(compact), now, credential.ErrKind},
		{"tampered list", serve(clean[:len(clean)-4] + "AAAA"), now, credential.ErrSignature},
		{"list that expired", serve(clean), now.AddDate(0, 0, 31), status.ErrStale},
		{"host unreachable", unreachable, now, credential.ErrStatusUnavailable},
		{"why it is unreachable", unreachable, now, down},
		{"oversized list", serve(clean + strings.Repeat("A", credential.StatusListSizeMax)), now, credential.ErrSize},
		{"decompression bomb", serve(listOf(t, bomb(), time.Time{})), now, status.ErrSize},
		{"list too short to hide in", serve(listOf(t, encode(t, make([]byte, status.SizeMin/8-1)), time.Time{})), now, status.ErrSize},
		{"list that is not gzip", serve(listOf(t, "uAAAA", time.Time{})), now, status.ErrEncoding},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := verify(compact, newCache(t, status.FailClosed).Fetching(t.Context(), test.fetch), test.at)
			wantError(t, err, test.want)
		})
	}

	t.Run("an older list after a newer one", func(t *testing.T) {
		wantError(t, put(t, status.FailClosed, revoked, now).Put(clean, now), status.ErrRolledBack)
	})
	t.Run("index outside of the list", func(t *testing.T) {
		far := entry
		far.Index = status.SizeMin
		_, err := verify(issued(t, far), put(t, status.FailOpen, clean, now), now)
		wantError(t, err, status.ErrIndex)
	})
	t.Run("my list under your URL does not displace yours", func(t *testing.T) {
		cache := put(t, status.FailClosed, clean, now)
		if err := cache.Put(foreign.Credential(), now); err != nil {
			t.Fatal(err)
		}
		_, err := verify(compact, cache, now)
		wantError(t, err, nil)
	})
	t.Run("a list without its end", func(t *testing.T) {
		wantError(t, newCache(t, status.FailClosed).Put(endless(t, clean), now), status.ErrList)
	})
}

// listOf signs a list whose text is anything; until zero means a month.
func listOf(t testing.TB, encoded string, until time.Time) string {
	t.Helper()
	if until.IsZero() {
		until = now.AddDate(0, 1, 0)
	}
	compact, err := credential.Issue(bureau, credential.Template{
		ID: listURL, SubjectID: listURL + "#list", ValidFrom: now.Add(-time.Hour), ValidUntil: until,
		Claims: credential.StatusList{Purpose: credential.PurposeRevocation, EncodedList: encoded},
	})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// endless signs a list again without validUntil.
func endless(t testing.TB, compact string) string {
	t.Helper()
	parts := strings.Split(compact, ".")
	var header, payload []byte
	for i, to := range []*[]byte{&header, &payload} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		*to = raw
	}
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "validUntil")
	changed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return bureau.Key.SignJWS(header, changed)
}

func encode(t testing.TB, raw []byte) string {
	t.Helper()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err := w.Write(raw)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(compressed.Bytes())
}

// bomb is 64 MB of zeros in 64 KB.
var bomb = sync.OnceValue(func() string {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	chunk := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(chunk) // into memory
	}
	_ = w.Close()
	return "u" + base64.RawURLEncoding.EncodeToString(compressed.Bytes())
})

func TestI9_ABombIsNotExpandedBeyondItsBound(t *testing.T) {
	text := bomb()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := status.Decode(text)
	runtime.ReadMemStats(&after)
	wantError(t, err, status.ErrSize)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes allocated", allocated)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(t, make([]byte, status.SizeMin/8))
	member, err := base64.RawURLEncoding.DecodeString(good[1:])
	if err != nil {
		t.Fatal(err)
	}
	twice := "u" + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(member), member...))
	corrupt := bytes.Clone(member)
	corrupt[len(corrupt)-6] ^= 1 // of the checksum
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"nothing":              {"", status.ErrEncoding},
		"another multibase":    {"z" + good[1:], status.ErrEncoding},
		"padding":              {good + "=", status.ErrEncoding},
		"a line break":         {good[:9] + "\n" + good[9:], status.ErrEncoding},
		"two members":          {twice, status.ErrEncoding},
		"a wrong checksum":     {"u" + base64.RawURLEncoding.EncodeToString(corrupt), status.ErrEncoding},
		"cut short":            {good[:len(good)-8], status.ErrEncoding},
		"too short":            {encode(t, make([]byte, status.SizeMin/8-1)), status.ErrSize},
		"too long":             {encode(t, make([]byte, status.SizeMax/8+1)), status.ErrSize},
		"longer than any is":   {"u" + strings.Repeat("A", 256<<10), status.ErrSize},
		"the longest accepted": {encode(t, make([]byte, status.SizeMax/8)), nil},
	} {
		_, err := status.Decode(test.text)
		if t.Run(name, func(t *testing.T) { wantError(t, err, test.want) }); err == nil && test.want != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheLargestListThatDoesNotCompressFits(t *testing.T) {
	s := settings(credential.PurposeRevocation)
	s.Size = status.SizeMax
	bits, err := status.NewBitstring(s.Size)
	if err != nil {
		t.Fatal(err)
	}
	state := uint32(1)
	for i := range s.Size { // xorshift: nothing that gzip could shorten
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		if err := bits.Set(i, state&1 == 1); err != nil {
			t.Fatal(err)
		}
	}
	compact := listOf(t, bits.Encode(), time.Time{})
	wantError(t, newCache(t, status.FailClosed).Put(compact, now), nil)
}

func TestWhatIsNotKnownFailsAsThePolicySays(t *testing.T) {
	file := create(t, settings(credential.PurposeRevocation))
	entry := allocate(t, file)
	compact := issued(t, entry)
	list := file.Credential()
	if err := file.Set(bureau, entry, true, now, now.AddDate(0, 0, 30)); err != nil {
		t.Fatal(err)
	}
	revoked := file.Credential()
	empty := func(fail status.FailPolicy) *status.Cache { return newCache(t, fail) }
	full := func(compact string) func(status.FailPolicy) *status.Cache {
		return func(fail status.FailPolicy) *status.Cache { return put(t, fail, compact, now) }
	}
	const day = 24 * time.Hour
	ending := listOf(t, encode(t, make([]byte, status.SizeMin/8)), now.Add(time.Hour))
	tests := []struct {
		name   string
		cache  func(status.FailPolicy) *status.Cache
		at     time.Time
		closed error
		open   error
	}{
		{"never fetched", empty, now, credential.ErrStatusUnavailable, nil},
		{"as old as is allowed", full(list), now.Add(day), nil, nil},
		{"older", full(list), now.Add(day + time.Nanosecond), status.ErrStale, nil},
		{"a moment before its end", full(ending), now.Add(time.Hour - 1), nil, nil},
		{"at its end", full(ending), now.Add(time.Hour), status.ErrStale, nil},
		{"stale and revoked", full(revoked), now.Add(2 * day), credential.ErrRevoked, credential.ErrRevoked},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := verify(compact, test.cache(status.FailClosed), test.at)
			wantError(t, err, test.closed)
			standing, err := verify(compact, test.cache(status.FailOpen), test.at)
			wantError(t, err, test.open)
			if err == nil && test.closed != nil && standing != credential.StandingUnknown {
				t.Errorf("standing %s", standing)
			}
		})
	}
	_, err := status.NewCache(status.Options{MaxAge: time.Hour})
	wantError(t, err, status.ErrOptions)
	_, err = status.NewCache(status.Options{OnUnknown: status.FailOpen})
	wantError(t, err, status.ErrOptions)
}

func TestFetchingFetchesWhatIsMissingOrTooOldAndNoMore(t *testing.T) {
	file := create(t, settings(credential.PurposeRevocation))
	compact := issued(t, allocate(t, file))
	fetched, failing := 0, false
	fetch := func(_ context.Context, url string) ([]byte, error) {
		fetched++
		if url != listURL {
			t.Errorf("fetches %s", url)
		}
		if failing {
			return nil, io.ErrUnexpectedEOF
		}
		return []byte(file.Credential()), nil
	}
	checker := newCache(t, status.FailClosed).Fetching(t.Context(), fetch)
	steps := []struct {
		at      time.Time
		failing bool
		fetched int
		want    error
	}{
		{now, true, 1, credential.ErrStatusUnavailable},
		{now.Add(29 * time.Second), false, 1, credential.ErrStatusUnavailable}, // not again at once
		{now.Add(30 * time.Second), false, 2, nil},
		{now.Add(time.Hour), true, 2, nil}, // fresh enough
		{now.Add(25 * time.Hour), true, 3, status.ErrStale},
		{now.Add(26 * time.Hour), false, 4, nil},
	}
	for i, step := range steps {
		failing = step.failing
		_, err := verify(compact, checker, step.at)
		wantError(t, err, step.want)
		if fetched != step.fetched {
			t.Errorf("step %d: fetched %d times, want %d", i, fetched, step.fetched)
		}
	}
}

// A status list is fetched from where an issuer says: only when the verifier trusts that issuer.
func TestNobodyIsAskedOnTheWordOfAnUntrustedIssuer(t *testing.T) {
	file := create(t, settings(credential.PurposeRevocation))
	compact := issued(t, allocate(t, file))
	fetch := func(context.Context, string) ([]byte, error) {
		t.Error("fetched")
		return nil, io.EOF
	}
	_, err := credential.Verify(compact, now, credential.Policy{Trust: credential.TrustIssuers(mallory.DID),
		Status: newCache(t, status.FailClosed).Fetching(t.Context(), fetch)})
	wantError(t, err, credential.ErrUntrusted)
}

func TestACacheIsBounded(t *testing.T) {
	cache := newCache(t, status.FailClosed)
	fetch := func(context.Context, string) ([]byte, error) { return nil, io.EOF }
	for n := range 200 { // failures are remembered too
		url := listURL + strings.Repeat("x", n)
		wantError(t, cache.Refresh(t.Context(), url, bureau.DID, now, fetch), credential.ErrStatusUnavailable)
	}
	if n := status.Known(cache); n != 64 {
		t.Errorf("%d lists are kept", n)
	}
}

func TestAFileKeepsWhatItGaveOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.json")
	_, err := status.Open(path)
	wantError(t, err, status.ErrNoList)
	file, err := status.Create(path, bureau, settings(credential.PurposeRevocation))
	if err != nil {
		t.Fatal(err)
	}
	_, err = status.Open(path)
	wantError(t, err, status.ErrBusy)
	entry := allocate(t, file)
	if err := file.Set(bureau, entry, true, now, now.AddDate(0, 0, 30)); err != nil {
		t.Fatal(err)
	}
	want := file.Summary()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = status.Create(path, bureau, settings(credential.PurposeRevocation))
	wantError(t, err, status.ErrExists)

	file, err = status.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if got := file.Summary(); got != want || got.Allocated != 1 || got.Set != 1 {
		t.Errorf("%+v, want %+v", got, want)
	}
	other := entry
	other.Index = (entry.Index + 1) % status.SizeMin
	wantError(t, file.Set(bureau, other, true, now, now.AddDate(0, 0, 1)), status.ErrUnused)
	other = entry
	other.Purpose = credential.PurposeSuspension
	wantError(t, file.Set(bureau, other, true, now, now.AddDate(0, 0, 1)), status.ErrList)
	wantError(t, file.Set(mallory, entry, false, now, now.AddDate(0, 0, 1)), status.ErrOwner)
	// A clock that was set back makes no list that verifiers take for a rolled back one.
	cache := put(t, status.FailClosed, file.Credential(), now)
	if err := file.Renew(bureau, now.AddDate(0, -1, 0), now.AddDate(0, 0, 60)); err != nil {
		t.Fatal(err)
	}
	wantError(t, cache.Put(file.Credential(), now), nil)
}

func TestAListThatIsFullSaysSo(t *testing.T) {
	bits, err := status.NewBitstring(status.SizeMin)
	if err != nil {
		t.Fatal(err)
	}
	for i := range status.SizeMin {
		if i != 4711 {
			if err := bits.Set(i, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "1.json")
	clear := listOf(t, encode(t, make([]byte, status.SizeMin/8)), time.Time{})
	record, err := json.Marshal(map[string]any{"version": 1, "allocated": bits.Encode(), "credential": clear})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, record, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := status.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if entry := allocate(t, file); entry.Index != 4711 {
		t.Errorf("index %d", entry.Index)
	}
	_, err = file.Allocate()
	wantError(t, err, status.ErrFull)
}

func TestAServerPublishesListsAndNothingElse(t *testing.T) {
	directory := status.Directory(filepath.Join(t.TempDir(), "lists"))
	if err := os.Mkdir(string(directory), 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := directory.Path("2026")
	if err != nil {
		t.Fatal(err)
	}
	file, err := status.Create(path, bureau, settings(credential.PurposeRevocation))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status-lists/{id}", status.Handler(directory))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	answer := get(t, server.URL+"/v1/status-lists/2026", "")
	if answer.code != http.StatusOK || answer.body != file.Credential() || answer.header.Get("Content-Type") != "application/vc+jwt" {
		t.Errorf("%+v", answer)
	}
	if again := get(t, server.URL+"/v1/status-lists/2026", answer.header.Get("ETag")); again.code != http.StatusNotModified || again.body != "" {
		t.Errorf("%+v", again)
	}
	for _, id := range []string{"2027", "..%2f2026", "2026.json", "%2e%2e", "2026.json.lock"} {
		if answer := get(t, server.URL+"/v1/status-lists/"+id, ""); answer.code != http.StatusNotFound {
			t.Errorf("%s: %+v", id, answer)
		}
	}
	private, err := status.Create(filepath.Join(string(directory), "..", "private.json"), bureau, settings(credential.PurposeRevocation))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = private.Close() })
	_, err = directory.StatusList("../private")
	wantError(t, err, fs.ErrNotExist)
	if err := os.WriteFile(filepath.Join(string(directory), "broken.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if answer := get(t, server.URL+"/v1/status-lists/broken", ""); answer.code != http.StatusInternalServerError {
		t.Errorf("%+v", answer)
	}
}

type answer struct {
	code   int
	body   string
	header http.Header
}

func get(t testing.TB, url, etag string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, string(body), response.Header}
}

func TestSetBitsAreTheOnesThatWereSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits, err := status.NewBitstring(status.SizeMin)
		if err != nil {
			t.Fatal(err)
		}
		model := map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, status.SizeMin-1), 0, 50).Draw(t, "indexes") {
			value := rapid.Bool().Draw(t, "value")
			if err := bits.Set(i, value); err != nil {
				t.Fatal(err)
			}
			model[i] = value
		}
		decoded, err := status.Decode(bits.Encode())
		if err != nil {
			t.Fatal(err)
		}
		ones := 0
		for i, want := range model {
			if got, err := decoded.Get(i); err != nil || got != want {
				t.Fatalf("bit %d is %v, %v", i, got, err)
			}
			if want {
				ones++
			}
		}
		if decoded.Ones() != ones {
			t.Fatalf("%d bits are set, want %d", decoded.Ones(), ones)
		}
	})
}
