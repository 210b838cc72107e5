package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"joulepay/settle/client"
)

// respond runs a handler and answers with a problem when it returns an error.
func (s *server) respond(h handle) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		problem := problemOf(err)
		if problem.Status >= http.StatusInternalServerError {
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "request failed",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		writeProblem(w, problem)
	}
}

// problemType is the media type of problem documents (RFC 9457, section 3).
const problemType = "application/problem+json"

// writeProblem answers with an RFC 9457 document.
func writeProblem(w http.ResponseWriter, p *client.Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		body = nil // five texts always encode
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="joulepay"`)
	}
	w.Header().Del("ETag")
	write(w, p.Status, problemType, body)
}

// writeJSON answers a read: with an ETag, and without a body when the caller has it already.
func writeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	writeTagged(w, r, "application/json", body)
	return nil
}

// writeTagged answers with bytes and their ETag (RFC 9110, section 8.8.3), or 304.
func writeTagged(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, http.StatusOK, contentType, body)
}

// matches compares weakly, as If-None-Match asks (RFC 9110, section 13.1.2).
func matches(header, tag string) bool {
	return slices.ContainsFunc(strings.Split(header, ","), func(one string) bool {
		one = strings.TrimSpace(one)
		return one == "*" || strings.TrimPrefix(one, "W/") == tag
	})
}

// writeCreated answers a write.
func writeCreated(w http.ResponseWriter, location string, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusCreated, "application/json", body)
	return nil
}

// write ends a response. An error means that the reader has gone, which concerns nobody here.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// encode gives JSON that keeps "<" and "&" as they are: nothing of it is ever part of a page.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// recoverPanic turns a bug of ours into one failed request.
func (s *server) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			failure := recover()
			if failure == nil {
				return
			}
			if failure == http.ErrAbortHandler {
				panic(failure)
			}
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.String("path", r.URL.Path),
				slog.Any("panic", failure), slog.String("stack", string(debug.Stack())))
			writeProblem(w, client.NewProblem(client.ErrInternal, "", ""))
		}()
		next.ServeHTTP(w, r)
	})
}
