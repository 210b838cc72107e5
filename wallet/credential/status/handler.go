package status

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Lists is what a server of the API publishes. A Directory is one.
type Lists interface {
	// StatusList gives the JWT of a list, or an error that is fs.ErrNotExist.
	StatusList(id string) (string, error)
}

// MediaType is that of a list as it is served (vc-jose-cose, section 6.1.1).
const MediaType = "application/vc+jwt"

// cacheControl lets what stands between server and verifier keep a list for less long than verifiers do.
const cacheControl = "public, max-age=300"

// Handler serves lists at a pattern of net/http with {id}, such as "GET /v1/status-lists/{id}". It answers conditional
// requests.
func Handler(lists Lists) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		compact, err := lists.StatusList(r.PathValue("id"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			http.Error(w, "no such status list", http.StatusNotFound)
		case err != nil:
			http.Error(w, "the status list cannot be read", http.StatusInternalServerError)
		default:
			Serve(w, r, compact)
		}
	})
}

// Serve answers a request with a list.
func Serve(w http.ResponseWriter, r *http.Request, compact string) {
	digest := sha256.Sum256([]byte(compact))
	w.Header().Set("Content-Type", MediaType)
	w.Header().Set("Cache-Control", cacheControl)
	w.Header().Set("ETag", `"`+hex.EncodeToString(digest[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(compact))
}
