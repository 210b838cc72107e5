package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"joulepay/settle/client"
)

// authorize checks what a route asks of its caller.
func (s *server) authorize(r *http.Request, a access) error {
	switch {
	case a == public, a == private && s.Loopback && namesLoopback(r.Host):
		return nil
	case s.OperatorToken == "":
		return client.NewProblem(client.ErrForbidden, "this server was started without an operator's token",
			"set an operator's token where the server is started")
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return client.NewProblem(client.ErrUnauthorized, "", "send the operator's token: Authorization: Bearer …")
	}
	// Hashes have one length, so the comparison takes one time whatever was sent.
	if sent := sha256.Sum256([]byte(token)); subtle.ConstantTimeCompare(sent[:], s.token[:]) != 1 {
		return client.NewProblem(client.ErrForbidden, "this is not the operator's token", "")
	}
	return nil
}

// namesLoopback tells whether the caller addressed this machine as itself. A web page that made its own name point to
// 127.0.0.1 (DNS rebinding) sends that name, and is treated as a caller from elsewhere.
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}

// crossOrigin refuses writes that a browser sends on behalf of another site's page.
var crossOrigin = http.NewCrossOriginProtection()

// refuseCrossOrigin lets pages of other sites write nothing. They cannot read either: no CORS header is sent.
func refuseCrossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := crossOrigin.Check(r); err != nil {
			writeProblem(w, client.NewProblem(client.ErrForbidden, "the request comes from a page of another site", ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secureHeaders tells browsers to treat answers as what they say they are.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
