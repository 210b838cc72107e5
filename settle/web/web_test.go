package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

// get asks the dashboard's handler.
func get(t *testing.T, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// assets gives every address that is served, sorted.
func assets(t *testing.T) (site, []string) {
	t.Helper()
	s, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s, slices.Sorted(maps.Keys(s))
}

func TestVendoredFilesAreThoseThatTheirAuthorsPublished(t *testing.T) {
	const folder = "assets/vendor/"
	list, err := fs.ReadFile(files, folder+"SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"SHA256SUMS": true}
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := fs.ReadFile(files, folder+name)
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the file that was published", name)
		}
		listed[name] = true
	}
	entries, err := fs.ReadDir(files, "assets/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !listed[entry.Name()] {
			t.Errorf("%s has no checksum", entry.Name())
		}
	}
}

func TestEveryAssetIsServedInEachEncodingAndStaysForGood(t *testing.T) {
	s, addresses := assets(t)
	for _, address := range addresses {
		plain := get(t, address)
		if plain.StatusCode != http.StatusOK || plain.Header.Get("Content-Type") == "" {
			t.Fatalf("%s: %s, %q", address, plain.Status, plain.Header.Get("Content-Type"))
		}
		if want := map[bool]string{true: revalidated, false: immutable}[address == "/"]; plain.Header.Get("Cache-Control") != want {
			t.Errorf("%s: Cache-Control %q, want %q", address, plain.Header.Get("Cache-Control"), want)
		}
		content := body(t, plain)
		if !bytes.Equal(content, s[address].plain) {
			t.Errorf("%s: another content", address)
		}
		tags := map[string]bool{plain.Header.Get("ETag"): true}
		for encoding, decode := range map[string]func(io.Reader) (io.Reader, error){
			"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
			"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		} {
			r := get(t, address, "Accept-Encoding", encoding)
			tags[r.Header.Get("ETag")] = true
			if len(content) < compressMin {
				continue
			}
			if got := r.Header.Get("Content-Encoding"); got != encoding {
				t.Errorf("%s: Content-Encoding %q, want %q", address, got, encoding)
			}
			decoded, err := decode(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(decoded); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s as %s: another content, %v", address, encoding, err)
			}
		}
		if len(content) >= compressMin && len(tags) != 3 {
			t.Errorf("%s: encodings share a tag: %v", address, tags)
		}
		again := get(t, address, "If-None-Match", plain.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || len(body(t, again)) != 0 {
			t.Errorf("%s: %s to who has it already", address, again.Status)
		}
	}
}

func TestAcceptEncodingIsReadWithItsWeights(t *testing.T) {
	tests := []struct{ header, want string }{
		{"", ""}, {"gzip, deflate, br, zstd", "br"}, {"gzip", "gzip"}, {"br;q=0, gzip;q=0.5", "gzip"}, {"BR", "br"}, {"identity", ""},
		{"br;q=none", ""}, {"xbr", ""},
	}
	a := newAsset(bytes.Repeat([]byte("a"), 1000), "text/plain", revalidated)
	for _, test := range tests {
		if _, got := a.encoded(test.header); got != test.want {
			t.Errorf("%q: %q, want %q", test.header, got, test.want)
		}
	}
}

func TestOtherContentHasAnotherAddress(t *testing.T) {
	small := fstest.MapFS{"assets/index.html": {Data: []byte("{{assets}}app.js")}, "assets/app.js": {Data: []byte("1")}}
	first, err := load(small)
	if err != nil {
		t.Fatal(err)
	}
	small["assets/app.js"] = &fstest.MapFile{Data: []byte("2")}
	second, err := load(small)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first["/"].plain, second["/"].plain) {
		t.Error("the page names the same address for another content")
	}
	if _, err := load(fstest.MapFS{"assets/app.js": {}}); err == nil {
		t.Error("a site without a page is loaded")
	}
}

