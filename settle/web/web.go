// Package web owns the dashboard: one page, its modules and styles, and how they are served.
// It leaves what the page shows to the API beside it, which the page reads as any other client does.
// It keeps the page closed: nothing is loaded from elsewhere, no script or style is inline, and no file changes under
// an address that a browser may keep.
//
// Start with Handler. There is no build step: what is in assets is what the browser runs. The three libraries in
// assets/vendor are byte for byte what their authors published, which SHA256SUMS there and a test say.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var files embed.FS

const (
	// page is the only document; it is asked for anew each time, by its ETag.
	page = "index.html"
	// prefix of everything else, followed by the hash of all of it: a file under such an address never changes.
	prefix = "/assets/"
	// placeholder stands in the page for the prefix with the hash.
	placeholder = "{{assets}}"
)

// policy lets the page run and show what comes from here, and nothing else: no inline script or style, no frame around
// it, no form to elsewhere, no text that becomes code. Images from data are those that a style draws.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// types are those of the files that exist. A system's own table may differ, and a wrong one stops a module.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
	".json": "application/manifest+json",
}

// site is everything that is served, by path.
type site map[string]*asset

// Handler serves the page at / and its files below /assets/. Its answers have their own Content-Security-Policy.
func Handler() http.Handler {
	s, err := load(files)
	if err != nil {
		panic(err) // the files are part of the program, and a test loads them
	}
	return s
}

// load reads the files and gives each its address.
func load(from fs.FS) (site, error) {
	bodies, err := read(from)
	if err != nil {
		return nil, err
	}
	root := prefix + hashOf(bodies) + "/"
	s := site{}
	for name, body := range bodies {
		contentType, known := types[path.Ext(name)]
		switch {
		case !known:
			continue // the list of checksums
		case name == page:
			body = []byte(strings.ReplaceAll(string(body), placeholder, root))
			s["/"] = newAsset(body, contentType, revalidated)
		default:
			s[root+name] = newAsset(body, contentType, immutable)
		}
	}
	if s["/"] == nil {
		return nil, fmt.Errorf("web: no %s", page)
	}
	return s, nil
}

// read gives every file by its name below assets, as it is served.
func read(from fs.FS) (map[string][]byte, error) {
	bodies := map[string][]byte{}
	err := fs.WalkDir(from, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if path.Base(name) == chartLibrary {
			body = append(body, chartExport...)
		}
		bodies[strings.TrimPrefix(name, "assets/")] = body
		return err
	})
	return bodies, err
}

// The chart library is published minified only as a script that sets a variable. One line behind it makes it a module.
const (
	chartLibrary = "uPlot.iife.min.js"
	chartExport  = "\nexport default uPlot;\n"
)

// hashOf names a set of files: other content, other name.
func hashOf(bodies map[string][]byte) string {
	h := sha256.New()
	for _, name := range sortedKeys(bodies) {
		sum := sha256.Sum256(bodies[name])
		_, _ = fmt.Fprintf(h, "%x  %s\n", sum, name) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ServeHTTP implements http.Handler.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	a := s[r.URL.Path]
	switch {
	case a == nil:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	default:
		a.serve(w, r)
	}
}
