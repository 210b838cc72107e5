package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"gopkg.in/yaml.v3"
)

// openAPISource is the document as it is written: YAML, so that sets of responses have names.
//
//go:embed openapi.yaml
var openAPISource []byte

// OpenAPI gives the OpenAPI 3.1 document of this package's routes as JSON. An error is a bug of ours, which a test finds.
var OpenAPI = sync.OnceValues(func() ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(openAPISource, &document); err != nil {
		return nil, fmt.Errorf("api: openapi.yaml: %w", err)
	}
	delete(document, "x-sets")
	return json.Marshal(document)
})

func (s *server) openAPIPage(w http.ResponseWriter, r *http.Request) error {
	writeTagged(w, r, "application/json", s.openAPI)
	return nil
}
