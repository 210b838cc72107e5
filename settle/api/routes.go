package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"joulepay/settle/client"
)

// access says what a route asks of the caller.
type access int

const (
	public   access = iota // anybody
	private                // anybody on loopback, an operator elsewhere
	operator               // an operator
)

// handle answers a request. A returned error becomes a problem document; nothing is written before it.
type handle func(http.ResponseWriter, *http.Request) error

// route is one operation of the API.
type route struct {
	method   string
	pattern  string
	resource string // as listed in network.serves; empty for what every process serves
	served   bool
	access   access
	handle   handle
}

// allRoutes is the table of operations. The OpenAPI document has the same, which a test checks.
func (s *server) allRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	ledger, sessions := s.Ledger != nil, s.Sessions != nil
	return []route{
		{get, "/v1/network", "", true, public, s.network},
		{get, "/v1/accounts/{did}", "accounts", ledger, private, s.account},
		{get, "/v1/dids/{did}", "dids", ledger, public, s.did},
		{get, "/v1/channels", "channels", ledger, public, s.channels},
		{get, "/v1/channels/{id}", "channels", ledger, public, s.channel},
		{get, "/v1/channels/{id}/claims", "claims", s.Claims != nil, public, s.claims},
		{get, "/v1/vertices", "vertices", ledger, public, s.vertices},
		{post, "/v1/vertices", "vertices", ledger, public, s.postVertex},
		{get, "/v1/vertices/{id}", "vertices", ledger, public, s.vertex},
		{get, "/v1/transfers", "transfers", ledger, public, s.transfers},
		{post, "/v1/transfers", "transfers", s.Payer != nil, operator, s.postTransfer},
		{get, "/v1/settlements", "settlements", ledger, public, s.settlements},
		{get, "/v1/issues", "issues", ledger, public, s.issues},
		{post, "/v1/issues", "issues", s.Issuer != nil, operator, s.postIssue},
		{get, "/v1/redemptions", "redemptions", ledger, public, s.redemptions},
		{get, "/v1/checkpoints", "checkpoints", ledger, public, s.checkpoints},
		{get, "/v1/snapshot", "snapshot", s.Snapshots != nil, private, s.snapshot},
		{get, "/v1/sessions", "sessions", sessions, private, s.sessions},
		{get, "/v1/sessions/{id}", "sessions", sessions, private, s.session},
		{get, "/v1/sessions/{id}/readings", "readings", sessions, private, s.readings},
		{get, "/v1/receipts/{id}", "receipts", sessions, private, s.receipt},
		{get, "/v1/receipts/{id}/report", "receipts", sessions, private, s.receiptReport},
		{get, "/v1/stations", "stations", s.Stations != nil, public, s.stations},
		{get, "/v1/tariffs", "tariffs", s.Tariffs != nil, public, s.tariffs},
		{get, "/v1/estimates", "estimates", s.Tariffs != nil, public, s.estimates},
		{get, "/v1/prices", "prices", s.Tariffs != nil, public, s.prices},
		{get, "/v1/status-lists/{id}", "status-lists", s.StatusLists != nil, public, s.statusList},
		{get, "/v1/events", "events", len(s.Events) > 0, public, s.events},
		{get, "/healthz", "", true, public, s.healthz},
		{get, "/readyz", "", true, public, s.readyz},
		{get, "/metrics", "", true, public, s.metricsPage()},
		{get, "/openapi.json", "", true, public, s.openAPIPage},
	}
}

// handler builds the router. The order of the middleware is the order of the checks.
func (s *server) handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.observe, s.recoverPanic, secureHeaders, s.limitRate, s.crossOrigin, s.limitBody, middleware.GetHead)
	for _, route := range s.routes {
		r.Method(route.method, route.pattern, s.guard(route))
	}
	r.NotFound(s.respond(s.elsewhere))
	r.MethodNotAllowed(s.respond(s.methodNotAllowed))
	return r
}

func (s *server) guard(route route) http.HandlerFunc {
	if !route.served {
		return s.respond(notServedHere)
	}
	return s.respond(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.authorize(r, route.access); err != nil {
			return err
		}
		ctx, cancel := s.bound(r, route)
		defer cancel()
		return route.handle(w, r.WithContext(ctx))
	})
}

// bound ends the work for a request in time. Who follows events stays as long as they like.
func (s *server) bound(r *http.Request, route route) (context.Context, context.CancelFunc) {
	switch {
	case route.resource == "events":
		return context.WithCancel(r.Context())
	case route.resource == "snapshot":
		return context.WithTimeout(r.Context(), snapshotTimeout)
	case r.URL.Query().Has("wait"):
		return context.WithTimeout(r.Context(), requestTimeout+s.Wait)
	}
	return context.WithTimeout(r.Context(), requestTimeout)
}

func notServedHere(http.ResponseWriter, *http.Request) error {
	return client.NewProblem(client.ErrNotServedHere, "", "GET /v1/network lists what this server answers for")
}

// assetsPrefix is where the dashboard's files are; its page is the root.
const assetsPrefix = "/assets/"

// elsewhere answers what is in no route: the dashboard, which says itself what its pages may load, or nothing.
func (s *server) elsewhere(w http.ResponseWriter, r *http.Request) error {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if s.Dashboard == nil || !read || r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, assetsPrefix) {
		return client.NewProblem(client.ErrNotFound, "nothing at this path", "see /openapi.json for what there is")
	}
	s.Dashboard.ServeHTTP(w, r)
	return nil
}

// methodNotAllowed names the methods that the path has (RFC 9110, section 15.5.6).
func (s *server) methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	router := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if router.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return client.NewProblem(client.ErrMethod, "", "allowed: "+strings.Join(allowed, ", "))
}

// serves lists the resources that this process answers for, each once, in the order of the table.
func (s *server) serves() []string {
	var resources []string
	for _, route := range s.routes {
		if route.served && route.resource != "" && !slices.Contains(resources, route.resource) {
			resources = append(resources, route.resource)
		}
	}
	return resources
}

func (s *server) metricsPage() handle {
	page := promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: metricsReadersMax})
	return func(w http.ResponseWriter, r *http.Request) error {
		page.ServeHTTP(w, r)
		return nil
	}
}
