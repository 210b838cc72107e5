package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// How long a browser may keep an answer.
const (
	immutable   = "public, max-age=31536000, immutable"
	revalidated = "no-cache"
)

// compressMin is the size below which compression saves less than its header costs.
const compressMin = 256

// asset is one file in each encoding. It is compressed as hard as can be when it is first asked for, and never again: a
// process whose page nobody opens does no work for it.
type asset struct {
	contentType string
	cache       string
	tag         string // hash of the plain body
	plain       []byte
	gzip        func() []byte
	brotli      func() []byte
}

func newAsset(body []byte, contentType, cache string) *asset {
	sum := sha256.Sum256(body)
	return &asset{
		contentType: contentType, cache: cache, tag: hex.EncodeToString(sum[:16]), plain: body,
		gzip: sync.OnceValue(func() []byte {
			return compressed(body, func(to io.Writer) io.WriteCloser {
				w, _ := gzip.NewWriterLevel(to, gzip.BestCompression) // the level exists
				return w
			})
		}),
		brotli: sync.OnceValue(func() []byte {
			return compressed(body, func(to io.Writer) io.WriteCloser { return brotli.NewWriterLevel(to, brotli.BestCompression) })
		}),
	}
}

// compressed gives a body in another encoding, or nothing when that is no smaller.
func compressed(body []byte, writer func(io.Writer) io.WriteCloser) []byte {
	if len(body) < compressMin {
		return nil
	}
	var out bytes.Buffer
	w := writer(&out)
	if _, err := w.Write(body); err != nil {
		return nil
	}
	if w.Close() != nil || out.Len() >= len(body) {
		return nil
	}
	return bytes.Clone(out.Bytes())
}

// serve answers with the smallest encoding that the caller takes, or with 304. Each encoding has its own tag, as strong
// tags must (RFC 9110, section 8.8.3).
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	body, encoding := a.encoded(r.Header.Get("Accept-Encoding"))
	tag := `"` + a.tag + `"`
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", a.cache)
	if encoding != "" {
		tag = `"` + a.tag + "-" + encoding + `"`
		h.Set("Content-Encoding", encoding)
	}
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the reader has gone
	}
}

func (a *asset) encoded(accept string) (body []byte, encoding string) {
	if accepts(accept, "br") {
		if body := a.brotli(); body != nil {
			return body, "br"
		}
	}
	if accepts(accept, "gzip") {
		if body := a.gzip(); body != nil {
			return body, "gzip"
		}
	}
	return a.plain, ""
}

// accepts reads Accept-Encoding as browsers send it (RFC 9110, section 12.5.3): a name, perhaps with a weight; weight
// zero refuses.
func accepts(header, encoding string) bool {
	for one := range strings.SplitSeq(header, ",") {
		name, parameter, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		weight, found := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !found || err == nil && q > 0
	}
	return false
}

// matches compares weakly, as If-None-Match asks (RFC 9110, section 13.1.2).
func matches(header, tag string) bool {
	return slices.ContainsFunc(strings.Split(header, ","), func(one string) bool {
		one = strings.TrimSpace(one)
		return one == "*" || strings.TrimPrefix(one, "W/") == tag
	})
}

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }
