package api

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"

	"joulepay/settle/client"
	"joulepay/wallet/credential/status"
)

// statusList answers with a list as its issuer signed it. Who asks does not tell which credential is meant.
func (s *server) statusList(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	compact, err := s.StatusLists.StatusList(chi.URLParam(r, "id"))
	if errors.Is(err, fs.ErrNotExist) {
		return client.NewProblem(client.ErrNotFound, "no such status list", "its URL stands in every credential on it")
	}
	if err != nil {
		return err
	}
	status.Serve(w, r, compact)
	return nil
}
