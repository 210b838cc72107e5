package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"joulepay/settle/client"
)

// health is the body of /healthz and /readyz.
type health struct {
	Status string `json:"status"` // always "ok": what is not well is a problem document
}

// healthz says that the process answers.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, r, health{Status: "ok"})
}

// checkTimeout bounds all checks of one /readyz together.
const checkTimeout = 3 * time.Second

// readyz says that the process can do its work. It names what is not well; the reason is in the log.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	var unwell []string
	for _, check := range s.Checks {
		if err := check.Well(ctx); err != nil {
			s.Logger.WarnContext(ctx, "not ready", "check", check.Name, "error", err)
			unwell = append(unwell, check.Name)
		}
	}
	if len(unwell) > 0 {
		return client.NewProblem(client.ErrUnavailable, "not well: "+strings.Join(unwell, ", "), "")
	}
	return writeJSON(w, r, health{Status: "ok"})
}
