package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"joulepay/settle/client"
)

// authorize checks what a route asks of its caller.
func (s *server) authorize(r *http.Request, a access) error {
	switch {
	case a == public, a == private && s.Loopback && namesLoopback(r.Host):
		return nil
	case len(s.keys) == 0:
		return client.NewProblem(client.ErrForbidden, "this server was started without an operator's token",
			"set an operator's token where the server is started")
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return client.NewProblem(client.ErrUnauthorized, "", "send the operator's token: Authorization: Bearer …")
	}
	scope := s.keys.scopeOf(token)
	switch {
	case scope == "":
		return client.NewProblem(client.ErrUnauthorized, "this is not the operator's token", "")
	case a == operator && scope != ScopeOperate:
		return client.NewProblem(client.ErrForbidden, "the token's scope is "+string(scope)+", this needs "+string(ScopeOperate),
			"use a token with that scope")
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

// crossOrigin checks where a browser's request comes from: other sites' pages write nothing here. They read nothing either,
// unless Origins names them: no browser gives them an answer without a CORS header.
func (s *server) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		allowed := slices.Contains(s.Origins, origin)
		if len(s.Origins) > 0 {
			w.Header().Add("Vary", "Origin")
		}
		switch {
		case allowed && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "":
			preflight(w, origin)
			return
		case allowed:
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After")
		}
		if err := s.protection.Check(r); err != nil {
			writeProblem(w, client.NewProblem(client.ErrForbidden, "the request comes from a page of another site", ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// preflightAge is for how long a browser need not ask again, in seconds.
const preflightAge = "600"

// preflight tells a browser what a page of an allowed origin may send (Fetch, section 3.2.2).
func preflight(w http.ResponseWriter, origin string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", preflightAge)
	w.WriteHeader(http.StatusNoContent)
}

// protect makes the check of where requests come from, or says which origin is none.
func protect(origins []string) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return p, nil
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