func TestOnlyWhatExistsIsServedAndOnlyToReaders(t *testing.T) {
	_, addresses := assets(t)
	for _, target := range []string{"/index.html", "/assets/", "/assets/0000000000000000/app.js", addresses[1] + "x", "/assets/../web.go"} {
		if r := get(t, target); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", target, r.Status)
		}
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", w.Code)
	}
	w = httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD /: %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestThePolicyAllowsNothingInlineAndNothingFromElsewhere(t *testing.T) {
	r := get(t, "/")
	got := r.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(got, part) {
			t.Errorf("the policy has no %s: %s", part, got)
		}
	}
	for _, word := range []string{"unsafe", "http:", "https:", "*"} {
		if strings.Contains(got, word) {
			t.Errorf("the policy has %s: %s", word, got)
		}
	}
	html := string(body(t, r))
	for _, pattern := range []string{`<script[^>]*>[^<]`, `<style`, `\sstyle=`, `\son[a-z]+=`, `javascript:`, `(src|href)="(https?:)?//`} {
		if found := regexp.MustCompile(pattern).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
}

var (
	imports       = regexp.MustCompile(`(?m)(?:^import [^;]*?from |\bimport\()'([^']+)'`)
	staticImports = regexp.MustCompile(`(?m)^import [^;]*?from '([^']+)'`)
)

func TestEveryImportIsAFileOfThePage(t *testing.T) {
	s, addresses := assets(t)
	for _, address := range addresses {
		if path.Ext(address) != ".js" || strings.Contains(address, "/vendor/") {
			continue
		}
		source := string(s[address].plain)
		for _, found := range imports.FindAllStringSubmatch(source, -1) {
			if target := path.Join(path.Dir(address), found[1]); !strings.HasPrefix(found[1], "./") || s[target] == nil {
				t.Errorf("%s imports %s, which is not here", path.Base(address), found[1])
			}
		}
		if found := regexp.MustCompile(`https?://[^\s'"]+`).FindString(source); found != "" {
			t.Errorf("%s names %s", path.Base(address), found)
		}
	}
}

// firstLoad gives what the page loads before it shows its first view: itself, its style, and modules by static imports.
func firstLoad(s site) []string {
	html := string(s["/"].plain)
	var loaded []string
	for _, found := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if s[found[1]] != nil {
			loaded = append(loaded, found[1])
		}
	}
	for i := 0; i < len(loaded); i++ {
		for _, found := range staticImports.FindAllStringSubmatch(string(s[loaded[i]].plain), -1) {
			if target := path.Join(path.Dir(loaded[i]), found[1]); !slices.Contains(loaded, target) {
				loaded = append(loaded, target)
			}
		}
	}
	return append(loaded, "/")
}

func TestThePageNamesAllThatItsFirstViewLoads(t *testing.T) {
	s, _ := assets(t)
	html := string(s["/"].plain)
	for _, address := range firstLoad(s) {
		if address != "/" && !strings.Contains(html, `"`+address+`"`) {
			t.Errorf("%s is found only once another file has come: preload it", path.Base(address))
		}
	}
}

// Bounds of what a browser loads, compressed: the first view opens at once on a telephone, and all views together stay below
// a photograph.
const (
	firstLoadMax = 30 << 10
	allMax       = 80 << 10
)

func TestThePageIsSmall(t *testing.T) {
	s, addresses := assets(t)
	size := func(addresses []string) (bytes int) {
		for _, address := range addresses {
			if path.Ext(address) == ".txt" {
				continue // licences, which nobody loads
			}
			content, _ := s[address].encoded("br")
			bytes += len(content)
		}
		return bytes
	}
	first, all := size(firstLoad(s)), size(addresses)
	t.Logf("first view %d bytes, all views %d bytes, with brotli", first, all)
	if first > firstLoadMax || all > allMax {
		t.Errorf("first view %d bytes of at most %d, all %d of at most %d", first, firstLoadMax, all, allMax)
	}
}
